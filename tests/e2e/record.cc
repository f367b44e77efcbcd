#include "e2e/record.h"

#include <filesystem>

#include "base/json.h"
#include "model/event.h"
#include "store/db/sqlite.h"
#include "support/program.h"
#include "support/standard_webhooks.h"

namespace codedriftd::test {

testing::AssertionResult whole_record(const std::string& database) {
  Database db = sqlite::open_reader(database);
  auto check = db.query("PRAGMA integrity_check");
  if (!check.step() || check.text(0) != "ok")
    return testing::AssertionFailure() << "integrity_check: " << check.text(0);
  return whole_log(db);
}

testing::AssertionResult whole_log(Database& db) {
  auto events = db.query("SELECT seq, id, kind, body, leaf_hash FROM event ORDER BY seq");
  int64_t expected = 0;
  for (; events.step(); ++expected) {
    const auto wrong = [&](std::string_view what) {
      return testing::AssertionFailure() << "event " << events.integer(0) << ": " << what;
    };
    if (events.integer(0) != expected) return wrong("seq has a gap");
    const std::string body = events.string(3);
    if (events.optional_sha256(4) != leaf_hash(body)) return wrong("leaf_hash is not that of its body");
    const Json said = Json::parse(body);
    if (said.at("seq") != expected || said.at("id") != events.string(1) || said.at("kind") != events.string(2))
      return wrong("its columns are not what its body says");
    if (expected == 0 && said.at("kind") != "log.genesis") return wrong("it is not log.genesis");
  }
  if (expected == 0) return testing::AssertionFailure() << "there is no event";
  return testing::AssertionSuccess();
}

testing::AssertionResult same_bytes_under_one_id(const std::vector<ReceivedRequest>& requests,
                                                 std::string_view secret) {
  std::map<std::string, std::string> bodies;
  const SystemClock clock;
  const auto wall_before_mono = clock.wall().time_since_epoch() - clock.mono().time_since_epoch();
  for (const ReceivedRequest& request : requests) {
    const auto arrived = request.arrived.time_since_epoch() + wall_before_mono;
    const int64_t now = std::chrono::floor<std::chrono::seconds>(arrived).count();
    const std::string id = request.header("webhook-id");
    const auto verdict = check_webhook(secret, id, request.header("webhook-timestamp"),
                                       request.header("webhook-signature"), request.body, now);
    if (verdict != WebhookVerdict::good) return testing::AssertionFailure() << id << ": " << describe(verdict);
    const auto [known, first] = bodies.emplace(id, request.body);
    if (!first && known->second != request.body)
      return testing::AssertionFailure() << id << ": two bodies under one id";
  }
  return testing::AssertionSuccess();
}

std::map<std::string, std::vector<std::string>> told_by(const Json& alert) {
  std::map<std::string, std::vector<std::string>> told;
  if (alert.contains("items")) {
    for (const Json& item : alert["items"]) told[item["target"]] = item["event_ids"];
  } else if (alert["target"].is_object()) {
    told[alert["target"]["address"]] = alert["event_ids"];
  }
  return told;
}

std::map<std::string, int64_t> row_counts(const std::string& database) {
  Database db = sqlite::open_reader(database);
  std::map<std::string, int64_t> counts;
  for (const char* table : {"run", "event", "outbox", "attempt", "baseline", "target", "watch_period"}) {
    auto q = db.query_once("SELECT count(*) FROM " + std::string(table));
    q.step();
    counts[table] = q.integer(0);
  }
  return counts;
}

std::string all_bytes(const std::string& folder) {
  std::string bytes;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    if (entry.is_regular_file()) bytes += read_file(entry.path().string());
  }
  return bytes;
}

}  // namespace codedriftd::test
