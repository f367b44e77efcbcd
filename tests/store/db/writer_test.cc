#include "store/db/writer.h"

#include <gtest/gtest.h>

#include <atomic>
#include <future>

#include "store/db/snapshot.h"
#include "store/db/sqlite.h"
#include "store/fault_vfs.h"
#include "store/store_support.h"
#include "support/manual_clock.h"
#include "support/process.h"

namespace codedriftd::test {
namespace {

void put(Tx& tx, const std::string& name) { tx.db.run("INSERT INTO fact (name, value) VALUES (?, '')", name); }

std::string words_of(std::exception_ptr why) {
  try {
    if (why) std::rethrow_exception(why);
  } catch (const std::exception& error) {
    return error.what();
  }
  return {};
}

/// A writer on a record, SQLite's on a file whose flushes are counted; time stands still unless the test moves it.
struct Bench {
  TempDir dir;
  std::string path = dir / "codedriftd.db";
  TestRecord record{path};
  ManualClock clock;
  std::atomic<int> deaths{0};
  Writer writer{open(), clock, options()};
  Database reader = record.open_reader();

  Database open() const {
    Database db =
        tested_engine() == Engine::sqlite ? sqlite::open_writer(path, fault_vfs::name()) : record.open_writer();
    db.execute("INSERT INTO fact (name, value) VALUES ('warm', '')");  // the log's header has its own flush
    fault_vfs::arm({});
    return db;
  }
  Writer::Options options() {
    Writer::Options made;
    made.linger = std::chrono::hours(1);  // never, in real time
    made.fatal = [this](const std::string&) { ++deaths; };
    return made;
  }
  /// One COMMIT; a server's flushes are its own.
  static void expect_one_flush() {
    if (tested_engine() == Engine::sqlite) {
      EXPECT_EQ(fault_vfs::syncs(), 1);
    }
  }
  bool has(const std::string& name) {
    return number(reader, "SELECT count(*) FROM fact WHERE name = '" + name + "'") == 1;
  }
  ~Bench() {
    fault_vfs::arm({});
    writer.stop();
  }
};

TEST(Writer, CommitsAGroupWithOneFlushOnceSomebodyIsInAHurry) {
  Bench b;
  std::atomic<int> durable{0};
  for (int i = 0; i < 100; ++i) {
    b.writer.post([i](Tx& tx) { put(tx, std::to_string(i)); },
                  [&](std::exception_ptr why) { durable += why == nullptr ? 1 : 0; }, Writer::Keep::unless_crowded);
  }
  EXPECT_EQ(durable, 0) << "no time has passed and nobody is in a hurry";
  b.writer.run([](Tx& tx) { put(tx, "urgent"); });
  EXPECT_EQ(durable, 100);
  b.expect_one_flush();
  EXPECT_EQ(number(b.reader, "SELECT count(*) FROM fact"), 102);
}

TEST(Writer, WorkThatMayGiveWayWaitsForCompanyUntilTheLingerIsOver) {
  Bench b;
  std::promise<void> first, second;
  b.writer.post([](Tx& tx) { put(tx, "first"); }, [&](std::exception_ptr) { first.set_value(); },
                Writer::Keep::unless_crowded);
  auto durable = first.get_future();
  EXPECT_EQ(durable.wait_for(Millis{0}), std::future_status::timeout);
  EXPECT_FALSE(b.has("first"));
  b.clock.advance(std::chrono::hours(1));
  b.writer.post([](Tx& tx) { put(tx, "second"); }, [&](std::exception_ptr) { second.set_value(); },
                Writer::Keep::unless_crowded);
  durable.get();
  second.get_future().get();
  EXPECT_TRUE(b.has("first"));
  EXPECT_TRUE(b.has("second"));
}

TEST(Writer, AFullGroupIsCommittedWithoutWaiting) {
  TempDir dir;
  ManualClock clock;
  const TestRecord record(dir / "codedriftd.db");
  Writer writer(record.open_writer(), clock, {std::chrono::hours(1), 3, {}});
  std::promise<void> third;
  writer.post([](Tx& tx) { put(tx, "1"); }, {}, Writer::Keep::unless_crowded);
  writer.post([](Tx& tx) { put(tx, "2"); }, {}, Writer::Keep::unless_crowded);
  writer.post([](Tx& tx) { put(tx, "3"); }, [&](std::exception_ptr) { third.set_value(); },
              Writer::Keep::unless_crowded);
  third.get_future().get();
  Database reader = record.open_reader();
  EXPECT_EQ(number(reader, "SELECT count(*) FROM fact"), 3);
}

TEST(Writer, WorkThatThrowsLeavesNoTraceAndHarmsNobodyElse) {
  Bench b;
  std::string first = "open";
  std::string second = "open";
  std::string third = "open";
  std::atomic<bool> hook{false};
  b.writer.post([](Tx& tx) { put(tx, "before"); }, [&](std::exception_ptr why) { first = words_of(why); });
  b.writer.post(
      [&](Tx& tx) {
        put(tx, "half done");
        tx.after_commit([&] { hook = true; });
        throw std::runtime_error("changed my mind");
      },
      [&](std::exception_ptr why) { second = words_of(why); });
  b.writer.post([](Tx& tx) { put(tx, "before"); },  // UNIQUE
                [&](std::exception_ptr why) { third = words_of(why); });
  b.writer.run([](Tx& tx) { put(tx, "after"); });
  EXPECT_EQ(first, "");
  EXPECT_EQ(second, "changed my mind");
  const char* unique = tested_engine() == Engine::sqlite ? "UNIQUE" : "duplicate key";
  EXPECT_NE(third.find(unique), std::string::npos) << third;
  EXPECT_TRUE(b.has("before"));
  EXPECT_FALSE(b.has("half done"));
  EXPECT_TRUE(b.has("after"));
  EXPECT_FALSE(hook);
  EXPECT_THROW(b.writer.run([](Tx&) { throw std::out_of_range("mine"); }), std::out_of_range);
  EXPECT_EQ(b.deaths, 0);
}

TEST(Writer, AGroupInWhichOneFailsIsDoneAgainWithoutItAndOnlyTheLastTimeCounts) {
  Bench b;
  std::map<std::string, int> runs, told;
  const auto post = [&](const std::string& name, bool fails) {
    b.writer.post(
        [&, name, fails](Tx& tx) {
          ++runs[name];
          put(tx, name);
          tx.after_commit([&, name] { ++told["hook of " + name]; });
          if (fails) throw std::runtime_error(name + " fails");
        },
        [&, name](std::exception_ptr why) { ++told[name + words_of(why)]; }, Writer::Keep::unless_crowded);
  };
  for (const char* name : {"a", "b"}) post(name, false);
  post("c", true);
  for (const char* name : {"d", "e"}) post(name, false);
  b.writer.run([](Tx&) {});
  EXPECT_EQ(runs, (std::map<std::string, int>{{"a", 2}, {"b", 2}, {"c", 1}, {"d", 1}, {"e", 1}}));
  EXPECT_EQ(told, (std::map<std::string, int>{{"a", 1},
                                              {"b", 1},
                                              {"cc fails", 1},
                                              {"d", 1},
                                              {"e", 1},
                                              {"hook of a", 1},
                                              {"hook of b", 1},
                                              {"hook of d", 1},
                                              {"hook of e", 1}}));
  EXPECT_EQ(number(b.reader, "SELECT count(*) FROM fact WHERE name IN ('a', 'b', 'd', 'e')"), 4);
  EXPECT_FALSE(b.has("c"));
}

/// Puts names, many at once; notes how many each call was given.
class PutName final : public Batchable {
 public:
  PutName(std::string name, std::vector<std::string>& calls) : name_(std::move(name)), calls_(calls) {}
  void run(Tx& tx, std::span<const Batchable* const> batch) const override {
    std::string call;
    for (const Batchable* each : batch) call += static_cast<const PutName*>(each)->name_;
    calls_.push_back(call);
    for (const Batchable* each : batch) {
      const std::string& name = static_cast<const PutName*>(each)->name_;
      put(tx, name);
      if (name == "x") throw std::runtime_error("x fails");
    }
  }

 private:
  std::string name_;
  std::vector<std::string>& calls_;
};
class OtherWork final : public Batchable {
 public:
  explicit OtherWork(std::vector<std::string>& calls) : calls_(calls) {}
  void run(Tx&, std::span<const Batchable* const> batch) const override {
    calls_.push_back(std::to_string(batch.size()) + " others");
  }

 private:
  std::vector<std::string>& calls_;
};

TEST(Writer, BatchableWorkThatStandsTogetherIsDoneInOneCallAndOtherWorkBetweenKeepsItsPlace) {
  Bench b;
  std::vector<std::string> calls;
  const auto names = [&](std::string_view all) {
    for (const char name : all)
      b.writer.post(std::make_shared<PutName>(std::string(1, name), calls), {}, Writer::Keep::unless_crowded);
  };
  names("abc");
  b.writer.post([&](Tx&) { calls.push_back("work"); }, {}, Writer::Keep::unless_crowded);
  names("de");
  for (int i = 0; i < 2; ++i) b.writer.post(std::make_shared<OtherWork>(calls), {}, Writer::Keep::unless_crowded);
  names("f");
  b.writer.run([](Tx&) {});
  EXPECT_EQ(calls, (std::vector<std::string>{"abc", "work", "de", "2 others", "f"}));
  b.expect_one_flush();
}

TEST(Writer, OfABatchOnlyWhatFailsByItselfFails) {
  Bench b;
  std::vector<std::string> calls;
  std::string failed;
  for (const char name : std::string_view("abxcd")) {
    b.writer.post(
        std::make_shared<PutName>(std::string(1, name), calls),
        [&, name](std::exception_ptr why) {
          if (why) failed += name + (": " + words_of(why));
        },
        Writer::Keep::unless_crowded);
  }
  b.writer.run([](Tx&) {});
  EXPECT_EQ(failed, "x: x fails");
  EXPECT_EQ(calls, (std::vector<std::string>{"abxcd", "ab", "xcd", "x", "cd"}));
  EXPECT_EQ(number(b.reader, "SELECT count(*) FROM fact WHERE name IN ('a', 'b', 'c', 'd')"), 4);
  EXPECT_FALSE(b.has("x"));
}

/// A writer while somebody else holds the write lock of its database.
struct LockedOut {
  explicit LockedOut(std::size_t most_queued = Writer::Options{}.most_queued)
      : writer(migrated(), clock, options(most_queued)) {
    other.execute("BEGIN IMMEDIATE");
  }
  Database migrated() const {
    Database db = sqlite::open_writer(dir / "codedriftd.db");
    (void)migrate(db, embedded_migrations(), kStart).value();
    return db;
  }
  static Writer::Options options(std::size_t most_queued) {
    Writer::Options options;
    options.most_queued = most_queued;
    return options;
  }

  TempDir dir;
  ManualClock clock;
  Writer writer;
  Database other = sqlite::open_writer(dir / "codedriftd.db");
};

TEST(SqliteWriter, WorkWaitsWhileSomebodyElseHoldsTheWriteLock) {
  LockedOut locked;
  Writer& writer = locked.writer;
  std::promise<std::string> first, second;
  writer.post([](Tx& tx) { put(tx, "1"); }, [&](std::exception_ptr why) { first.set_value(words_of(why)); });
  writer.post([](Tx& tx) { put(tx, "2"); }, [&](std::exception_ptr why) { second.set_value(words_of(why)); });
  ASSERT_TRUE(wait_until([&] { return !writer.trouble().empty(); }, Millis{30'000}));
  EXPECT_NE(writer.trouble().find("locked"), std::string::npos) << writer.trouble();
  EXPECT_TRUE(wait_until([&] { return writer.queued() == 2; }, Millis{30'000})) << "both are kept";
  locked.other.execute("ROLLBACK");
  EXPECT_EQ(first.get_future().get(), "");
  EXPECT_EQ(second.get_future().get(), "");
  EXPECT_EQ(writer.trouble(), "");
}

TEST(SqliteWriter, WhatSomebodyWaitsForFailsWhileTheWriteLockIsNotGivenBackAndNothingElseDoes) {
  LockedOut locked;
  Writer& writer = locked.writer;
  std::promise<std::string> posted;
  writer.post([](Tx& tx) { put(tx, "posted"); }, [&](std::exception_ptr why) { posted.set_value(words_of(why)); });
  try {
    writer.run([](Tx& tx) { put(tx, "waited for"); });
    ADD_FAILURE() << "done under somebody else's lock";
  } catch (const StoreError& error) {
    EXPECT_TRUE(error.busy()) << error.what();
  }
  EXPECT_TRUE(wait_until([&] { return writer.queued() == 1; }, Millis{30'000}));
  locked.other.execute("ROLLBACK");
  EXPECT_EQ(posted.get_future().get(), "");
  writer.run([](Tx& tx) { put(tx, "later"); });
  EXPECT_FALSE(locked.other.query("SELECT 1 FROM fact WHERE name = 'waited for'").step());
  EXPECT_TRUE(locked.other.query("SELECT 1 FROM fact WHERE name = 'posted'").step());
}

TEST(Writer, AFullQueueLetsGoOfWhatChangedNothingTheOldestFirstAndOfNothingElse) {
  TempDir dir;
  ManualClock clock;
  const TestRecord record(dir / "codedriftd.db");
  Writer::Options options;
  options.most_queued = 3;
  Writer writer(record.open_writer(), clock, std::move(options));
  std::promise<void> started, go;
  auto may_go = go.get_future();
  writer.post([&](Tx&) {
    started.set_value();
    may_go.wait();
  });
  started.get_future().wait();  // the queue is empty, and stands
  Guarded<std::vector<std::string>> gone;
  const auto post = [&](const std::string& name, Writer::Keep keep) {
    writer.post([name](Tx& tx) { put(tx, name); },
                [&gone, name](std::exception_ptr why) {
                  if (why) gone.lock()->push_back(name + ": " + words_of(why));
                },
                keep);
  };
  post("a", Writer::Keep::always);
  post("b", Writer::Keep::unless_crowded);
  post("c", Writer::Keep::unless_crowded);
  EXPECT_TRUE(gone.copy().empty());
  post("d", Writer::Keep::always);
  EXPECT_EQ(gone.copy(), (std::vector<std::string>{"b: the queue is full, and nothing had changed"}));
  post("e", Writer::Keep::always);
  post("f", Writer::Keep::always);
  EXPECT_EQ(gone.copy().size(), 2U);
  EXPECT_EQ(writer.queued(), 4U) << "what may have changed something is always taken";
  post("g", Writer::Keep::unless_crowded);
  EXPECT_EQ(gone.copy().size(), 3U);
  go.set_value();
  writer.stop();
  Database reader = record.open_reader();
  for (const char* name : {"a", "d", "e", "f"})
    EXPECT_TRUE(reader.query("SELECT 1 FROM fact WHERE name = ?", name).step()) << name;
}

TEST(SqliteWriter, UnderAForeignWriteLockTheQueueKeepsItsBoundToo) {
  LockedOut locked(2);
  Writer& writer = locked.writer;
  Guarded<std::vector<std::string>> gone;
  for (const char* name : {"a", "b", "c", "d"}) {
    writer.post([name](Tx& tx) { put(tx, name); },
                [&gone, name](std::exception_ptr why) {
                  if (why) gone.lock()->push_back(name);
                },
                Writer::Keep::unless_crowded);
  }
  EXPECT_TRUE(wait_until([&] { return gone.copy().size() == 2 && writer.queued() == 2; }, Millis{30'000}))
      << "what was on its way when the lock was noticed counts";
  locked.other.execute("ROLLBACK");
}

TEST(SqliteWriter, ACommitThatWroteNothingDoesNotEndATrouble) {
  TempDir dir;
  ManualClock clock;
  Database db = sqlite::open_writer(dir / "codedriftd.db");
  (void)migrate(db, embedded_migrations(), kStart).value();
  db.execute(fmt::format("PRAGMA max_page_count = {}", sqlite::pragma(db, "page_count")));
  Writer writer(std::move(db), clock, Writer::Options{});
  const std::string much(1'000'000, 'x');
  EXPECT_THROW(writer.run([&](Tx& tx) { put(tx, much); }), StoreError);
  EXPECT_NE(writer.trouble(), "");
  writer.run([](Tx&) {});
  EXPECT_NE(writer.trouble(), "") << "nothing was written";
  writer.run([](Tx& tx) { put(tx, "little"); });
  EXPECT_EQ(writer.trouble(), "");
}

TEST(Writer, HooksRunOnceTheCommitReturnedAndBeforeDone) {
  Bench b;
  std::vector<std::string> order;
  bool visible = false;
  std::promise<void> done;
  b.writer.post(
      [&](Tx& tx) {
        put(tx, "x");
        tx.after_commit([&] {
          visible = number(b.reader, "SELECT count(*) FROM fact WHERE name = 'x'") == 1;
          order.push_back("hook");
        });
        order.push_back("work");
      },
      [&](std::exception_ptr) {
        order.push_back("done");
        done.set_value();
      });
  done.get_future().get();
  EXPECT_TRUE(visible);
  EXPECT_EQ(order, (std::vector<std::string>{"work", "hook", "done"}));
}

TEST(Writer, AHookThatThrowsDoesNotKeepTheOthersFromRunning) {
  Bench b;
  std::atomic<bool> second{false};
  b.writer.run([&](Tx& tx) {
    put(tx, "x");
    tx.after_commit([] { throw std::runtime_error("from a hook"); });
    tx.after_commit([&] { second = true; });
  });
  EXPECT_TRUE(second);
  b.writer.run([](Tx& tx) { put(tx, "y"); });
  EXPECT_TRUE(b.has("y"));
}

TEST(Writer, KeepsTheOrder) {
  Bench b;
  std::vector<int> order;
  for (int i = 0; i < 500; ++i) b.writer.post([&order, i](Tx&) { order.push_back(i); });
  b.writer.run([](Tx&) {});
  ASSERT_EQ(order.size(), 500U);
  EXPECT_TRUE(std::is_sorted(order.begin(), order.end()));
}

TEST(SqliteWriter, WhatDoesNotFitOnTheDiskFailsAndItsCompanyIsWritten) {
  Bench b;
  std::string company = "open";
  std::string culprit = "open";
  b.writer.run([](Tx& tx) {
    const int64_t pages = sqlite::pragma(tx.db, "page_count");
    tx.db.execute(fmt::format("PRAGMA max_page_count = {}", pages + 2));
  });
  b.writer.post([](Tx& tx) { put(tx, "company"); }, [&](std::exception_ptr why) { company = words_of(why); });
  b.writer.post([](Tx& tx) { tx.db.run("INSERT INTO fact VALUES ('big', hex(zeroblob(100000)))"); },
                [&](std::exception_ptr why) { culprit = words_of(why); });
  b.writer.run([](Tx& tx) { put(tx, "small"); });
  EXPECT_NE(culprit.find("full"), std::string::npos) << culprit;
  EXPECT_EQ(company, "");
  EXPECT_TRUE(b.has("company"));
  EXPECT_FALSE(b.has("big"));
  EXPECT_TRUE(b.has("small")) << "what fits is still written";
  b.writer.run([](Tx& tx) { tx.db.execute("PRAGMA max_page_count = 1000000"); });
  b.writer.run([](Tx& tx) { tx.db.run("INSERT INTO fact VALUES ('big', hex(zeroblob(100000)))"); });
  EXPECT_TRUE(b.has("big"));
  EXPECT_EQ(b.deaths, 0);
}

TEST(SqliteWriter, ADiskThatIsFullAtCommitFailsTheGroupCleanly) {
  Bench b;
  std::atomic<bool> hook{false};
  fault_vfs::arm({1, fault_vfs::Operation::write, true, false, false});
  EXPECT_THROW(b.writer.run([&](Tx& tx) {
    put(tx, "lost");
    tx.after_commit([&] { hook = true; });
  }),
               StoreError);
  EXPECT_TRUE(fault_vfs::fired());
  EXPECT_FALSE(hook);
  EXPECT_EQ(b.deaths, 0) << "a full disk is not fatal";
  b.writer.run([](Tx& tx) { put(tx, "kept"); });
  EXPECT_FALSE(b.has("lost"));
  EXPECT_TRUE(b.has("kept"));
}

TEST(SqliteWriter, AFailedFlushAtCommitIsFatal) {
  Bench b;
  std::atomic<bool> hook{false};
  fault_vfs::arm({1, fault_vfs::Operation::sync, false, false, false});
  EXPECT_THROW(b.writer.run([&](Tx& tx) {
    put(tx, "unknown");
    tx.after_commit([&] { hook = true; });
  }),
               StoreError);
  EXPECT_EQ(b.deaths, 1);
  EXPECT_FALSE(hook) << "nothing is sent on a commit that did not return OK";
}

TEST(SqliteWriter, AFailedWriteAtCommitIsFatal) {
  Bench b;
  fault_vfs::arm({1, fault_vfs::Operation::write, false, true, false});
  EXPECT_THROW(b.writer.run([](Tx& tx) { put(tx, "unknown"); }), StoreError);
  EXPECT_EQ(b.deaths, 1);
}

TEST(SqliteWriter, AFailedFlushOfTheLastCheckpointIsFatal) {
  Bench b;
  b.writer.run([](Tx& tx) { put(tx, "x"); });
  fault_vfs::arm({1, fault_vfs::Operation::sync, false, false, false});
  b.writer.stop();
  EXPECT_EQ(b.deaths, 1);
}

TEST(SqliteWriter, ManyCommitsInARowLeaveAReaderTheTimeToRead) {
  Bench b;
  const auto commits = [&](int count) {
    for (int i = 0; i < count; ++i)
      b.writer.run([](Tx& tx) { tx.db.run("UPDATE fact SET value = value || '.' WHERE name = 'warm'"); });
  };
  commits(100);  // the first checkpoint has been
  const Snapshot snapshot(b.path);
  commits(500);
  EXPECT_TRUE(snapshot.undisturbed());
  b.clock.advance(Millis{20'000});
  commits(2);  // once the second is done, the turn of the first is over
  EXPECT_FALSE(snapshot.undisturbed()) << "the log is moved into the database all the same";
}

TEST(Writer, StopDoesWhatIsQueuedAndRefusesWhatComesAfter) {
  Bench b;
  std::atomic<int> durable{0};
  for (int i = 0; i < 50; ++i) {
    b.writer.post([i](Tx& tx) { put(tx, std::to_string(i)); },
                  [&](std::exception_ptr why) { durable += why == nullptr ? 1 : 0; });
  }
  b.writer.stop();
  b.writer.stop();
  EXPECT_EQ(durable, 50);
  EXPECT_EQ(b.writer.queued(), 0U);
  std::string refused;
  b.writer.post([](Tx& tx) { put(tx, "late"); }, [&](std::exception_ptr why) { refused = words_of(why); });
  EXPECT_EQ(refused, "the store is closed");
  b.writer.post([](Tx& tx) { put(tx, "late"); });
  EXPECT_THROW(b.writer.run([](Tx&) {}), std::runtime_error);
  EXPECT_FALSE(b.has("late"));
}

TEST(SqliteWriter, StopMovesTheLogIntoTheDatabase) {
  Bench b;
  b.writer.run([](Tx& tx) { put(tx, "x"); });
  EXPECT_GT(std::filesystem::file_size(b.path + "-wal"), 0U);
  b.writer.stop();
  EXPECT_EQ(std::filesystem::file_size(b.path + "-wal"), 0U);
}

TEST(SqliteWriter, TheLogStaysSmallOverManyCommits) {
  Bench b;
  for (int i = 0; i < 600; ++i) b.writer.run([i](Tx& tx) { put(tx, std::to_string(i)); });
  EXPECT_LT(std::filesystem::file_size(b.path + "-wal"), 4U * 1024 * 1024);
}

TEST(SqliteWriter, TheLogThatAReaderLetGrowIsEmptiedSoonAfterThatReaderWentThoughNothingIsWritten) {
  Bench b;
  const auto wal = [&] { return std::filesystem::file_size(b.path + "-wal"); };
  constexpr uint64_t kMuch = 64 * 1024 * 1024;
  {
    Database reader = sqlite::open_reader(b.path);
    reader.execute("BEGIN");
    EXPECT_EQ(number(reader, "SELECT count(*) FROM fact"), 1);
    for (int i = 0; wal() < kMuch + 8U * 1024 * 1024; ++i) {
      b.writer.run([i](Tx& tx) {
        tx.db.run("INSERT INTO fact (name, value) VALUES (?, hex(zeroblob(400000)))", std::to_string(i));
      });
    }
    b.clock.advance(Millis{20'000});  // a checkpoint is due again
    for (int i = 0; i < 200; ++i) b.writer.run([i](Tx& tx) { put(tx, fmt::format("more {}", i)); });
    for (int i = 0; i < 10; ++i) b.writer.run([](Tx&) {});  // turns in which nothing is written
    EXPECT_GT(wal(), kMuch) << "what a reader looks at is not taken away";
    EXPECT_EQ(number(reader, "SELECT count(*) FROM fact"), 1);
  }
  b.clock.advance(Millis{20'000});
  b.writer.run([](Tx&) {});  // else it is the next turn that comes by itself, after five seconds
  EXPECT_TRUE(wait_until([&] { return wal() == 0; }, Millis{10'000})) << wal();
}

TEST(Writer, SaysWhenItLastCameRound) {
  Bench b;
  b.clock.advance(Millis{5000});
  for (int i = 0; i < 2; ++i) b.writer.run([](Tx&) {});  // the first may still be taken in the turn of the start
  EXPECT_EQ(b.writer.last_turn(), b.clock.mono());
}

}  // namespace
}  // namespace codedriftd::test
