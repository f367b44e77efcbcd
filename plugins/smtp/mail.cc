#include "smtp/mail.h"

#include <curl/curl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <set>
#include <stdexcept>

#include "base/freed_by.h"
#include "base/text.h"
#include "base/url.h"
#include "http/wiped_memory.h"
#include "http_sink/chat.h"
#include "http_sink/resolve.h"

namespace codedriftd::smtp {
namespace {

using http_sink::Outcome;
using http_sink::Patience;

constexpr uint16_t kSubmissionPort = 587, kSubmissionsPort = 465;
constexpr Millis kGlance{100};

using Easy = std::unique_ptr<CURL, FreedBy<curl_easy_cleanup>>;
using Multi = std::unique_ptr<CURLM, FreedBy<curl_multi_cleanup>>;
using List = std::unique_ptr<curl_slist, FreedBy<curl_slist_free_all>>;

void prepare_libcurl() {
  static const bool done = [] {
    if (init_libcurl_wiping() != CURLE_OK) throw std::runtime_error("libcurl cannot be initialised");
    return true;
  }();
  static_cast<void>(done);
}

Error server_error(std::string_view text, std::string_view why) {
  return Error{
      fmt::format("server: \"{}\": {}; it should be \"smtp://HOST:PORT\" (with STARTTLS) or \"smtps://HOST:PORT\"",
                  http_sink::shortened(without_user_information(text), 200), why)};
}

/// A handle that is taken out before either is given back.
class InFlight {
 public:
  InFlight(CURLM* multi, CURL* easy) : multi_(multi), easy_(easy) { curl_multi_add_handle(multi, easy); }
  ~InFlight() { curl_multi_remove_handle(multi_, easy_); }
  InFlight(const InFlight&) = delete;

 private:
  CURLM* multi_;
  CURL* easy_;
};

bool readable_now(int fd) {
  pollfd query{fd, POLLIN, 0};
  return fd >= 0 && ::poll(&query, 1, 0) > 0;
}

/// One conversation with a server.
class Conversation {
 public:
  Conversation(const Server& server, const Patience& patience)
      : server_(server), patience_(patience), easy_(curl_easy_init()), multi_(curl_multi_init()) {
    if (!easy_ || !multi_) throw std::runtime_error("libcurl gives no handle");
  }

  /// `envelope` null: there is no mail.
  Outcome run(const Envelope* envelope, std::string_view text) {
    const auto addresses = server_.addresses.empty()
                               ? http_sink::resolve(server_.host, patience_.until, patience_.cancel_fd)
                               : Result<std::vector<std::string>>(server_.addresses);
    if (!addresses) return {CODEDRIFTD_RETRY, 0, 0, addresses.error().message};
    prepare(*addresses);
    if (envelope != nullptr) {
      prepare_mail(*envelope, text);
    } else {
      curl_easy_setopt(easy_.get(), CURLOPT_NOBODY, 1L);
      curl_easy_setopt(easy_.get(), CURLOPT_CUSTOMREQUEST, "NOOP");
    }
    const CURLcode code = carry();
    return conclude(code);
  }
  const Trace& trace() const { return trace_; }

 private:
  void prepare(const std::vector<std::string>& addresses) {
    CURL* const easy = easy_.get();
    const bool bracketed = server_.host.find(':') != std::string::npos;
    const std::string url = fmt::format("{}://{}{}{}:{}", server_.tls_first ? "smtps" : "smtp", bracketed ? "[" : "",
                                        server_.host, bracketed ? "]" : "", server_.port);
    curl_easy_setopt(easy, CURLOPT_URL, url.c_str());
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "smtp,smtps");
    curl_easy_setopt(easy, CURLOPT_PROXY, "");
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, 1L);
    if (!server_.number) {
      std::string all;
      for (const std::string& address : addresses) all += (all.empty() ? "" : ",") + address;
      resolved_.reset(curl_slist_append(nullptr, fmt::format("{}:{}:{}", server_.host, server_.port, all).c_str()));
      curl_easy_setopt(easy, CURLOPT_RESOLVE, resolved_.get());
    }
    const auto left = static_cast<long>(std::max<Millis::rep>(patience_.left().count(), 1));
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, left);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, left);
    curl_easy_setopt(easy, CURLOPT_SERVER_RESPONSE_TIMEOUT, left / 1000 + 1);
    prepare_tls();
    if (!server_.username.empty()) {
      curl_easy_setopt(easy, CURLOPT_USERNAME, server_.username.c_str());
      curl_easy_setopt(easy, CURLOPT_PASSWORD, std::string(server_.password.reveal()).c_str());
      // libcurl would choose what looks strongest, and would not fall back from what cannot work here, such as GSSAPI.
      const char* const logins = server_.auth == "plain"   ? "AUTH=PLAIN"
                                 : server_.auth == "login" ? "AUTH=LOGIN"
                                                           : "AUTH=PLAIN;AUTH=LOGIN";
      curl_easy_setopt(easy, CURLOPT_LOGIN_OPTIONS, logins);
    }
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, problem_);
    curl_easy_setopt(easy, CURLOPT_VERBOSE, 1L);
    curl_easy_setopt(easy, CURLOPT_DEBUGFUNCTION, &Conversation::on_debug);
    curl_easy_setopt(easy, CURLOPT_DEBUGDATA, this);
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, &Conversation::on_open);
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, this);
    curl_easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION, &Conversation::on_close);
    curl_easy_setopt(easy, CURLOPT_CLOSESOCKETDATA, this);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, &Conversation::on_body);
  }

  void prepare_tls() {
    CURL* const easy = easy_.get();
    curl_easy_setopt(easy, CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
    if (server_.tls_first || server_.starttls) {
      curl_easy_setopt(easy, CURLOPT_USE_SSL, static_cast<long>(CURLUSESSL_ALL));
    }
    if (!server_.ca_file.empty()) {
      curl_easy_setopt(easy, CURLOPT_CAINFO, server_.ca_file.c_str());
      curl_easy_setopt(easy, CURLOPT_CAPATH, nullptr);
    }
    if (!server_.client_cert_file.empty()) {
      curl_easy_setopt(easy, CURLOPT_SSLCERT, server_.client_cert_file.c_str());
      curl_easy_setopt(easy, CURLOPT_SSLKEY, server_.client_key_file.c_str());
    }
  }

  void prepare_mail(const Envelope& envelope, std::string_view text) {
    CURL* const easy = easy_.get();
    unsent_ = text;
    curl_slist* list = nullptr;
    for (const std::string& one : envelope.to) list = curl_slist_append(list, fmt::format("<{}>", one).c_str());
    recipients_.reset(list);
    curl_easy_setopt(easy, CURLOPT_MAIL_FROM, fmt::format("<{}>", envelope.from).c_str());
    curl_easy_setopt(easy, CURLOPT_MAIL_RCPT, recipients_.get());
    curl_easy_setopt(easy, CURLOPT_MAIL_RCPT_ALLLOWFAILS, 1L);
    curl_easy_setopt(easy, CURLOPT_UPLOAD, 1L);
    curl_easy_setopt(easy, CURLOPT_INFILESIZE_LARGE, static_cast<curl_off_t>(text.size()));
    curl_easy_setopt(easy, CURLOPT_READFUNCTION, &Conversation::on_read);
    curl_easy_setopt(easy, CURLOPT_READDATA, this);
  }

  CURLcode carry() {
    const InFlight flight(multi_.get(), easy_.get());
    for (;;) {
      int running = 0;
      curl_multi_perform(multi_.get(), &running);
      int queued = 0;
      if (const CURLMsg* message = curl_multi_info_read(multi_.get(), &queued)) return message->data.result;
      if (readable_now(patience_.cancel_fd)) {
        std::strcpy(problem_, "the attempt was called off");
        return CURLE_ABORTED_BY_CALLBACK;
      }
      // libcurl does not report a pipe whose other end was closed.
      curl_waitfd cancel{patience_.cancel_fd, CURL_WAIT_POLLIN, 0};
      curl_multi_poll(multi_.get(), &cancel, patience_.cancel_fd < 0 ? 0 : 1, static_cast<int>(kGlance.count()),
                      nullptr);
    }
  }

  Outcome conclude(CURLcode code) {
    std::string problem = problem_[0] != '\0' ? problem_ : curl_easy_strerror(code);
    if (code == CURLE_USE_SSL_FAILED) problem = "it does not offer STARTTLS; it may be a server for smtps://";
    Outcome outcome = judge(trace_, code == CURLE_OK, fmt::format("{}:{}: {}", server_.host, server_.port, problem));
    // Nothing that is sent again would help.
    const bool refused = code == CURLE_USE_SSL_FAILED || code == CURLE_LOGIN_DENIED;
    if (refused && outcome.status == 0) outcome.result = CODEDRIFTD_DESTINATION_REFUSED;
    return outcome;
  }

  static size_t on_read(char* into, size_t size, size_t count, void* self) {
    std::string_view& unsent = static_cast<Conversation*>(self)->unsent_;
    const size_t now = unsent.copy(into, size * count);
    unsent.remove_prefix(now);
    return now;
  }
  static size_t on_body(char*, size_t size, size_t count, void*) { return size * count; }

  static curl_socket_t on_open(void* self, curlsocktype, curl_sockaddr* address) {
    const curl_socket_t fd = ::socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
    if (fd == CURL_SOCKET_BAD) return fd;
    static_cast<Conversation*>(self)->sockets_.insert(fd);
    return fd;
  }
  static int on_close(void* self, curl_socket_t fd) {
    static_cast<Conversation*>(self)->sockets_.erase(fd);
    return ::close(fd);
  }

  static int on_debug(CURL*, curl_infotype type, char* data, size_t size, void* self) {
    auto& conversation = *static_cast<Conversation*>(self);
    const std::string_view text(data, size);
    if (type == CURLINFO_HEADER_OUT) {
      conversation.trace_.sent(text);
      // libcurl waits for the answer to its QUIT, longer than it may: all has been said, so none comes.
      if (trimmed(text) == "QUIT") {
        for (const curl_socket_t fd : conversation.sockets_) ::shutdown(fd, SHUT_RD);
      }
    }
    if (type == CURLINFO_HEADER_IN) conversation.trace_.came(text);
    return 0;
  }

  const Server& server_;
  const Patience patience_;
  Trace trace_;
  std::string_view unsent_;
  std::set<curl_socket_t> sockets_;  ///< that are open: those of other addresses, too, while it connects
  char problem_[CURL_ERROR_SIZE] = {};
  List resolved_, recipients_;
  Easy easy_;
  Multi multi_;
};

}  // namespace

Result<Server> parse_server(std::string_view text) {
  const bool tls_first = text.starts_with("smtps://");
  if (!tls_first && !text.starts_with("smtp://")) return server_error(text, "begins with neither smtp:// nor smtps://");
  const std::string_view rest = text.substr(text.find("//") + 2);
  const auto url = parse_url((tls_first ? "https://" : "http://") + std::string(rest));
  if (!url) return server_error(text, url.error().message);
  if (rest != url->authority) return server_error(text, "has something behind the port");
  Server server;
  server.tls_first = tls_first;
  server.host = url->host;
  server.loopback = url->loopback;
  server.number = url->address;
  const std::size_t bracket = rest.find(']');
  const bool has_port = rest.find(':', bracket == std::string_view::npos ? 0 : bracket) != std::string_view::npos;
  server.port = has_port ? url->port : tls_first ? kSubmissionsPort : kSubmissionPort;
  return server;
}

Conversed hand_over(const Server& server, const Envelope& envelope, std::string_view text, const Patience& patience) {
  prepare_libcurl();
  Conversation conversation(server, patience);
  Outcome outcome = conversation.run(&envelope, text);
  return {std::move(outcome), conversation.trace()};
}

Outcome ask_server(const Server& server, const Patience& patience) {
  prepare_libcurl();
  return Conversation(server, patience).run(nullptr, "");
}

}  // namespace codedriftd::smtp
