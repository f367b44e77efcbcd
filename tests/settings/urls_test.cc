#include "settings/urls.h"

#include <gtest/gtest.h>

#include "settings/rules.h"

namespace codedriftd {
namespace {

TEST(Endpoints, AreHttpsOrHttpToThisMachine) {
  for (const char* url :
       {"https://scf.tencentcloudapi.com", "https://scf.tencentcloudapi.com/", "https://a.example:8443",
        "http://127.0.0.1:80", "http://127.255.255.254", "http://localhost:1", "http://[::1]:8080/",
        "https://[2001:db8::1]:443", "https://10.0.0.1", "HTTPS://A.example", "https://a_b.example"}) {
    EXPECT_EQ(endpoint_problem(url), std::nullopt) << url;
  }
  for (const std::string url : {"",
                                "scf.tencentcloudapi.com",
                                "https://",
                                "https:///",
                                "https://:443",
                                "https://a.example:",
                                "https://a.example:0",
                                "https://a.example:65536",
                                "https://a.example:4x",
                                "https://a.example:1:2",
                                "https://u@a.example",
                                "https://u:p@a.example",
                                "https://a.example/path",
                                "https://a.example?q",
                                "https://a.example#f",
                                "https://a b",
                                "https://a\nb",
                                "https://[::1",
                                "https://[::1]x",
                                "https://[zz]",
                                "https://-a",
                                "https://.a",
                                "http://a.example",
                                "http://localhost.example",
                                "http://127.1",
                                "http://127.0.0.1.example",
                                "http://0.0.0.0",
                                "http://[::2]",
                                "http://localhost@a.example",
                                "ftp://localhost",
                                "https://\xc3\xa9.example"}) {
    EXPECT_NE(endpoint_problem(url), std::nullopt) << url;
  }
  EXPECT_NE(endpoint_problem(std::string("http://127.0.0.1\0.example", 26)), std::nullopt) << "a NUL ends no host";
}

TEST(Endpoints, OfTheMetadataServiceMayBeHttpAnywhere) {
  EXPECT_EQ(metadata_problem("http://metadata.tencentyun.com"), std::nullopt);
  EXPECT_NE(metadata_problem("http://metadata.tencentyun.com/latest"), std::nullopt);
}

TEST(Endpoints, KnowLoopback) {
  EXPECT_TRUE(is_loopback("http://localhost:80"));
  EXPECT_TRUE(is_loopback("https://127.0.0.1"));
  EXPECT_TRUE(is_loopback("http://[::1]"));
  EXPECT_FALSE(is_loopback("https://scf.tencentcloudapi.com"));
  EXPECT_FALSE(is_loopback("nonsense"));
}

TEST(Listen, IsAnAddressAndAPort) {
  for (const char* address : {"", "127.0.0.1:9817", "0.0.0.0:0", "[::]:65535", "[::1]:1", "localhost:80"}) {
    EXPECT_EQ(listen_problem(address), std::nullopt) << address;
  }
  for (const char* address : {":80", "127.0.0.1", "127.0.0.1:", "127.0.0.1:http", "127.0.0.1:65536", "127.0.0.1:-1",
                              "::1:80", "[::1]", "host:80", "1.2.3:80", "*:80"}) {
    EXPECT_NE(listen_problem(address), std::nullopt) << address;
  }
}

TEST(Listen, KnowsWhereOtherMachinesCanConnect) {
  for (const char* address : {"127.0.0.1:9817", "127.5.0.1:0", "[::1]:1", "localhost:80"})
    EXPECT_TRUE(listens_on_loopback(address)) << address;
  for (const char* address : {"0.0.0.0:0", "[::]:65535", "10.1.2.3:9817", "[fe80::1]:1", "128.0.0.1:80"})
    EXPECT_FALSE(listens_on_loopback(address)) << address;
}

}  // namespace
}  // namespace codedriftd
