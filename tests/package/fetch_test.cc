#include "package/fetch.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "support/process_memory.h"
#include "support/raw_server.h"
#include "support/simulated_scf.h"
#include "support/temp_dir.h"
#include "support/test_ca.h"

namespace codedriftd::test {
namespace {

const std::string kFetched = "ap-guangzhou/default/charge:$LATEST";

std::string read_all(int fd) {
  std::string text;
  char piece[4096];
  for (ssize_t got = 0; (got = ::read(fd, piece, sizeof piece)) > 0;) text.append(piece, static_cast<std::size_t>(got));
  return text;
}

/// A fetcher before the simulated cloud, with a folder of its own.
class FetchTest : public testing::Test {
 protected:
  FetchTest() {
    rules.folder = dir.path().string();
    rules.deadline = Millis{5'000};
    rules.max_package = 1'000'000;
  }
  ~FetchTest() override { EXPECT_TRUE(std::filesystem::is_empty(dir.path())) << "no file is left behind"; }

  Secret link() {
    auto text = cloud.sign_link(kFetched);
    EXPECT_TRUE(text);
    return Secret(text.value_or(""));
  }
  Result<FetchedPackage, FetchFailure> fetch() { return fetcher.fetch(link(), rules); }
  FetchFailure failure_of(const Secret& url, int cancel_fd = -1) {
    const auto fetched = fetcher.fetch(url, rules, cancel_fd);
    if (fetched) ADD_FAILURE() << "it was fetched";
    if (fetched) return {};
    const FetchFailure failure = fetched.error();
    EXPECT_FALSE(failure.why.empty());
    for (const std::string_view part : {kUrlSecret, std::string_view("q-sign"), std::string_view("_LATEST.zip")})
      EXPECT_EQ(failure.why.find(part), std::string::npos) << failure.why;
    return failure;
  }

  TempDir dir;
  SimulatedScf cloud;
  FetchRules rules;
  PackageFetcher fetcher;
};

TEST_F(FetchTest, BringsThePackageAndItsHashIntoAFileWithoutAName) {
  cloud.deploy(kFetched, {{"index.py", "print('hello')\n"}, {"lib/data.bin", std::string(200'000, '\0')}});
  auto fetched = fetch();
  ASSERT_TRUE(fetched) << fetched.error().why;
  EXPECT_EQ(fetched->sha256.hex(), cloud.code_sha256(kFetched));
  EXPECT_EQ(fetched->bytes, cloud.package(kFetched).size());
  EXPECT_TRUE(read_all(fetched->file.get()) == cloud.package(kFetched)) << "it stands at its beginning";
  EXPECT_TRUE(std::filesystem::is_empty(dir.path()));
  EXPECT_EQ(::fcntl(fetched->file.get(), F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
}

TEST_F(FetchTest, BringsWhatIsThereNowThoughTheLinkIsOlder) {
  cloud.deploy(kFetched, {{"index.py", "old"}});
  const Secret older = link();
  const std::string before = cloud.code_sha256(kFetched);
  cloud.deploy(kFetched, {{"index.py", "new"}});
  const auto fetched = fetcher.fetch(older, rules);
  ASSERT_TRUE(fetched);
  EXPECT_NE(fetched->sha256.hex(), before);
  EXPECT_EQ(fetched->sha256.hex(), cloud.code_sha256(kFetched));
}

TEST_F(FetchTest, SaysWhatIsWrongWithADownload) {
  struct Case {
    PackageFault fault;
    const char* why;  ///< stands in it
    bool link_refused;
  };
  cloud.deploy(kFetched, {{"index.py", std::string(10'000, 'x')}});
  for (const Case& c : {Case{PackageFault::slow, "no whole answer within the deadline", false},
                        Case{PackageFault::silent, "no whole answer within the deadline", false},
                        Case{PackageFault::endless, "larger than max_package (1000000 bytes)", false},
                        Case{PackageFault::huge_length, "larger than max_package (1000000 bytes)", false},
                        Case{PackageFault::truncated, "closed with ", false},
                        Case{PackageFault::redirect, "leads elsewhere (HTTP 302)", false},
                        Case{PackageFault::refused, "the link was refused or has expired (HTTP 403)", true},
                        Case{PackageFault::failing, "the answer was HTTP 503", false}}) {
    cloud.set_package_fault(kFetched, c.fault, 1);
    const bool waits = c.fault == PackageFault::slow || c.fault == PackageFault::silent;
    rules.deadline = waits ? Millis{300} : Millis{5'000};
    const FetchFailure failure = failure_of(link());
    EXPECT_NE(failure.why.find(c.why), std::string::npos) << failure.why;
    EXPECT_TRUE(failure.why.starts_with(cloud.endpoint() + ": ")) << failure.why;
    EXPECT_EQ(failure.link_refused, c.link_refused) << failure.why;
    EXPECT_FALSE(failure.cancelled);
  }
  rules.deadline = Millis{60'000};
  rules.stalled_after = Millis{1'000};
  for (const PackageFault fault : {PackageFault::slow, PackageFault::silent}) {
    cloud.set_package_fault(kFetched, fault, 1);
    const FetchFailure failure = failure_of(link());
    EXPECT_NE(failure.why.find("hardly anything came"), std::string::npos) << failure.why;
  }
  EXPECT_TRUE(fetch()) << "the fetcher is usable after all that";
  EXPECT_EQ(cloud.statistics().by_answer.count("404"), 0U) << "the redirect was not followed";
}

TEST_F(FetchTest, OtherBytesAreNoFailureButAnotherHash) {
  cloud.deploy(kFetched, {{"index.py", "x"}});
  cloud.set_package_fault(kFetched, PackageFault::wrong_bytes, 1);
  const auto fetched = fetch();
  ASSERT_TRUE(fetched);
  EXPECT_NE(fetched->sha256.hex(), cloud.code_sha256(kFetched));
}

TEST_F(FetchTest, ALinkThatExpiredIsARefusedOne) {
  cloud.deploy(kFetched, {{"index.py", "x"}});
  cloud.set_link_lifetime(std::chrono::seconds(60));
  const Secret older = link();
  EXPECT_TRUE(fetcher.fetch(older, rules));
  cloud.set_clock_offset(std::chrono::seconds(62));
  EXPECT_TRUE(failure_of(older).link_refused);
  EXPECT_TRUE(fetch()) << "a fresh one is good";
}

TEST_F(FetchTest, ALinkToWhatIsGoneIsARefusedOne) {
  cloud.deploy(kFetched, {{"index.py", "x"}});
  const Secret older = link();
  cloud.remove(kFetched);
  const FetchFailure failure = failure_of(older);
  EXPECT_TRUE(failure.link_refused);
  EXPECT_NE(failure.why.find("(HTTP 404)"), std::string::npos) << failure.why;
}

TEST_F(FetchTest, ABadLinkIsNeverCalled) {
  cloud.deploy(kFetched, {{"index.py", "x"}});
  cloud.set_package_fault(kFetched, PackageFault::other_host, 1);
  const FetchFailure other = failure_of(link());
  EXPECT_NE(other.why.find("packages.evil.example: packages may not come from this host"), std::string::npos)
      << other.why;
  EXPECT_FALSE(other.link_refused);
  cloud.set_package_fault(kFetched, PackageFault::plain_http, 1);
  const FetchFailure plain = failure_of(link());
  EXPECT_NE(plain.why.find("lambdacode-1253970226.cosgz.myqcloud.com: the link is not https"), std::string::npos)
      << plain.why;
  EXPECT_NE(failure_of(Secret()).why.find("no link"), std::string::npos);
}

TEST_F(FetchTest, ThePackageOfExactlyTheCapIsTaken) {
  cloud.deploy_zip(kFetched, std::string(rules.max_package, 'z'));
  const auto fetched = fetch();
  ASSERT_TRUE(fetched) << fetched.error().why;
  EXPECT_EQ(fetched->bytes, rules.max_package);
  cloud.deploy_zip(kFetched, std::string(rules.max_package + 1, 'z'));
  EXPECT_NE(failure_of(link()).why.find("larger than max_package"), std::string::npos);
}

TEST_F(FetchTest, AnEmptyAnswerIsNoPackage) {
  cloud.deploy_zip(kFetched, "");
  EXPECT_NE(failure_of(link()).why.find("the answer was empty"), std::string::npos);
}

TEST_F(FetchTest, ALengthThatIsTooSmallCutsThePackage) {
  RawServer server(0, std::nullopt, [](Connection& connection) {
    if (connection.read_request()) connection.send("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nwhole package");
  });
  const auto fetched = fetcher.fetch(Secret(fmt::format("http://127.0.0.1:{}/f.zip?s=1", server.port())), rules);
  ASSERT_TRUE(fetched);
  EXPECT_EQ(fetched->bytes, 3U);
  EXPECT_EQ(fetched->sha256, sha256("who"));
}

TEST_F(FetchTest, ARefusalOfAnyLengthIsARefusal) {
  RawServer server(0, std::nullopt, [](Connection& connection) {
    if (connection.read_request())
      connection.send("HTTP/1.1 403 Forbidden\r\nConnection: close\r\n\r\n" + std::string(200'000, 'x'));
  });
  EXPECT_TRUE(failure_of(Secret(fmt::format("http://127.0.0.1:{}/f.zip?s=1", server.port()))).link_refused);
}

TEST_F(FetchTest, EndsAtOnceWhenToldTo) {
  cloud.deploy(kFetched, {{"index.py", std::string(10'000, 'x')}});
  cloud.set_package_fault(kFetched, PackageFault::slow, 1);
  rules.deadline = Millis{60'000};
  const UniqueFd stop(::eventfd(0, EFD_CLOEXEC));
  std::thread other([&] {
    while (cloud.statistics().packages.most_at_once == 0) std::this_thread::yield();
    ::eventfd_write(stop.get(), 1);
  });
  const FetchFailure failure = failure_of(link(), stop.get());
  other.join();
  EXPECT_TRUE(failure.cancelled);
  EXPECT_FALSE(failure.link_refused);
}

TEST_F(FetchTest, FetchesOverTlsFromWhoHasTheCasCertificate) {
  const TempDir keys;
  TestCa ca(keys.path().string());
  ScfOptions options;
  options.tls = ca.server();
  SimulatedScf over_tls(options);
  over_tls.deploy(kFetched, {{"index.py", std::string(100'000, 'x')}});
  const Secret url(over_tls.sign_link(kFetched).value());
  EXPECT_TRUE(url.reveal().starts_with("https://"));
  EXPECT_NE(failure_of(url).why.find("certificate"), std::string::npos);
  rules.ca_file = ca.certificate_file();
  const auto fetched = fetcher.fetch(url, rules);
  ASSERT_TRUE(fetched) << fetched.error().why;
  EXPECT_EQ(fetched->sha256.hex(), over_tls.code_sha256(kFetched));
}

TEST_F(FetchTest, SaysWhenThereIsNoPlaceForTheFile) {
  cloud.deploy(kFetched, {{"index.py", "x"}});
  rules.folder = dir / "no-such-folder";
  const FetchFailure failure = failure_of(link());
  EXPECT_NE(failure.why.find(rules.folder + ": No such file or directory"), std::string::npos) << failure.why;
  EXPECT_EQ(cloud.statistics().packages.sent, 0U) << "nothing was asked for";
}

TEST_F(FetchTest, SaysWhenTheDiskTakesNoMore) {
  cloud.deploy_zip(kFetched, std::string(500'000, 'z'));
  rlimit before{};
  ::getrlimit(RLIMIT_FSIZE, &before);
  const auto handler = ::signal(SIGXFSZ, SIG_IGN);
  const rlimit small{100'000, before.rlim_max};
  ::setrlimit(RLIMIT_FSIZE, &small);
  const FetchFailure failure = failure_of(link());
  ::setrlimit(RLIMIT_FSIZE, &before);
  ::signal(SIGXFSZ, handler);
  EXPECT_NE(failure.why.find("cannot be written to a file in " + rules.folder + ": File too large"), std::string::npos)
      << failure.why;
  EXPECT_FALSE(failure.cancelled);
  EXPECT_TRUE(fetch());
}

TEST(CheckLink, AllowsHttpsToListedHostsAndNothingElse) {
  struct Case {
    const char* link;
    const char* error;  ///< stands in it; empty: allowed
  };
  const std::vector<std::string> hosts{".myqcloud.com", "mirror.example.com", ".Shop.Example"};
  for (const Case& c : {
           Case{"https://a.cos.ap-guangzhou.myqcloud.com/x?sign=1", ""},
           Case{"https://a.myqcloud.com/x", ""},
           Case{"https://A.MyQcloud.COM/x", ""},
           Case{"https://a.myqcloud.com:443/x", ""},
           Case{"https://mirror.example.com/x", ""},
           Case{"https://a.shop.example/x", ""},
           Case{"http://127.0.0.1:8080/x", ""},
           Case{"http://localhost:8080/x", ""},
           Case{"http://[::1]:8080/x", ""},
           Case{"https://myqcloud.com/x", "may not come from this host"},
           Case{"https://evilmyqcloud.com/x", "may not come from this host"},
           Case{"https://a.myqcloud.com.evil.example/x", "may not come from this host"},
           Case{"https://evil.example/a.myqcloud.com", "may not come from this host"},
           Case{"https://evil.example?.myqcloud.com", "may not come from this host"},
           Case{"https://evil.example#.myqcloud.com", "may not come from this host"},
           Case{"https://a.myqcloud.com./x", "may not come from this host"},
           Case{"https://a..myqcloud.com/x", "may not come from this host"},
           Case{"https://.myqcloud.com/x", "the link cannot be used"},
           Case{"https://sub.mirror.example.com/x", "may not come from this host"},
           Case{"https://a.myqcloud.com:8443/x", "port is 8443"},
           Case{"http://a.myqcloud.com/x", "not https"},
           Case{"ftp://a.myqcloud.com/x", "the link cannot be used"},
           Case{"file:///etc/passwd", "the link cannot be used"},
           Case{"https://me:pass@a.myqcloud.com/x", "the link cannot be used"},
           Case{"https://a.myqcloud.com@evil.example/x", "the link cannot be used"},
           Case{"https://evil.example\\.myqcloud.com/x", "the link cannot be used"},
           Case{"https://evil.example%2f.myqcloud.com/x", "the link cannot be used"},
           Case{"https://a.myqcloud.com\r\nHost: x", "the link cannot be used"},
           Case{"https://169.254.0.23/x", "address"},
           Case{"https://[fe80::1]/x", "address"},
           Case{"https://2130706433/x", "may not come from this host"},
           Case{"https://0x7f.1/x", "may not come from this host"},
           Case{"", "the link cannot be used"},
       }) {
    const Checked checked = check_link(c.link, hosts);
    if (*c.error == '\0') {
      EXPECT_TRUE(checked) << c.link;
    } else {
      ASSERT_FALSE(checked) << c.link;
      EXPECT_NE(checked.error().message.find(c.error), std::string::npos) << checked.error().message;
    }
  }
  EXPECT_FALSE(check_link("https://a.myqcloud.com/x", {}));
  EXPECT_FALSE(check_link("https://a.myqcloud.com/x", {"."}));
  EXPECT_FALSE(check_link("https://a.myqcloud.com/x", {""}));
  EXPECT_FALSE(check_link("https://169.254.0.23/x", {"169.254.0.23"})) << "an address is no name";
}

#ifndef CODEDRIFTD_SANITIZED  // a sanitizer maps terabytes, and keeps copies of its own
/// Fetches by each link that comes through a pipe, and says after each how it ended. Never returns.
[[noreturn]] void fetch_for_ever(int links, int outcomes, const FetchRules& rules) {
  PackageFetcher fetcher;
  for (;;) {
    std::string text(1'000, '\0');
    const ssize_t got = ::read(links, text.data(), text.size());
    if (got <= 0) ::_exit(0);
    text.resize(static_cast<std::size_t>(got));
    const auto fetched = fetcher.fetch(Secret(std::move(text)), rules);
    const char outcome = fetched ? 'f' : fetched.error().link_refused ? 'r' : 'x';
    if (::write(outcomes, &outcome, 1) != 1) ::_exit(1);
  }
}

// Looked for in a child, because the server here has the link as well.
TEST(FetchSecrecy, NothingOfTheLinkStaysInMemoryOnceTheFetchHasEnded) {
  const std::string target = "ap-guangzhou/default/secrecy:$LATEST";
  const TempDir dir;
  TestCa ca(dir.path().string());
  ScfOptions options;
  options.tls = ca.server();
  FetchRules rules;
  rules.folder = dir.path().string();
  rules.max_package = 1'000'000;
  rules.ca_file = ca.certificate_file();
  int links[2];
  int outcomes[2];
  ASSERT_EQ(::pipe(links) + ::pipe(outcomes), 0);
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    ::close(links[1]);
    ::close(outcomes[0]);
    fetch_for_ever(links[0], outcomes[1], rules);
  }
  ::close(links[0]);
  ::close(outcomes[1]);
  {
    SimulatedScf over_tls(options);
    SimulatedScf plain;
    std::chrono::seconds offset{1'000'000};
    for (SimulatedScf* cloud : {&plain, &over_tls}) {
      cloud->deploy(target, {{"index.py", std::string(100'000, 'x')}});
      for (const auto& [fault, outcome] :
           {std::pair(PackageFault::none, 'f'), std::pair(PackageFault::none, 'f'),  // over the first one's connection
            std::pair(PackageFault::refused, 'r'), std::pair(PackageFault::truncated, 'x'),
            std::pair(PackageFault::redirect, 'x'), std::pair(PackageFault::none, 'f')}) {
        cloud->set_package_fault(target, fault, 1);
        cloud->set_clock_offset(offset += std::chrono::seconds(10));  // no two links are the same
        const std::string url = cloud->sign_link(target).value();
        ASSERT_EQ(::write(links[1], url.data(), url.size()), static_cast<ssize_t>(url.size()));
        char ended = 0;
        ASSERT_EQ(::read(outcomes[0], &ended, 1), 1);
        EXPECT_EQ(ended, outcome);
        // kUrlSecret itself is a constant of this program.
        const std::string signature = url.substr(url.find(kUrlSecret) + kUrlSecret.size());
        const std::string key_time = url.substr(url.find("q-key-time="), 22);
        EXPECT_EQ(places_in_memory(child, signature), std::vector<std::string>{}) << url;
        EXPECT_EQ(places_in_memory(child, key_time), std::vector<std::string>{}) << url;
      }
    }
  }
  ::close(links[1]);
  ::close(outcomes[0]);
  int status = 0;
  ::waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
}
#endif

}  // namespace
}  // namespace codedriftd::test
