#include "http/transfer.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <openssl/crypto.h>
#include <openssl/ssl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <stdexcept>

#include "base/ca_file.h"
#include "base/secret.h"
#include "base/text.h"

namespace codedriftd {
namespace {

constexpr std::size_t kLineCap = 16 * 1024;
constexpr std::size_t kHeadersKept = 100;
constexpr const char* kBody = "the body";

template <typename T>
void set(CURL* easy, CURLoption option, T value) {
  if (const CURLcode code = curl_easy_setopt(easy, option, value); code != CURLE_OK) {
    throw std::runtime_error(
        fmt::format("libcurl refused option {}: {}", static_cast<int>(option), curl_easy_strerror(code)));
  }
}

// A backend that fails behind a load balancer is left for another by then, and a name's new address is found.
constexpr long kGreatestAgeSeconds = 300;

/// "/etc/ca.pem" as "//etc/ca.pem", and so on. libcurl knows certificates it has parsed, kept connections and TLS
/// sessions by the text of this path; one it has not seen makes it begin anew with all three, and nothing else does.
std::string path_of_generation(const std::string& path, uint64_t generation) {
  constexpr uint64_t kMostSlashes = 1'000;
  return path.starts_with('/') ? std::string(generation % kMostSlashes, '/') + path : path;
}

/// Nonempty if this process may open no further file: libcurl calls that "Couldn't connect to server", and worse.
std::string descriptors_problem() {
  const int fd = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  const int error = errno;
  if (fd >= 0) ::close(fd);
  if (fd < 0 && error == ENFILE) return "this machine has no file descriptors left (ENFILE)";
  if (fd >= 0 || error != EMFILE) return {};
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  return fmt::format(
      "this process has no file descriptors left (EMFILE): all {} are in use; raise LimitNOFILE= of the service",
      limit.rlim_cur);
}

/// 5xx and 429, from a status line.
bool turned_away(std::string_view status_line) {
  const auto space = status_line.find(' ');
  if (space == std::string_view::npos) return false;
  const std::string_view status = status_line.substr(space + 1, 3);
  return status.size() == 3 && (status[0] == '5' || status == "429");
}

/// An answer may hold secrets. Where the text outgrows its memory, what it leaves behind is overwritten.
void append_wiping(std::string& text, std::string_view piece) {
  if (text.size() + piece.size() > text.capacity()) {
    std::string larger;
    larger.reserve(std::max(2 * text.capacity(), text.size() + piece.size()));
    larger.append(text);
    wipe(text);
    text.swap(larger);
  }
  text.append(piece);
}

const char* or_null(const std::string& text) { return text.empty() ? nullptr : text.c_str(); }

/// OpenSSL would keep what it decrypted last in a buffer of the connection, for as long as that is kept alive.
CURLcode forget_plaintext(CURL*, void* context, void*) {
  SSL_CTX_set_options(static_cast<SSL_CTX*>(context), SSL_OP_CLEANSE_PLAINTEXT);
  return CURLE_OK;
}

}  // namespace

Transfer::Transfer(CURLSH* share) : easy_(curl_easy_init()) {
  if (easy_ == nullptr) throw std::runtime_error("libcurl gives no handle");
  set(easy_, CURLOPT_PRIVATE, this);
  set(easy_, CURLOPT_SHARE, share);
  set(easy_, CURLOPT_ERRORBUFFER, error_);
  set(easy_, CURLOPT_HEADERFUNCTION, &Transfer::on_header);
  set(easy_, CURLOPT_HEADERDATA, this);
  set(easy_, CURLOPT_WRITEFUNCTION, &Transfer::on_body);
  set(easy_, CURLOPT_WRITEDATA, this);
  set(easy_, CURLOPT_NOSIGNAL, 1L);
  // Without it a name server that does not answer holds up the whole loop past every deadline: libcurl waits for the
  // resolver's thread.
  set(easy_, CURLOPT_QUICK_EXIT, 1L);
  set(easy_, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
  set(easy_, CURLOPT_FOLLOWLOCATION, 0L);
  set(easy_, CURLOPT_PROTOCOLS_STR, "http,https");
  set(easy_, CURLOPT_TCP_NODELAY, 1L);
  set(easy_, CURLOPT_TCP_KEEPALIVE, 1L);
  set(easy_, CURLOPT_SSL_VERIFYPEER, 1L);
  set(easy_, CURLOPT_SSL_VERIFYHOST, 2L);
  set(easy_, CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
  set(easy_, CURLOPT_CAPATH, static_cast<const char*>(nullptr));
  set(easy_, CURLOPT_CA_CACHE_TIMEOUT, 600L);  // a renewed CA file counts after ten minutes, or a reload
  set(easy_, CURLOPT_MAXLIFETIME_CONN, kGreatestAgeSeconds);
  set(easy_, CURLOPT_SSL_CTX_FUNCTION, &forget_plaintext);
  // A key that wants a passphrase is refused; without one set, OpenSSL would ask for it on the terminal.
  set(easy_, CURLOPT_KEYPASSWD, "");
  set(easy_, CURLOPT_PROXY, "");    // http/proxy.h reads the environment;
  set(easy_, CURLOPT_NOPROXY, "");  // libcurl is not to
  set(easy_, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
  set(easy_, CURLOPT_HEADEROPT, static_cast<long>(CURLHEADER_SEPARATE));
}

Transfer::~Transfer() {
  drop_headers();
  curl_easy_cleanup(easy_);
  curl_slist_free_all(addresses_);
}

void Transfer::prepare(HttpRequest request, const Url& url, const Route& route, Callback done, MonoTime now) {
  std::swap(request_, request);
  const HttpRequest& before = request;
  done_ = std::move(done);
  origin_ = url.origin;
  response_ = HttpResponse{};
  header_bytes_ = 0;
  body_bytes_ = 0;
  over_cap_ = nullptr;
  had_enough_ = false;
  error_[0] = '\0';
  started_ = now;
  deadline_ = now + request_.deadline;

  const bool other_proxy = route.proxy != route_.proxy;
  const bool other_files = fresh_ || route.file_generation != route_.file_generation;
  route_ = route;
  if (other_proxy) set_proxy();
  const bool needs_lookup = route.proxy != nullptr ? !route.proxy->address : !url.address && url.host != "localhost";
  name_.clear();
  if (needs_lookup) {
    name_ = route.proxy != nullptr ? route.proxy->host : url.host;
    name_port_ = route.proxy != nullptr ? route.proxy->port : url.port;
  }
  if (std::exchange(closes_, false)) set(easy_, CURLOPT_FORBID_REUSE, 0L);
  if (new_connection_ != request_.new_connection) {
    new_connection_ = request_.new_connection;
    set(easy_, CURLOPT_FRESH_CONNECT, new_connection_ ? 1L : 0L);
  }
  if (fresh_ || before.url != request_.url) set(easy_, CURLOPT_URL, request_.url.c_str());
  if (fresh_ || before.deadline != request_.deadline) {
    set(easy_, CURLOPT_TIMEOUT_MS, std::max(1L, static_cast<long>(request_.deadline.count())));
  }
  if (fresh_ || before.stalled_after != request_.stalled_after) {
    set(easy_, CURLOPT_LOW_SPEED_LIMIT, request_.stalled_after > Millis{0} ? 1024L : 0L);
    set(easy_, CURLOPT_LOW_SPEED_TIME, static_cast<long>(request_.stalled_after / std::chrono::seconds(1)));
  }
  if (fresh_ || before.body_cap != request_.body_cap) {
    set(easy_, CURLOPT_MAXFILESIZE_LARGE, static_cast<curl_off_t>(std::max<std::size_t>(1, request_.body_cap)));
  }
  if (fresh_ || before.method != request_.method) set_method();
  if (request_.method != "GET" && request_.method != "HEAD") {
    set(easy_, CURLOPT_POSTFIELDS, request_.body.data());
    set(easy_, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request_.body.size()));
  }
  if (other_files || before.ca_file != request_.ca_file || before.client_cert_file != request_.client_cert_file ||
      before.client_key_file != request_.client_key_file) {
    set_tls();
  }
  set_headers();
  fresh_ = false;
}

void Transfer::set_proxy() {
  const Proxy* proxy = route_.proxy;
  set(easy_, CURLOPT_PROXY, proxy == nullptr ? "" : proxy->url.c_str());
  const bool named = proxy != nullptr && !proxy->user.empty();
  const std::string password(named ? proxy->password.reveal() : std::string_view());
  set(easy_, CURLOPT_PROXYUSERNAME, named ? proxy->user.c_str() : static_cast<const char*>(nullptr));
  set(easy_, CURLOPT_PROXYPASSWORD, named ? password.c_str() : static_cast<const char*>(nullptr));
}

void Transfer::set_addresses(const std::vector<std::string>& addresses) {
  const std::string entry = fmt::format("{}:{}:{}", name_, name_port_, fmt::join(addresses, ","));
  curl_slist* list = curl_slist_append(nullptr, entry.c_str());
  if (list == nullptr) throw std::bad_alloc();
  set(easy_, CURLOPT_RESOLVE, list);
  curl_slist_free_all(std::exchange(addresses_, list));
}

void Transfer::set_method() {
  const std::string& method = request_.method;
  set(easy_, CURLOPT_CUSTOMREQUEST, static_cast<const char*>(nullptr));
  set(easy_, CURLOPT_NOBODY, 0L);
  if (method == "GET") {
    set(easy_, CURLOPT_HTTPGET, 1L);
  } else if (method == "HEAD") {
    set(easy_, CURLOPT_NOBODY, 1L);
  } else {
    set(easy_, CURLOPT_POST, 1L);
    if (method != "POST") set(easy_, CURLOPT_CUSTOMREQUEST, method.c_str());
  }
}

void Transfer::set_tls() {
  // libcurl stores the CA certificates of a file between connections only if no folder of certificates is named beside
  // it.
  const std::string& ca_file = request_.ca_file.empty() ? std::string(kSystemCaFile) : request_.ca_file;
  set(easy_, CURLOPT_CAINFO, path_of_generation(ca_file, route_.file_generation).c_str());
  set(easy_, CURLOPT_SSLCERT, or_null(request_.client_cert_file));
  set(easy_, CURLOPT_SSLKEY, or_null(request_.client_key_file));
}

void Transfer::drop_headers() {
  for (curl_slist* line = header_lines_; line != nullptr; line = line->next)
    OPENSSL_cleanse(line->data, std::strlen(line->data));
  curl_slist_free_all(header_lines_);
  header_lines_ = nullptr;
  set(easy_, CURLOPT_HTTPHEADER, header_lines_);
}

void Transfer::set_headers() {
  drop_headers();
  std::string line;
  const auto add = [this](const char* text) {
    curl_slist* longer = curl_slist_append(header_lines_, text);
    if (longer == nullptr) throw std::bad_alloc();
    header_lines_ = longer;
  };
  for (const HttpHeader& header : request_.headers) {
    line.assign(header.name);
    if (header.value.empty()) {
      line += ';';  // libcurl's way to say: send it, empty
    } else {
      line.append(": ").append(header.value);
    }
    add(line.c_str());
  }
  add("Expect:");  // never wait for "100 Continue"
  set(easy_, CURLOPT_HTTPHEADER, header_lines_);
  wipe(line);
}

std::size_t Transfer::on_header(char* data, std::size_t size, std::size_t count, void* self) {
  return static_cast<Transfer*>(self)->take_header({data, size * count}) ? size * count : 0;
}

bool Transfer::take_header(std::string_view line) {
  header_bytes_ += line.size();
  if (header_bytes_ > request_.header_cap || line.size() > kLineCap) {
    over_cap_ = line.size() > kLineCap ? "a header line" : "the headers";
    return false;
  }
  if (body_bytes_ > 0) return true;  // a trailer
  if (line.starts_with("HTTP/")) {   // a new block: what came before was "100 Continue" or the like
    response_.headers.clear();
    // Whoever is behind this connection may answer so for ever; the next request gets another one.
    if (turned_away(line)) {
      closes_ = true;
      curl_easy_setopt(easy_, CURLOPT_FORBID_REUSE, 1L);
    }
    return true;
  }
  const auto colon = line.find(':');
  if (colon == std::string_view::npos || response_.headers.size() >= kHeadersKept) return true;
  std::string name(trimmed(line.substr(0, colon)));
  for (char& c : name) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  response_.headers.push_back({std::move(name), std::string(trimmed(line.substr(colon + 1)))});
  return true;
}

std::size_t Transfer::on_body(char* data, std::size_t size, std::size_t count, void* self) {
  const std::size_t length = size * count;
  // Anything else than `length` ends the transfer.
  return static_cast<Transfer*>(self)->take_body({data, length}) ? length : length + 1;
}

bool Transfer::take_body(std::string_view piece) {
  bool streamed = false;
  if (request_.on_body) {
    long status = 0;
    curl_easy_getinfo(easy_, CURLINFO_RESPONSE_CODE, &status);
    streamed = status == 200;
  }
  const std::size_t cap =
      request_.on_body && !streamed ? std::min(kOtherBodyCap, request_.body_cap) : request_.body_cap;
  if (piece.size() > cap - body_bytes_) {
    over_cap_ = kBody;
    return false;
  }
  body_bytes_ += piece.size();
  if (!streamed) {
    append_wiping(response_.body, piece);
    return true;
  }
  had_enough_ = !request_.on_body(piece);
  return !had_enough_;
}

HttpFailure Transfer::failure_of(CURLcode code) const {
  if (over_cap_ != nullptr) return HttpFailure::too_large;
  if (had_enough_) return HttpFailure::cancelled;
  switch (code) {
    case CURLE_OK:
      return HttpFailure::none;
    case CURLE_OPERATION_TIMEDOUT:
      return HttpFailure::timeout;
    case CURLE_FILESIZE_EXCEEDED:
    case CURLE_OUT_OF_MEMORY:
      return HttpFailure::too_large;  // the latter is what an endless header line ends with
    case CURLE_SSL_CONNECT_ERROR:
      // Also what a connection that broke during the handshake ends with; only OpenSSL's own words say "error:".
      return std::string_view(error_).find("error:") != std::string_view::npos ? HttpFailure::tls
                                                                               : HttpFailure::network;
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CACERT_BADFILE:
      return HttpFailure::unusable;
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CIPHER:
    case CURLE_SSL_ENGINE_INITFAILED:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_CRL_BADFILE:
    case CURLE_SSL_INVALIDCERTSTATUS:
    case CURLE_SSL_CLIENTCERT:
      return HttpFailure::tls;
    case CURLE_UNSUPPORTED_PROTOCOL:  // an answer without a status line
    case CURLE_WEIRD_SERVER_REPLY:
    case CURLE_BAD_CONTENT_ENCODING:
      return HttpFailure::protocol;
    default:
      return HttpFailure::network;
  }
}

HttpResponse Transfer::finish(CURLcode code, MonoTime now) {
  const HttpFailure failure = failure_of(code);
  long status = 0;
  curl_easy_getinfo(easy_, CURLINFO_RESPONSE_CODE, &status);
  if (failure != HttpFailure::none) {
    std::string text = over_cap_ != nullptr ? fmt::format("{} of the answer went over the cap", over_cap_)
                       : had_enough_        ? std::string(kToldToStop)
                       : error_[0] != '\0'  ? clean_utf8(without_user_information(error_), 300)
                                            : std::string(curl_easy_strerror(code));
    if (failure == HttpFailure::timeout) {
      const bool stalled = request_.stalled_after > Millis{0} && now < deadline_;
      text = fmt::format("{}: {}", stalled ? kStalled : kTooLate, text);
    }
    if (code == CURLE_FILESIZE_EXCEEDED || (over_cap_ != nullptr && std::string_view(over_cap_) == kBody)) {
      response_.status_before_body = static_cast<int>(status);
    }
    return abandon(failure, text, now);
  }
  response_.status = static_cast<int>(status);
  return close(now);
}

HttpResponse Transfer::abandon(HttpFailure failure, std::string_view text, MonoTime now) {
  // Headers stay: the clock of whoever answered is worth knowing even if the rest was bad.
  response_.failure = failure;
  response_.failure_text = fmt::format("{}: {}", origin_, text);
  if (failure == HttpFailure::network || failure == HttpFailure::tls || failure == HttpFailure::unusable) {
    if (const std::string problem = descriptors_problem(); !problem.empty()) {
      response_.failure = HttpFailure::network;
      response_.failure_text = fmt::format("{}: {}", origin_, problem);
    }
  }
  response_.status = 0;
  wipe(response_.body);
  return close(now);
}

HttpResponse Transfer::close(MonoTime now) {
  response_.took = std::chrono::duration_cast<Millis>(now - started_);
  for (HttpHeader& header : request_.headers) wipe(header.value);
  if (request_.secret_url) wipe(request_.url);
  request_.on_body = nullptr;  // and what it holds
  return std::move(response_);
}

}  // namespace codedriftd
