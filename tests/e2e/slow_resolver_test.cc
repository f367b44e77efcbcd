/// Name resolution that takes its time holds up nobody else, and no stop.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "e2e/daemon.h"
#include "support/program.h"

namespace codedriftd::test {
namespace {

/// Polled every second. On a busy machine that may be late, but whoever waits for the resolver is twenty seconds late.
constexpr Millis kOnTime{10'000};

TEST(SlowResolver, OtherAccountsArePolledOnTimeAndTheStopDoesNotWaitForIt) {
  DaemonOptions options;
  options.cloud.keep_requests = 100'000;
  Daemon daemon(options);
  const std::string asked = daemon.dir() / "asked";
  daemon.env["LD_PRELOAD"] = std::string(CODEDRIFTD_BINARY_DIR) + "/tests/e2e/slow_resolver.so";
  daemon.env["SLOW_RESOLVER_LOG"] = asked;
  // Two accounts whose names are never found, and one that has to ask the resolver as well, but not for long.
  for (const char* name : {"slow", "slower"}) {
    daemon.config.more += fmt::format(
        "[account.{0}]\nendpoint = \"https://{0}.test\"\ntimeout = \"2s\"\n[account.{0}.credentials]\nsource = "
        "\"env\"\n"
        "[[function]]\nnames = [\"a\", \"b\", \"c\", \"d\", \"e\", \"f\"]\naccount = \"{0}\"\n",
        name);
  }
  daemon.config.more += fmt::format(
      "[account.near]\nendpoint = \"http://localhost:{}\"\n[account.near.credentials]\nsource = \"env\"\n[[function]]\n"
      "name = \"near\"\naccount = \"near\"\n",
      daemon.cloud().port());
  daemon.deploy("near", "reviewed");
#ifdef CODEDRIFTD_SANITIZED
  daemon.env["ASAN_OPTIONS"] = "verify_asan_link_order=0";
#endif
  daemon.start();
  if (!eventually([&] { return std::filesystem::exists(asked); })) {
#ifdef CODEDRIFTD_SANITIZED
    GTEST_SKIP() << "SKIPPED: the sanitizer's own getaddrinfo keeps the preloaded one out; the other builds run this";
#else
    FAIL() << "the preloaded resolver was never asked\n" << daemon.log();
#endif
  }
  const auto failures = [&] { return daemon.rows({"status", "--account", "slow*"}).at(0).at("consecutive_failures"); };
  ASSERT_TRUE(eventually([&] { return failures() >= 2; }, Millis{60'000})) << daemon.log();
  EXPECT_EQ(daemon.rows({"status", "--account", "slow"}).at(0).at("last_error").at("code"), "Client.Timeout");
  for (const char* name : {"charge", "near"}) {
    std::optional<MonoTime> last;
    for (const ScfRequest& request : daemon.cloud().requests()) {
      if (request.target != Daemon::key(name)) continue;
      EXPECT_LT(request.arrived - last.value_or(request.arrived), kOnTime) << name;
      last = request.arrived;
    }
    ASSERT_TRUE(last) << name;
    EXPECT_LT(SystemClock{}.mono() - *last, kOnTime) << name;
  }
  const MonoTime before = SystemClock{}.mono();
  EXPECT_EQ(daemon.stop(), (ExitStatus{0, 0}));
  EXPECT_LT(SystemClock{}.mono() - before, std::chrono::seconds(5));
}

}  // namespace
}  // namespace codedriftd::test
