// The SQL views for who would rather use sqlite3 or psql (migrations) say what the reports say.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <set>

#include "audit/query/reports.h"
#include "base/json.h"
#include "store/packages/packages.h"
#include "support/recorded.h"
#include "support/seed.h"

namespace codedriftd {
namespace {

using test::at;
using test::Recorded;
using namespace std::chrono_literals;

/// From now on the views take `now` for now.
void set_clock(Recorded& r, WallTime now) {
  r.db().execute((r.db().engine() == Engine::sqlite ? "DROP VIEW v_clock; CREATE VIEW" : "CREATE OR REPLACE VIEW") +
                 fmt::format(" v_clock AS SELECT CAST({} AS bigint) AS now_ms", to_ms(now)));
}

std::vector<std::string> sorted(std::vector<std::string> lines) {
  std::sort(lines.begin(), lines.end());
  return lines;
}

/// What a report's field is called in its view: "from" is a word of SQL's, and content digests are in hex there. Empty:
/// the view does not have it, as it is not a column but computed.
std::string column_of(std::string_view field) {
  if (field == "from" || field == "until") return std::string(field) + "_at";
  if (field == "observed_content" || field == "accepted_content") return std::string(field) + "_hex";
  for (const std::string_view left_out : {"changes", "content", "who", "observed_value", "accepted_value", "value"}) {
    if (field == left_out) return "";
  }
  return std::string(field);
}

/// Numbers that are equal are written alike.
OrderedJson plain(const OrderedJson& value) {
  return value.is_number_float() && value == value.get<int64_t>() ? OrderedJson(value.get<int64_t>()) : value;
}

/// A report's rows as the view has them: truth as 0 or 1, a list of gaps as its length.
std::vector<std::string> reported(Recorded& r, const Report& report, WallTime now) {
  Selection everything;
  everything.all = true;
  if (report.name == "coverage") everything.since = from_ms(0);
  std::vector<std::string> lines;
  report.run(r.db(), everything, now, [&](const Row& row) {
    OrderedJson object = OrderedJson::object();
    for (std::size_t i = 0; i < row.values.size(); ++i) {
      const OrderedJson& value = row.values[i];
      if (column_of(report.fields[i]).empty()) continue;
      OrderedJson& member = object[column_of(report.fields[i])];
      member = value.is_array() ? OrderedJson(value.size()) : plain(value);
      if (value.is_boolean()) member = value.get<bool>() ? 1 : 0;
      if (column_of(report.fields[i]).ends_with("_content_hex") && !value.is_null())
        member = ContentDigest::parse(value.get<std::string>()).value().sha256.hex();
    }
    lines.push_back(object.dump());
  });
  return sorted(std::move(lines));
}

/// A view's rows, of the columns that the report has.
std::vector<std::string> viewed(Recorded& r, const Report& report) {
  const bool sqlite = r.db().engine() == Engine::sqlite;
  const std::string object = sqlite ? "json_object(" : "json_build_object(";
  std::string members;
  for (const std::string_view field : report.fields) {
    const std::string column = column_of(field);
    if (column.empty()) continue;
    std::string value = column;
    if (field == "data") value = sqlite ? "json(data)" : "CAST(data AS json)";
    if (field == "last_error")
      value = "CASE WHEN last_error_code IS NOT NULL THEN " + object +
              "'code', last_error_code, 'message', last_error_message, 'request_id', last_error_request_id) END";
    members += (members.empty() ? "'" : ", '") + column + "', " + value;
  }
  std::vector<std::string> lines;
  auto q = r.db().query_once("SELECT CAST(" + object + members + ") AS text) FROM v_" + std::string(report.name));
  while (q.step()) {
    OrderedJson row = OrderedJson::parse(q.text(0));
    for (auto& [name, value] : row.items()) value = plain(value);
    lines.push_back(row.dump());
  }
  return sorted(std::move(lines));
}

void compare(Recorded& r, WallTime now) {
  SCOPED_TRACE(rfc3339(now));
  set_clock(r, now);
  for (const Report* report : {&kStatusReport, &kHistoryReport, &kEventsReport, &kCoverageReport})
    ASSERT_EQ(viewed(r, *report), reported(r, *report, now)) << report->name;
}

/// Functions in every status and for every reason, at 1000 to 1300 seconds.
void tell_story(Recorded& r) {
  Watched review = Recorded::minutely();
  review.baseline = Baseline::review;
  r.ran(at(0), at(500));
  const std::string reviewed = "prod/eu-frankfurt/default/reviewed:$LATEST";
  std::vector<std::string> minutely{
      "synced",  "gone",    "drifts",  "drifts-stale", "never",     "stale",    "updating",
      "denied",  "secret",  "failed",  "clock",        "nokey",     "badkey",   "once",
      "pending", "overdue", "removed", "returned",     "examining", "repacked", "odd '\"; --\xE2\x80\xAE"};
  minutely.back() = "odd$name.-1";
  const auto watch = [&](const std::vector<std::string>& functions, WallTime now) {
    WatchList list;
    list.digest = rfc3339(now);
    for (const std::string& function : functions)
      list.entries.push_back({Target::parse(Recorded::address(function)).value(), Recorded::minutely()});
    list.entries.push_back({Target::parse(reviewed).value(), review});
    r.write([&](Tx& tx) { sync_watch_list(tx, r.ledger(), list, now); });
  };
  watch(minutely, at(0));
  for (const std::string& function : minutely) {
    if (function != "never" && function != "once") r.observed(function, "A", at(10.25));
  }
  r.observed(reviewed, "A", at(20));
  r.failed("gone", Outcome::missing, "ResourceNotFound.Function", at(60));
  r.failed("gone", Outcome::missing, "ResourceNotFound.FunctionName", at(90));
  r.failed("returned", Outcome::missing, "ResourceNotFound.Function", at(60));
  r.failed("returned", Outcome::missing, "ResourceNotFound.Function", at(90));
  r.observed("returned", "B", at(130));
  r.input("returned", Approved{Recorded::hash("B"), "looks \"right\" \x1b[31m", "T-1", R"(uid:1000(","data":{"id":"))"},
          at(140));
  r.observed("drifts-stale", "B", at(70));
  r.failed("once", Outcome::missing, "ResourceNotFound.Function", at(100));
  r.failed("updating", Outcome::updating, "FailedOperation.FunctionStatusError", at(100), "wait", "updating");
  r.failed("denied", Outcome::denied, "UnauthorizedOperation.CAM", at(100), "no \xE2\x80\xAE", "denied");
  r.failed("secret", Outcome::denied, "UnauthorizedOperation.CodeSecret", at(100), "no", "code_secret");
  r.failed("failed", Outcome::failed, "InternalError", at(100));
  r.failed("failed", Outcome::failed, "InternalError", at(160));
  r.failed("clock", Outcome::failed, "Client.Clock", at(100), "off", "clock");
  r.failed("nokey", Outcome::failed, "Client.NoCredentials", at(100), "none", "credentials");
  r.failed("badkey", Outcome::denied, "AuthFailure.SecretIdNotFound", at(100), "bad", "credentials");
  const auto announce = [&](const char* function, double from, double until) {
    r.input(function, Expected{Recorded::hash("C"), at(until), "https://ci/1", "abc", "uid:1000(alice)"}, at(from));
  };
  announce("pending", 150, 99'000);
  announce("overdue", 150, 99'000);
  // A pin stays announced after its grace: that is "overdue".
  Watched pinned = Recorded::minutely();
  pinned.pin = Recorded::hash("D");
  pinned.pin_where = "conf.toml:7";
  pinned.deploy_grace = 60s;
  std::erase(minutely, "removed");
  watch(minutely, at(400));
  r.input("overdue", pinned, at(410));
  r.input("overdue", Tick{0ms, false}, at(600));
  r.ran(at(700), at(1300));
  for (const char* function : {"synced", "pending", "overdue", "returned", "odd$name.-1"})
    r.observed(function, "A", at(1000.001));
  r.observed(reviewed, "A", at(1000));
  r.observed("returned", "B", at(1010));
  r.observed("drifts", "B", at(1000));
  r.observed("drifts", "B", at(1060));
  // The packages of A and of E, which is A packed anew, are looked into; that of F is about to be.
  r.write([&](Tx& tx) {
    Examination found;
    found.files = {{"index.py", 0644, 1, Recorded::hash("1")}};
    for (const char* code : {"A", "E"}) packages::save(tx.db, Recorded::hash(code), found, at(1060));
    r.ledger().examined(tx, Recorded::hash("A"), at(1060));
  });
  Observation obtainable;
  obtainable.outcome = Outcome::observed;
  obtainable.obtainable = true;
  obtainable.sha256 = Recorded::hash("E");
  r.input("repacked", obtainable, at(1070));
  obtainable.sha256 = Recorded::hash("F");
  r.input("examining", obtainable, at(1070));
  Expected content{std::nullopt, at(99'000), "https://ci/2", "abd", "uid:1000(alice)"};
  content.content = ContentDigest{Recorded::hash("content")};
  r.input("repacked", content, at(1080));
}

TEST(Views, AgreeWithTheReportsInEveryStatusAndForEveryReason) {
  Recorded r;
  test::hurry(r.db());
  compare(r, at(0));  // nothing at all
  tell_story(r);
  std::set<std::string> told;
  for (const double seconds :
       {-200'000.0, 0.0, 15.0, 310.25, 310.251, 1100.0, 1300.0, 1301.001, 1359.0, 1600.0, 1600.001, 90'000.0}) {
    compare(r, at(seconds));
    auto q = r.db().query_once("SELECT DISTINCT status || ' ' || reason FROM v_status");
    while (q.step()) told.insert(q.string(0));
  }
  const std::set<std::string> all{"missing ResourceNotFound.FunctionName",
                                  "drifted ",
                                  "drifted stale",
                                  "unobserved never_polled",
                                  "unobserved stale",
                                  "unobserved updating",
                                  "unobserved denied",
                                  "unobserved code_secret",
                                  "unobserved failed",
                                  "unobserved clock",
                                  "unobserved daemon_not_running",
                                  "examining ",
                                  "unreviewed ",
                                  "pending_deploy ",
                                  "pending_deploy overdue",
                                  "in_sync "};
  EXPECT_EQ(told, all);
}

TEST(Views, HaveContentsInHexAndAnAnnouncedOneAsItWasAnnounced) {
  Recorded r;
  test::hurry(r.db());
  tell_story(r);
  const std::string inside = sha256(test::hex("1") + "  index.py\n").hex();
  auto q = r.db().query_once(
      "SELECT observed_sha256, accepted_source, observed_content_hex, accepted_content_hex, expected_content, "
      "expected_sha256 IS NULL FROM v_status WHERE function = 'repacked'");
  ASSERT_TRUE(q.step());
  EXPECT_EQ(q.string(0), test::hex("E"));
  EXPECT_EQ(q.string(1), "content");
  EXPECT_EQ(q.string(2), inside);
  EXPECT_EQ(q.string(3), inside);
  EXPECT_EQ(q.string(4), ContentDigest{Recorded::hash("content")}.text());
  EXPECT_TRUE(q.boolean(5));
}

TEST(Views, SayWhatIsNoLongerWatched) {
  Recorded r;
  tell_story(r);
  EXPECT_EQ(test::joined(r.db(), "SELECT function FROM v_status WHERE watched = 0"), "removed");
}

TEST(Views, AgreeWithTheReportsWhateverHappens) {
  // Random lives of a few functions: polls near and far, failures, removals, other stale_afters, a clock that steps.
  std::mt19937_64 random = test::random_from(test::seed(4));
  const auto upto = [&](int most) { return static_cast<int>(random() % static_cast<unsigned>(most)); };
  for (int round = 0; round < 8; ++round) {
    SCOPED_TRACE(round);
    Recorded r;
    test::hurry(r.db());
    double now = 0;
    std::vector<std::string> watched;
    for (int step = 0; step < 60; ++step) {
      now += upto(4) == 0 ? upto(2000) : upto(100) / 7.0;
      if (upto(40) == 0) now -= upto(2) == 0 ? upto(90'000) : 200'000 + upto(1000);  // the clock was wrong
      if (step % 12 == 0 || watched.empty()) {
        watched.clear();
        for (const char* function : {"a", "b", "c", "d"}) {
          if (upto(4) > 0) watched.emplace_back(function);
        }
        Watched how = Recorded::minutely();
        how.stale_after = Millis{60'000 * (1 + upto(8))};
        r.watch(watched, at(now), how);
        if (upto(2) == 0) r.ran(at(now), at(now + upto(500)), upto(2) == 0);
        continue;
      }
      const std::string& function = watched[random() % watched.size()];
      switch (upto(8)) {
        case 0:
          r.failed(function, Outcome::missing, "ResourceNotFound.Function", at(now));
          break;
        case 1:
          r.failed(function, Outcome::denied, "UnauthorizedOperation.CAM", at(now), "no", "denied");
          break;
        case 2:
          r.input(function, Approved{Recorded::hash("B"), "why", "", "uid:0(root)"}, at(now));
          break;
        case 3:
          r.input(function, Expected{Recorded::hash("C"), at(now + 600), "", "", "uid:0(root)"}, at(now));
          break;
        case 4:
          r.write([&](Tx& tx) { history::end_open_runs(tx.db); });
          break;
        default:
          r.observed(function, upto(5) == 0 ? "B" : "A", at(now));
      }
      if (step % 10 == 9) compare(r, at(now + upto(600)));
    }
    compare(r, at(now - 300'000));
  }
}

TEST(Views, ADamagedBodyIsARowWithoutData) {
  Recorded r;
  r.watch({"f"}, at(0));
  test::unlock_events(r.db());
  r.db().run("UPDATE event SET body = ? WHERE seq = 0", Blob{"\xff{"});
  EXPECT_EQ(viewed(r, kEventsReport), reported(r, kEventsReport, at(0)));
}

TEST(Views, TakeTheRealTimeForNow) {
  Recorded r;
  auto q = r.db().query_once("SELECT now_ms FROM v_clock");
  ASSERT_TRUE(q.step());
  EXPECT_LT(std::chrono::abs(SystemClock{}.wall() - q.time(0)), 10s);
}

/// How SQLite goes about a statement.
std::string plan(Recorded& r, const std::string& sql) {
  std::string text;
  auto q = r.db().query_once("EXPLAIN QUERY PLAN " + sql);
  while (q.step()) text += q.string(3) + "\n";
  return text;
}

TEST(SqliteViews, OfOneTargetAreFoundByItsAddress) {
  Recorded r;
  for (const char* view : {"v_status", "v_history"}) {
    const std::string how = plan(r, "SELECT * FROM " + std::string(view) + " WHERE target = 'x'");
    EXPECT_NE(how.find("(address=?)"), std::string::npos) << how;
    EXPECT_EQ(how.find("SCAN run"), std::string::npos) << how;
  }
  const std::string how = plan(r, "SELECT * FROM v_events WHERE target = 'x' AND seq > 7");
  EXPECT_NE(how.find("event_of_target"), std::string::npos) << how;
  EXPECT_EQ(how.find("SCAN"), std::string::npos) << how;
}

TEST(SqliteViews, TheNewestEventsAreReadWithoutTheOthers) {
  Recorded r;
  const std::string how = plan(r, "SELECT * FROM v_events ORDER BY seq DESC LIMIT 10");
  EXPECT_NE(how.find("MERGE (UNION ALL)"), std::string::npos) << how;
  EXPECT_EQ(how.find("TEMP B-TREE"), std::string::npos) << how;
}

}  // namespace
}  // namespace codedriftd
