#include "base/url.h"

#include <gtest/gtest.h>

#include <string>

namespace codedriftd::test {
namespace {

TEST(ParseUrl, TellsHostAuthorityAndLoopback) {
  struct Case {
    const char* text;
    bool https, loopback;
    const char *host, *authority, *origin;
  };
  for (const Case& c : {
           Case{"https://scf.example/", true, false, "scf.example", "scf.example", "https://scf.example"},
           Case{"HTTPS://SCF.Example:8443?q=1", true, false, "scf.example", "SCF.Example:8443",
                "https://scf.example:8443"},
           Case{"http://127.0.0.1:80/x#f", false, true, "127.0.0.1", "127.0.0.1:80", "http://127.0.0.1:80"},
           Case{"http://127.255.0.9", false, true, "127.255.0.9", "127.255.0.9", "http://127.255.0.9"},
           Case{"http://[::1]:9", false, true, "::1", "[::1]:9", "http://[::1]:9"},
           Case{"http://[0:0:0:0:0:0:0:1]", false, true, "0:0:0:0:0:0:0:1", "[0:0:0:0:0:0:0:1]",
                "http://[0:0:0:0:0:0:0:1]"},
           Case{"http://LocalHost", false, true, "localhost", "LocalHost", "http://localhost"},
           Case{"http://128.0.0.1", false, false, "128.0.0.1", "128.0.0.1", "http://128.0.0.1"},
           Case{"http://127.1", false, false, "127.1", "127.1", "http://127.1"},
           Case{"http://0x7f.0.0.1", false, false, "0x7f.0.0.1", "0x7f.0.0.1", "http://0x7f.0.0.1"},
           Case{"http://127.0.0.1.evil.example", false, false, "127.0.0.1.evil.example", "127.0.0.1.evil.example",
                "http://127.0.0.1.evil.example"},
           Case{"http://localhost.evil.example", false, false, "localhost.evil.example", "localhost.evil.example",
                "http://localhost.evil.example"},
           Case{"http://[::ffff:127.0.0.1]", false, false, "::ffff:127.0.0.1", "[::ffff:127.0.0.1]",
                "http://[::ffff:127.0.0.1]"},
           Case{"http://[::]", false, false, "::", "[::]", "http://[::]"},
           Case{"http://0.0.0.0", false, false, "0.0.0.0", "0.0.0.0", "http://0.0.0.0"},
       }) {
    SCOPED_TRACE(c.text);
    const Result<Url> url = parse_url(c.text);
    ASSERT_TRUE(url) << url.error().message;
    EXPECT_EQ(url->https, c.https);
    EXPECT_EQ(url->loopback, c.loopback);
    EXPECT_EQ(url->host, c.host);
    EXPECT_EQ(url->authority, c.authority);
    EXPECT_EQ(url->origin, c.origin);
    EXPECT_EQ(check_transport(*url, false).ok(), c.https || c.loopback);
    EXPECT_TRUE(check_transport(*url, true));
  }
}

TEST(ParseUrl, RefusesWhatTwoReadersCouldReadDifferently) {
  for (const std::string text : {
           "",
           "scf.example",
           "//scf.example",
           "ftp://scf.example",
           "file:///etc/passwd",
           "https:/scf.example",
           "https://",
           "https:///path",
           "https://user@scf.example",
           "https://user:pw@scf.example",
           "https://a@b@scf.example",
           "http://127.0.0.1@scf.example",
           "https://scf.example\\@evil.example",
           "https://scf.example\\.evil.example",
           "https://scf.example/\\evil.example",  // browsers read it as one more slash
           "https://scf.example?to=\\evil.example",
           "https://scf.example:",
           "https://scf.example:0",
           "https://scf.example:65536",
           "https://scf.example:80x",
           "https://scf.example:-1",
           "https://a:b:1",
           "https://[::1",
           "https://[::1]x",
           "https://[::g]",
           "https://[fe80::1%25eth0]",
           "https://scf example",
           "https://scf.example/ a",
           "https://scf.example/\r\nX: y",
           "https://scf.example/\n",
           "https://scf%2eexample",
           "https://sc\xc3\xa9.example",
           "https://scf.example/\x7f",
           " https://scf.example",
           "https://*.example",
       }) {
    const Result<Url> url = parse_url(text);
    EXPECT_FALSE(url) << text;
    if (url) continue;
    EXPECT_EQ(url.error().message.find("evil"), std::string::npos) << "the URL must not be repeated";
  }
  EXPECT_FALSE(parse_url(std::string_view("https://scf.example/\0", 21)));
}

TEST(ParseUrl, TellsThePortAndWhetherTheHostIsAnAddress) {
  EXPECT_EQ(parse_url("https://scf.example/")->port, 443);
  EXPECT_EQ(parse_url("http://scf.example/")->port, 80);
  EXPECT_EQ(parse_url("https://scf.example:8443")->port, 8443);
  EXPECT_FALSE(parse_url("https://scf.example")->address);
  EXPECT_TRUE(parse_url("https://10.0.0.1")->address);
  EXPECT_TRUE(parse_url("https://[2001:db8::1]")->address);
}

TEST(UserInformation, IsCutOutUpToTheLastAt) {
  struct Case {
    const char *text, *shown;
  };
  for (const Case& c : {
           Case{"no proxy here", "no proxy here"},
           Case{"http://bob:S3cret@10.9.8.8:3128", "http://***@10.9.8.8:3128"},
           Case{"Unsupported proxy syntax in 'http://bob:S3cret/Pass@10.9.8.8:3128'",
                "Unsupported proxy syntax in 'http://***@10.9.8.8:3128'"},
           Case{"in 'http://bob:S3@cret?#'/ Pass@10.9.8.8:3128': bad", "in 'http://***@10.9.8.8:3128': bad"},
           Case{"in 'bob:S3cret@10.9.8.8': bad", "in '***@10.9.8.8': bad"},
           Case{"bob:S3 cret@10.9.8.8", "***@10.9.8.8"},
           Case{"ftp://bob:http://S3cret@10.9.8.8", "ftp://***@10.9.8.8"},
       }) {
    EXPECT_EQ(without_user_information(c.text), c.shown);
  }
}

}  // namespace
}  // namespace codedriftd::test
