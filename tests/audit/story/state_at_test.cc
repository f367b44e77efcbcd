#include "audit/story/state_at.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <functional>
#include <map>

#include "audit/query/reports.h"
#include "support/recorded.h"

namespace codedriftd {
namespace {

using test::at;
using test::Recorded;

struct Told {
  std::map<std::string, OrderedJson> rows;  ///< by function
  ReportEnd end;
};

Told status(const Recorded& record, WallTime now, std::optional<WallTime> then = std::nullopt, bool all = true) {
  Database db = record.open_reader();
  Selection selection;
  selection.all = all;
  selection.at = then;
  Told told;
  told.end = kStatusReport.run(db, selection, now, [&](const Row& row) {
    OrderedJson object = OrderedJson::object();
    for (std::size_t i = 0; i < row.values.size(); ++i) object[std::string(kStatusReport.fields[i])] = row.values[i];
    EXPECT_EQ(row.problem, "");
    told.rows[object.at("function").get<std::string>()] = object;
  });
  return told;
}

bool may_be_forgotten(const std::string& field) {
  return field == "last_polled_at" || field == "last_success_at" || field == "consecutive_failures" ||
         field == "last_error" || field == "observed_content" || field == "accepted_content" || field == "changes" ||
         field == "who";
}

/// A row told later is the row of then, but for what is null because the record no longer tells it.
void expect_same(const OrderedJson& then, const OrderedJson& later, const std::string& where) {
  for (const auto& [field, value] : then.items()) {
    const OrderedJson& told = later.at(field);
    if (told.is_null() && may_be_forgotten(field)) continue;
    if (field == "last_error" && told.is_object() && told.at("message").is_null()) {
      ASSERT_TRUE(value.is_object()) << where;
      EXPECT_EQ(told.at("code"), value.at("code")) << where;
      continue;
    }
    EXPECT_EQ(told.dump(), value.dump()) << where << ": " << field;
  }
}

struct Step {
  double seconds;
  std::string what;
  std::function<void(Recorded&, WallTime)> act;
};

/// One input for every function that is seen at that moment.
std::vector<Step> story() {
  std::vector<Step> steps;
  const auto then = [&](double seconds, std::string what, std::function<void(Recorded&, WallTime)> act) {
    steps.push_back({seconds, std::move(what), std::move(act)});
  };
  const auto nothing = [](Recorded&, WallTime) {};
  then(0, "watched", [](Recorded& r, WallTime now) {
    r.watch({"drifts", "ships", "goes", "refused", "still", "inside"}, now);
  });
  then(10, "first seen", [](Recorded& r, WallTime now) {
    for (const char* function : {"drifts", "ships", "goes", "refused", "still"}) r.observed(function, "A", now);
    r.obtainable("inside", "P", now);
  });
  then(20, "looked into", [](Recorded& r, WallTime now) { r.examined("P", "reviewed", now); });
  for (const double minute : {70.0, 130.0, 190.0, 250.0})
    then(minute, "unchanged", [](Recorded& r, WallTime now) {
      for (const char* function : {"drifts", "ships", "goes", "refused", "still"}) r.observed(function, "A", now);
    });
  then(300, "drift, a deployment announced, not found once, denied", [](Recorded& r, WallTime now) {
    r.observed("drifts", "B", now);
    r.input("ships", Expected{Recorded::hash("B"), now + Millis{600'000}, "build-7", "c0ffee", "uid:7(ci)"}, now);
    r.failed("goes", Outcome::missing, "ResourceNotFound.Function", now);
    r.failed("refused", Outcome::denied, "UnauthorizedOperation.CAM", now, "you may not", "denied");
    r.observed("still", "A", now);
    r.obtainable("inside", "Q", now);
  });
  then(310, "the same content, packed anew", [](Recorded& r, WallTime now) { r.examined("Q", "reviewed", now); });
  then(330, "missing", [](Recorded& r, WallTime now) {
    r.failed("goes", Outcome::missing, "ResourceNotFound.Function", now);
    r.failed("refused", Outcome::denied, "UnauthorizedOperation.CAM", now, "you may not", "denied");
    r.observed("still", "A", now);
  });
  then(360, "drift changes, the deployment arrives", [](Recorded& r, WallTime now) {
    r.observed("drifts", "C", now);
    r.observed("ships", "B", now);
    r.failed("goes", Outcome::missing, "ResourceNotFound.Function", now);
    r.failed("refused", Outcome::denied, "UnauthorizedOperation.CAM", now, "you may not", "denied");
    r.observed("still", "A", now);
  });
  then(370, "another package", [](Recorded& r, WallTime now) { r.obtainable("inside", "R", now); });
  then(390, "with another content", [](Recorded& r, WallTime now) { r.examined("R", "stolen", now); });
  then(400, "approved", [](Recorded& r, WallTime now) {
    r.input("drifts", Approved{Recorded::hash("C"), "hotfix", "OPS-1", "uid:1001(alice)"}, now);
    r.failed("refused", Outcome::failed, "InternalError", now);
    r.observed("still", "A", now);
  });
  then(420, "another announcement, for a minute", [](Recorded& r, WallTime now) {
    r.input("ships", Expected{Recorded::hash("D"), now + Millis{60'000}, "build-8", "c0ffee", "uid:7(ci)"}, now);
    r.observed("drifts", "C", now);
    r.observed("ships", "B", now);
    r.observed("still", "A", now);
  });
  then(500, "it expired", [](Recorded& r, WallTime now) {
    r.input("ships", Tick{Millis{0}, false}, now);
    r.observed("goes", "B", now);
    r.observed("drifts", "C", now);
    r.observed("still", "A", now);
  });
  then(600, "refused is stale by now", [](Recorded& r, WallTime now) {
    r.input("refused", Tick{Millis{350'000}, false}, now);
    r.observed("still", "A", now);
  });
  then(650, "nothing", nothing);
  then(700, "one is let go, one comes, with a pin", [](Recorded& r, WallTime now) {
    Watched pinned = Recorded::minutely();
    pinned.pin = Recorded::hash("N");
    pinned.pin_where = "codedriftd.toml:9";
    pinned.deploy_grace = Millis{80'000};
    r.watch({"drifts", "ships", "refused", "still", "inside"}, now);
    r.watch({"drifts", "ships", "refused", "still", "inside", "new"}, now + Millis{1}, pinned);
    r.observed("still", "A", now + Millis{2});
    r.observed("new", "A", now + Millis{2});
  });
  then(760, "the pin arrives for one", [](Recorded& r, WallTime now) {
    r.observed("drifts", "N", now);
    r.observed("still", "A", now);
    r.observed("refused", "A", now);
  });
  then(790, "and is overdue for another", [](Recorded& r, WallTime now) {
    r.observed("still", "A", now);
    r.input("still", Tick{Millis{0}, false}, now);
  });
  return steps;
}

TEST(StatusAt, SaysWhatStatusSaidThen) {
  Recorded r;
  const int64_t first = daemon_runs::begin(r.db(), 1, at(0));
  std::vector<std::pair<WallTime, std::map<std::string, OrderedJson>>> said;
  const auto ask = [&](WallTime when) { said.emplace_back(when, status(r, when).rows); };
  for (const Step& step : story()) {
    for (double alive = step.seconds - 19; alive <= step.seconds; alive += 19)
      daemon_runs::alive(r.db(), first, at(alive));
    ask(at(step.seconds - 0.5));
    step.act(r, at(step.seconds));
    ask(at(step.seconds + 0.01));
  }
  daemon_runs::end(r.db(), first, at(800));
  ask(at(900));
  ask(at(1500));  // stopped for longer than stale_after
  const int64_t second = daemon_runs::begin(r.db(), 2, at(2000));
  ask(at(2001));
  for (const double seconds : {2005.0, 2065.0}) {
    for (const char* function : {"drifts", "ships", "new"}) r.observed(function, "E", at(seconds));
    r.observed("still", "A", at(seconds));
    daemon_runs::alive(r.db(), second, at(seconds));
    ask(at(seconds + 0.01));
  }
  for (const char* function : {"still", "refused", "ships"}) r.observed(function, "Z", at(9000));

  std::map<std::string, int> statuses;
  for (const auto& [when, rows] : said) {
    if (when < at(0)) continue;  // the record begins later
    const Told later = status(r, at(10'000), when);
    ASSERT_EQ(later.rows.size(), rows.size()) << rfc3339(when);
    EXPECT_EQ(later.end.as_of, when);
    for (const auto& [function, row] : rows) {
      ++statuses[row.at("status").get<std::string>()];
      ++statuses[row.at("reason").get<std::string>()];
      expect_same(row, later.rows.at(function), fmt::format("{} at {}", function, rfc3339(when)));
    }
  }
  for (const char* status : {"missing", "drifted", "unobserved", "examining", "pending_deploy", "in_sync", "overdue"})
    EXPECT_GT(statuses[status], 0) << status;
}

TEST(StatusAt, HasNullWhereTheRecordDoesNotTellAndSaysSo) {
  Recorded r;
  const int64_t run = daemon_runs::begin(r.db(), 1, at(0));
  r.watch({"f"}, at(0));
  for (const double seconds : {10.0, 70.0, 130.0, 190.0}) r.observed("f", "A", at(seconds));
  daemon_runs::alive(r.db(), run, at(200));
  const Told within = status(r, at(200), at(100));
  EXPECT_EQ(within.rows.at("f").at("status"), "in_sync");
  EXPECT_TRUE(within.rows.at("f").at("last_polled_at").is_null());
  EXPECT_TRUE(within.rows.at("f").at("last_success_at").is_null());
  EXPECT_EQ(within.rows.at("f").at("consecutive_failures"), 0) << "no poll failed: that much is known";
  ASSERT_EQ(within.end.remarks.size(), 4U);
  EXPECT_EQ(within.end.remarks[0], "As of 2026-11-24T00:01:40.000Z, told from the record.");
  EXPECT_NE(within.end.remarks[1].find("Of 1 of them it is not known any more"), std::string::npos);
  // Since the last poll nothing was asked: all of it is known.
  const Told after = status(r, at(300), at(200));
  EXPECT_EQ(after.rows.at("f").at("last_success_at"), rfc3339(at(190)));
  EXPECT_EQ(after.end.remarks.size(), 3U);
}

TEST(StatusAt, ShowsWhatWasWatchedThen) {
  Recorded r;
  r.ran(at(0), at(500));
  r.watch({"goes", "stays"}, at(0));
  r.watch({"stays", "comes"}, at(100));
  const auto functions = [&](double seconds, bool all) {
    std::string names;
    for (const auto& [function, row] : status(r, at(500), at(seconds), all).rows) names += function + " ";
    return names;
  };
  EXPECT_EQ(functions(50, false), "goes stays ");
  EXPECT_EQ(functions(99.999, false), "goes stays ");
  EXPECT_EQ(functions(100, false), "comes stays ");
  EXPECT_EQ(functions(200, true), "comes goes stays ");
}

TEST(StatusAt, DoesNotBelieveAnEventThatContradictsItself) {
  Recorded r;
  r.ran(at(0), at(500));
  r.watch({"f"}, at(0));
  r.observed("f", "A", at(10));
  r.input("f", Expected{Recorded::hash("B"), at(4000), "build-7", "", "uid:7(ci)"}, at(20));
  Json body = test::event_body(r.db(), "WHERE kind = 'deploy.expected'");
  ASSERT_EQ(body["data"]["build"], "build-7");
  body["data"]["build"] = "build-8";
  test::unlock_events(r.db());
  r.db().run("UPDATE event SET body = ? WHERE kind = 'deploy.expected'", Blob{canonical_json(body)});
  Database db = r.open_reader();
  const auto found = targets_at(db, {}, at(30));
  ASSERT_EQ(found.size(), 1U);
  EXPECT_NE(found[0].problem.find("its leaf hash is another"), std::string::npos) << found[0].problem;
}

TEST(StatusAt, KnowsWhereTheRecordBegins) {
  Recorded empty;
  Database nothing = empty.open_reader();
  EXPECT_EQ(record_covers(nothing, at(0)).error().message,
            "nothing was recorded yet: start the daemon (codedriftd run)");
  Recorded r;
  r.ran(at(0), at(10));
  Database db = r.open_reader();
  EXPECT_TRUE(record_covers(db, at(0)));
  EXPECT_EQ(record_covers(db, at(-1)).error().message,
            "the record begins at 2026-11-24T00:00:00.000Z: of 2026-11-23T23:59:59.000Z it says nothing");
}

}  // namespace
}  // namespace codedriftd
