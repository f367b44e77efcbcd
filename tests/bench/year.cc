#include "bench/year.h"

#include <fmt/format.h>

#include <algorithm>
#include <random>
#include <vector>

#include "bench/recorder.h"
#include "bench/rig.h"
#include "store/db/sqlite.h"
#include "store/ledger/ledger.h"
#include "store/ledger/watch_list.h"
#include "store/outbox/outbox.h"
#include "store/record/facts.h"
#include "store/record/history.h"

namespace codedriftd::test {
namespace {

using namespace std::chrono_literals;

constexpr Millis kDay = 24h;
constexpr char kRefused[] = "UnauthorizedOperation.CAM";

Sha256 build(unsigned function, unsigned number) { return sha256(fmt::format("f{} build {}", function, number)); }

Observation saw(const Sha256& digest) {
  Observation seen;
  seen.outcome = Outcome::observed;
  seen.sha256 = digest;
  return seen;
}

Observation no_answer(Outcome outcome, std::string code) {
  Observation nothing;
  nothing.outcome = outcome;
  nothing.error = {std::move(code), "the call came to nothing", "8d5e1f0a-0000-4000-8000-4c2d5a5f1e77"};
  nothing.reason = to_string(outcome);
  return nothing;
}

/// Something that happens to one function.
struct Step {
  enum class What { polls, fails, refused, announced, deployed, edited, approved };
  WallTime at;
  unsigned function;
  What what;
  int64_t polls = 0;
  friend bool operator<(const Step& a, const Step& b) { return a.at < b.at; }
};

class Author {
 public:
  Author(Database& db, const Year& year) : db_(db), year_(year), from_(year.until - year.days * kDay) {
    Route route;
    route.subscription.name = "ops";
    route.subscription.targets = {"*"};
    route.give_up_after = 72h;
    ledger_.set_routes({route});
  }

  YearWritten write() {
    plan_outages();
    WatchList list;
    Watched watched;
    watched.interval = Year::kInterval;
    watched.stale_after = 20min;
    watched.deploy_grace = 1h;
    for (unsigned f = 0; f < year_.functions; ++f) {
      list.entries.push_back({bench_target(f), watched});
      plan(f);
    }
    std::stable_sort(steps_.begin(), steps_.end());
    builds_.resize(year_.functions, 0);
    db_.begin_write();
    Tx tx(db_);
    for (const WatchedTarget& target : sync_watch_list(tx, ledger_, list, from_).targets)
      rows_.push_back(targets::load(db_, target.id));
    for (std::size_t done = 0; done < steps_.size(); ++done) {
      // PostgreSQL keeps every state of a row until the transaction that wrote it is over.
      if (db_.engine() == Engine::postgres && done % 1'000 == 999) {
        db_.commit();
        db_.begin_write();
      }
      apply(tx, steps_[done]);
    }
    db_.commit();
    return written_;
  }

 private:
  struct Outage {
    WallTime from, until;
  };

  void plan_outages() {
    WallTime begun = from_;
    const auto ran = [&](WallTime until) {
      const int64_t stay = daemon_runs::begin(db_, 1, begun);
      daemon_runs::end(db_, stay, until);
    };
    for (unsigned day = 45; day < year_.days; day += 90) {
      const WallTime at = from_ + day * kDay;
      ran(at);
      outages_.push_back({at, at + (1 + day % 7) * 1h});
      begun = outages_.back().until;
    }
    ran(year_.until);
  }

  /// The polls of one function, broken where something happens.
  void plan(unsigned f) {
    const WallTime first = from_ + Millis{random_() % 300'000};
    std::vector<Step> breaks;
    const auto at_some_poll = [&](WallTime earliest, WallTime latest) {
      const auto span = static_cast<uint64_t>((latest - earliest) / Year::kInterval);
      return first + (earliest - from_) / Year::kInterval * Year::kInterval +
             static_cast<int64_t>(random_() % std::max<uint64_t>(span, 1)) * Year::kInterval;
    };
    for (unsigned day = 0; day + 91 <= year_.days; day += 91) {
      const WallTime at = at_some_poll(from_ + (day + 1) * kDay, from_ + (day + 90) * kDay);
      ++written_.deployments;
      if (random_() % 50 == 0) {
        breaks.push_back({at, f, Step::What::edited});
        steps_.push_back({at + 3h, f, Step::What::approved});
        ++written_.drifts;
      } else {
        breaks.push_back({at, f, Step::What::deployed});
        steps_.push_back({at - 10min, f, Step::What::announced});
      }
    }
    for (unsigned day = 10; day + 60 <= year_.days; day += 60)
      breaks.push_back({at_some_poll(from_ + day * kDay, from_ + (day + 1) * kDay), f, Step::What::fails, 1});
    if (f % 10 == 0 && year_.days > 21)
      breaks.push_back({at_some_poll(from_ + 20 * kDay, from_ + 21 * kDay), f, Step::What::refused, 72});
    for (const Outage& outage : outages_) breaks.push_back({outage.from, f, Step::What::polls});
    std::stable_sort(breaks.begin(), breaks.end());

    WallTime next = first;
    const auto steady_until = [&](WallTime until) {
      if (until <= next) return;
      const int64_t polls = (until - next + Year::kInterval - 1ms) / Year::kInterval;
      steps_.push_back({next, f, Step::What::polls, polls});
      next += polls * Year::kInterval;
    };
    std::size_t outage = 0;
    for (Step& each : breaks) {
      steady_until(each.at);
      if (each.what == Step::What::polls) {
        const WallTime back = outages_[outage++].until;
        while (next < back) next += Year::kInterval;
      } else if (each.what == Step::What::fails || each.what == Step::What::refused) {
        each.at = next;
        next += each.polls * Year::kInterval;
        steps_.push_back(each);
      } else {
        each.at = next;  // the step brings the new hash; the next steady polls see it
        steps_.push_back(each);
      }
    }
    steady_until(year_.until);
  }

  void apply(Tx& tx, const Step& step) {
    TargetRow& row = rows_[step.function];
    unsigned& number = builds_[step.function];
    switch (step.what) {
      case Step::What::polls:
        poll(tx, row, saw(build(step.function, number)), step.at, step.polls);
        break;
      case Step::What::fails:
        poll(tx, row, no_answer(Outcome::failed, "Client.Timeout"), step.at, step.polls);
        break;
      case Step::What::refused:
        poll(tx, row, no_answer(Outcome::denied, kRefused), step.at, 4);
        ledger_.apply(tx, row, Tick{21min, false}, step.at + 21min);
        poll(tx, row, no_answer(Outcome::denied, kRefused), step.at + 4 * Year::kInterval, step.polls - 4);
        break;
      case Step::What::announced:
        ledger_.apply(tx, row,
                      Expected{build(step.function, number + 1), step.at + 24h,
                               fmt::format("https://ci.example.com/job/release/{}", step.function * 4 + number),
                               "0a1b2c3d4e5f60718293a4b5c6d7e8f901234567", "uid:1001(deploy)"},
                      step.at);
        break;
      case Step::What::deployed:
      case Step::What::edited:
        ++number;
        break;
      case Step::What::approved:
        ledger_.apply(
            tx, row, Approved{build(step.function, number), "a hot fix, reviewed since", "OPS-4711", "uid:1002(alice)"},
            step.at);
        break;
    }
    deliver(step.at + 1s);
  }

  void poll(Tx& tx, TargetRow& row, const Observation& seen, WallTime first, int64_t polls) {
    written_.polls += polls;
    ledger_.apply(tx, row, seen, first);
    if (polls == 1) return;
    history::record_steady(db_, row, seen, first + Year::kInterval, polls - 1, Year::kInterval);
    TargetState after = row.state;
    after.last_polled_at = first + (polls - 1) * Year::kInterval;
    if (seen.sha256) {
      after.last_success_at = after.last_polled_at;
    } else {
      after.consecutive_failures += static_cast<unsigned>(polls - 1);
    }
    targets::save(db_, row.id, row.state, after);
    row.state = std::move(after);
  }

  void deliver(WallTime now) {
    while (const auto alert = outbox::begin_attempt(db_, "ops", now)) {
      outbox::delivered(db_, *alert, {"delivered", 204, "", 120ms}, now);
      ++written_.alerts;
    }
  }

  Database& db_;
  const Year& year_;
  WallTime from_;
  std::mt19937 random_{1};
  Ledger ledger_{"bench", "bench/codedriftd"};
  std::vector<Outage> outages_;
  std::vector<Step> steps_;
  std::vector<TargetRow> rows_;
  std::vector<unsigned> builds_;  ///< how many each function has had
  YearWritten written_;
};

Database scratch(const std::string& path) {
  Database db = sqlite::open_writer(path);
  db.execute("PRAGMA synchronous = OFF; PRAGMA cache_size = -200000");  // how fast it is written is not measured
  return db;
}

int64_t size_of(Database& db) {
  if (db.engine() == Engine::sqlite) return sqlite::pragma(db, "page_count") * sqlite::pragma(db, "page_size");
  auto q = db.query("SELECT CAST(sum(pg_total_relation_size(relid)) AS BIGINT) FROM pg_stat_user_tables");
  q.step();
  return q.integer(0);
}

int64_t count(Database& db, const std::string& table) {
  auto q = db.query_once("SELECT count(*) FROM " + table);
  q.step();
  return q.integer(0);
}

}  // namespace

YearWritten write_year(const std::string& path, const Year& year) { return write_year(scratch(path), year); }

YearWritten write_year(Database empty, const Year& year) {
  Database db = with_newest_schema(std::move(empty), year.until - year.days * kDay);
  YearWritten written = Author(db, year).write();
  if (db.engine() == Engine::postgres) db.execute("VACUUM ANALYZE");
  db.checkpoint(true);
  written.runs = count(db, "run");
  written.events = count(db, "event");
  written.bytes = size_of(db);
  return written;
}

int64_t write_naive(const std::string& path, unsigned functions, unsigned days, WallTime until) {
  Database db = scratch(path);
  db.execute(
      "CREATE TABLE target (id INTEGER PRIMARY KEY, address TEXT NOT NULL UNIQUE, accepted BLOB NOT NULL) STRICT; "
      "CREATE TABLE poll (id INTEGER PRIMARY KEY, target INTEGER NOT NULL, at_ms INTEGER NOT NULL, outcome TEXT NOT "
      "NULL, sha256 BLOB) STRICT; CREATE INDEX poll_of_target ON poll (target, at_ms); BEGIN");
  std::vector<Sha256> live;
  for (unsigned f = 0; f < functions; ++f) {
    live.push_back(build(f, 0));
    db.run("INSERT INTO target (id, address, accepted) VALUES (?, ?, ?)", f, bench_target(f).address(), live.back());
  }
  const int64_t rounds = days * kDay / Year::kInterval;
  for (int64_t round = 0; round < rounds; ++round) {
    const WallTime at = until - (rounds - round) * Year::kInterval;
    if (round > 0 && round % 2000 == 0) db.execute("COMMIT; BEGIN");
    for (unsigned f = 0; f < functions; ++f) {
      if (round == static_cast<int64_t>(f) % rounds) live[f] = build(f, 1);
      db.run("INSERT INTO poll (target, at_ms, outcome, sha256) VALUES (?, ?, 'observed', ?)", f, at + Millis{f % 997},
             live[f]);
    }
  }
  db.execute("COMMIT");
  db.checkpoint(true);
  return rounds * functions;
}

}  // namespace codedriftd::test
