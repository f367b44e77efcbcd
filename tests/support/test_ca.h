#pragma once
#include <memory>
#include <string>
#include <vector>

#include "support/tls_files.h"

namespace codedriftd::test {

/// A certificate authority that lives as long as this object, and writes what it signs as PEM files into one folder
/// (keys mode 0600). Everything throws std::runtime_error if OpenSSL refuses.
class TestCa {
 public:
  /// Makes the root and writes it to FOLDER/NAME.pem.
  explicit TestCa(std::string folder, std::string name = "ca");
  ~TestCa();

  /// The root's certificate: for `ca_file`.
  const std::string& certificate_file() const { return certificate_file_; }

  /// A server certificate for names and IP addresses, valid for a day around now.
  TlsFiles server(std::vector<std::string> names = {"127.0.0.1", "localhost", "scf.test"});
  /// The same, but it expired an hour ago.
  TlsFiles expired_server(std::vector<std::string> names = {"127.0.0.1", "localhost", "scf.test"});
  /// In time and well signed, but for "wrong.test" only.
  TlsFiles wrong_name_server() { return server({"wrong.test"}); }
  /// For a client that has to show who it is. `client_ca` of the server's TlsFiles is certificate_file().
  TlsFiles client(const std::string& common_name = "codedriftd-test-client");

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
  std::string certificate_file_;
};

}  // namespace codedriftd::test
