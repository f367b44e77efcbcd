#include "http/tls_files.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "support/temp_dir.h"

namespace codedriftd {
namespace {

TEST(Certificates, AreReadFromAFileThatHoldsAtLeastOne) {
  EXPECT_TRUE(check_ca_file("/etc/ssl/certs/ca-certificates.crt"));
  const test::TempDir dir;
  const std::string pipe = dir / "pipe";
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  struct Case {
    std::string path, says;
  };
  for (const Case& c :
       {Case{dir / "gone.pem", "gone.pem: cannot be read: No such file or directory"},
        Case{dir.write("empty.pem", ""), "empty.pem: holds no certificate in PEM"},
        Case{dir.write("text.pem", "no certificate\n"), "text.pem: holds no certificate in PEM"},
        Case{dir.write("half.pem", "-----BEGIN CERTIFICATE-----\nMIIB\n"), "half.pem: holds no certificate in PEM"},
        Case{dir.path().string(), ": is a folder; name one file in PEM"},
        Case{dir.path().string() + "/", ": is a folder; name one file in PEM"},
        Case{pipe, "pipe: is not a regular file"}, Case{"/dev/null", "/dev/null: is not a regular file"}}) {
    const Checked checked = check_ca_file(c.path);
    ASSERT_FALSE(checked) << c.path;
    EXPECT_NE(checked.error().message.find(c.says), std::string::npos) << checked.error().message;
  }
}

TEST(Certificates, OfAClientAndItsKeyAreRegularFilesToo) {
  const test::TempDir dir;
  const std::string folder = dir.path().string(), pem = "/etc/ssl/certs/ca-certificates.crt";
  const Checked certificate = check_certificate_and_key(folder, folder), key = check_certificate_and_key(pem, folder);
  ASSERT_FALSE(certificate);
  EXPECT_EQ(certificate.error().message, folder + ": is a folder; name one file in PEM");
  ASSERT_FALSE(key);
  EXPECT_EQ(key.error().message, folder + ": is a folder; name one file in PEM");
}

}  // namespace
}  // namespace codedriftd
