#pragma once
/// The one outbound HTTP client: HTTP/1.1 over kept-alive connections, many requests in flight on one thread.
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"

namespace codedriftd {

struct HttpHeader {
  std::string name;
  std::string value;
};

struct HttpRequest {
  std::string method = "GET";
  std::string url;                  ///< https; http to loopback only (http/url.h says what is refused)
  std::vector<HttpHeader> headers;  ///< sent as they are, after the check for CR, LF and NUL; `Host` replaces the URL's
  std::string body;                 ///< sent with every method but GET and HEAD

  Millis deadline{10'000};  ///< over everything: name resolution, connect, TLS, waiting for a connection, the answer
  std::size_t body_cap = 64 * 1024;    ///< a longer answer is `too_large`
  std::size_t header_cap = 64 * 1024;  ///< over all header lines together; one line has 16 KiB at most

  std::string ca_file;           ///< PEM; empty: the system's
  std::string client_cert_file;  ///< PEM; with client_key_file: mutual TLS
  std::string client_key_file;

  bool no_proxy = false;  ///< else a proxy of the environment (https_proxy, no_proxy, …) is used; never one to loopback
  bool plain_http_anywhere = false;  ///< for the metadata service alone, which speaks nothing else
};

enum class HttpFailure {
  none,       ///< there is an answer, of whatever status
  timeout,    ///< the deadline passed
  network,    ///< name resolution, connect, reset, closed early
  tls,        ///< the certificate or the handshake was refused, or a certificate file cannot be used
  too_large,  ///< headers or body over their cap
  protocol,   ///< what came is not HTTP/1.x
  cancelled,  ///< `fetch` was told to stop
  refused,    ///< never sent: the URL or a header is not allowed
};
std::string_view to_string(HttpFailure failure);

struct HttpResponse {
  HttpFailure failure = HttpFailure::none;
  std::string failure_text;         ///< for people; names the origin, never a path, a query string or a header
  int status = 0;                   ///< 0 unless `failure` is none
  int status_before_body = 0;       ///< with `too_large`, if it was the body that was: the status that came before it
  std::vector<HttpHeader> headers;  ///< of the last header block, names in lower case; 100 at most are kept
  std::string body;                 ///< as sent: nothing is decompressed
  Millis took{0};

  /// The first header of that name (given in lower case), or empty.
  std::string_view header(std::string_view name) const;
};

/// Carries requests. Redirects are never followed, TLS is always verified, cookies and passwords are not kept.
///
/// One thread owns an object and makes every call on it but `wake`. Connections and TLS sessions are kept for reuse
/// (64 to one host at most). The first object made ignores SIGPIPE for the whole process: a peer that closes must not
/// end it.
class HttpClient {
 public:
  /// Runs on the owner's thread, inside `turn` or `fetch`. May start other requests.
  using Callback = std::function<void(HttpResponse)>;

  HttpClient();
  ~HttpClient();  ///< gives up what is in flight; those callbacks never run
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  /// Starts a request. `done` runs exactly once, in a later `turn`, within the request's deadline; never inside
  /// `start`.
  void start(HttpRequest request, Callback done);
  /// Moves what is in flight along and runs callbacks. Returns after the first activity, a `wake`, or `at_most`.
  void turn(Millis at_most);
  /// Ends the wait of `turn`, or of the next one. Thread-safe.
  void wake();
  std::size_t in_flight() const;

  /// One request, to its end. Others in flight move along. When `cancel_fd` (-1: none) becomes readable, or is closed
  /// by its other side, the request ends at once as `cancelled`.
  HttpResponse fetch(HttpRequest request, int cancel_fd = -1);

 private:
  class Engine;
  std::unique_ptr<Engine> engine_;
};

}  // namespace codedriftd
