#include "http/transfer.h"

#include <fmt/format.h>
#include <openssl/crypto.h>

#include <algorithm>
#include <cstring>
#include <stdexcept>

#include "base/secret.h"
#include "base/text.h"

namespace codedriftd {
namespace {

constexpr std::size_t kLineCap = 16 * 1024;
constexpr std::size_t kHeadersKept = 100;
constexpr const char* kBody = "the body";

// libcurl stores the CA certificates of a file between connections only if no folder of certificates is named beside
// it.
constexpr char kSystemCaFile[] = "/etc/ssl/certs/ca-certificates.crt";

template <typename T>
void set(CURL* easy, CURLoption option, T value) {
  if (const CURLcode code = curl_easy_setopt(easy, option, value); code != CURLE_OK) {
    throw std::runtime_error(
        fmt::format("libcurl refused option {}: {}", static_cast<int>(option), curl_easy_strerror(code)));
  }
}

const char* or_null(const std::string& text) { return text.empty() ? nullptr : text.c_str(); }

std::string_view trimmed(std::string_view text) {
  const auto blank = [](char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; };
  while (!text.empty() && blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && blank(text.back())) text.remove_suffix(1);
  return text;
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
  set(easy_, CURLOPT_CA_CACHE_TIMEOUT, 600L);  // a renewed CA file counts after ten minutes
  set(easy_, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
  set(easy_, CURLOPT_HEADEROPT, static_cast<long>(CURLHEADER_SEPARATE));
}

Transfer::~Transfer() {
  drop_headers();
  curl_easy_cleanup(easy_);
}

void Transfer::prepare(HttpRequest request, const Url& url, HttpClient::Callback done, MonoTime now) {
  std::swap(request_, request);
  const HttpRequest& before = request;
  done_ = std::move(done);
  origin_ = url.origin;
  response_ = HttpResponse{};
  header_bytes_ = 0;
  over_cap_ = nullptr;
  error_[0] = '\0';
  started_ = now;
  deadline_ = now + request_.deadline;

  const bool no_proxy = request_.no_proxy || url.loopback;
  set(easy_, CURLOPT_PROXY, no_proxy ? "" : static_cast<const char*>(nullptr));
  if (fresh_ || before.url != request_.url) set(easy_, CURLOPT_URL, request_.url.c_str());
  if (fresh_ || before.deadline != request_.deadline) {
    set(easy_, CURLOPT_TIMEOUT_MS, std::max(1L, static_cast<long>(request_.deadline.count())));
  }
  if (fresh_ || before.body_cap != request_.body_cap) {
    set(easy_, CURLOPT_MAXFILESIZE_LARGE, static_cast<curl_off_t>(std::max<std::size_t>(1, request_.body_cap)));
  }
  if (fresh_ || before.method != request_.method) set_method();
  if (request_.method != "GET" && request_.method != "HEAD") {
    set(easy_, CURLOPT_POSTFIELDS, request_.body.data());
    set(easy_, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request_.body.size()));
  }
  if (fresh_ || before.ca_file != request_.ca_file || before.client_cert_file != request_.client_cert_file ||
      before.client_key_file != request_.client_key_file) {
    set_tls();
  }
  set_headers();
  fresh_ = false;
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
  set(easy_, CURLOPT_CAINFO, request_.ca_file.empty() ? kSystemCaFile : request_.ca_file.c_str());
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
  if (!response_.body.empty()) return true;  // a trailer
  if (line.starts_with("HTTP/")) {           // a new block: what came before was "100 Continue" or the like
    response_.headers.clear();
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
  auto& transfer = *static_cast<Transfer*>(self);
  std::string& body = transfer.response_.body;
  const std::size_t length = size * count;
  if (length > transfer.request_.body_cap - body.size()) {
    transfer.over_cap_ = kBody;
    return length + 1;  // anything else than `length` ends the transfer
  }
  body.append(data, length);
  return length;
}

HttpFailure Transfer::failure_of(CURLcode code) const {
  if (over_cap_ != nullptr) return HttpFailure::too_large;
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
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CIPHER:
    case CURLE_SSL_CACERT_BADFILE:
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
                       : error_[0] != '\0'  ? clean_utf8(error_, 300)
                                            : std::string(curl_easy_strerror(code));
    if (failure == HttpFailure::timeout) text = fmt::format("{}: {}", kTooLate, text);
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
  response_.status = 0;
  wipe(response_.body);
  return close(now);
}

HttpResponse Transfer::close(MonoTime now) {
  response_.took = std::chrono::duration_cast<Millis>(now - started_);
  for (HttpHeader& header : request_.headers) wipe(header.value);
  return std::move(response_);
}

}  // namespace codedriftd
