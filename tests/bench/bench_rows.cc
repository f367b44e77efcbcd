// What 10,000 polls that find nothing new leave in the database.
#include <fmt/format.h>

#include <map>

#include "bench/bench.h"
#include "bench/rig.h"
#include "store/db/sqlite.h"
#include "support/program.h"

namespace codedriftd::test {
namespace {

std::map<std::string, int64_t> rows_by_table(Writer& writer) {
  std::map<std::string, int64_t> rows;
  writer.run([&](Tx& tx) {
    std::vector<std::string> names;
    {
      auto q = tx.db.query("SELECT name FROM sqlite_schema WHERE type = 'table'");
      while (q.step()) names.push_back(q.string(0));
    }
    for (const std::string& name : names) {
      const std::string sql = fmt::format("SELECT count(*) FROM \"{}\"", name);
      auto q = tx.db.query_once(sql);
      q.step();
      rows[name] = q.integer(0);
    }
  });
  return rows;
}

int64_t pages(Writer& writer) {
  int64_t count = 0;
  writer.run([&](Tx& tx) { count = sqlite::pragma(tx.db, "page_count"); });
  return count;
}

/// What a table with a row for each poll would grow by, in bytes.
int64_t naive_bytes(Writer& writer, const std::vector<WatchedTarget>& targets, unsigned polls, WallTime at) {
  const int64_t before = pages(writer);
  writer.run([&](Tx& tx) {
    tx.db.execute(
        "CREATE TABLE naive (id INTEGER PRIMARY KEY, target INTEGER NOT NULL, at_ms INTEGER NOT NULL, sha256 BLOB NOT "
        "NULL); CREATE INDEX naive_of_target ON naive (target, at_ms)");
    for (unsigned i = 0; i < polls; ++i)
      tx.db.run("INSERT INTO naive (target, at_ms, sha256) VALUES (?, ?, ?)", targets[i % targets.size()].id,
                at + Millis{i}, sha256("reviewed"));
  });
  return (pages(writer) - before) * 4096;
}

void bench(int argc, char** argv) {
  const Flags flags(argc, argv, {"polls"}, {});
  const auto polls = static_cast<unsigned>(flags.number("polls", 10'000, 10'000'000));
  prepare_process();
  Rig rig;
  const std::vector<WatchedTarget> targets = rig.watch(100, Millis{60'000});
  Observation seen;
  seen.outcome = codedriftd::Outcome::observed;
  seen.sha256 = sha256("reviewed");
  WallTime now = rig.clock.wall();
  const auto poll_each = [&](unsigned times) {
    for (unsigned i = 0; i < times; ++i) {
      now += Millis{600};
      rig.writer->post(
          [&rig, &seen, id = targets[i % targets.size()].id, now](Tx& tx) { rig.ledger.apply(tx, id, seen, now); });
    }
    rig.writer->run([](Tx&) {});
  };
  poll_each(static_cast<unsigned>(targets.size()));  // the first look of each is news

  const auto before = rows_by_table(*rig.writer);
  const int64_t pages_before = pages(*rig.writer);
  poll_each(polls);
  const auto after = rows_by_table(*rig.writer);
  const int64_t grown = (pages(*rig.writer) - pages_before) * 4096;
  int64_t added = 0;
  for (const auto& [name, rows] : after) added += rows - (before.contains(name) ? before.at(name) : 0);

  int64_t counted = 0;
  rig.writer->run([&](Tx& tx) {
    auto q = tx.db.query("SELECT sum(polls) FROM run");
    q.step();
    counted = q.integer(0);
  });
  const int64_t naive = naive_bytes(*rig.writer, targets, polls, now);
  Table table(fmt::format("{} polls of 100 functions that changed nothing, through Ledger and Writer", polls));
  table.row("rows added, all tables", judged(added == 0, fmt::format("{}", added)), "none",
            fmt::format("a row for each poll: {}", polls));
  table.row("polls on record for it", judged(counted == polls + 100, fmt::format("{}", counted)),
            fmt::format("{}", polls + 100), "");
  table.row("the database grew by", judged(grown == 0, fmt::format("{} kB", grown / 1024)), "nothing",
            fmt::format("a row for each poll: {} kB", naive / 1024));
  table.print();
}

}  // namespace
}  // namespace codedriftd::test

int main(int argc, char** argv) {
  return codedriftd::test::guarded_main("bench_rows", [&] { codedriftd::test::bench(argc, argv); });
}
