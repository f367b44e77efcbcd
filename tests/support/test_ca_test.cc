#include "support/test_ca.h"

#include <gtest/gtest.h>
#include <httplib.h>

#include <filesystem>

#include "support/receiver.h"
#include "support/scf_client.h"
#include "support/temp_dir.h"

namespace codedriftd::test {
namespace {

/// The status a strict client gets, or 0 if it refuses the server (or the server refuses it).
int visit(const Receiver& receiver, const std::string& ca_file, const TlsFiles& client = {}) {
  httplib::SSLClient connection("127.0.0.1", receiver.port(), client.certificate, client.key);
  connection.set_ca_cert_path(ca_file.c_str());
  connection.enable_server_certificate_verification(true);
  connection.set_tcp_nodelay(true);
  const auto result = connection.Post("/hook", "x", "text/plain");
  return result ? result->status : 0;
}

TEST(TestCa, MakesServersThatAStrictClientAccepts) {
  const TempDir folder;
  TestCa ca(folder.path());
  const Receiver receiver({.tls = ca.server()});
  EXPECT_EQ(visit(receiver, ca.certificate_file()), 204);
}

TEST(TestCa, MakesServersThatAStrictClientRefuses) {
  const TempDir folder;
  TestCa ca(folder.path());
  TestCa stranger(folder.path(), "stranger");
  EXPECT_EQ(visit(Receiver({.tls = ca.expired_server()}), ca.certificate_file()), 0);
  EXPECT_EQ(visit(Receiver({.tls = ca.wrong_name_server()}), ca.certificate_file()), 0);
  EXPECT_EQ(visit(Receiver({.tls = stranger.server()}), ca.certificate_file()), 0);
}

TEST(TestCa, MakesClientsThatAServerCanAskFor) {
  const TempDir folder;
  TestCa ca(folder.path());
  TlsFiles files = ca.server();
  files.client_ca = ca.certificate_file();
  const Receiver receiver({.tls = files});
  EXPECT_EQ(visit(receiver, ca.certificate_file()), 0);
  EXPECT_EQ(visit(receiver, ca.certificate_file(), ca.client()), 204);
}

TEST(TestCa, KeepsKeysToItsOwner) {
  const TempDir folder;
  TestCa ca(folder.path());
  const auto mode = std::filesystem::status(ca.server().key).permissions();
  EXPECT_EQ(mode, std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
}

TEST(TestCa, ThrowsWhenTheFolderIsMissing) { EXPECT_THROW(TestCa("/nonexistent/folder"), std::runtime_error); }

TEST(TestCa, AServerRefusesAKeyThatIsNotItsOwn) {
  const TempDir folder;
  TestCa ca(folder.path());
  TlsFiles mixed = ca.server();
  mixed.key = ca.server().key;
  EXPECT_THROW(Receiver({.tls = mixed}), std::runtime_error);
}

TEST(TestCa, PlainHttpToATlsServerGetsNoAnswer) {
  const TempDir folder;
  TestCa ca(folder.path());
  const Receiver receiver({.tls = ca.server()});
  const RawReply reply = raw_exchange(receiver.port(), http_post({{"Host", "r"}}, "x"));
  EXPECT_EQ(reply.bytes.find("HTTP"), std::string::npos);
  EXPECT_EQ(receiver.count(), 0u);
}

}  // namespace
}  // namespace codedriftd::test
