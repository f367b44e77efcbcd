#pragma once
/// The one outbound HTTP client: HTTP/1.1 over kept-alive connections, many requests in flight on one thread.
#include <functional>
#include <memory>

#include "base/clock.h"
#include "http/message.h"

namespace codedriftd {

/// Carries requests. Redirects are never followed, TLS is always verified, cookies and passwords are not kept.
///
/// One thread owns an object and makes every call on it but `wake`. Connections and TLS sessions are kept for reuse:
/// 64 to one host at most, none for longer than five minutes, and none that brought a 5xx or 429. Names are looked up
/// by a few threads that all clients share (http/resolver.h). The environment's proxy settings are read once, when the
/// object is made. The first object made ignores SIGPIPE for the whole process: a peer that closes must not end it.
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
  /// Requests started from now on read the certificates in their `ca_file` anew, and use no connection that was made
  /// with what stood there before: a reload may have come because a file was renewed.
  void read_files_again();

  /// One request, to its end. Others in flight move along. When `cancel_fd` (-1: none) becomes readable, or is closed
  /// by its other side, the request ends at once as `cancelled`.
  HttpResponse fetch(HttpRequest request, int cancel_fd = -1);

 private:
  class Engine;
  std::unique_ptr<Engine> engine_;
};

}  // namespace codedriftd
