#include "store/db/sqlite.h"

#include <fcntl.h>
#include <grp.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <thread>

#include "store/db/snapshot.h"
#include "store/store_support.h"

namespace codedriftd::test {
namespace {

namespace fs = std::filesystem;

template <typename Call>
std::string error_of(Call call) {
  try {
    call();
  } catch (const std::exception& error) {
    return error.what();
  }
  return {};
}

TEST(Sqlite, WriterHasEveryPragmaThatDurabilityAndHardeningNeed) {
  Store store;
  EXPECT_EQ(text(store.db, "PRAGMA journal_mode"), "wal");
  EXPECT_EQ(sqlite::pragma(store.db, "synchronous"), 2);
  EXPECT_EQ(sqlite::pragma(store.db, "foreign_keys"), 1);
  EXPECT_EQ(sqlite::pragma(store.db, "trusted_schema"), 0);
  EXPECT_EQ(sqlite::pragma(store.db, "cell_size_check"), 1);
  EXPECT_EQ(sqlite::pragma(store.db, "mmap_size"), 0);
  EXPECT_EQ(sqlite::pragma(store.db, "busy_timeout"), 5000);
  EXPECT_EQ(sqlite::pragma(store.db, "wal_autocheckpoint"), 0);
  EXPECT_EQ(sqlite::pragma(store.db, "journal_size_limit"), 64 * 1024 * 1024);
  // DEFENSIVE: shadow tables and the schema itself cannot be written.
  store.db.execute("PRAGMA writable_schema = ON");
  EXPECT_THROW(store.db.execute("UPDATE sqlite_schema SET sql = ''"), StoreError);
  // DQS off: a misspelt column is an error and no string.
  EXPECT_THROW(store.db.execute("SELECT \"no such column\""), StoreError);
  EXPECT_THROW(store.db.execute("SELECT load_extension('x')"), StoreError);
}

TEST(Sqlite, GivesUpAStatementBeforeItAndWithinIt) {
  Store store;
  int asked = 0;
  bool over = false;
  store.db.give_up_when([&] { return ++asked > 5 || over; });
  Database moved = std::move(store.db);
  constexpr std::string_view kEndless =
      "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n";
  try {
    moved.query_once(kEndless).step();
    FAIL() << "it ended";
  } catch (const StoreError& error) {
    EXPECT_TRUE(error.given_up()) << error.what();
  }
  EXPECT_EQ(asked, 6) << "before it, and while it ran";
  asked = 0;
  EXPECT_EQ(number(moved, "SELECT 1"), 1) << "the connection is whole";
  over = true;
  EXPECT_THROW(moved.query_once("SELECT 1"), StoreError);
  moved.give_up_when({});
  EXPECT_EQ(number(moved, "SELECT 1"), 1);
}

TEST(Sqlite, ReaderCannotWriteAndNeverCheckpoints) {
  Store store;
  Database reader = sqlite::open_reader(store.path);
  EXPECT_EQ(sqlite::pragma(reader, "query_only"), 1);
  EXPECT_EQ(sqlite::pragma(reader, "wal_autocheckpoint"), 0);
  EXPECT_EQ(sqlite::pragma(reader, "trusted_schema"), 0);
  EXPECT_THROW(reader.execute("DELETE FROM fact"), StoreError);
  EXPECT_THROW(reader.execute("CREATE TABLE t (x)"), StoreError);
}

TEST(Sqlite, ClosingTheLastReaderLeavesTheLogAlone) {
  Store store;
  std::string wal = store.path + "-wal";
  store.db.run("INSERT INTO fact (name, value) VALUES ('a', 'b')");
  const auto size = fs::file_size(wal);
  ASSERT_GT(size, 0U);
  const fs::path copy = store.dir / "copy";
  fs::create_directory(copy);
  for (const char* end : {"", "-wal"}) fs::copy_file(store.path + end, copy / ("codedriftd.db" + std::string(end)));
  {
    Database reader = sqlite::open_reader((copy / "codedriftd.db").string());
    EXPECT_EQ(text(reader, "SELECT value FROM fact WHERE name = 'a'"), "b");
  }
  EXPECT_EQ(fs::file_size(copy / "codedriftd.db-wal"), size);
}

TEST(Sqlite, TheGroupMayReadTheFilesButTheIndexWhateverTheUmask) {
  const mode_t before = ::umask(0077);
  {
    Store store;
    store.db.run("INSERT INTO fact (name, value) VALUES ('a', 'b')");
    for (const char* end : {"", "-wal"}) EXPECT_EQ(mode_of(store.path + end), 0640U) << end;
    EXPECT_EQ(mode_of(store.path + "-shm"), 0600U);
    sqlite::backup_to(store.db, store.dir / "copy");
    EXPECT_EQ(mode_of(store.dir / "copy"), 0640U);
  }
  ::umask(before);
}

TEST(Sqlite, AModeThatTheOperatorChoseStays) {
  TempDir dir;
  const std::string path = dir / "codedriftd.db";
  { sqlite::open_writer(path); }
  ::chmod(path.c_str(), 0600);
  { sqlite::open_writer(path); }
  EXPECT_EQ(mode_of(path), 0600U);
}

TEST(Sqlite, ReaderWorksWhileTheWriterIsOpenAndAfterACleanClose) {
  TempDir dir;
  const std::string path = dir / "codedriftd.db";
  {
    Database writer = sqlite::open_writer(path);
    writer.execute("CREATE TABLE t (x INTEGER) STRICT; INSERT INTO t VALUES (7)");
    Database reader = sqlite::open_reader(path);
    EXPECT_EQ(number(reader, "SELECT x FROM t"), 7);
  }
  EXPECT_TRUE(fs::exists(path + "-wal"));
  EXPECT_TRUE(fs::exists(path + "-shm"));
  Database reader = sqlite::open_reader(path);
  EXPECT_EQ(number(reader, "SELECT x FROM t"), 7);
}

/// Runs `read` as a user who is in the group `gid` and nothing else; true if it returned true.
bool as_member_of(gid_t gid, const std::function<bool()>& read) {
  const pid_t child = ::fork();
  if (child == 0) {
    bool good = ::setgroups(0, nullptr) == 0 && ::setgid(gid) == 0 && ::setuid(60124) == 0;
    try {
      good = good && read();
    } catch (const std::exception& error) {
      std::fprintf(stderr, "%s\n", error.what());
      good = false;
    }
    ::_exit(good ? 0 : 1);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

TEST(Sqlite, AnotherUserOfTheGroupReadsWithTheWriterOpenAndClosed) {
  if (::geteuid() != 0) GTEST_SKIP() << "NOT RUN: needs root to become another user";
  constexpr gid_t kGroup = 60123;
  TempDir dir;
  ASSERT_EQ(::chown(dir.path().c_str(), 0, kGroup), 0);
  ASSERT_EQ(::chmod(dir.path().c_str(), 02750), 0);
  const std::string path = dir / "codedriftd.db";
  const auto reads = [&] { return number(Snapshot(path).db(), "SELECT x FROM t") == 7; };
  const auto locks = [&] {
    Database reader = sqlite::open_reader(path);
    sqlite::pragma(reader, "schema_version");
    return true;
  };
  const auto writes = [&] {
    sqlite::open_writer(path).execute("DELETE FROM t");
    return true;
  };
  {
    Database writer = sqlite::open_writer(path);
    writer.execute("CREATE TABLE t (x INTEGER) STRICT; INSERT INTO t VALUES (7)");
    EXPECT_TRUE(as_member_of(kGroup, reads)) << "beside the writer";
    EXPECT_FALSE(as_member_of(kGroup, writes));
  }
  EXPECT_TRUE(as_member_of(kGroup, reads)) << "after a clean close";
  EXPECT_FALSE(as_member_of(kGroup, locks)) << "what would let it hold up the writer";
  EXPECT_FALSE(as_member_of(kGroup, writes));
  EXPECT_FALSE(as_member_of(kGroup + 2, reads)) << "a stranger";
}

TEST(Sqlite, ADamagedValueIsAnErrorThatSaysWhere) {
  Store store;
  Ledger ledger = ledger_with_routes();
  const TargetId id = add_target(store.db, ledger, "charge");
  store.db.execute("PRAGMA ignore_check_constraints = ON");
  const struct {
    const char* damage;
    const char* says;
  } cases[] = {
      {"live = x'0102'", "2 bytes instead of 32"},
      {"live = NULL, accepted = x''", "0 bytes instead of 32"},
      {"accepted = NULL, accepted_source = 'nobody'", "accepted_source"},
      {"accepted_source = 'pin', announced = '{'", "damaged"},
      {"announced = '[{\"sha256\":\"zz\"}]'", "an announced hash"},
      {"announced = '[{}]'", "damaged"},
      {"announced = '[1]'", "damaged"},
      {"announced = '[]', last_polled_at_ms = 9223372036854775807", "a time of 9223372036854775807 ms"},
      {"last_polled_at_ms = NULL, interval_ms = -9223372036854775807", "a duration of"},
  };
  for (const auto& c : cases) {
    store.db.execute(fmt::format("UPDATE target SET {}", c.damage));
    const std::string error = error_of([&] { targets::load(store.db, id); });
    EXPECT_NE(error.find(c.says), std::string::npos) << c.damage << " -> " << error;
  }
}

TEST(Sqlite, WhatIsNoDatabaseIsRefusedWithItsName) {
  TempDir dir;
  Store store;
  store.db.checkpoint(true);
  std::string whole;
  {
    std::ifstream in(store.path, std::ios::binary);
    whole.assign(std::istreambuf_iterator<char>(in), {});
  }
  const std::string garbage = dir.write("garbage.db", std::string(8192, 'x'));
  const std::string truncated = dir.write("truncated.db", whole.substr(0, 4096 * 2 + 100));
  const std::string folder = dir / "folder.db";
  fs::create_directory(folder);
  const std::string link = dir / "link.db";
  fs::create_symlink(store.path, link);
  const std::string dangling = dir / "dangling.db";
  fs::create_symlink(dir / "elsewhere.db", dangling);
  for (const std::string& path : {garbage, truncated, folder, link, dangling}) {
    for (const bool write : {true, false}) {
      const std::string error = error_of([&] {
        Database db = write ? sqlite::open_writer(path) : sqlite::open_reader(path);
        if (const auto ok = check_schema(db); !ok) throw std::runtime_error(ok.error().message);
        if (text(db, "PRAGMA integrity_check") != "ok") throw std::runtime_error(path + ": damaged");
      });
      EXPECT_NE(error.find(path), std::string::npos) << path << " (write: " << write << ") -> " << error;
    }
  }
  EXPECT_FALSE(fs::exists(dir / "elsewhere.db")) << "created through a link";
  const std::string missing = dir / "missing.db";
  EXPECT_NE(error_of([&] { sqlite::open_reader(missing); }).find(missing), std::string::npos);
  EXPECT_FALSE(fs::exists(missing));
  EXPECT_NE(error_of([&] { sqlite::open_writer(dir / "no/such/folder.db"); }).find("No such file"), std::string::npos);
}

TEST(Sqlite, AFolderBehindALinkIsFine) {
  TempDir dir;
  fs::create_directory(dir / "private");
  fs::create_directory_symlink(dir / "private", dir / "public");
  { sqlite::open_writer(dir / "public/codedriftd.db").execute("CREATE TABLE t (x)"); }
  EXPECT_NO_THROW(sqlite::open_reader(dir / "public/codedriftd.db"));
  EXPECT_TRUE(fs::exists(dir / "private/codedriftd.db"));
}

TEST(Sqlite, QueriesBindAndReadEveryType) {
  Store store;
  auto q = store.db.query("SELECT ?, ?, ?, ?, ?, ?, ?, ?", 7, "text", std::string_view("a\0b", 3), Blob{"\x00\xff"},
                          hash_of("h"), std::optional<int64_t>(), kStart, Millis{5});
  ASSERT_TRUE(q.step());
  EXPECT_EQ(q.integer(0), 7);
  EXPECT_EQ(q.string(1), "text");
  EXPECT_EQ(q.text(2), std::string_view("a\0b", 3));
  EXPECT_EQ(q.optional_sha256(4), hash_of("h"));
  EXPECT_TRUE(q.null(5));
  EXPECT_EQ(q.optional_integer(5), std::nullopt);
  EXPECT_EQ(q.optional_string(5), std::nullopt);
  EXPECT_EQ(q.optional_time(5), std::nullopt);
  EXPECT_EQ(q.optional_sha256(5), std::nullopt);
  EXPECT_EQ(q.time(6), kStart);
  EXPECT_EQ(q.millis(7), Millis{5});
  EXPECT_FALSE(q.step());
}

TEST(Sqlite, AStatementThatIsStillRunningCanBeUsedAgain) {
  Store store;
  store.db.execute("INSERT INTO fact VALUES ('a', '1'), ('b', '2')");
  constexpr std::string_view kAll = "SELECT name FROM fact ORDER BY name";
  auto outer = store.db.query(kAll);
  ASSERT_TRUE(outer.step());
  {
    auto inner = store.db.query(kAll);
    ASSERT_TRUE(inner.step());
    ASSERT_TRUE(inner.step());
    EXPECT_EQ(inner.text(0), "b");
  }
  EXPECT_EQ(outer.text(0), "a");
}

TEST(Sqlite, ABackupBesideACommittingWriterIsWholeAndLeavesNothingElse) {
  Store store;
  store.db.execute("CREATE TABLE pair (a INTEGER, b INTEGER) STRICT; INSERT INTO pair VALUES (0, 0)");
  std::atomic<bool> stop{false};
  std::atomic<int> commits{0};
  std::jthread writer([&] {
    while (!stop) {
      store.db.execute(
          "BEGIN IMMEDIATE; UPDATE pair SET a = a + 1; INSERT INTO pair SELECT 0, 0; UPDATE pair SET b = a; COMMIT");
      ++commits;
    }
  });
  Database reader = sqlite::open_reader(store.path);
  for (int i = 0; i < 5; ++i) {
    const int before = commits;
    while (commits == before) std::this_thread::yield();
    const std::string copy = store.dir / fmt::format("copy-{}.db", i);
    sqlite::backup_to(reader, copy);
    Database opened = sqlite::open_reader(copy);
    EXPECT_EQ(text(opened, "PRAGMA integrity_check"), "ok");
    EXPECT_EQ(text(opened, "PRAGMA journal_mode"), "delete");
    EXPECT_EQ(number(opened, "SELECT count(*) FROM pair WHERE a != b"), 0);
    EXPECT_TRUE(check_schema(opened));
  }
  stop = true;
  writer.join();
  int files = 0;
  for (const auto& entry : fs::directory_iterator(store.dir.path())) {
    EXPECT_EQ(entry.path().string().find(".part"), std::string::npos) << entry.path();
    ++files;
  }
  EXPECT_EQ(files, 3 + 5);
}

TEST(Sqlite, ABackupThatCannotBeWrittenSaysSoAndLeavesTheOldOne) {
  Store store;
  const std::string nowhere = store.dir / "no/such/folder/copy.db";
  EXPECT_NE(error_of([&] { sqlite::backup_to(store.db, nowhere); }).find(nowhere), std::string::npos);
  const std::string folder = store.dir / "folder";
  fs::create_directories(folder + "/full");
  EXPECT_THROW(sqlite::backup_to(store.db, folder), std::system_error) << "a folder is in the way";
  EXPECT_FALSE(fs::exists(folder + ".part"));
  if (::geteuid() == 0) {
    const std::string readonly = store.dir / "readonly";
    fs::create_directory(readonly);
    ::chmod(readonly.c_str(), 0555);
    ::chmod(store.dir.path().c_str(), 0755);
    ::chmod(store.path.c_str(), 0644);
    const std::string path = store.path;
    EXPECT_FALSE(as_member_of(60125, [&] {
      Database reader = sqlite::open_reader(path);
      sqlite::backup_to(reader, readonly + "/copy.db");
      return true;
    }));
    EXPECT_TRUE(fs::is_empty(readonly));
  }
}

TEST(Sqlite, ACheckpointDoesNotWaitForAReader) {
  Store store;
  Database reader = sqlite::open_reader(store.path);
  store.db.run("INSERT INTO fact (name, value) VALUES ('a', 'b')");
  auto snapshot = reader.query("SELECT * FROM fact");
  ASSERT_TRUE(snapshot.step());
  store.db.run("INSERT INTO fact (name, value) VALUES ('c', 'd')");
  const SystemClock clock;
  const MonoTime begun = clock.mono();
  store.db.checkpoint(true);
  EXPECT_LT(clock.mono() - begun, std::chrono::seconds(2));
  EXPECT_EQ(sqlite::pragma(store.db, "busy_timeout"), 5000);
}

}  // namespace
}  // namespace codedriftd::test
