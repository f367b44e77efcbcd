#include "store/migrate.h"

#include <gtest/gtest.h>

#include <filesystem>

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
  Database db = Database::open_writer(dir / "codedriftd.db");
  const auto first = migrate(db, embedded_migrations(), kStart);
  ASSERT_TRUE(first) << first.error().message;
  EXPECT_EQ(first->from, 0);
  EXPECT_EQ(first->to, kNewest);
  EXPECT_EQ(first->copy, "") << "there was nothing to keep";
  EXPECT_EQ(db.pragma("application_id"), 0x44524654);
  EXPECT_EQ(db.pragma("user_version"), kNewest);
  const auto rows = rows_by_table(db);
  const auto second = migrate(db, embedded_migrations(), kStart);
  ASSERT_TRUE(second) << second.error().message;
  EXPECT_EQ(second->from, kNewest);
  EXPECT_EQ(second->copy, "");
  EXPECT_EQ(rows_by_table(db), rows);
  EXPECT_TRUE(check_schema(db));
}

TEST(Migrate, AnUpgradeKeepsACopyOfTheOldAndTheData) {
  Store store;
  store.db.run("INSERT INTO fact (name, value) VALUES ('kept', 'yes')");
  const auto report =
      migrate(store.db, with_second("ALTER TABLE fact ADD COLUMN note TEXT; CREATE TABLE more (x) "), kStart);
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_EQ(report->from, kNewest);
  EXPECT_EQ(report->to, kNewest + 1);
  EXPECT_EQ(store.db.pragma("user_version"), kNewest + 1);
  EXPECT_EQ(text(store.db, "SELECT value FROM fact WHERE name = 'kept' AND note IS NULL"), "yes");
  ASSERT_EQ(report->copy, fmt::format("{}.before-v{}", store.path, kNewest + 1));
  Database copy = Database::open_reader(report->copy);
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
  } catch (const SqliteError& error) {
    EXPECT_NE(std::string(error.what()).find("9999_made_up"), std::string::npos) << error.what();
  }
  EXPECT_EQ(store.db.pragma("user_version"), kNewest);
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
  Database db = Database::open_writer(dir / "other.db");
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
