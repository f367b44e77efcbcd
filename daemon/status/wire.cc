#include "status/wire.h"

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <limits>
#include <new>
#include <utility>

#include "http/tls_files.h"

namespace codedriftd {

Result<std::shared_ptr<const TlsIdentity>> TlsIdentity::load(const std::string& certificate, const std::string& key) {
  if (auto good = check_certificate_and_key(certificate, key); !good) return good.error();
  const std::shared_ptr<TlsIdentity> identity(new TlsIdentity(SSL_CTX_new(TLS_server_method())));
  SSL_CTX* context = identity->context_;
  const bool made = context != nullptr && SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) == 1 &&
                    SSL_CTX_use_certificate_chain_file(context, certificate.c_str()) == 1 &&
                    SSL_CTX_use_PrivateKey_file(context, key.c_str(), SSL_FILETYPE_PEM) == 1;
  if (!made) {
    const char* reason = ERR_reason_error_string(ERR_peek_last_error());
    Error error{fmt::format("{}: OpenSSL does not take it: {}", certificate, reason == nullptr ? "no reason" : reason)};
    ERR_clear_error();
    return error;
  }
  // One request for each connection: there is nothing to resume, and nothing to negotiate anew.
  SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_TICKET);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  // SSL_read would go on for as long as records without data come, and no deadline would be looked at.
  SSL_CTX_clear_mode(context, SSL_MODE_AUTO_RETRY);
  SSL_CTX_set_mode(context,
                   SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
  return std::shared_ptr<const TlsIdentity>(identity);
}

TlsIdentity::~TlsIdentity() { SSL_CTX_free(context_); }

Wire::Wire(UniqueFd fd, const TlsIdentity* identity)
    : fd_(std::move(fd)),
      tls_(identity == nullptr ? nullptr : SSL_new(identity->context_), &SSL_free),
      events_(POLLIN) {
  if (identity == nullptr) return;
  if (!tls_ || SSL_set_fd(tls_.get(), fd_.get()) != 1) throw std::bad_alloc();
  SSL_set_accept_state(tls_.get());
}

Wire::Wire(Wire&&) noexcept = default;
Wire& Wire::operator=(Wire&&) noexcept = default;
Wire::~Wire() = default;

ssize_t Wire::receive(char* to, std::size_t size) {
  if (!tls_) return ::recv(fd_.get(), to, size, 0);
  ERR_clear_error();
  return result(
      SSL_read(tls_.get(), to, static_cast<int>(std::min<std::size_t>(size, std::numeric_limits<int>::max()))));
}

ssize_t Wire::send(const char* from, std::size_t size) {
  if (!tls_) return ::send(fd_.get(), from, size, MSG_NOSIGNAL);
  ERR_clear_error();
  return result(
      SSL_write(tls_.get(), from, static_cast<int>(std::min<std::size_t>(size, std::numeric_limits<int>::max()))));
}

ssize_t Wire::result(int returned) {
  if (returned > 0) return returned;
  switch (SSL_get_error(tls_.get(), returned)) {
    case SSL_ERROR_WANT_READ:
      events_ = POLLIN;
      errno = EAGAIN;
      return -1;
    case SSL_ERROR_WANT_WRITE:
      events_ = POLLOUT;
      errno = EAGAIN;
      return -1;
    case SSL_ERROR_ZERO_RETURN:
      return 0;
    default:  // what came is no TLS, or the other side refused
      ERR_clear_error();
      errno = EPROTO;
      return -1;
  }
}

void Wire::finish() {
  if (tls_ && SSL_is_init_finished(tls_.get()) == 1) SSL_shutdown(tls_.get());
  ERR_clear_error();
  ::shutdown(fd_.get(), SHUT_WR);
}

}  // namespace codedriftd
