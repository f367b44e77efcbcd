#pragma once
/// What a connection is read from and written to: the socket as it is, or TLS on it.
#include <sys/types.h>

#include <memory>
#include <string>

#include "base/freed_by.h"
#include "base/result.h"
#include "base/unique_fd.h"

struct ssl_ctx_st;
struct ssl_st;

namespace codedriftd {

/// A server's certificate and key, ready to be shown. Immutable, so any thread may use it.
class TlsIdentity {
 public:
  /// `certificate`: PEM, the server's own first and then what leads to the root; `key`: its private key, closed to
  /// others. TLS 1.2 at least. The error names the file and the remedy, and holds nothing of its contents.
  static Result<std::shared_ptr<const TlsIdentity>> load(const std::string& certificate, const std::string& key);
  ~TlsIdentity();

 private:
  friend class Wire;
  explicit TlsIdentity(ssl_ctx_st* context) : context_(context) {}
  ssl_ctx_st* context_;
};

/// One connection's end, non-blocking. Used by one thread.
class Wire {
 public:
  /// `identity` nullptr: no TLS. Throws std::bad_alloc if there is no memory for TLS.
  Wire(UniqueFd fd, const TlsIdentity* identity);
  Wire(Wire&&) noexcept;
  Wire& operator=(Wire&&) noexcept;
  ~Wire();

  int fd() const { return fd_.get(); }
  /// As recv() and send() on the socket: how many bytes, 0 for the end, or -1 with errno; EAGAIN: not until poll() says
  /// `events()`. The first call of a TLS connection makes the handshake as well.
  ssize_t receive(char* to, std::size_t size);
  ssize_t send(const char* from, std::size_t size);
  /// What poll() has to wait for, after EAGAIN or before the first call: TLS may have to write before it can read.
  short events() const { return events_; }
  void expect(short events) { events_ = events; }
  /// Says that nothing more will be written. The other side may still have something to say.
  void finish();

 private:
  ssize_t result(int returned);

  UniqueFd fd_;
  std::unique_ptr<ssl_st, void (*)(ssl_st*)> tls_;
  short events_;
};

}  // namespace codedriftd
