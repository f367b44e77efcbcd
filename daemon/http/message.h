#pragma once
/// What goes out over HTTP and what comes back.
#include <functional>
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
  Millis stalled_after{0};  ///< given up where less than 1 KiB a second came for so long, in whole seconds; 0: never
  std::size_t body_cap = 64 * 1024;    ///< a longer answer is `too_large`
  std::size_t header_cap = 64 * 1024;  ///< over all header lines together; one line has 16 KiB at most

  std::string ca_file;           ///< PEM; empty: the system's
  std::string client_cert_file;  ///< PEM; with client_key_file: mutual TLS
  std::string client_key_file;   ///< never one that asks for a passphrase: nobody could type it

  /// Over a connection of its own, which is kept afterwards: for a retry, because a kept one may lead to the backend
  /// that failed.
  bool new_connection = false;
  bool no_proxy = false;             ///< else a proxy of the environment (http/proxy.h) is used; never one to loopback
  bool plain_http_anywhere = false;  ///< for the metadata service alone, which speaks nothing else
  /// The URL holds a signature or a token: this side keeps nothing of it once the request has ended, in libcurl's
  /// memory neither.
  bool secret_url = false;

  /// Takes the body of an answer with status 200 piece by piece, as it comes, on the owner's thread; HttpResponse::body
  /// stays empty then. `body_cap` holds. False ends the request as `cancelled`. Must not throw, nor call the client.
  /// Bodies of other answers go to HttpResponse::body, up to kOtherBodyCap.
  std::function<bool(std::string_view)> on_body{};
};

/// With `on_body`: what an answer that is no 200 may have as its body; a longer one is `too_large`.
inline constexpr std::size_t kOtherBodyCap = 64 * 1024;

enum class HttpFailure {
  none,       ///< there is an answer, of whatever status
  timeout,    ///< the deadline passed
  network,    ///< name resolution, connect, reset, closed early
  tls,        ///< the certificate or the handshake was refused
  too_large,  ///< headers or body over their cap
  protocol,   ///< what came is not HTTP/1.x
  cancelled,  ///< `fetch` was told to stop, or `on_body` had enough
  refused,    ///< never sent: the URL, a header or the environment's proxy setting is not allowed
  unusable,   ///< never sent: a certificate or key file of this side cannot be used
};
std::string_view to_string(HttpFailure failure);

struct HttpResponse {
  HttpFailure failure = HttpFailure::none;
  std::string failure_text;         ///< for people; names the origin, never a path, a query string, a header or a
                                    ///< proxy's user information
  int status = 0;                   ///< 0 unless `failure` is none
  int status_before_body = 0;       ///< with `too_large`, if it was the body that was: the status that came before it
  std::vector<HttpHeader> headers;  ///< of the last header block, names in lower case; 100 at most are kept
  std::string body;                 ///< as sent: nothing is decompressed
  Millis took{0};

  /// The first header of that name (given in lower case), or empty.
  std::string_view header(std::string_view name) const;
};

}  // namespace codedriftd
