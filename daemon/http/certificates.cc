#include "http/certificates.h"

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/pem.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>

namespace codedriftd {

Checked check_certificates(const std::string& path) {
  const auto close_file = [](std::FILE* file) { std::fclose(file); };
  const std::unique_ptr<std::FILE, decltype(close_file)> file(std::fopen(path.c_str(), "re"), close_file);
  if (!file) return Error{fmt::format("{} cannot be read: {}", path, std::strerror(errno))};
  errno = 0;
  const auto free_list = [](STACK_OF(X509_INFO) * list) { sk_X509_INFO_pop_free(list, X509_INFO_free); };
  const std::unique_ptr<STACK_OF(X509_INFO), decltype(free_list)> found(
      PEM_X509_INFO_read(file.get(), nullptr, nullptr, nullptr), free_list);
  const int reading = errno;
  ERR_clear_error();
  if (std::ferror(file.get()) != 0) return Error{fmt::format("{} cannot be read: {}", path, std::strerror(reading))};
  int certificates = 0;
  for (int i = 0; found && i < sk_X509_INFO_num(found.get()); ++i) {
    if (sk_X509_INFO_value(found.get(), i)->x509 != nullptr) ++certificates;
  }
  if (certificates == 0)
    return Error{fmt::format("{} holds no certificate in PEM (\"-----BEGIN CERTIFICATE-----\")", path)};
  return Done{};
}

}  // namespace codedriftd
