#pragma once
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "base/json.h"
#include "store/db/migrate.h"
#include "store/db/sqlite.h"
#include "store/ledger/ledger.h"
#include "store/ledger/watch_list.h"
#include "store/log/event_log.h"
#include "store/packages/packages.h"
#include "store/record/clock_step.h"
#include "store/record/facts.h"
#include "store/record/history.h"
#include "support/temp_dir.h"
#include "support/test_record.h"
#include "support/test_sql.h"

namespace codedriftd::test {

/// A real database, filled through the store's own code at chosen times. One thread.
class Recorded {
 public:
  /// 2026-11-24T00:00:00Z plus `seconds`.
  static WallTime at(double seconds) { return WallTime{Millis{1795478400000 + static_cast<int64_t>(seconds * 1000)}}; }
  static Sha256 hash(std::string_view of) { return sha256(of); }
  static std::string address(std::string_view function) {
    return "prod/ap-guangzhou/default/" + std::string(function) + ":$LATEST";
  }

  explicit Recorded(std::vector<Route> routes = {}) : ledger_("ops-1", "ops-1/codedriftd") {
    ledger_.set_routes(std::move(routes));
  }

  std::string path() const { return dir_ / "codedriftd.db"; }  ///< SQLite's
  Database open_reader() const { return record_.open_reader(); }
  Database open_writer() const { return record_.open_writer(); }
  const TempDir& dir() const { return dir_; }
  Database& db() { return db_; }
  Ledger& ledger() { return ledger_; }

  /// The configuration from now on: these functions (FUNCTION, or a whole address), each every minute, stale after
  /// five.
  void watch(const std::vector<std::string>& functions, WallTime now, Watched watched = minutely()) {
    WatchList list;
    list.digest = std::to_string(++loads_);
    for (const std::string& function : functions) list.entries.push_back({target(function), watched});
    write([&](Tx& tx) { sync_watch_list(tx, ledger_, list, now); });
  }
  static Watched minutely() {
    Watched watched{};
    watched.interval = Millis{60'000};
    watched.stale_after = Millis{300'000};
    watched.deploy_grace = Millis{3'600'000};
    return watched;
  }

  void input(std::string_view function, const Input& input, WallTime now) {
    write([&](Tx& tx) { ledger_.apply(tx, targets::find(db_, target(function).address()).value().id, input, now); });
  }
  void observed(std::string_view function, std::string_view code, WallTime now) {
    Observation observation;
    observation.outcome = Outcome::observed;
    observation.sha256 = hash(code);
    input(function, observation, now);
  }
  /// The same, and its package can be had.
  void obtainable(std::string_view function, std::string_view code, WallTime now) {
    Observation observation;
    observation.outcome = Outcome::observed;
    observation.sha256 = hash(code);
    observation.obtainable = true;
    input(function, observation, now);
  }
  /// Its package was looked into: one file, of this text.
  void examined(std::string_view code, std::string_view text, WallTime now) {
    Examination inside;
    inside.files = {{"index.py", 0644, text.size(), hash(text)}};
    write([&](Tx& tx) {
      packages::save(tx.db, hash(code), inside, now);
      ledger_.examined(tx, hash(code), now);
    });
  }
  void failed(std::string_view function, Outcome outcome, std::string_view code, WallTime now,
              std::string_view message = "no", std::string_view reason = "failed") {
    Observation observation;
    observation.outcome = outcome;
    observation.error = {std::string(code), std::string(message), "req-1"};
    observation.reason = outcome == Outcome::missing ? "" : std::string(reason);
    input(function, observation, now);
  }
  /// The daemon ran from `from` until `until`, and said goodbye unless `killed`.
  void ran(WallTime from, WallTime until, bool killed = false) {
    const int64_t id = daemon_runs::begin(db_, 1, from);
    daemon_runs::alive(db_, id, until);
    if (!killed) daemon_runs::end(db_, id, until);
  }

  /// The clock was ahead by `by`, and is right at `now`: what the poller records then.
  void clock_set_back(WallTime now, Millis by) {
    write([&](Tx& tx) {
      history::end_open_runs(tx.db);
      EXPECT_TRUE(clock_step::bring_back(tx.db, now, -by));
      NewEvent stepped;
      stepped.kind = "clock.stepped";
      stepped.data = Json{{"by_s", -by.count() / 1000}, {"brought_back", true}};
      ledger_.append(tx, stepped, now);
    });
  }

  template <typename Work>
  void write(const Work& work) {
    db_.begin_write();
    Tx tx(db_);
    work(tx);
    db_.commit();
  }

 private:
  static Target target(std::string_view function) {
    if (function.find('/') != std::string_view::npos) return Target::parse(function).value();
    return {"prod", "ap-guangzhou", "default", std::string(function), "$LATEST"};
  }

  TempDir dir_;
  TestRecord record_{path()};
  Database db_ = record_.open_writer();
  Ledger ledger_;
  int loads_ = 0;
};

/// In short, for those that say it often.
inline WallTime at(double seconds) { return Recorded::at(seconds); }
inline std::string hex(std::string_view code) { return Recorded::hash(code).hex(); }

}  // namespace codedriftd::test
