#include "store/db/migrate.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "store/db/sqlite.h"
#include "store/outbox/outbox.h"
#include "store/packages/packages.h"
#include "store/store_support.h"

namespace codedriftd::test {
namespace {

std::vector<Migration> with_second(const std::string& sql) {
  auto all = embedded_migrations();
  all.push_back({static_cast<int>(all.size()) + 1, "9999_made_up", sql});
  return all;
}

const int kNewest = static_cast<int>(embedded_migrations().size());

TEST(Migrate, NumbersRunFromOneWithoutAGap) {
  int expected = 0;
  for (const Migration& migration : embedded_migrations()) EXPECT_EQ(migration.version, ++expected) << migration.name;
  EXPECT_GE(expected, 1);
}

TEST(Migrate, MakesANewDatabaseAndDoesNothingTheSecondTime) {
  TempDir dir;
  Database db = sqlite::open_writer(dir / "codedriftd.db");
  const auto first = migrate(db, embedded_migrations(), kStart);
  ASSERT_TRUE(first) << first.error().message;
  EXPECT_EQ(first->from, 0);
  EXPECT_EQ(first->to, kNewest);
  EXPECT_EQ(first->copy, "") << "there was nothing to keep";
  EXPECT_EQ(sqlite::pragma(db, "application_id"), 0x44524654);
  EXPECT_EQ(sqlite::pragma(db, "user_version"), kNewest);
  const auto rows = rows_by_table(db);
  const auto second = migrate(db, embedded_migrations(), kStart);
  ASSERT_TRUE(second) << second.error().message;
  EXPECT_EQ(second->from, kNewest);
  EXPECT_EQ(second->copy, "");
  EXPECT_EQ(rows_by_table(db), rows);
  EXPECT_TRUE(check_schema(db));
}

TEST(Migrate, AlertsOnTheirWayGoOnUnderTheSecondSchema) {
  TempDir dir;
  const std::string path = dir / "codedriftd.db";
  Database db = sqlite::open_writer(path);
  const std::vector<Migration> first(embedded_migrations().begin(), embedded_migrations().begin() + 1);
  ASSERT_TRUE(migrate(db, first, kStart));
  db.execute(
      "INSERT INTO event VALUES (0, 'e0', 0, 'drift.detected', 'critical', 'daemon', 't', x'', zeroblob(32));"
      "INSERT INTO event VALUES (1, 'e1', 0, 'drift.changed', 'critical', 'daemon', 't', x'', zeroblob(32));"
      "INSERT INTO outbox VALUES (7, 'e0', 'ops', 0, 'drift.detected', 't', CAST('{\"id\":\"e0\"}' AS BLOB), "
      "'pending', 2, 1, 2, "
      "9999999999999, NULL, 503, 'busy'), (8, 'e1', 'ops', 1, 'drift.changed', 't', x'7b7d', 'pending', 0, 1, 2, "
      "9999999999999, NULL, NULL, NULL);"
      "INSERT INTO attempt VALUES (7, 1, 1, 5, 'retry', 503, 'busy'), (7, 2, 2, 5, 'retry', 503, 'busy');");
  const auto report = migrate(db, embedded_migrations(), kStart);
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_EQ(report->from, 1);
  EXPECT_TRUE(check_schema(db));
  EXPECT_EQ(number(db, "SELECT count(*) FROM attempt WHERE outbox = 7"), 2);
  EXPECT_EQ(number(db, "SELECT count(*) FROM pragma_foreign_key_check"), 0);
  EXPECT_EQ(number(db, "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name GLOB '*_1'"), 0);
  const auto alert = outbox::begin_attempt(db, "ops", kStart);
  ASSERT_TRUE(alert);
  EXPECT_EQ(alert->id, 7);
  EXPECT_EQ(alert->alert_id, "e0") << "what was sent once is sent again as it was, and alone";
  EXPECT_EQ(alert->body, "{\"id\":\"e0\"}");
  EXPECT_EQ(alert->attempt, 3U);
  EXPECT_EQ(number(db, "SELECT count(*) FROM outbox WHERE id = 8 AND message IS NULL"), 1);
}

TEST(Migrate, EventsOfAnAccountThatWasRenamedEarlierFindTheirTargets) {
  TempDir dir;
  Database db = sqlite::open_writer(dir / "codedriftd.db");
  const std::vector<Migration> before(embedded_migrations().begin(), embedded_migrations().begin() + 5);
  ASSERT_TRUE(migrate(db, before, kStart));
  const auto target_of = [](const std::string& account, const std::string& function) {
    return Target{account, "r", "n", function, "1"};
  };
  const TargetId renamed = targets::insert(db, target_of("shop", "a"));
  const TargetId twice = targets::insert(db, target_of("shop", "b"));
  targets::insert(db, target_of("test", "b"));
  int seq = 0;
  for (const char* address :
       {"'prod/r/n/a:1'", "'shop/r/n/a:1'", "'prod/r/n/b:1'", "'shop/r/n/b:1'", "'shop/r/n/gone:1'", "NULL"}) {
    db.execute(
        fmt::format("INSERT INTO event VALUES ({0}, 'e{0}', 0, 'k', 'info', 'daemon', {1}, "
                    "CAST(json_object('data', json_object('target', 'x'), 'id', 'e{0}', 'kind', 'k', 'target', {1}, "
                    "'time', 'then') AS BLOB), zeroblob(32));"
                    "INSERT INTO outbox (alert_id, destination, event_seq, kind, target, body, state, attempts, "
                    "created_at_ms, next_attempt_at_ms, give_up_at_ms) VALUES ('e{0}', 'ops', {0}, 'k', {1}, "
                    "x'', 'pending', 0, 1, 1, 1)",
                    seq++, address));
  }
  // As the fifth schema kept it.
  db.execute("UPDATE outbox SET target_id = (SELECT id FROM target t WHERE t.address = outbox.target)");
  const auto report = migrate(db, embedded_migrations(), kStart);
  ASSERT_TRUE(report) << report.error().message;
  const auto ids = [&](const char* table) {
    return text(db,
                fmt::format("SELECT group_concat(coalesce(target_id, '-'), ' ') FROM (SELECT target_id FROM {} ORDER "
                            "BY rowid)",
                            table));
  };
  const std::string expected = fmt::format("{0} {0} - {1} - -", renamed, twice);
  EXPECT_EQ(ids("event"), expected) << "of two that may be meant, neither; a label in use is another target's";
  EXPECT_EQ(ids("outbox"), expected);
  EXPECT_EQ(number(db, "SELECT count(*) FROM earlier_address"), 1);
  EXPECT_EQ(text(db, "SELECT group_concat(coalesce(target, '-'), ' ') FROM (SELECT target FROM v_events ORDER BY seq)"),
            "shop/r/n/a:1 shop/r/n/a:1 prod/r/n/b:1 shop/r/n/b:1 shop/r/n/gone:1 -")
      << "where no target is known, what stands in the event";
}

TEST(Migrate, ARecordOfTheSixthSchemaKeepsAllAndHasRoomForPackages) {
  TempDir dir;
  Database db = sqlite::open_writer(dir / "codedriftd.db");
  const std::vector<Migration> before(embedded_migrations().begin(), embedded_migrations().begin() + 6);
  ASSERT_TRUE(migrate(db, before, kStart));
  const TargetId id = targets::insert(db, function_named("charge"));
  auto expected = rows_by_table(db);
  const std::vector<Migration> seven(embedded_migrations().begin(), embedded_migrations().begin() + 7);
  const auto report = migrate(db, seven, kStart);
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_EQ(report->from, 6);
  EXPECT_EQ(report->to, 7);
  ++expected["migration"];
  expected["package"] = expected["package_file"] = 0;
  EXPECT_EQ(rows_by_table(db), expected);
  EXPECT_EQ(number(db, "SELECT id FROM target"), id);
  packages::save(db, hash_of("zip"), Examination{{}, {{"a", 0644, 1, hash_of("1")}}, {}, 100, 1}, kStart);
  EXPECT_EQ(packages::manifest(db, hash_of("zip")).size(), 1U);
  EXPECT_EQ(text(db, "PRAGMA integrity_check"), "ok");
}

TEST(Migrate, ARecordOfTheSeventhSchemaKeepsHowThingsCameToBeAccepted) {
  TempDir dir;
  Database db = sqlite::open_writer(dir / "codedriftd.db");
  const std::vector<Migration> before(embedded_migrations().begin(), embedded_migrations().begin() + 7);
  ASSERT_TRUE(migrate(db, before, kStart));
  const TargetId id = targets::insert(db, function_named("charge"));
  db.run("UPDATE target SET accepted_source = 'pin', announced = '[]' WHERE id = ?", id);
  for (const char* source : {"first_seen", "approval", "deploy"}) {
    db.run(
        "INSERT INTO baseline (target, at_ms, sha256, source, actor, reason, ticket) VALUES (?, 1, ?, ?, 'x', '', '')",
        id, hash_of("A"), source);
  }
  auto expected = rows_by_table(db);
  const std::vector<Migration> eight(embedded_migrations().begin(), embedded_migrations().begin() + 8);
  ASSERT_TRUE(migrate(db, eight, kStart));
  ++expected["migration"];
  expected["attestation"] = expected["attested"] = 0;
  EXPECT_EQ(rows_by_table(db), expected);
  EXPECT_EQ(text(db, "SELECT group_concat(source) FROM (SELECT source FROM baseline ORDER BY id)"),
            "first_seen,approval,deploy");
  EXPECT_EQ(text(db, fmt::format("SELECT accepted_source || ' ' || package || ' ' || same_content_accepted FROM target "
                                 "WHERE id = {}",
                                 id)),
            "pin unknown 1");
  EXPECT_EQ(text(db, "PRAGMA integrity_check"), "ok");
}

TEST(Migrate, ARecordOfTheEighthSchemaKeepsAllAndHasRoomForWhatListingsFind) {
  TempDir dir;
  Database db = sqlite::open_writer(dir / "codedriftd.db");
  const std::vector<Migration> before(embedded_migrations().begin(), embedded_migrations().begin() + 8);
  ASSERT_TRUE(migrate(db, before, kStart));
  const TargetId id = targets::insert(db, function_named("charge"));
  auto expected = rows_by_table(db);
  const std::vector<Migration> nine(embedded_migrations().begin(), embedded_migrations().begin() + 9);
  ASSERT_TRUE(migrate(db, nine, kStart));
  ++expected["migration"];
  for (const char* table : {"value_text", "inventory", "inventory_state", "listing", "discovery", "discovery_told"})
    expected[table] = 0;
  EXPECT_EQ(rows_by_table(db), expected);
  EXPECT_TRUE(targets::load(db, id).state == TargetState{});
  EXPECT_EQ(text(db, "SELECT status FROM v_status"), "unobserved");
  EXPECT_EQ(text(db, "PRAGMA integrity_check"), "ok");
}

TEST(Migrate, AnUpgradeKeepsACopyOfTheOldAndTheData) {
  Store store;
  store.db.run("INSERT INTO fact (name, value) VALUES ('kept', 'yes')");
  const auto report =
      migrate(store.db, with_second("ALTER TABLE fact ADD COLUMN note TEXT; CREATE TABLE more (x) "), kStart);
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_EQ(report->from, kNewest);
  EXPECT_EQ(report->to, kNewest + 1);
  EXPECT_EQ(sqlite::pragma(store.db, "user_version"), kNewest + 1);
  EXPECT_EQ(text(store.db, "SELECT value FROM fact WHERE name = 'kept' AND note IS NULL"), "yes");
  ASSERT_EQ(report->copy, fmt::format("{}.v{}", store.path, kNewest));
  Database copy = sqlite::open_reader(report->copy);
  EXPECT_TRUE(check_schema(copy));
  EXPECT_EQ(text(copy, "SELECT value FROM fact WHERE name = 'kept'"), "yes");
}

TEST(Migrate, AFailingMigrationLeavesTheOldVersionWhole) {
  Store store;
  const auto before = rows_by_table(store.db);
  const auto broken = with_second("CREATE TABLE more (x); INSERT INTO fact VALUES ('half', 'done'); SELECT nonsense;");
  try {
    (void)migrate(store.db, broken, kStart);
    FAIL() << "it was applied";
  } catch (const StoreError& error) {
    EXPECT_NE(std::string(error.what()).find("9999_made_up"), std::string::npos) << error.what();
  }
  EXPECT_EQ(sqlite::pragma(store.db, "user_version"), kNewest);
  EXPECT_EQ(rows_by_table(store.db), before);
  EXPECT_TRUE(migrate(store.db, embedded_migrations(), kStart)) << "the old program still takes it";
  EXPECT_TRUE(migrate(store.db, with_second("CREATE TABLE more (x)"), kStart)) << "and a mended one upgrades it";
}

void expect_refused(Database& db, std::initializer_list<std::string> words) {
  for (const Checked& refused : {[&]() -> Checked {
                                   auto report = migrate(db, embedded_migrations(), kStart);
                                   return report ? Checked(Done{}) : Checked(report.error());
                                 }(),
                                 check_schema(db)}) {
    ASSERT_FALSE(refused);
    for (const std::string& word : words) {
      EXPECT_NE(refused.error().message.find(word), std::string::npos) << word << " in " << refused.error().message;
    }
  }
}

TEST(Migrate, RefusesAForeignDatabaseWithBothNumbers) {
  TempDir dir;
  Database db = sqlite::open_writer(dir / "other.db");
  db.execute("CREATE TABLE theirs (x); PRAGMA application_id = 252006674");
  expect_refused(db, {dir / "other.db", "0x0f055112", "0x44524654"});
  db.execute("PRAGMA application_id = -2");
  expect_refused(db, {"0xfffffffe", "0x44524654"});
  db.execute("PRAGMA application_id = 0");
  expect_refused(db, {"0x00000000", "0x44524654"});
  EXPECT_EQ(number(db, "SELECT count(*) FROM sqlite_schema"), 1) << "and touches nothing";
}

TEST(Migrate, RefusesANewerDatabaseWithBothNumbers) {
  Store store;
  store.db.execute("PRAGMA user_version = 4711");
  expect_refused(store.db, {"4711", std::to_string(kNewest)});
}

TEST(Migrate, RefusesAnAppliedMigrationWithAnotherText) {
  Store store;
  auto changed = embedded_migrations();
  changed.front().sql += " ";
  const auto report = migrate(store.db, changed, kStart);
  ASSERT_FALSE(report);
  EXPECT_NE(report.error().message.find(changed.front().name), std::string::npos) << report.error().message;
}

TEST(Migrate, RefusesARecordThatDoesNotFitTheVersion) {
  Store store;
  store.db.execute("DELETE FROM migration");
  const auto report = migrate(store.db, embedded_migrations(), kStart);
  ASSERT_FALSE(report);
  EXPECT_NE(report.error().message.find("0 migrations"), std::string::npos) << report.error().message;
}

TEST(Migrate, AReaderSaysWhatToDoAboutAnOlderDatabase) {
  Store store;
  const auto old = check_schema(store.db, kNewest + 1);
  ASSERT_FALSE(old);
  EXPECT_NE(old.error().message.find("codedriftd migrate"), std::string::npos) << old.error().message;
}

}  // namespace
}  // namespace codedriftd::test
