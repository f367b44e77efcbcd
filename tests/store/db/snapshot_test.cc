#include "store/db/snapshot.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "base/unique_fd.h"
#include "store/db/migrate.h"
#include "store/db/sqlite.h"
#include "store/store_support.h"
#include "support/as_user.h"
#include "support/temp_dir.h"

namespace codedriftd::test {
namespace {

struct Record {
  TempDir dir;
  std::string path = dir / "codedriftd.db";
  std::optional<Database> db;

  Record() {
    open();
    (void)migrate(*db, embedded_migrations(), kStart).value();
  }
  void open() { db.emplace(sqlite::open_writer(path)); }
  void put(std::string_view name) { db->run("INSERT INTO fact (name, value) VALUES (?, 'x')", name); }
};

int64_t count_facts(Database& db) {
  auto rows = db.query("SELECT count(*) FROM fact");
  return rows.step() ? rows.integer(0) : -1;
}
int64_t count_facts(const std::string& path) {
  return with_snapshot(path, sqlite::kLeastCacheKib, [](Snapshot& snapshot) { return count_facts(snapshot.db()); });
}

bool read_lock(const UniqueFd& fd, off_t start, off_t length) {
  struct flock lock {};
  lock.l_type = F_RDLCK;
  lock.l_whence = SEEK_SET;
  lock.l_start = start;
  lock.l_len = length;
  return ::fcntl(fd.get(), F_OFD_SETLK, &lock) == 0;
}

TEST(Snapshot, StaysItsMomentWhileTheWriterGoesOn) {
  Record record;
  const int64_t before = count_facts(*record.db);
  Snapshot snapshot(record.path);
  EXPECT_EQ(count_facts(snapshot.db()), before);
  record.put("later");
  EXPECT_EQ(count_facts(snapshot.db()), before);
  EXPECT_TRUE(snapshot.undisturbed()) << "a commit only adds to the WAL";
  EXPECT_EQ(count_facts(record.path), before + 1) << "the next one sees it, from the WAL";
}

TEST(Snapshot, ACheckpointAndAWalBegunAnewDisturbIt) {
  Record record;
  record.put("a");
  {
    Snapshot snapshot(record.path);
    record.db->checkpoint(false);
    EXPECT_FALSE(snapshot.undisturbed());
  }
  Snapshot snapshot(record.path);
  EXPECT_TRUE(snapshot.undisturbed());
  record.put("b");  // over the frames of before: all of them are in the database
  EXPECT_FALSE(snapshot.undisturbed());
}

TEST(Snapshot, WhatWasDisturbedIsReadAgainAndWhatItThrewForgotten) {
  Record record;
  record.put("a");
  int calls = 0;
  const int64_t seen = with_snapshot(record.path, sqlite::kLeastCacheKib, [&](Snapshot& snapshot) {
    if (++calls == 1) {
      record.put("b");
      record.db->checkpoint(true);
      throw std::runtime_error("nonsense, read from a page of another moment");
    }
    if (calls == 2) record.db->checkpoint(false), record.put("c"), record.db->checkpoint(false);
    return count_facts(snapshot.db());
  });
  EXPECT_EQ(calls, 3);
  EXPECT_EQ(seen, count_facts(*record.db));
  EXPECT_THROW(
      with_snapshot(record.path, sqlite::kLeastCacheKib, [](Snapshot&) -> int { throw std::runtime_error("mine"); }),
      std::runtime_error);
}

TEST(Snapshot, ReadsWithoutAWriterToo) {
  Record record;
  record.put("a");
  const int64_t all = count_facts(*record.db);
  record.db.reset();
  EXPECT_EQ(count_facts(record.path), all) << "after a stop";
  for (const char* end : {"-wal", "-shm"}) std::filesystem::remove(record.path + end);
  EXPECT_EQ(count_facts(record.path), all) << "a file alone, as a restored copy";
  EXPECT_FALSE(std::filesystem::exists(record.path + "-wal")) << "reading makes no files";
  EXPECT_FALSE(std::filesystem::exists(record.path + "-shm"));
  EXPECT_THROW(Snapshot(record.dir / "none.db"), StoreError);
}

TEST(Snapshot, ACopyMadeOfItIsWhole) {
  Record record;
  record.put("a");
  const std::string to = record.dir / "copy.db";
  int calls = 0;
  with_snapshot(record.path, sqlite::kLeastCacheKib, [&](Snapshot& snapshot) {
    if (++calls == 1) record.db->checkpoint(false);
    sqlite::backup_to(snapshot.db(), to, [&] { return snapshot.undisturbed(); });
    return true;
  });
  EXPECT_EQ(calls, 2);
  EXPECT_EQ(count_facts(to), count_facts(*record.db));
}

TEST(Snapshot, WhatIsWrittenOverWhileACopyIsCheckedMakesItNoWorse) {
  Record record;
  record.put("a");
  const std::string to = record.dir / "copy.db";
  const int64_t facts = count_facts(*record.db);
  int calls = 0;
  with_snapshot(record.path, sqlite::kLeastCacheKib, [&](Snapshot& snapshot) {
    ++calls;
    sqlite::backup_to(snapshot.db(), to, [&] {
      const bool whole = snapshot.take();
      record.put("b");
      record.db->checkpoint(false);
      return whole;
    });
    return true;
  });
  EXPECT_EQ(calls, 1);
  EXPECT_EQ(count_facts(to), facts);
}

// The group reads, and there is nothing it could hold.
TEST(Snapshot, AReaderOfTheGroupCannotStopTheWriter) {
  if (::geteuid() != 0) GTEST_SKIP() << "SKIPPED: needs root, to read as another user; CI runs it as root";
  constexpr gid_t kGroup = 64'100;
  constexpr uid_t kReader = 64'102;
  Record record;
  std::filesystem::permissions(record.dir.path(), std::filesystem::perms(0750));
  ASSERT_EQ(::chown(record.dir.path().c_str(), 0, kGroup), 0);
  for (const char* end : {"", "-wal"}) ASSERT_EQ(::chown((record.path + end).c_str(), 0, kGroup), 0);
  record.put("a");
  const int64_t all = count_facts(*record.db);
  UniqueFd database, wal;
  as_user(kReader, {kGroup}, [&] {
    EXPECT_EQ(count_facts(record.path), all);
    EXPECT_EQ(::open((record.path + "-shm").c_str(), O_RDONLY | O_CLOEXEC), -1) << "where the writer's lock is";
    database.reset(::open(record.path.c_str(), O_RDONLY | O_CLOEXEC));
    wal.reset(::open((record.path + "-wal").c_str(), O_RDONLY | O_CLOEXEC));
    ASSERT_TRUE(database.valid() && wal.valid());
    // Everything that can be locked, for as long as it likes.
    EXPECT_TRUE(read_lock(database, 0, 0));
    EXPECT_TRUE(read_lock(wal, 0, 0));
  });
  record.put("b");
  record.db->checkpoint(true);
  EXPECT_EQ(std::filesystem::file_size(record.path + "-wal"), 0U) << "the WAL is moved in, whoever reads";
  record.db.reset();
  record.open();
  record.put("c");
  as_user(kReader, {kGroup}, [&] { EXPECT_EQ(count_facts(record.path), all + 2); });
}

TEST(Snapshot, AnOlderIndexThatTheGroupCouldOpenIsReplaced) {
  Record record;
  record.db.reset();
  EXPECT_EQ(mode_of(record.path), 0640U);
  EXPECT_EQ(mode_of(record.path + "-shm"), 0600U);
  std::filesystem::permissions(record.path + "-shm", std::filesystem::perms(0640));
  const UniqueFd held(::open((record.path + "-shm").c_str(), O_RDONLY | O_CLOEXEC));
  ASSERT_TRUE(read_lock(held, 120, 1));
  record.open();
  record.put("a");
  EXPECT_EQ(mode_of(record.path + "-shm"), 0600U);
}

}  // namespace
}  // namespace codedriftd::test
