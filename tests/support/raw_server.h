#pragma once
/// The one mechanism under every simulated server here: sockets, a thread for each connection, TLS on request.
/// Not httplib: hostile answers (resets, dripped headers, endless bodies) need the socket itself, and one way of
/// answering is simpler than two side by side.
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "support/http_message.h"
#include "support/tls_files.h"

namespace codedriftd::test {

/// One accepted connection, used by its own thread alone.
class Connection {
 public:
  virtual ~Connection() = default;

  /// Waits until a request begins to arrive; false if the peer left or the server stops.
  virtual bool wait_readable() = 0;
  /// Reads one whole request (at most 16 MiB, Content-Length or chunked). Nullopt if the peer left, sent something
  /// that is not HTTP, or the server stops.
  virtual std::optional<HttpRequest> read_request() = 0;
  /// Sends all of it; false if the peer is gone or the server stops.
  virtual bool send(std::string_view bytes) = 0;
  /// Waits; false if the server stops meanwhile.
  virtual bool pause(std::chrono::microseconds time) = 0;
  /// Waits until the peer hangs up or the server stops.
  virtual void wait_for_peer_to_leave() = 0;
  /// Ends this side; what the peer says can still be read.
  virtual void end() = 0;
  /// Closes at once, with what came unread. Nothing may be sent afterwards.
  virtual void close() = 0;
  /// Closes with RST. Nothing may be sent afterwards.
  virtual void reset() = 0;
};

class RawServer {
 public:
  /// Runs in the connection's own thread; the connection is closed when it returns.
  using Handler = std::function<void(Connection&)>;

  /// Listens on 127.0.0.1:`port` (0: any) when it returns. Throws std::runtime_error if it cannot.
  RawServer(uint16_t port, const std::optional<TlsFiles>& tls, Handler handler);
  ~RawServer();

  uint16_t port() const;
  uint64_t connections() const;  ///< accepted so far
  /// Ends every connection, waits for their handlers, and listens no more.
  void stop();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// A port of 127.0.0.1 on which nobody listens now, and that nobody who asks for any port is given: it lies below those
/// that the kernel hands out. For a server that is there later, or again.
uint16_t port_for_later();

}  // namespace codedriftd::test
