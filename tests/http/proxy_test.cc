#include "http/proxy.h"

#include <gtest/gtest.h>

#include <map>

namespace codedriftd::test {
namespace {

using Variables = std::map<std::string, std::string>;

ProxySettings settings(const Variables& variables) {
  return ProxySettings([&](const char* name) -> const char* {
    const auto found = variables.find(name);
    return found == variables.end() ? nullptr : found->second.c_str();
  });
}

/// Where `url` is asked: "direct", a proxy's URL, or "unreadable".
std::string way(const Variables& variables, const char* url) {
  const ProxySettings proxies = settings(variables);
  const auto proxy = proxies.proxy_for(*parse_url(url));
  if (!proxy) return "unreadable";
  return *proxy == nullptr ? "direct" : (*proxy)->url;
}

TEST(Proxies, AreTakenFromTheVariablesThatOthersReadToo) {
  EXPECT_EQ(way({}, "https://scf.example"), "direct");
  EXPECT_EQ(way({{"https_proxy", "http://p.example:3128"}}, "https://scf.example"), "http://p.example:3128");
  EXPECT_EQ(way({{"HTTPS_PROXY", "p.example"}}, "https://scf.example"), "http://p.example:1080");
  EXPECT_EQ(way({{"https_proxy", "a.example:1"}, {"HTTPS_PROXY", "b.example:1"}}, "https://scf.example"),
            "http://a.example:1");
  EXPECT_EQ(way({{"https_proxy", ""}, {"all_proxy", "https://a.example/"}}, "https://scf.example"),
            "https://a.example:443");
  EXPECT_EQ(way({{"ALL_PROXY", "socks5://[2001:db8::1]:1080"}}, "https://scf.example"), "socks5h://[2001:db8::1]:1080");
  EXPECT_EQ(way({{"HTTP_PROXY", "p.example:3128"}}, "http://scf.example"), "direct") << "a web server's own variable";
  EXPECT_EQ(way({{"http_proxy", "p.example:3128"}}, "https://scf.example"), "direct");
  EXPECT_EQ(way({{"https_proxy", "p.example:3128"}}, "https://127.0.0.1"), "direct") << "this machine";
}

TEST(Proxies, TakeAUserAndAPasswordApartFromWhatMayBeShown) {
  const ProxySettings proxies = settings({{"https_proxy", "http://bob:S3cret%2FPass@p.example:3128/"}});
  const auto proxy = proxies.proxy_for(*parse_url("https://scf.example"));
  ASSERT_TRUE(proxy);
  EXPECT_EQ((*proxy)->url, "http://p.example:3128");
  EXPECT_EQ((*proxy)->host, "p.example");
  EXPECT_EQ((*proxy)->port, 3128);
  EXPECT_EQ((*proxy)->user, "bob");
  EXPECT_EQ((*proxy)->password.reveal(), "S3cret%2FPass");
  EXPECT_TRUE(proxies.problems().empty());
}

TEST(Proxies, ThatCannotBeReadAreNamedByTheirVariableAlone) {
  for (const char* value :
       {"http://bob:S3cret/Pass@10.9.8.8:3128", "http://bob:S3cret@Pass@10.9.8.8:3128", "bob:S3cret#Pass@10.9.8.8:3128",
        "http://bob:S3cret?Pass@10.9.8.8:3128", "http://bob:S3cret Pass@10.9.8.8:3128",
        "gopher://bob:S3cretPass@10.9.8.8:3128", "http://bob:S3cretPass@10.9.8.8:99999",
        "http://bob:S3cretPass@10.9.8.8:3128/path", "http://bob:S3cret%Pass@10.9.8.8:3128",
        "http://bob:S3cret%0APass@10.9.8.8:3128", "http://bob:S3cretPass@", "http://bob:S3cretPass@:3128"}) {
    const ProxySettings proxies = settings({{"HTTPS_PROXY", value}});
    const auto proxy = proxies.proxy_for(*parse_url("https://scf.example"));
    ASSERT_FALSE(proxy) << value;
    const std::string said = proxy.error().message;
    EXPECT_EQ(said, "the environment's HTTPS_PROXY cannot be read as a proxy");
    ASSERT_EQ(proxies.problems().size(), 1U);
    const std::string reason = proxies.problems().front();
    EXPECT_TRUE(reason.starts_with(said + ": ")) << reason;
    for (const char* part : {"bob", "S3cret", "10.9.8.8"}) EXPECT_EQ(reason.find(part), std::string::npos) << reason;
    EXPECT_TRUE(proxies.proxy_for(*parse_url("http://127.0.0.1"))) << "what needs no proxy goes on";
  }
}

TEST(Proxies, AreNotAskedForWhatNoProxyNames) {
  const auto direct = [](const char* list, const char* url) {
    return way({{"https_proxy", "p.example:3128"}, {"NO_PROXY", list}}, url) == "direct";
  };
  EXPECT_TRUE(direct("*", "https://scf.example"));
  for (const char* list : {"*.test", ".test", "test", "a.example, *.TEST", "slow.test.", "x slow.test"}) {
    EXPECT_TRUE(direct(list, "https://slow.test")) << list;
  }
  for (const char* list : {"*.est", "low.test", "slow.tes", "*.slow.test.example", "", ".", "*."}) {
    EXPECT_FALSE(direct(list, "https://slow.test")) << list;
  }
  EXPECT_TRUE(direct("10.9.8.8", "https://10.9.8.8"));
  EXPECT_TRUE(direct("10.0.0.0/8", "https://10.9.8.8:8443"));
  EXPECT_FALSE(direct("10.0.0.0/16", "https://10.9.8.8"));
  EXPECT_FALSE(direct("10.0.0.0/40", "https://10.9.8.8"));
  EXPECT_FALSE(direct("8.8", "https://10.9.8.8")) << "the end of an address is no name's";
  EXPECT_TRUE(direct("2001:db8::/32", "https://[2001:db8::1]"));
  EXPECT_TRUE(direct("[2001:db8::1]", "https://[2001:db8::1]"));
  EXPECT_FALSE(direct("2001:db8::/32", "https://[2001:db9::1]"));
}

}  // namespace
}  // namespace codedriftd::test
