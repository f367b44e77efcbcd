/// What must be found nowhere, and what must come out harmless.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "e2e/daemon.h"
#include "e2e/record.h"
#include "support/process_memory.h"
#include "support/test_ca.h"

namespace codedriftd::test {
namespace {

constexpr std::string_view kKey = "FAKE-FILE-SECRET-KEY-0001-NOT-REAL";
constexpr std::string_view kToken = "FAKE-FILE-TOKEN-0001-NOT-REAL";
constexpr std::string_view kUrlToken = "FAKE-URL-TOKEN-0001-NOT-REAL";

TEST(Secrets, AreFoundNowhereInLogsDatabaseAlertsAndReports) {
  DaemonOptions options;
  options.cloud.credentials = {{"FAKE-FILE-SECRET-ID", std::string(kKey), std::string(kToken)}};
  Daemon daemon(options);
  daemon.before_command = {"--log-level", "debug"};
  daemon.dir().write("secrets/scf.id", "FAKE-FILE-SECRET-ID\n");
  daemon.dir().write("secrets/scf.key", fmt::format("{}\n", kKey));
  daemon.dir().write("secrets/scf.token", fmt::format("{}\n", kToken));
  daemon.dir().write("secrets/hook.url", fmt::format("{}?token={}\n", daemon.receiver().url(), kUrlToken));
  daemon.env["CREDENTIALS_DIRECTORY"] = daemon.dir() / "secrets";
  daemon.config.credentials =
      "source = \"files\"\nsecret_id_file = \"scf.id\"\nsecret_key_file = \"scf.key\"\ntoken_file = \"scf.token\"";
  daemon.config.alerts = fmt::format(
      "[[alert]]\nname = \"ops\"\nplugin = \"webhook\"\n[alert.options]\nurl_file = \"hook.url\"\nsecret_file "
      "= \"{}\"\ntimeout_s = 2\n",
      daemon.secret_file());
  const auto others = {"refund", "invoice", "ship", "bill", "signed"};
  for (const char* name : others) {
    daemon.deploy(name, "reviewed");
    daemon.config.functions.emplace_back(name, "");
  }
  daemon.cloud().deploy(Daemon::key("signed"), {{"index.py", "x"}});
  daemon.start();
  ASSERT_TRUE(daemon.wait_for_status("charge", "in_sync")) << daemon.log();
  for (const char* name : others) ASSERT_TRUE(daemon.wait_for_status(name, "in_sync")) << daemon.log();

  // Receivers that talk back what they were sent, a broken one, and one that works.
  const std::string echo = fmt::format("no such token {} {} {}", kUrlToken, kWebhookSecret, kWebhookSecret.substr(6));
  daemon.receiver().script({{.status = 500, .body = echo}, {.status = 200, .fault = Fault::garbage}});
  daemon.deploy("charge", "hurried");
  // A cloud that talks back what it was sent, faults, refusals.
  daemon.cloud().set_error(Daemon::key("refund"), "InternalError", fmt::format("you sent {} and {}", kUrlSecret, "x"));
  daemon.cloud().set_error(Daemon::key("invoice"), "AuthFailure.SignatureFailure", "wrong signature");
  daemon.cloud().set_fault(Daemon::key("ship"), Fault::truncated_json);
  daemon.cloud().set_fault(Daemon::key("bill"), Fault::sha_missing);
  ASSERT_TRUE(daemon.wait_for_alert("drift.detected", 2, Millis{60'000})) << daemon.log();
  ASSERT_TRUE(eventually([&] { return daemon.status("bill").at("consecutive_failures") > 0; }));
  ASSERT_TRUE(eventually([&] { return daemon.status("invoice").at("consecutive_failures") > 0; }));
  daemon.cloud().set_credentials({});  // the key is withdrawn altogether
  ASSERT_TRUE(eventually([&] { return daemon.status("charge").at("consecutive_failures") > 0; }));
  daemon.hangup();
  ASSERT_TRUE(eventually(
      [&] {
        const Json rows = daemon.rows({"alerts"});
        return std::any_of(rows.begin(), rows.end(), [](const Json& row) { return row.at("state") == "delivered"; });
      },
      Millis{60'000}));

  std::map<std::string, std::string> places;
  places["state folder while it runs"] = all_bytes(daemon.state_dir());
  for (const char* report : {"status", "history", "events", "alerts", "coverage"}) {
    for (const char* format : {"table", "json"})
      places[fmt::format("query {} as {}", report, format)] = daemon.command({"query", report, "--format", format}).out;
  }
  places["query alerts --attempts"] = daemon.command({"query", "alerts", "--attempts", "--json"}).out;
  const RunResult check = daemon.command({"--log-level", "debug", "check", "--online"});
  places["check"] = check.out + check.err;
  EXPECT_EQ(daemon.stop(), (ExitStatus{0, 0}));
  places["state folder afterwards"] = all_bytes(daemon.state_dir());
  places["log"] = daemon.log();
  for (const ReceivedRequest& request : daemon.receiver().requests()) {
    places["alerts"] += request.body;
    for (const auto& [name, value] : request.headers) places["alerts"] += value;
  }
  for (const auto& [place, text] : places) {
    EXPECT_FALSE(text.empty()) << place;
    for (const std::string_view secret : {kKey, kToken, kUrlToken, kWebhookSecret, kWebhookSecret.substr(6),
                                          std::string_view("FAKE-WEBHOOK-SECRET"), std::string_view("TC3-HMAC")}) {
      EXPECT_EQ(text.find(secret), std::string::npos) << secret << " is in: " << place;
    }
    // The cloud's Url. (In the one message above the cloud said the word itself.)
    EXPECT_EQ(text.find(fmt::format("sign={}", kUrlSecret)), std::string::npos) << place;
    for (const char* part : {"q-sign", "q-key-time", "_LATEST.zip", "/1253970226/"})
      EXPECT_EQ(text.find(part), std::string::npos) << part << " is in: " << place;
  }
}

#ifndef CODEDRIFTD_SANITIZED  // a sanitizer maps terabytes, and keeps copies of its own
/// The link is in the daemon's memory while a poll is at it; afterwards nothing of it is left, in freed memory neither.
void expect_no_link_in_memory(Daemon& daemon) {
  daemon.before_command = {"--log-level", "debug"};
  for (const char* name : {"charge", "refund", "invoice"}) {
    daemon.cloud().deploy(Daemon::key(name), {{"index.py", name}});
    if (std::string_view(name) != "charge") daemon.config.functions.emplace_back(name, "");
  }
  daemon.start();
  ASSERT_TRUE(daemon.wait_for_status("charge", "in_sync")) << daemon.log();
  ASSERT_TRUE(daemon.wait_for_polls(3)) << daemon.log();
  EXPECT_FALSE(places_in_memory(daemon.child().pid(), Daemon::address("charge")).empty()) << "it can be read";
  // Moments without a poll are the rule, at one poll a second of each of three functions.
  for (const std::string_view part : {kUrlSecret, std::string_view("q-key-time=")}) {
    std::vector<std::string> places;
    EXPECT_TRUE(eventually([&] { return (places = places_in_memory(daemon.child().pid(), part)).empty(); }))
        << places.front();
  }
}

TEST(Secrets, TheLinkOfAnAnswerIsNotInMemoryOnceThePollHasEnded) {
  Daemon daemon;
  expect_no_link_in_memory(daemon);
}

TEST(Secrets, TheLinkOfAnAnswerOverTlsIsNotInMemoryOnceThePollHasEnded) {
  const TempDir folder;
  TestCa ca(folder.path().string());
  DaemonOptions options;
  options.cloud.tls = ca.server();
  Daemon daemon(options);
  daemon.config.account = fmt::format("ca_file = \"{}\"", ca.certificate_file());
  expect_no_link_in_memory(daemon);
}

#endif

TEST(Secrets, OfAProxySettingThatCannotBeReadAreFoundNowhereAndItsVariableIsNamed) {
  Daemon daemon;
  daemon.before_command = {"--log-level", "debug"};
  daemon.env["HTTPS_PROXY"] = "http://bob:S3cret/Pass@10.9.8.8:3128";
  daemon.config.alerts = webhook_alert("ops", daemon.receiver().url(), daemon.secret_file()) +
                         webhook_alert("far", "https://hooks.far.test/x", daemon.secret_file());
  daemon.config.more =
      "[account.far]\nendpoint = \"https://scf.far.test\"\n[account.far.credentials]\nsource = \"env\"\n[[function]]\n"
      "name = \"distant\"\naccount = \"far\"\n";
  daemon.start();
  ASSERT_TRUE(daemon.wait_for_status("charge", "in_sync")) << "this machine needs no proxy\n" << daemon.log();
  daemon.deploy("charge", "hurried");
  ASSERT_TRUE(daemon.wait_for_alert("drift.detected")) << daemon.log();
  const auto far = [&] { return daemon.rows({"status", "--account", "far"}).at(0); };
  ASSERT_TRUE(eventually([&] { return far().at("consecutive_failures") > 0; }));
  ASSERT_TRUE(eventually([&] { return daemon.logged("did not reach far"); })) << daemon.log();
  const std::string error = far().at("last_error").at("message");
  EXPECT_NE(error.find("the environment's HTTPS_PROXY cannot be read"), std::string::npos) << error;
  EXPECT_EQ(daemon.log_count("HTTPS_PROXY cannot be read as a proxy: "), 1U) << "the reason is said once";

  std::map<std::string, std::string> places;
  const RunResult check = daemon.command({"check"});
  places["check"] = check.out + check.err;
  EXPECT_NE(places["check"].find("HTTPS_PROXY cannot be read as a proxy: "), std::string::npos) << places["check"];
  places["attempts"] = daemon.command({"query", "alerts", "--attempts", "--json"}).out;
  EXPECT_EQ(daemon.stop(), (ExitStatus{0, 0}));
  places["state folder"] = all_bytes(daemon.state_dir());
  places["log"] = daemon.log();
  for (const ReceivedRequest& request : daemon.receiver().requests()) places["alerts"] += request.body;
  for (const auto& [place, text] : places) {
    EXPECT_FALSE(text.empty()) << place;
    for (const char* part : {"S3cret", "bob:", "Pass@", "10.9.8.8"}) {
      EXPECT_EQ(text.find(part), std::string::npos) << part << " is in: " << place;
    }
  }
}

/// True if `text` holds bytes that a terminal acts on.
bool acts_on_a_terminal(std::string_view text) {
  for (const char c : text) {
    if ((static_cast<unsigned char>(c) < 0x20 && c != '\n') || c == 0x7F) return true;
  }
  for (const std::string_view bad : {"\xE2\x80\xAE", "\xC2\x9B"}) {
    if (text.find(bad) != std::string_view::npos) return true;
  }
  return false;
}

TEST(Secrets, TerminalEscapesInAnErrorMessageComeOutHarmless) {
  Daemon daemon;
  daemon.before_command = {"--log-level", "debug"};
  daemon.receiver().script({{.status = 400, .body = std::string(kTerminalEscapes)}});
  daemon.deploy("refund", "reviewed");
  daemon.config.functions.emplace_back("refund", "");
  daemon.start();
  ASSERT_TRUE(daemon.wait_for_status("refund", "in_sync"));
  ASSERT_TRUE(daemon.wait_for_status("charge", "in_sync"));
  daemon.deploy("refund", "hurried");
  daemon.cloud().set_fault(Daemon::key("charge"), Fault::terminal_escapes);
  ASSERT_TRUE(eventually([&] { return daemon.status("charge").at("consecutive_failures") > 0; }));
  ASSERT_TRUE(eventually([&] {
    const Json rows = daemon.rows({"alerts"});
    return std::any_of(rows.begin(), rows.end(), [](const Json& row) { return row.at("state") == "dead"; });
  }));
  for (const char* report : {"status", "history", "events", "alerts"}) {
    for (const char* format : {"table", "json", "ndjson", "markdown"}) {
      const RunResult seen = daemon.command({"query", report, "--format", format});
      EXPECT_EQ(seen.status, (ExitStatus{0, 0}));
      EXPECT_FALSE(seen.out.empty());
      // JSON holds the text as it was: its own escapes keep control characters away, and bidi is a letter in it.
      if (std::string_view(format).ends_with("json")) {
        EXPECT_EQ(seen.out.find('\x1b'), std::string::npos) << report;
      } else {
        EXPECT_FALSE(acts_on_a_terminal(seen.out)) << report << " " << format << "\n" << seen.out;
      }
    }
  }
  EXPECT_EQ(daemon.stop(), (ExitStatus{0, 0}));
  const std::string log = daemon.log();
  EXPECT_FALSE(acts_on_a_terminal(log)) << log;
  EXPECT_EQ(log.find("\nfake log line"), std::string::npos);
  EXPECT_NE(log.find("\\u{1b}"), std::string::npos) << log;
}

}  // namespace
}  // namespace codedriftd::test
