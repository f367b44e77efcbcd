#include "support/tls_stream.h"

#include <openssl/err.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <stdexcept>

namespace codedriftd::test {

TlsContext::TlsContext(const TlsFiles& files) : context_(SSL_CTX_new(TLS_server_method())) {
  // OpenSSL writes with write(2): a peer that left would otherwise end the whole program.
  std::signal(SIGPIPE, SIG_IGN);
  SSL_CTX* context = context_.get();
  SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
  SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  if (SSL_CTX_use_certificate_chain_file(context, files.certificate.c_str()) != 1 ||
      SSL_CTX_use_PrivateKey_file(context, files.key.c_str(), SSL_FILETYPE_PEM) != 1 ||
      SSL_CTX_check_private_key(context) != 1)
    throw std::runtime_error("cannot use the certificate " + files.certificate + " with " + files.key);
  if (files.client_ca.empty()) return;
  if (SSL_CTX_load_verify_locations(context, files.client_ca.c_str(), nullptr) != 1)
    throw std::runtime_error("cannot use " + files.client_ca);
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
}

TlsStream::TlsStream(const TlsContext& context, int socket) : ssl_(SSL_new(context.get())) {
  SSL_set_fd(ssl_.get(), socket);
}

TlsStream::Need TlsStream::accept() {
  ERR_clear_error();
  const int result = SSL_accept(ssl_.get());
  if (result == 1) return Need::nothing;
  switch (SSL_get_error(ssl_.get(), result)) {
    case SSL_ERROR_WANT_READ:
      return Need::read;
    case SSL_ERROR_WANT_WRITE:
      return Need::write;
    default:
      return Need::failed;
  }
}

ssize_t TlsStream::outcome(int result) {
  if (result > 0) return result;
  switch (SSL_get_error(ssl_.get(), result)) {
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE:
      errno = EAGAIN;
      return -1;
    case SSL_ERROR_ZERO_RETURN:
      return 0;
    default:
      errno = EIO;
      return -1;
  }
}

ssize_t TlsStream::read(char* into, std::size_t size) {
  ERR_clear_error();
  return outcome(SSL_read(ssl_.get(), into, static_cast<int>(std::min<std::size_t>(size, 1 << 20))));
}

ssize_t TlsStream::write(std::string_view bytes) {
  ERR_clear_error();
  return outcome(SSL_write(ssl_.get(), bytes.data(), static_cast<int>(std::min<std::size_t>(bytes.size(), 1 << 20))));
}

void TlsStream::shutdown() {
  ERR_clear_error();
  SSL_shutdown(ssl_.get());
}

}  // namespace codedriftd::test
