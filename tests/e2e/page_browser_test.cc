/// The pages of a running daemon as an operator opens them, in a browser.
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <thread>

#include "e2e/daemon.h"
#include "support/npm.h"
#include "support/program.h"

namespace codedriftd::test {
namespace {

// What is looked at is the same under a sanitizer, and the browser is what takes its time.
#ifndef CODEDRIFTD_SANITIZED
constexpr const char* kMarkup = "<script>alert(1)</script>";

/// One function of each kind: charge drifts, its package with it; refund was approved; mail cannot be read; ledger is
/// gone; steady is in sync, and drifts when the browser says that it watches.
void fill(Daemon& daemon) {
  daemon.config.status_page = true;
  daemon.config.functions = {{"charge", ""}, {"refund", ""}, {"mail", ""}, {"ledger", ""}, {"steady", ""}};
  daemon.receiver().set_default({.status = 400, .body = kMarkup});
  daemon.cloud().deploy(Daemon::key("charge"), {{"index.py", "one"}, {"lib/pay.py", "RATE = 3\n"}});
  for (const char* function : {"refund", "mail", "ledger", "steady"}) daemon.deploy(function, "reviewed");
  daemon.start();
  ASSERT_TRUE(daemon.wait_for_status("steady", "in_sync")) << daemon.log();
  ASSERT_TRUE(eventually([&] { return daemon.status("charge").at("accepted_content").is_string(); })) << daemon.log();
  daemon.cloud().deploy(Daemon::key("charge"), {{"index.py", "two"}, {"<img src=x onerror=alert(1)>.py", "x"}});
  daemon.deploy("refund", "hurried");
  daemon.cloud().remove(Daemon::key("ledger"));
  daemon.cloud().set_error(Daemon::key("mail"), "InternalError", kMarkup);
  ASSERT_TRUE(daemon.wait_for_status("refund", "drifted")) << daemon.log();
  const RunResult approved =
      daemon.command({"approve", "refund", "--sha256", hash_of("hurried"), "--reason", kMarkup, "--ticket", "OPS-1"});
  ASSERT_EQ(code_of(approved), 0) << approved.err;
  ASSERT_TRUE(eventually([&] { return daemon.status("charge").at("changes").is_object(); })) << daemon.log();
  ASSERT_TRUE(daemon.wait_for_status("ledger", "missing")) << daemon.log();
  ASSERT_TRUE(eventually([&] { return daemon.status("mail").at("last_error").is_object(); })) << daemon.log();
  ASSERT_TRUE(eventually([&] { return count_kind(daemon.kinds(), "delivery.dead") > 0; })) << daemon.log();
}

/// What happens while the browser watches: each of the two says by a file how far it is.
void play(Daemon& daemon, const TempDir& signs) {
  const auto told = [&](const char* sign) {
    return wait_until([&] { return std::filesystem::exists(signs.path() / sign); }, Millis{110'000});
  };
  if (!told("watching")) return;
  daemon.deploy("steady", "planted");
  if (daemon.wait_for_status("steady", "drifted")) signs.write("drifted", "");
  if (!told("watched")) return;
  daemon.stop();
  signs.write("stopped", "");
}

TEST(PagesInABrowser, AreReadableLiveAccessibleAndLoadNothingFromElsewhere) {
  const NpmFolder npm("e2e/browser", "pages.js");
  if (const std::string why = npm.install(); !why.empty()) GTEST_SKIP() << why;
  if (::access("/usr/bin/chromium", X_OK) != 0)
    GTEST_SKIP() << "chromium is not installed (scripts/install-deps --test)";
  Daemon daemon;
  fill(daemon);
  if (HasFatalFailure()) return;
  const std::string shots = npm.path() + "/pages";
  std::filesystem::create_directories(shots);
  const TempDir signs;
  RunResult looked;
  {
    const std::jthread player([&] { play(daemon, signs); });
    looked =
        npm.run_script({daemon.status_page(), shots, "/function/" + Daemon::address("charge"), signs.path().string()});
    for (const char* sign : {"watching", "watched"}) signs.write(sign, "");  // whatever came of it
  }
  ASSERT_TRUE(succeeded(looked)) << looked.err;
  std::cout << "screenshots: " << shots << '\n';
  const Json found = Json::parse(looked.out);
  EXPECT_EQ(found.at("console"), Json::array()) << "no error, no refusal of the policy, no dialog";
  EXPECT_EQ(found.at("requests"), Json::array());
  EXPECT_NE(found.at("policy").get<std::string>().find("default-src 'none'"), std::string::npos);
  EXPECT_EQ(found.at("violations").size(), 8U);
  for (const auto& [look, violations] : found.at("violations").items()) EXPECT_EQ(violations, Json::array()) << look;
  EXPECT_GT(found.at("passes"), 160) << "axe did look";
  EXPECT_EQ(found.at("overflow").size(), 16U);
  for (const auto& [look, pixels] : found.at("overflow").items()) EXPECT_EQ(pixels, 0) << look;

  const auto text = [&](const char* page) { return found.at("text").at(page).get<std::string>(); };
  for (const auto& [page, words] : {std::pair("functions", kMarkup),
                                    {"functions", "<img src=x onerror=alert(1)>.py"},
                                    {"function", "<img src=x onerror=alert(1)>.py"},
                                    {"function", "Live code that nobody accepted."},
                                    {"function", "codedriftd diff 'prod/ap-guangzhou/default/charge:$LATEST'"},
                                    {"alerts", kMarkup},
                                    {"alerts", "codedriftd alerts replay "},
                                    {"log", kMarkup},
                                    {"log", "drift.detected"}})
    EXPECT_NE(text(page).find(words), std::string::npos) << page << ": " << words << '\n' << text(page);

  EXPECT_EQ(found.at("keyboard"), (Json{{"first", "Skip to the content"},
                                        {"skipped", "main"},
                                        {"search", true},
                                        {"outline", "solid"},
                                        {"opened", Daemon::address("ledger")}}));
  EXPECT_EQ(found.at("still").at("drifted"), 1);
  EXPECT_NE(found.at("still").at("nothing").get<std::string>().find("o function matches"), std::string::npos);
  EXPECT_EQ(found.at("still").at("attempts"), true);
  EXPECT_GT(found.at("still").at("events"), 10);
  for (const char* page : {"functions", "function"}) {
    const Json& quiet = found.at("quiet").at(page);
    EXPECT_EQ(quiet.at("refreshed"), (Json{true, true, true})) << page;
    EXPECT_EQ(quiet.at("polled"), true) << page << ": it was asked again meanwhile";
    EXPECT_EQ(quiet.at("note"), "") << page << ": nothing happened";
    EXPECT_TRUE(quiet.at("busy").get<std::string>().starts_with("The daemon answered 503; trying again")) << quiet;
  }
  const Json& live = found.at("live");
  EXPECT_NE(live.at("before").get<std::string>().find("in sync"), std::string::npos) << live;
  EXPECT_NE(live.at("after").get<std::string>().find("drifted"), std::string::npos) << live;
  EXPECT_EQ(live.at("sameDocument"), true) << "the page was not loaded again";
  EXPECT_NE(live.at("focus").get<std::string>().find("steady"), std::string::npos) << live;
  EXPECT_TRUE(live.at("note").get<std::string>().starts_with("Something changed at ")) << live;
  EXPECT_TRUE(live.at("lost").get<std::string>().starts_with("No answer from the daemon since ")) << live;
}
#endif

}  // namespace
}  // namespace codedriftd::test
