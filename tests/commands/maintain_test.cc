#include "commands/maintain.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sstream>

#include "store/db/lock.h"
#include "store/db/migrate.h"
#include "store/db/sqlite.h"
#include "support/temp_dir.h"

namespace codedriftd::test {
namespace {

class MaintainTest : public testing::Test {
 protected:
  MaintainTest() { settings.state_dir = dir.path().string(); }

  void make_database() {
    Database db = sqlite::open_writer(settings.database());
    ASSERT_TRUE(migrate(db, embedded_migrations(), from_ms(0)).ok());
  }

  TempDir dir;
  Settings settings;
  std::ostringstream out, err;
};

TEST_F(MaintainTest, MigrateMakesAndBringsUpToDate) {
  EXPECT_EQ(run_migrate(settings, {}, out, err), 0) << err.str();
  EXPECT_NE(out.str().find("schema 0 -> "), std::string::npos) << out.str();
  EXPECT_EQ(run_migrate(settings, {}, out, err), 0);
  EXPECT_NE(out.str().find("is up to date"), std::string::npos) << out.str();
}

TEST_F(MaintainTest, MigrateIsRefusedWhileTheDaemonHoldsTheFolderAndNamesIt) {
  auto lock = StateLock::take(settings.lock_file());
  ASSERT_TRUE(lock.ok());
  EXPECT_EQ(run_migrate(settings, {}, out, err), 1);
  EXPECT_NE(err.str().find("pid " + std::to_string(::getpid())), std::string::npos) << err.str();
}

TEST_F(MaintainTest, MigrateRefusesANewerDatabaseWithBothNumbers) {
  make_database();
  sqlite::open_writer(settings.database()).execute("PRAGMA user_version = 999");
  EXPECT_EQ(run_migrate(settings, {}, out, err), 1);
  EXPECT_NE(err.str().find("999"), std::string::npos) << err.str();
  EXPECT_NE(err.str().find("knows up to " + std::to_string(embedded_migrations().size())), std::string::npos);
}

TEST_F(MaintainTest, MigrateLeavesADatabaseOfAnotherProgramAsItIs) {
  {
    Database other = sqlite::open_writer(settings.database());
    other.execute("PRAGMA journal_mode = DELETE; CREATE TABLE theirs (x)");
  }
  EXPECT_EQ(run_migrate(settings, {}, out, err), 1);
  EXPECT_NE(err.str().find("is not a codedriftd database"), std::string::npos) << err.str();
  Database still = sqlite::open_reader(settings.database());
  auto mode = still.query("PRAGMA journal_mode");
  ASSERT_TRUE(mode.step());
  EXPECT_EQ(mode.text(0), "delete");
}

// The database may be anybody's: what it says is shown harmlessly.
TEST_F(MaintainTest, MigrateShowsANameOutOfTheDatabaseHarmlessly) {
  make_database();
  sqlite::open_writer(settings.database())
      .execute("UPDATE migration SET sha256 = 'another', name = 'x' || char(0x1b) || '[2J' || char(0x202e)");
  EXPECT_EQ(run_migrate(settings, {}, out, err), 1);
  EXPECT_NE(err.str().find("(x\\u{1b}[2J\\u{202e})"), std::string::npos) << err.str();
  EXPECT_EQ(err.str().find('\x1b'), std::string::npos);
}

TEST_F(MaintainTest, BackupShowsANameOutOfTheDatabaseHarmlessly) {
  make_database();
  // The integrity check names the table whose row breaks its rule.
  sqlite::open_writer(settings.database())
      .execute(
          "CREATE TABLE \"x\x1b[2J\" (a CHECK (a > 0)); PRAGMA ignore_check_constraints = ON; "
          "INSERT INTO \"x\x1b[2J\" VALUES (-1)");
  EXPECT_EQ(run_backup(settings, dir / "copy.db", out, err), 1);
  EXPECT_NE(err.str().find("x\\u{1b}[2J"), std::string::npos) << err.str();
  EXPECT_EQ(err.str().find('\x1b'), std::string::npos);
}

TEST_F(MaintainTest, BackupShowsTerminalEscapesHarmlessly) {
  make_database();
  EXPECT_EQ(run_backup(settings, "/nowhere/\x1b[2Jcopy.db", out, err), 1);
  EXPECT_NE(err.str().find("/nowhere/\\u{1b}[2Jcopy.db"), std::string::npos) << err.str();
  EXPECT_EQ(err.str().find('\x1b'), std::string::npos);
}

TEST_F(MaintainTest, MigrateSaysSoWhenThereIsNoFolder) {
  settings.state_dir = dir / "nowhere";
  EXPECT_EQ(run_migrate(settings, {}, out, err), 1);
  EXPECT_NE(err.str().find("there is no such folder"), std::string::npos) << err.str();
}

TEST_F(MaintainTest, BackupWritesACopyThatCanBeRead) {
  make_database();
  EXPECT_EQ(run_backup(settings, dir / "copy.db", out, err), 0) << err.str();
  Database copy = sqlite::open_reader(dir / "copy.db");
  EXPECT_TRUE(check_schema(copy).ok());
}

TEST_F(MaintainTest, BackupReplacesAnOlderCopyAndNothingElse) {
  make_database();
  const std::string database = settings.database();
  std::filesystem::create_symlink(database, dir / "link.db");
  std::filesystem::create_hard_link(database, dir / "hard.db");
  const std::string secret = dir.write("webhook.secret", "FAKE-SECRET");
  dir.write(std::filesystem::path(settings.lock_file()).filename().string(), "");
  for (const std::string& taken : {database, database + "-wal", database + "-shm", settings.lock_file(), secret,
                                   dir / "link.db", dir / "hard.db", dir.path().string()}) {
    std::ostringstream why;
    EXPECT_EQ(run_backup(settings, taken, out, why), 1) << taken;
    EXPECT_NE(why.str().find(taken), std::string::npos) << why.str();
    EXPECT_NE(why.str().find("choose another FILE"), std::string::npos) << why.str();
  }
  EXPECT_EQ(std::filesystem::hard_link_count(database), 2U) << "it is still the same file";
  EXPECT_EQ(std::filesystem::file_size(secret), 11U);
  dir.write("empty", "");
  for (const char* name : {"copy.db", "copy.db", "empty"}) EXPECT_EQ(run_backup(settings, dir / name, out, err), 0);
}

TEST_F(MaintainTest, BackupCopiesAnOlderDatabaseToo) {
  make_database();
  sqlite::open_writer(settings.database()).execute("PRAGMA user_version = 0");
  EXPECT_EQ(run_backup(settings, dir / "copy.db", out, err), 0) << err.str();
}

TEST_F(MaintainTest, BackupSaysSoWhenItCannotWriteOrThereIsNothingToCopy) {
  EXPECT_EQ(run_backup(settings, dir / "copy.db", out, err), 1);
  EXPECT_NE(err.str().find("codedriftd.db"), std::string::npos) << err.str();
  make_database();
  EXPECT_EQ(run_backup(settings, "/nowhere/copy.db", out, err), 1);
  EXPECT_NE(err.str().find("/nowhere/copy.db"), std::string::npos) << err.str();
}

}  // namespace
}  // namespace codedriftd::test
