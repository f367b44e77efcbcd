/// The HTTP API of the running daemon: described by itself, used through a client that npm's @hey-api/openapi-ts makes
/// of that description, and held against what `query` prints.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "e2e/daemon.h"
#include "e2e/page.h"
#include "support/npm.h"

namespace codedriftd::test {
namespace {

/// A daemon that polls when it is asked to, with drift and an alert about it.
class HttpApi : public testing::Test {
 protected:
  void SetUp() override {
    daemon_.config.status_page = true;
    daemon_.config.interval = "1h";
    daemon_.config.functions = {{"charge", ""}, {"refund", ""}};
    daemon_.config.alerts = webhook_alert("ops", daemon_.receiver().url(), daemon_.secret_file());
    daemon_.deploy("refund", "reviewed");
    daemon_.start();
    ASSERT_TRUE(daemon_.wait_for_status("charge", "in_sync"));
    ASSERT_TRUE(daemon_.wait_for_status("refund", "in_sync"));
    daemon_.deploy("charge", "hurried");
    ASSERT_TRUE(succeeded(daemon_.command({"poll", "charge"})));
    ASSERT_TRUE(daemon_.wait_for_status("charge", "drifted"));
    ASSERT_TRUE(eventually([&] {
      const Json alerts = daemon_.rows({"alerts"});
      return alerts.size() == 1 && alerts.at(0).at("state") == "delivered";
    }));
    page_ = daemon_.status_page();
  }

  /// `query ARGS --json` but for what differs from one moment to the next.
  Json query(const std::vector<std::string>& args) { return without_moment(daemon_.query(args)); }
  static Json without_moment(Json reply) {
    reply.erase("generated_at");
    return reply;
  }

  Daemon daemon_;
  std::string page_;
};

TEST_F(HttpApi, GivesAGeneratedClientWhatQueryPrints) {
  const NpmFolder npm("e2e/api_client", "compiled/client.js");
  if (const std::string why = npm.install(); !why.empty()) GTEST_SKIP() << why;
  const RunResult generated = npm.run({"node", "generate.mjs", page_}, "", Millis{120'000});
  ASSERT_TRUE(succeeded(generated)) << generated.out << generated.err;
  const RunResult ran = npm.run_script({page_});
  ASSERT_TRUE(succeeded(ran)) << ran.err;
  const Json given = Json::parse(ran.out);

  const std::string address = Daemon::address("charge");
  EXPECT_EQ(without_moment(given.at("drifted")), query({"status", "--status", "drifted"}));
  ASSERT_EQ(given.at("drifted").at("rows").size(), 1U);
  EXPECT_EQ(given.at("drifted").at("rows").at(0).at("target"), address);
  EXPECT_EQ(given.at("drifted").at("rows").at(0).at("observed_sha256"), hash_of("hurried"));
  EXPECT_EQ(given.at("drifted").at("summary").at("drifted"), 1);
  EXPECT_EQ(without_moment(given.at("events")), query({"events", "--kind", "drift.*", "--target", address}));
  EXPECT_EQ(given.at("severities"), Json::array({"critical"}));
  EXPECT_EQ(without_moment(given.at("alerts")), query({"alerts", "--attempts", "--target", address}));
  EXPECT_EQ(given.at("alerts").at("rows").at(0).at("attempt_log").size(), 1U);
  EXPECT_EQ(without_moment(given.at("status")), query({"status", "--all"}));
  EXPECT_EQ(without_moment(given.at("history")), query({"history"}));
  Json coverage = query({"coverage", "--since", "1h"});  // of another hour, by now
  EXPECT_EQ(given.at("coverage").at("rows").size(), coverage.at("rows").size());

  EXPECT_EQ(given.at("wrong").at("status"), 400);
  EXPECT_NE(given.at("wrong").at("problem").at("detail").dump().find("did you mean drifted?"), std::string::npos);
  EXPECT_EQ(given.at("nobody").at("status"), 404);
  EXPECT_EQ(given.at("nobody").at("problem").at("status"), 404);
  EXPECT_EQ(given.at("inventory").at("status"), 404) << "nothing was listed";

  const std::string at = rfc3339(SystemClock{}.wall());
  Json asked = Json::array();
  const auto ask = [&](const std::string& path, int status) { asked.push_back({{"path", path}, {"status", status}}); };
  for (const char* report : {"status", "history", "events", "alerts", "coverage"}) {
    for (const char* values : {"", "?limit=1", "?since=1d&until=now", "?all=true", "?format=csv", "?format=ndjson"})
      ask(fmt::format("/api/v1/{}{}", report, values), 200);
    for (const char* values : {"?sinc=1d", "?limit=0", "?since=x", "?all=1", "?format=table"})
      ask(fmt::format("/api/v1/{}{}", report, values), 400);
    ask(fmt::format("/api/v1/{}?target=nobody", report), 404);
  }
  ask("/api/v1/alerts?attempts=true", 200);
  ask("/api/v1/status?at=" + at, 200);
  ask("/api/v1/inventory", 404);
  for (const char* path : {"/metrics", "/healthz", "/healthz?verbose", "/readyz"}) ask(path, 200);
  const RunResult checked = npm.run({"node", "check.mjs", page_}, asked.dump());
  ASSERT_TRUE(succeeded(checked)) << checked.err;
  EXPECT_EQ(Json::parse(checked.out), Json::array()) << "replies that are not as they are described";
}

TEST_F(HttpApi, IsReadOnlyAndSaysWhatIsWrong) {
  EXPECT_EQ(ask_page(page_ + "/api/v1/status?status=drifted").status, 200);
  EXPECT_EQ(ask_page(page_ + "/api/v1/status", "HEAD").status, 200);
  EXPECT_EQ(ask_page(page_ + "/api/v1/nothing").status, 404);
  EXPECT_EQ(ask_page(page_ + "/api/v1/status?limit=%00").status, 400);
  const Json before = query({"events"});
  for (const char* method : {"POST", "PUT", "DELETE", "PATCH"})
    EXPECT_GE(ask_page(page_ + "/api/v1/status", method, "{}").status, 400) << method;
  EXPECT_EQ(query({"events"}), before);
}

}  // namespace
}  // namespace codedriftd::test
