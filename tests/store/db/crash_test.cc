/// What survives when the process dies: by SIGKILL at any moment, and by any write, flush or truncation that fails.
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <random>
#include <set>
#include <sstream>

#include "store/db/sqlite.h"
#include "store/fault_vfs.h"
#include "store/outbox/outbox.h"
#include "store/store_support.h"

namespace codedriftd::test {
namespace {

constexpr int kNothingFailed = 42;
constexpr const char* kHashes[] = {"a", "b", "c"};

/// Says on the pipe that something is durable. One small write: whole or not at all.
void acknowledge(int pipe, const std::string& word, const std::string& id) {
  const std::string line = word + " " + id + "\n";
  if (::write(pipe, line.data(), line.size()) != static_cast<ssize_t>(line.size())) ::_exit(3);
}

/// Runs `body` in a child whose acknowledgements come back; `wait` may end it early. Its exit code (-1: a signal).
struct ChildRun {
  std::string acknowledged;
  int exit_code = -1;
};
ChildRun in_child(const std::function<void(int pipe)>& body,
                  const std::function<void(pid_t, int pipe)>& meanwhile = {}) {
  int ends[2];
  if (::pipe(ends) != 0) throw std::runtime_error("pipe");
  const pid_t child = ::fork();
  if (child == 0) {
    ::close(ends[0]);
    if (std::freopen("/dev/null", "w", stderr) == nullptr) ::_exit(3);  // the log of a death that is wanted
    try {
      body(ends[1]);
    } catch (const std::exception&) {
      ::_exit(4);
    }
    ::_exit(5);
  }
  ::close(ends[1]);
  if (meanwhile) meanwhile(child, ends[0]);
  ChildRun run;
  char buffer[4096];
  for (ssize_t size; (size = ::read(ends[0], buffer, sizeof buffer)) > 0;)
    run.acknowledged.append(buffer, static_cast<std::size_t>(size));
  ::close(ends[0]);
  int status = 0;
  ::waitpid(child, &status, 0);
  if (WIFEXITED(status)) run.exit_code = WEXITSTATUS(status);
  return run;
}

/// What was acknowledged and is not there; empty if all is.
std::string lost(Database& db, const std::string& acknowledged) {
  std::istringstream lines(acknowledged);
  std::string word, id;
  while (lines >> word >> id) {
    auto q = word == "event" ? db.query("SELECT 1 FROM event WHERE id = ?", id)
                             : db.query(
                                   "SELECT 1 FROM outbox WHERE coalesce(message_id, alert_id) = ? AND state = "
                                   "'delivered'",
                                   id);
    if (!q.step()) return word + " " + id;
  }
  return {};
}

/// Polls that find drift: every event is acknowledged once it is durable.
void poll(Writer& writer, Ledger& ledger, TargetId id, int round, int pipe, bool wait) {
  auto events = std::make_shared<std::vector<std::string>>();
  auto work = [&ledger, id, round, events](Tx& tx) {
    const Applied applied = ledger.apply(tx, id, saw(kHashes[round % 3]), kStart + round * kMinute);
    for (const LoggedEvent& event : applied.events) events->push_back(event.id);
  };
  auto done = [events, pipe](std::exception_ptr why) {
    if (why) return;
    for (const std::string& event : *events) acknowledge(pipe, "event", event);
  };
  if (!wait) return writer.post(std::move(work), std::move(done));
  try {
    writer.run(std::move(work));
    done(nullptr);
  } catch (const StoreError&) {  // not durable, and not acknowledged
  }
}

void deliver_one(Writer& writer, int pipe) {
  try {
    std::optional<PendingAlert> alert;
    writer.run([&](Tx& tx) { alert = outbox::begin_attempt(tx.db, "ops", kStart + 1000 * kMinute); });
    if (!alert) return;
    writer.run([&](Tx& tx) { outbox::delivered(tx.db, *alert, {"delivered", 200, "", Millis{1}}, kStart); });
    acknowledge(pipe, "alert", alert->alert_id);
  } catch (const StoreError&) {
  }
}

/// Some rounds of everything that writes, ended by a clean stop.
void scenario(const std::string& path, const std::vector<TargetId>& ids, int pipe, fault_vfs::Plan plan) {
  Database db = sqlite::open_writer(path, fault_vfs::name());
  fault_vfs::arm(plan);
  SystemClock clock;
  Ledger ledger = ledger_with_routes();
  {
    Writer writer(std::move(db), clock, {});
    for (int round = 1; round <= 2; ++round) {
      for (const TargetId id : ids) poll(writer, ledger, id, round, pipe, id == ids.back());
      deliver_one(writer, pipe);
    }
  }
  ::_exit(fault_vfs::fired() ? 0 : kNothingFailed);
}

struct Kind {
  const char* name;
  fault_vfs::Plan plan;
};

/// In memory where there is such a folder: no power is cut here, so the flushes need no disk, and there are thousands.
class Faults : public testing::TestWithParam<Kind> {
 protected:
  Faults() {
    if (::access("/dev/shm", W_OK) == 0 && std::getenv("TMPDIR") == nullptr) {
      ::setenv("TMPDIR", "/dev/shm", 1);
      moved_ = true;
    }
  }
  ~Faults() override {
    if (moved_) ::unsetenv("TMPDIR");
  }

 private:
  bool moved_ = false;
};

TEST_P(Faults, AtAnyPlaceLoseNothingThatWasAcknowledged) {
  Store store;
  std::vector<TargetId> ids;
  {
    Ledger ledger = ledger_with_routes();
    Tx tx(store.db);
    for (const char* name : {"charge", "refund"}) {
      ids.push_back(add_target(store.db, ledger, name));
      ledger.apply(tx, ids.back(), saw("a"), kStart);
    }
    store.db.checkpoint(true);
  }
  const std::string path = store.dir / "run/codedriftd.db";
  int n = 0;
  int acknowledgements = 0;
#ifdef CODEDRIFTD_SANITIZED
  constexpr int kStep = 5;  // a sanitizer looks for other mistakes, and takes long
#else
  constexpr int kStep = 1;
#endif
  for (;;) {
    n += kStep;
    std::filesystem::remove_all(store.dir / "run");
    std::filesystem::create_directory(store.dir / "run");
    std::filesystem::copy_file(store.path, path);
    fault_vfs::Plan plan = GetParam().plan;
    plan.fail_at = n;
    const ChildRun run = in_child([&](int pipe) { scenario(path, ids, pipe, plan); });
    ASSERT_TRUE(run.exit_code == 0 || run.exit_code == EXIT_FAILURE || run.exit_code == kNothingFailed)
        << "n = " << n << ", exit code " << run.exit_code;
    Database db = sqlite::open_writer(path);
    ASSERT_EQ(broken_invariant(db), "") << "n = " << n;
    ASSERT_EQ(lost(db, run.acknowledged), "") << "n = " << n;
    acknowledgements += run.acknowledged.empty() ? 0 : 1;
    // The daemon starts again, and the record goes on.
    Ledger ledger = ledger_with_routes();
    Tx tx(db);
    ledger.apply(tx, ids.front(), saw("d"), kStart + 50 * kMinute);
    ASSERT_EQ(broken_invariant(db), "") << "n = " << n;
    if (run.exit_code == kNothingFailed) break;
    ASSERT_LT(n, 2000);
  }
  EXPECT_GT(n, 3) << "nothing was ever made to fail";
  EXPECT_GT(acknowledgements, 0);
  std::printf("%s: %d places\n", GetParam().name, n - 1);
}

using fault_vfs::Operation;
const Kind kKinds[] = {
    {"WritesFail", {0, Operation::write, false, false, false}},
    {"WritesTearAndTheDeviceIsGone", {0, Operation::any, false, true, true}},
    {"FlushesFail", {0, Operation::sync, false, false, false}},
    {"TheDiskIsFull", {0, Operation::write, true, false, false}},
};
INSTANTIATE_TEST_SUITE_P(Every, Faults, testing::ValuesIn(kKinds),
                         [](const auto& param) { return std::string(param.param.name); });

TEST(TruncationFault, LosesNothing) {
  Store store;
  Ledger ledger = ledger_with_routes();
  const TargetId id = add_target(store.db, ledger, "charge");
  const ChildRun run = in_child([&](int pipe) {
    scenario(store.path, {id}, pipe, {1, Operation::truncate, false, false, false});
  });
  EXPECT_NE(run.exit_code, kNothingFailed) << "nothing was truncated";
  Database db = sqlite::open_writer(store.path);
  EXPECT_EQ(broken_invariant(db), "");
  EXPECT_EQ(lost(db, run.acknowledged), "");
}

TEST(Kill, AtFiftyRandomMomentsLosesNothingThatWasAcknowledged) {
  Store store;
  std::vector<TargetId> ids;
  {
    Ledger ledger = ledger_with_routes();
    for (int i = 0; i < 5; ++i) ids.push_back(add_target(store.db, ledger, fmt::format("f{}", i)));
  }
  std::minstd_rand random(20261124);
  std::size_t acknowledged = 0;
  for (int i = 0; i < 50; ++i) {
    const ChildRun run = in_child(
        [&](int pipe) {
          Ledger ledger = ledger_with_routes();
          const SystemClock clock;
          Writer writer(sqlite::open_writer(store.path), clock, {});
          for (int round = 1;; ++round) {
            for (const TargetId id : ids) poll(writer, ledger, id, round, pipe, id == ids.back());
            deliver_one(writer, pipe);
          }
        },
        [&](pid_t child, int pipe) {
          // Some while it starts, most while it works, however long a busy machine takes to get there.
          pollfd first{pipe, POLLIN, 0};
          if (i % 5 != 0) ::poll(&first, 1, 60'000);
          ::usleep(1000 * std::uniform_int_distribution<useconds_t>(1, 50)(random));
          ::kill(child, SIGKILL);
        });
    EXPECT_EQ(run.exit_code, -1) << "it ended by itself";
    Database db = sqlite::open_reader(store.path);
    ASSERT_EQ(broken_invariant(db), "") << "kill " << i;
    ASSERT_EQ(lost(db, run.acknowledged), "") << "kill " << i;
    acknowledged += run.acknowledged.size();
  }
  EXPECT_GT(acknowledged, 0U);
}

}  // namespace
}  // namespace codedriftd::test
