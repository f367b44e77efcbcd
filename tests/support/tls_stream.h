#pragma once
#include <openssl/ssl.h>
#include <sys/types.h>

#include <memory>
#include <string_view>

#include "support/tls_files.h"

namespace codedriftd::test {

/// OpenSSL's server side context. Throws std::runtime_error if a file does not fit. Shared by many streams.
class TlsContext {
 public:
  explicit TlsContext(const TlsFiles& files);
  SSL_CTX* get() const { return context_.get(); }

 private:
  struct Free {
    void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
  };
  std::unique_ptr<SSL_CTX, Free> context_;
};

/// TLS over a non-blocking socket that somebody else owns and waits for. Reads and writes as recv and send do:
/// -1 with errno EAGAIN when it has to wait, 0 at the end, -1 with another errno when broken.
class TlsStream {
 public:
  enum class Need { nothing, read, write, failed };
  TlsStream(const TlsContext& context, int socket);

  Need accept();
  ssize_t read(char* into, std::size_t size);
  ssize_t write(std::string_view bytes);
  bool pending() const { return SSL_pending(ssl_.get()) > 0; }
  void shutdown();

 private:
  ssize_t outcome(int result);
  struct Free {
    void operator()(SSL* ssl) const { SSL_free(ssl); }
  };
  std::unique_ptr<SSL, Free> ssl_;
};

}  // namespace codedriftd::test
