// A whole record from a file to a server and back. All of it needs a server.
#include "store/move/move.h"

#include <gtest/gtest.h>

#include <map>

#include "store/db/bulk.h"
#include "store/fleet/membership.h"
#include "store/store_support.h"
#include "support/manual_clock.h"

namespace codedriftd::test {
namespace {

constexpr const char* kOddTexts[] = {"", "'\"\\\n\t\r", "\xef\xbf\xbd\xef\xbf\xbd", "\xf0\x9f\x92\xa5 \\N \\. ,;|",
                                     "\x01\x7f"};

/// A row for each kind of it: through the ledger what it writes, and what it seldom writes as it stands.
void fill(Database& db) {
  Ledger ledger = ledger_with_routes();
  const TargetId charge = add_target(db, ledger, "charge");
  const TargetId ship = add_target(db, ledger, "ship");
  {
    Tx tx(db);
    ledger.apply(tx, charge, saw("reviewed"), kStart);
    ledger.apply(tx, charge, saw("changed"), kStart + kMinute);
    ledger.apply(tx, ship, not_found(), kStart + kMinute);
    ledger.apply(tx, ship, failed(), kStart + 2 * kMinute);
  }
  const char* const hash = "X'00ff00000000000000000000000000000000000000000000000000000000ff0a'";
  for (const std::string& sql : std::vector<std::string>{
           "INSERT INTO fact VALUES ('odd', ''), ('log_origin', 'ops-1/codedriftd')",
           "INSERT INTO daemon_run (version, pid, started_at_ms, alive_at_ms, stopped_at_ms) VALUES "
           "('1', 9223372036854775807, -62135596800000, 2, 3), ('1', -9223372036854775808, 4, 5, NULL), "
           "('2', 7, 6, 7, NULL)",
           fmt::format("INSERT INTO baseline (target, at_ms, sha256, actor, reason, ticket) VALUES (1, 1, {}, 'a', "
                       "'', '')",
                       hash),
           "INSERT INTO account_state VALUES ('prod', 'r', 1, 'credentials', NULL)",
           "INSERT INTO destination VALUES ('late', 'held', 5, 2, 'no', 0, NULL)",
           "INSERT INTO attempt VALUES (1, 1, 5, NULL, 'started', NULL, ''), (1, 2, 6, 70, 'retry', 503, 'busy')",
           "INSERT INTO suspension VALUES (1, 1, 2, 'uid:1', '', 'why')",
           "INSERT INTO flapping VALUES ('ops', 1, 1, 2, 3)",
           "INSERT INTO earlier_address VALUES (1, 'old/one'), (1, 'older/one')",
           fmt::format("INSERT INTO package VALUES ({0}, 'examined', '', {0}, 1, 2, 3, 4, 5, '[]', X'00010a00ff', 1), "
                       "(X'11{1}', 'unavailable', 'gone', NULL, 1, 2, 3, 4, 5, '[]', NULL, 0)",
                       hash, std::string(62, '0')),
           fmt::format("INSERT INTO package_file VALUES (7, -5, X'00ff0a', 420, 9, {})", hash),
           fmt::format("INSERT INTO attestation VALUES ({}, 1, X'', X'00')", hash),
           fmt::format("INSERT INTO attested VALUES (1, {})", hash),
           fmt::format("INSERT INTO value_text VALUES ({}, '{}')", hash, std::string(200'000, 'v')),
           "INSERT INTO inventory (account, region, namespace, name, function_id, type, runtime, status, tags, state, "
           "rule, first_found_at_ms, last_found_at_ms, not_listed, versions, aliases, deleted, image) VALUES ('a', "
           "'r', "
           "'n', 'f', '', '', '', '', '{}', 'watched', '', 1, 2, 0, '[]', '[]', '{}', 0)",
           "INSERT INTO inventory_state VALUES (1, 1, 'watched', '', ''), (1, 2, 'excluded', 'f:1', 'x')",
           "INSERT INTO listing (account, region, complete, error_code, error_message, error_request_id, from_ms, "
           "until_ms, listings, found, watched) VALUES ('a', 'r', 1, '', '', '', 1, 2, 3, 4, 5)",
           "INSERT INTO fleet_config VALUES (1, 'digest', 5, 'ops1')",
           "INSERT INTO discovery VALUES ('a', 'r', 0, '', 0, NULL, NULL, '[]')",
           "INSERT INTO discovery_told VALUES ('a', 'r', 'function.unmanaged', 'f', 1)",
           "INSERT INTO attribution VALUES (1, 1, 1, 2, 0, NULL, NULL, NULL, '', 0, NULL)",
           "INSERT INTO change_record VALUES (1, 0, '', '', 1, '', '', '', '', '', '', 0, '')"})
    db.execute(sql);
  int n = 0;
  for (const char* odd : kOddTexts) {
    db.query_once("INSERT INTO fact VALUES (?, ?)", fmt::format("odd {}", ++n), odd).step();
    db.query_once("UPDATE target SET error_message = ?, pin_where = ? WHERE id = 2", odd, odd).step();
  }
}

/// All rows of all tables in the order of all their columns, so that they can be compared as text.
std::map<std::string, std::vector<std::string>> dump(Database& db) {
  std::map<std::string, std::vector<std::string>> all;
  for (const std::string& table : bulk::tables(db)) {
    const auto columns = bulk::columns(db, table);
    auto rows = db.query_once(fmt::format("SELECT {} FROM {}", bulk::listed(columns), table));
    std::vector<std::string>& lines = all[table];
    while (rows.step()) {
      std::string line;
      for (int i = 0; i < static_cast<int>(columns.size()); ++i) {
        const bulk::Column& column = columns[static_cast<std::size_t>(i)];
        const std::string_view bytes = column.type == bulk::Type::integer ? "" : rows.text(i);
        line += fmt::format("{}={}|", column.name,
                            rows.null(i)                         ? "NULL"
                            : column.type == bulk::Type::integer ? std::to_string(rows.integer(i))
                                                                 : "'" + std::string(bytes) + "'");
      }
      lines.push_back(std::move(line));
    }
    std::sort(lines.begin(), lines.end());
  }
  return all;
}

constexpr const char* kStay[] = {"lane", "lease", "migration", "poll_request"};

/// What moves, of both.
void expect_same(std::map<std::string, std::vector<std::string>> a, std::map<std::string, std::vector<std::string>> b,
                 const std::vector<std::string>& but = {}) {
  for (auto* side : {&a, &b}) {
    for (const char* stays : kStay) side->erase(stays);
    for (const std::string& table : but) side->erase(table);
  }
  ASSERT_EQ(a.size(), b.size());
  for (const auto& [table, rows] : a) {
    EXPECT_FALSE(rows.empty()) << table << ": nothing is shown by this";
    EXPECT_EQ(rows, b.at(table)) << table;
  }
}

class PostgresMove : public testing::Test {
 protected:
  static move::Moved copy(Database& from, Database& to) {
    if (to.engine() == Engine::sqlite) sqlite::load_quickly(to);
    from.begin_read();
    to.begin_write();
    const move::Moved moved = move::copy_record(from, to);
    if (to.engine() == Engine::sqlite) sqlite::check_whole(to);
    to.commit();
    from.commit();
    return moved;
  }
  /// Why it is refused; then nothing is left.
  std::string refusal() {
    std::string words = "(moved)";
    try {
      copy(file, server);
    } catch (const move::Refused& refused) {
      words = refused.what();
    } catch (const StoreError& error) {
      words = error.what();
    }
    server.rollback();
    file.rollback();
    EXPECT_EQ(move::contents(server), "");
    return words;
  }

  TempDir dir;
  const TestRecord in_file{dir / "a.db", Engine::sqlite}, in_second_file{dir / "b.db", Engine::sqlite},
      on_server{"", Engine::postgres}, on_second_server{"", Engine::postgres};
  Database file = in_file.open_writer(), server = on_server.open_writer();
};

TEST_F(PostgresMove, IsThereAndBackTheSameBytesInEveryTable) {
  fill(file);
  const auto before = dump(file);
  const move::Moved there = copy(file, server);
  EXPECT_EQ(there.events, number(file, "SELECT count(*) FROM event"));
  EXPECT_GE(there.events, 4);
  const auto moved = dump(server);
  expect_same(before, moved, {"daemon_run", "package"});
  EXPECT_EQ(dump(file), before) << "the source is as it was";

  Database back = in_second_file.open_writer();
  const move::Moved again = copy(server, back);
  EXPECT_EQ(again.rows, there.rows);
  expect_same(before, dump(back), {"package"});
  EXPECT_EQ(broken_invariant(back), broken_invariant(file));

  Database second = on_second_server.open_writer();
  copy(back, second);
  expect_same(moved, dump(second));
}

TEST_F(PostgresMove, GoesOnWithTheIdsThatFollow) {
  fill(file);
  copy(file, server);
  Ledger ledger = ledger_with_routes();
  {
    Tx tx(server);
    ledger.apply(tx, targets::find(server, function_named("charge").address()).value().id, saw("again"),
                 kStart + 5 * kMinute);
  }
  const TargetId added = add_target(server, ledger, "third", kStart + 6 * kMinute);
  EXPECT_EQ(added, 3);
  EXPECT_EQ(number(server, "SELECT max(id) - count(*) FROM run"), 0);
  EXPECT_EQ(number(server, "SELECT max(id) - count(*) FROM outbox"), 0);
  server.execute(
      "INSERT INTO package_file (key, name, mode, size, sha256) SELECT key, name, mode, size, sha256 FROM "
      "package_file");
  EXPECT_EQ(number(server, "SELECT max(id) FROM package_file"), 8);
  EXPECT_EQ(number(server, "SELECT max(seq) + 1 - count(*) FROM event"), 0);
}

TEST_F(PostgresMove, LeavesNoStayThatAFleetWouldFindDeadAndNoPackageKeptWhole) {
  fill(file);
  copy(file, server);
  EXPECT_TRUE(Membership::members(server).empty()) << "who was killed years ago is no member";
  EXPECT_EQ(text(server,
                 "SELECT string_agg(concat_ws(':', id, stopped_at_ms, fenced_by), ' ' ORDER BY id) FROM "
                 "daemon_run"),
            "1:3 2:2 3:3");
  EXPECT_EQ(number(server, "SELECT sum(kept)::bigint FROM package"), 0);
  server.execute("INSERT INTO daemon_run (version, pid, started_at_ms, alive_at_ms, host) VALUES ('1', 1, 8, 9, 'h')");
  Database back = in_second_file.open_writer();
  copy(server, back);
  EXPECT_EQ(text(back,
                 "SELECT group_concat(id || ':' || coalesce(fenced_by, '')) FROM daemon_run WHERE stopped_at_ms "
                 "IS NULL"),
            "2:,3:,4:4");
}

TEST_F(PostgresMove, RefusesADamagedRecord) {
  fill(file);
  unlock_events(file);
  struct Damage {
    const char *done, *undone, *words;
  };
  const Damage kDamage[] = {
      {"UPDATE event SET body = CAST(replace(CAST(body AS TEXT), 'charge', 'chargf') AS BLOB) WHERE seq = 2",
       "UPDATE event SET body = CAST(replace(CAST(body AS TEXT), 'chargf', 'charge') AS BLOB) WHERE seq = 2",
       "event 2 is not what was recorded"},
      {"UPDATE event SET leaf_hash = zeroblob(32) WHERE seq = 3; UPDATE fact SET value = '' WHERE name = 'odd'",
       nullptr, "event 3 is not what was recorded"},
  };
  for (const Damage& damage : kDamage) {
    file.execute(damage.done);
    EXPECT_NE(refusal().find(damage.words), std::string::npos) << damage.words;
    if (damage.undone != nullptr) file.execute(damage.undone);
  }
}

TEST_F(PostgresMove, RefusesALogWithAGap) {
  fill(file);
  unlock_events(file);
  file.execute("PRAGMA foreign_keys = OFF; DELETE FROM event WHERE seq IN (1, 2)");
  EXPECT_NE(refusal().find("events 1 to 2 are missing"), std::string::npos);
  file.execute("DELETE FROM event WHERE seq = 0");
  EXPECT_NE(refusal().find("events 0 to 2 are missing"), std::string::npos);
}

TEST_F(PostgresMove, RefusesTextThatNoServerCanHold) {
  fill(file);
  for (const std::string& odd : {std::string("a\0b", 3), std::string("a\xff")}) {
    file.query_once("UPDATE target SET pin_where = ? WHERE id = 1", odd).step();
    EXPECT_NE(refusal().find("column pin_where of table target"), std::string::npos);
  }
}

TEST_F(PostgresMove, RefusesRowsThatNameNone) {
  fill(file);
  file.execute("PRAGMA foreign_keys = OFF; UPDATE target SET answer_run = 4711 WHERE id = 1");
  EXPECT_NE(refusal().find("target_answer_run_fkey"), std::string::npos);
}

TEST_F(PostgresMove, RefusesWhatArrivesAsSomethingElse) {
  fill(file);
  struct Change {
    const char *does, *words;
  };
  for (const Change& change : {Change{"NEW.polls := NEW.polls + 1; RETURN NEW", "are not those that were moved"},
                               Change{"RETURN NULL", "of the"}}) {
    server.execute(
        fmt::format("CREATE FUNCTION alter_run() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {}; END $$; "
                    "CREATE TRIGGER altered BEFORE INSERT ON run FOR EACH ROW EXECUTE FUNCTION alter_run()",
                    change.does));
    const std::string words = refusal();
    EXPECT_NE(words.find(change.words), std::string::npos) << words;
    EXPECT_NE(words.find("table run"), std::string::npos) << words;
    server.execute("DROP TRIGGER altered ON run; DROP FUNCTION alter_run()");
  }
}

TEST_F(PostgresMove, RefusesTablesThatItDoesNotKnow) {
  fill(file);
  file.execute("CREATE TABLE mine (id INTEGER)");
  EXPECT_NE(refusal().find("mine"), std::string::npos);
}

TEST_F(PostgresMove, MovesEveryTableThatASchemaHas) {
  // A table that comes with a later migration is refused until it is said how it is moved.
  EXPECT_EQ(bulk::tables(file), bulk::tables(server));
  fill(file);
  const move::Moved moved = copy(file, server);
  EXPECT_EQ(static_cast<std::size_t>(moved.tables) + std::size(kStay), bulk::tables(file).size());
}

TEST_F(PostgresMove, OfRowsLargerThanAnyPieceOnTheWay) {
  fill(file);
  for (const int size : {65'535, 65'536, 1'000'003})
    file.query_once("INSERT INTO value_text VALUES (?, ?)", sha256(std::to_string(size)),
                    std::string(static_cast<std::size_t>(size), 'x'))
        .step();
  copy(file, server);
  Database back = in_second_file.open_writer();
  copy(server, back);
  EXPECT_EQ(dump(file)["value_text"], dump(back)["value_text"]);
}

}  // namespace
}  // namespace codedriftd::test
