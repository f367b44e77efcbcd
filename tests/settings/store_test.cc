// [store]: where the record is.
#include <gtest/gtest.h>

#include <algorithm>

#include "settings/load.h"

namespace codedriftd {
namespace {

Result<Settings, std::vector<Mistake>> load_store(const std::string& keys) {
  return load_settings_text("f", "[store]\n" + keys);
}

TEST(StoreUrl, NamesHostsPortsAndADatabase) {
  struct UrlCase {
    std::string text, hosts, database;
  };
  for (const UrlCase& c : std::vector<UrlCase>{
           {"postgresql://db1/codedriftd", "db1:5432", "codedriftd"},
           {"postgresql://DB1.example.com:5433/a-b_c.d", "db1.example.com:5433", "a-b_c.d"},
           {"postgresql://db1:1,db2,10.0.0.1:65535/x", "db1:1 db2:5432 10.0.0.1:65535", "x"},
           {"postgresql://[2001:db8::1]:6000,[::1]/x", "2001:db8::1:6000 ::1:5432 (here)", "x"},
           {"postgresql://localhost,127.0.0.1:5433/x", "localhost:5432 (here) 127.0.0.1:5433 (here)", "x"},
           {"postgresql:///run/postgresql/codedriftd", "/run/postgresql:5432 (here)", "codedriftd"},
           {"postgresql:///run/postgresql:5433/codedriftd", "/run/postgresql:5433 (here)", "codedriftd"},
           {"postgresql:///tmp/x", "/tmp:5432 (here)", "x"}}) {
    const auto url = parse_server_url(c.text);
    ASSERT_TRUE(url) << c.text << " " << url.error().message;
    std::string hosts;
    for (const auto& host : url->hosts) {
      hosts += (hosts.empty() ? "" : " ") + host.name + ":" + std::to_string(host.port) + (host.here ? " (here)" : "");
      EXPECT_EQ(host.socket(), c.text.starts_with("postgresql:///")) << c.text;
    }
    EXPECT_EQ(hosts, c.hosts) << c.text;
    EXPECT_EQ(url->database, c.database) << c.text;
  }
}

TEST(StoreUrl, IsNothingElse) {
  std::string many = "postgresql://a";
  for (int i = 0; i < 16; ++i) many += ",a";
  for (const std::string& text : std::vector<std::string>{"postgresql:",
                                                          "postgres://db1/x",
                                                          "mysql://db1/x",
                                                          "db1/x",
                                                          "/var/lib/codedriftd/codedriftd.db",
                                                          "postgresql://",
                                                          "postgresql:///",
                                                          "postgresql:///x",
                                                          "postgresql://db1",
                                                          "postgresql://db1/",
                                                          "postgresql://db1/x/y",
                                                          "postgresql://db1/x y",
                                                          "postgresql://,db1/x",
                                                          "postgresql://db1,/x",
                                                          "postgresql://db1:/x",
                                                          "postgresql://db1:0/x",
                                                          "postgresql://db1:65536/x",
                                                          "postgresql://db1:5432:5433/x",
                                                          "postgresql://2001:db8::1/x",
                                                          "postgresql://[zz]/x",
                                                          "postgresql://-db1/x",
                                                          "postgresql://db1/run/postgresql/x",
                                                          "postgresql:///run/postgresql:0/x",
                                                          "postgresql:///run/a,/run/b/x",
                                                          "postgresql://\xc3\xa9/x",
                                                          "postgresql://db1/" + std::string(64, 'x'),
                                                          many + "/x"}) {
    EXPECT_FALSE(parse_server_url(text)) << text;
  }
  EXPECT_TRUE(parse_server_url("postgresql://db1/" + std::string(63, 'x')));
  EXPECT_TRUE(parse_server_url(many.substr(0, many.size() - 2) + "/x"));
}

TEST(StoreUrl, WithAPasswordIsRefusedAndNotRepeated) {
  const std::string key = "password_file";
  struct SecretCase {
    std::string url;
    std::string remedy;
  };
  for (const SecretCase& c :
       std::vector<SecretCase>{{"postgresql://writer:S3cretWord@db1:5432/codedriftd", key},
                               {"postgresql://writer:S3cret@Word@127.0.0.1:5432/codedriftd", key},
                               {"postgresql://writer:S3cret/Word@db1/codedriftd", key},
                               {"postgresql://writer:S3cret#Word@db1/codedriftd", key},
                               {"postgresql://writer:S3cret%ZZWord@db1/codedriftd", key},
                               {"postgresql://writer:S3cret%ZZWord", "percent-encoded"},
                               {"postgresql://writer:S3cretWord/codedriftd", "port from 1 to 65535"},
                               {"postgresql://db1/codedriftd?user=writer&password=S3cretWord", key},
                               {"postgresql://db1/codedriftd#S3cretWord", key},
                               {"host=db1 user=writer password=S3cret Word dbname=codedriftd", "without spaces"},
                               {"password=S3cretWord", "a connection string of words does not belong here"},
                               {"postgres://writer@db1/codedriftd?S3cretWord", key},
                               {"postgresql://db1,S3cret_Word:x/codedriftd", "its host no. 2"},
                               {"postgresql://db1/S3cret:Word", "the database's name"}}) {
    const auto loaded = load_store("url = \"" + c.url + "\"\nfleet = \"prod\"\n");
    ASSERT_FALSE(loaded) << c.url;
    const std::string mistakes = format_mistakes(loaded.error());
    EXPECT_TRUE(mistakes.starts_with("f:2:7: 'url' is not right: it")) << mistakes;
    EXPECT_EQ(std::count(mistakes.begin(), mistakes.end(), '\n'), 1) << mistakes;
    EXPECT_NE(mistakes.find(c.remedy), std::string::npos) << mistakes;
    for (const char* secret : {"S3cret", "Word@", "ZZ", "writer:"})
      EXPECT_EQ(mistakes.find(secret), std::string::npos) << secret << " in " << mistakes;
  }
}

TEST(StoreSettings, OfAServerAreRead) {
  const auto loaded = load_store(
      "url = \"postgresql://db1,db2/codedriftd\"\nuser = \"u\"\npassword_file = \"p\"\nreader = \"r\"\n"
      "reader_password_file = \"rp\"\ntls = \"verify-ca\"\nca_file = \"/ca\"\ncertificate = \"c\"\nkey = \"k\"\n"
      "fleet = \"prod\"\n");
  ASSERT_TRUE(loaded) << format_mistakes(loaded.error());
  const StoreSettings& s = loaded->store;
  ASSERT_TRUE(s.server);
  EXPECT_EQ(s.server->hosts.size(), 2U);
  EXPECT_EQ(s.url + " " + s.user + " " + s.password_file + " " + s.reader + " " + s.reader_password_file + " " + s.tls +
                " " + s.ca_file + " " + s.certificate + " " + s.key + " " + s.fleet,
            "postgresql://db1,db2/codedriftd u p r rp verify-ca /ca c k prod");
  EXPECT_EQ(loaded->places.at("store.password_file").text(), "f:4:17");
  EXPECT_TRUE(loaded->warnings.empty()) << format_mistakes(loaded->warnings);
}

TEST(StoreSettings, AreAFileByDefaultAndSafeOnAServer) {
  for (const char* text : {"", "url = \"\"\n"}) {
    const auto file = load_store(text);
    ASSERT_TRUE(file);
    EXPECT_FALSE(file->store.server);
    EXPECT_EQ(file->head_file(), "/var/lib/codedriftd/codedriftd.head");
  }
  const auto server = load_store("url = \"postgresql://db1/x\"\nfleet = \"prod\"\n");
  ASSERT_TRUE(server);
  EXPECT_EQ(server->store.tls, "verify-full");
  EXPECT_EQ(server->store.user, "codedriftd_writer");
  EXPECT_NE(server->head_file(), Settings().head_file()) << "a record on a server does not go on from that in the file";
}

TEST(StoreSettings, TellWhatIsWrongWithThem) {
  const std::string there = "url = \"postgresql://db1/x\"\nfleet = \"prod\"\n",
                    here = "url = \"postgresql://[::1],localhost/x\"\nfleet = \"prod\"\n",
                    socket = "url = \"postgresql:///run/postgresql/x\"\nfleet = \"prod\"\n";
  struct MistakeCase {
    std::string keys;
    std::string expected;  ///< the beginning of the only mistake; "": there is none
    std::string warning = "";
  };
  for (const MistakeCase& c : std::vector<MistakeCase>{
           {"url = 1\n", "f:2:7: 'url' is an integer; it must be a URL in quotes"},
           {"url = \"postgresql://db1/x\"\n", "f:2:7: 'url' without 'fleet': name what all daemons"},
           {there.substr(0, there.find("fleet")) + "fleet = \"a b\"\n",
            "f:3:9: 'fleet' is \"a b\": it must be 1 to 64 letters"},
           {there + "user = \"\"\n", "f:4:8: 'user' is \"\": it must be 1 to 63 bytes"},
           {there + "password = \"S3cretWord\"\n",
            "f:4:1: unknown key 'password'; secrets never stand in the configuration: name the file that holds the "
            "password with password_file\n"},
           {there + "password_file = \"\"\n", "f:4:17: 'password_file' is \"\": it must be a path"},
           {there + "reader_password_file = \"p\"\n", "f:4:24: 'reader_password_file' without 'reader'"},
           {there + "certificate = \"c\"\n", "f:4:15: 'certificate' without 'key'"},
           {there + "key = \"k\"\n", "f:4:7: 'key' without 'certificate'"},
           {there + "ca_file = \"ca.pem\"\n", "f:4:11: 'ca_file' is \"ca.pem\": it must be an absolute path"},
           {there + "tls = \"prefer\"\n",
            "f:4:7: 'tls' is \"prefer\": it must be one of \"verify-full\", \"verify-ca\", \"require\", \"disable\""},
           {there + "tls = \"allow\"\nca_file = \"/ca\"\n", "f:4:7: 'tls' is \"allow\": it must be one of"},
           {there + "tls = \"disable\"\n",
            "f:4:7: 'tls' is \"disable\", and \"db1\" is another machine: the record would cross the network in plain "
            "text; leave it out"},
           {"url = \"postgresql://localhost,db2/x\"\nfleet = \"prod\"\ntls = \"disable\"\n",
            "f:4:7: 'tls' is \"disable\", and \"db2\" is another machine"},
           {here + "tls = \"disable\"\n", "",
            "f:4:7: 'tls' is \"disable\": everybody who may listen on this machine's"},
           {here + "tls = \"disable\"\nca_file = \"/ca\"\n",
            "f:5:11: 'ca_file' means nothing with tls = \"disable\"; remove one of the two"},
           {there + "tls = \"require\"\n", "", "f:4:7: 'tls' is \"require\": what is sent is encrypted, but nobody"},
           {there + "tls = \"require\"\nca_file = \"/ca\"\n", ""},
           {socket, ""},
           {socket + "tls = \"disable\"\n", ""},
           {socket + "tls = \"verify-full\"\n", "f:4:7: 'tls' means nothing where 'url' names a Unix socket"},
           {socket + "ca_file = \"/ca\"\n", "f:4:11: 'ca_file' means nothing where 'url' names a Unix socket"},
           {there + "[packages]\nkeep = \"files\"\n",
            "f:5:8: 'keep' is \"files\", which keeps packages in state_dir of this host alone"},
           {there + "[packages]\nkeep = \"manifest\"\n", ""},
           {there + "[packages]\nmax_files = 100\n", ""},
           {"url = \"\"\n[packages]\nkeep = \"files\"\n", ""},
           {"fleet = \"prod\"\n", "f:2:9: 'fleet' means nothing without 'url', as the record is the file in state_dir"},
           {"url = \"\"\npassword_file = \"p\"\n", "f:3:17: 'password_file' means nothing without 'url'"}}) {
    const auto loaded = load_store(c.keys);
    const std::string mistakes = loaded ? "" : format_mistakes(loaded.error());
    EXPECT_EQ(mistakes.empty(), c.expected.empty()) << c.keys << mistakes;
    EXPECT_TRUE(mistakes.starts_with(c.expected)) << c.keys << mistakes;
    EXPECT_LE(std::count(mistakes.begin(), mistakes.end(), '\n'), 1) << c.keys << mistakes;
    EXPECT_EQ(mistakes.find("S3cret"), std::string::npos) << mistakes;
    if (!loaded) continue;
    const std::string warnings = format_mistakes(loaded->warnings);
    EXPECT_EQ(warnings.empty(), c.warning.empty()) << c.keys << warnings;
    EXPECT_TRUE(warnings.starts_with(c.warning)) << c.keys << warnings;
  }
}

}  // namespace
}  // namespace codedriftd
