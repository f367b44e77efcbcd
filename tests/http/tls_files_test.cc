#include "http/tls_files.h"

#include <gtest/gtest.h>

#include "support/temp_dir.h"

namespace codedriftd {
namespace {

TEST(Certificates, AreReadFromAFileThatHoldsAtLeastOne) {
  EXPECT_TRUE(check_ca_file("/etc/ssl/certs/ca-certificates.crt"));
  const test::TempDir dir;
  struct Case {
    std::string path, says;
  };
  for (const Case& c :
       {Case{dir / "gone.pem", "gone.pem: cannot be read: No such file or directory"},
        Case{dir.write("empty.pem", ""), "empty.pem: holds no certificate in PEM"},
        Case{dir.write("text.pem", "no certificate\n"), "text.pem: holds no certificate in PEM"},
        Case{dir.write("half.pem", "-----BEGIN CERTIFICATE-----\nMIIB\n"), "half.pem: holds no certificate in PEM"},
        Case{dir.path().string(), ": holds no certificate in PEM"}}) {
    const Checked checked = check_ca_file(c.path);
    ASSERT_FALSE(checked) << c.path;
    EXPECT_NE(checked.error().message.find(c.says), std::string::npos) << checked.error().message;
  }
}

}  // namespace
}  // namespace codedriftd
