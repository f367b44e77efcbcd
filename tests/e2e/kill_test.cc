/// SIGKILL at any moment: no event lost, no gap in seq, every alert delivered at least once and always the same bytes.
#include <gtest/gtest.h>

#include <random>
#include <set>
#include <thread>

#include "e2e/daemon.h"
#include "e2e/record.h"
#include "support/seed.h"

namespace codedriftd::test {
namespace {

constexpr int kKills = 50;
/// So many that few change more often than is told one by one.
constexpr unsigned kFlippedFunctions = 150;
std::string flipped_name(unsigned long function) { return "f" + std::to_string(function); }

TEST(Kill, FiftyTimesAtRandomMomentsLosesNothing) {
  Daemon daemon;
  daemon.config.functions.clear();
  std::map<std::string, std::string> deployed;  // the last code of each function; the flipping thread's until it ends
  for (unsigned i = 0; i < kFlippedFunctions; ++i) {
    daemon.config.functions.emplace_back(flipped_name(i), "");
    daemon.deploy(flipped_name(i), "reviewed");
    deployed[flipped_name(i)] = "reviewed";
  }
  daemon.config.account = "requests_per_second = 1000";
  daemon.write_config();
  // What is deployed and how long each daemon lives; when the operating system runs whom stays its own.
  const uint64_t chosen = seed();
  std::mt19937_64 random = random_from(chosen);
  const auto up_to = [&](int most) { return std::uniform_int_distribution<>(0, most)(random); };

  std::jthread flipping([&daemon, &deployed, chosen](std::stop_token stop) {
    std::mt19937_64 own = random_from(chosen, 1);
    const char* const codes[] = {"reviewed", "hurried", "worse"};
    while (!stop.stop_requested()) {
      const std::string function = flipped_name(own() % kFlippedFunctions);
      deployed[function] = codes[own() % 3];
      daemon.deploy(function, deployed[function]);
      wait_until([&] { return stop.stop_requested(); }, Millis{50});
    }
  });
  for (int kill = 0; kill < kKills; ++kill) {
    daemon.launch();
    // Some die while they start, some while they poll and deliver.
    const bool ready_first = kill % 4 != 0;
    if (ready_first) daemon.wait_until_ready();
    EXPECT_FALSE(daemon.child().wait(Millis{up_to(ready_first ? 900 : 150)})) << daemon.log();
    daemon.kill();
    ASSERT_TRUE(kill % 10 != 9 || !std::filesystem::exists(daemon.database()) || whole_record(daemon.database()));
  }
  flipping.request_stop();
  flipping.join();

  daemon.launch();
  daemon.wait_until_ready();
  const auto pending = [&] {
    const Json rows = daemon.rows({"alerts"});
    return std::count_if(rows.begin(), rows.end(), [](const Json& row) { return row.at("state") == "pending"; });
  };
  ASSERT_TRUE(daemon.wait_for_polls(2));
  for (const auto& [name, code] : deployed) {
    const auto seen = [&, function = name, hash = hash_of(code)] {  // clang 14 captures no structured binding
      return daemon.status(function).at("observed_sha256") == hash;
    };
    EXPECT_TRUE(eventually(seen)) << name << " is not seen as it is: " << daemon.status(name).dump();
  }
  EXPECT_TRUE(eventually([&] { return pending() == 0; }, Millis{40'000})) << daemon.log();
  std::map<std::string, Json> status;
  for (const Json& row : daemon.rows({"status"})) status[row.at("target")] = row;
  const Json events = daemon.rows({"events"});
  const Json alerts = daemon.rows({"alerts"});
  EXPECT_EQ(daemon.stop(), (ExitStatus{0, 0}));

  EXPECT_TRUE(whole_record(daemon.database()));
  const std::vector<ReceivedRequest> received = daemon.receiver().requests();
  EXPECT_TRUE(same_bytes_under_one_id(received, kWebhookSecret));
  std::set<std::string> arrived, sent;
  for (const ReceivedRequest& request : received) {
    const Json event_ids = Json::parse(request.body).at("data").at("event_ids");
    arrived.insert(event_ids.begin(), event_ids.end());
  }
  // What changes too often is held until it is quiet.
  std::set<std::string> held;
  for (const Json& alert : alerts) {
    if (alert.at("state") == "held") held.insert(alert.at("id"));
  }
  std::map<std::string, std::string> last;  // kind of the last drift event of a target
  std::map<std::string, std::string> last_seen;
  for (const Json& event : events) {
    const std::string kind = event.at("kind");
    if (!kind.starts_with("drift.")) continue;
    const std::string id = event.at("id");
    sent.insert(id);
    EXPECT_TRUE(arrived.contains(id) || held.contains(id)) << "never delivered: " << event.dump();
    // Drift opens before it changes or closes, and does not open twice.
    std::string& before = last[event.at("target")];
    EXPECT_EQ(kind == "drift.detected", before.empty() || before == "drift.resolved") << event.dump();
    before = kind;
    last_seen[event.at("target")] = event.at("data").at("observed_sha256");
  }
  for (const Json& alert : alerts)
    EXPECT_TRUE(alert.at("state") == "delivered" || alert.at("state") == "held") << alert.dump();
  EXPECT_LT(held.size(), sent.size() / 2);
  for (const std::string& id : arrived) EXPECT_TRUE(sent.contains(id)) << "of no event: " << id;
  EXPECT_EQ(alerts.size(), sent.size());
  // Where a function stands now is what the cloud has, and drifted unless that is the accepted code; the last event
  // says the same.
  for (const auto& [function, code] : deployed) {
    const std::string target = Daemon::address(function);
    const Json& now = status[target];
    const bool open = last[target] == "drift.detected" || last[target] == "drift.changed";
    EXPECT_EQ(now.at("observed_sha256"), hash_of(code)) << now.dump();
    EXPECT_EQ(now.at("status"), open ? "drifted" : "in_sync") << "after " << last[target] << ": " << now.dump();
    EXPECT_EQ(now.at("observed_sha256") != now.at("accepted_sha256"), open) << now.dump();
    if (last[target].empty()) continue;
    EXPECT_EQ(last_seen[target], hash_of(code)) << now.dump();
  }
  EXPECT_GT(sent.size(), 10U) << "too little happened for this to show anything";
  EXPECT_GT(received.size(), 0U);
  RecordProperty("alertable_events", static_cast<int>(sent.size()));
  RecordProperty("deliveries", static_cast<int>(received.size()));
  std::printf("%d kills: %zu events, %zu of them alerts, %zu deliveries\n", kKills, events.size(), sent.size(),
              received.size());
}

TEST(Kill, AtAnyMomentOfAnExaminationLeavesItToBeDecidedByWhatIsInside) {
  constexpr int kRounds = 15;
  Daemon daemon;
  daemon.config.functions.clear();
  daemon.config.account = "requests_per_second = 1000";
  const auto packed = [](int round) { return "packed" + std::to_string(round); };
  const auto edited = [](int round) { return "edited" + std::to_string(round); };
  for (int round = 0; round < kRounds; ++round) {
    for (const std::string& name : {packed(round), edited(round)}) {
      daemon.config.functions.emplace_back(name, "");
      daemon.cloud().deploy(Daemon::key(name), {{"index.py", name}});
    }
  }
  daemon.start();
  const auto all = [&](const std::function<bool(const Json&)>& holds) {
    const Json rows = daemon.rows({"status"});
    return std::all_of(rows.begin(), rows.end(), holds);
  };
  ASSERT_TRUE(eventually([&] { return all([](const Json& row) { return row.at("accepted_content").is_string(); }); }));
  daemon.kill();

  std::mt19937_64 random = random_from(seed());
  for (int round = 0; round < kRounds; ++round) {
    daemon.cloud().repack(Daemon::key(packed(round)));
    daemon.cloud().deploy(Daemon::key(edited(round)), {{"index.py", "stolen"}});
    daemon.launch();
    daemon.wait_until_ready();
    EXPECT_FALSE(daemon.child().wait(Millis{std::uniform_int_distribution<>(0, 1'200)(random)})) << daemon.log();
    daemon.kill();
  }
  daemon.launch();
  daemon.wait_until_ready();
  const auto is_packed = [](const Json& row) {
    return row.at("target").get<std::string>().find("/packed") != std::string::npos;
  };
  EXPECT_TRUE(eventually([&] {
    return all([&](const Json& row) {
      return is_packed(row) ? row.at("status") == "in_sync" && row.at("accepted_source") == "content"
                            : row.at("status") == "drifted" && row.at("changes").is_object();
    });
  })) << daemon.rows({"status"});
  std::map<std::string, int> drifts;
  for (const Json& event : daemon.rows({"events"})) {
    if (event.at("kind") == "drift.detected") ++drifts[event.at("target")];
  }
  EXPECT_EQ(drifts.size(), std::size_t{kRounds}) << "none of what was only packed anew";
  for (const auto& [target, count] : drifts) {
    EXPECT_NE(target.find("/edited"), std::string::npos);
    EXPECT_EQ(count, 1) << target;
  }
  EXPECT_EQ(daemon.stop(), (ExitStatus{0, 0}));
  EXPECT_TRUE(whole_record(daemon.database()));
}

}  // namespace
}  // namespace codedriftd::test
