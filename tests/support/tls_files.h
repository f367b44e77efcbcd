#pragma once
#include <string>

namespace codedriftd::test {

/// PEM files a TLS server is made of.
struct TlsFiles {
  std::string certificate{};  ///< the server's own, and what leads to the root
  std::string key{};
  std::string client_ca{};  ///< not empty: clients must show a certificate that this one signed
};

}  // namespace codedriftd::test
