#include "http/tls_files.h"

#include <fmt/format.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>
#include <memory>

#include "base/freed_by.h"

namespace codedriftd {
namespace {

using File = std::unique_ptr<BIO, FreedBy<BIO_free>>;
using Certificate = std::unique_ptr<X509, FreedBy<X509_free>>;
using Key = std::unique_ptr<EVP_PKEY, FreedBy<EVP_PKEY_free>>;

/// A folder opens like a file and then seems to hold nothing; a pipe would be waited for.
Checked check_regular(const std::string& path, struct stat& info) {
  if (::stat(path.c_str(), &info) != 0) return Error{fmt::format("{}: cannot be read: {}", path, std::strerror(errno))};
  if (S_ISDIR(info.st_mode)) return Error{fmt::format("{}: is a folder; name one file in PEM", path)};
  if (!S_ISREG(info.st_mode)) return Error{fmt::format("{}: is not a regular file", path)};
  return Done{};
}

Result<File> open_file(const std::string& path) {
  struct stat info {};
  if (auto regular = check_regular(path, info); !regular) return regular.error();
  errno = 0;
  File file(BIO_new_file(path.c_str(), "r"));
  if (file) return file;
  const int error = errno;
  ERR_clear_error();
  return Error{fmt::format("{}: cannot be read: {}", path, error == 0 ? "not a file" : std::strerror(error))};
}

Result<Certificate> first_certificate(const std::string& path) {
  auto file = open_file(path);
  if (!file) return file.error();
  Certificate certificate(PEM_read_bio_X509_AUX(file->get(), nullptr, nullptr, nullptr));
  ERR_clear_error();
  if (certificate) return certificate;
  return Error{fmt::format("{}: holds no certificate in PEM (\"-----BEGIN CERTIFICATE-----\")", path)};
}

/// OpenSSL asks here, and not on the terminal.
int no_passphrase(char*, int, int, void* asked) {
  *static_cast<bool*>(asked) = true;
  return -1;
}

Checked check_mode(const std::string& key) {
  struct stat info {};
  if (auto regular = check_regular(key, info); !regular) return regular;
  if ((info.st_mode & 027) == 0) return Done{};
  return Error{fmt::format(
      "{0}: is a private key, but its mode {1:04o} lets others read or change it; chmod 0600 {0}, or, where "
      "it is mounted into a container, mount it with mode 0400 and the uid of this service",
      key, info.st_mode & 07777)};
}

}  // namespace

Checked check_ca_file(const std::string& path) {
  if (auto certificate = first_certificate(path); !certificate) return certificate.error();
  return Done{};
}

Checked check_certificate_and_key(const std::string& certificate, const std::string& key) {
  auto shown = first_certificate(certificate);
  if (!shown) return shown.error();
  if (auto closed = check_mode(key); !closed) return closed;
  auto file = open_file(key);
  if (!file) return file.error();
  bool asked = false;
  const Key secret(PEM_read_bio_PrivateKey(file->get(), nullptr, &no_passphrase, &asked));
  ERR_clear_error();
  if (asked) {
    return Error{
        fmt::format("{0}: is encrypted with a passphrase, which nobody could type here; write it without one: openssl "
                    "pkey -in {0} -out FILE",
                    key)};
  }
  if (!secret) return Error{fmt::format("{}: holds no private key in PEM", key)};
  const bool pair = X509_check_private_key(shown->get(), secret.get()) == 1;
  ERR_clear_error();
  if (!pair) return Error{fmt::format("{}: is not the key of the certificate in {}", key, certificate)};
  return Done{};
}

}  // namespace codedriftd
