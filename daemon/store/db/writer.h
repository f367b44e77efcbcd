#pragma once
#include <deque>
#include <exception>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "base/bell.h"
#include "base/clock.h"
#include "base/guarded.h"
#include "store/db/database.h"
#include "store/db/fence.h"

namespace codedriftd {

/// One unit of work inside the writer's transaction. Valid only during the work.
class Tx {
 public:
  explicit Tx(Database& database) : db(database) {}

  Database& db;
  /// Runs on the writer's thread once the COMMIT that holds this work returned OK; never if it did not.
  void after_commit(std::function<void()> hook) { hooks_.push_back(std::move(hook)); }
  std::vector<std::function<void()>> take_hooks() { return std::move(hooks_); }

 private:
  std::vector<std::function<void()>> hooks_;
};

/// Work that is cheaper done for many at once. What stands next to it in the queue, and is of the same class, is done
/// in one call.
class Batchable {
 public:
  virtual ~Batchable() = default;
  /// Does all of `batch`, which are of this class and in the order they came. Repeatable, as every work.
  virtual void run(Tx& tx, std::span<const Batchable* const> batch) const = 0;
};

/// The one thread that writes. It owns the only write connection and does every checkpoint; work reaches it as
/// closures, runs in the order it came, and is committed in groups: what waits is done in one transaction. Where a
/// piece of it fails, that transaction is rolled back, and the others are done again without it. So work has to be
/// repeatable: it may run more than once, and only the last time counts.
///
/// Where the record cannot be reached for now (somebody else holds the database's write lock, a server is away), the
/// work stays queued until it can be; but what was given as Keep::while_unlocked, which somebody waits for, fails with
/// the engine's error: of SQLite once it has waited for the lock, five seconds or twice that. The queue has a bound:
/// when it is reached, work that was posted as Keep::unless_crowded gives way, the oldest first, with an error for its
/// `done`; other work is always taken.
///
/// An I/O error at COMMIT leaves open whether the work is durable, so does a server that does not answer it, and after
/// a failed flush no later one can be trusted: then `fatal` is called, which must not return. A member of a fleet, with
/// a fence, asks the server instead, and does the group again if it left no trace. Another error of the
/// whole database, or of a COMMIT on a full disk, fails the whole group, which leaves no trace.
class Writer {
 public:
  struct Options {
    Millis linger{1000};                            ///< how long work that may give way waits for company
    std::size_t max_group = 2000;                   ///< commit after this much work
    std::function<void(const std::string&)> fatal;  ///< default: log and end the process
    std::size_t most_queued = 20'000;
    Fence* fence = nullptr;  ///< of a fleet's member: each transaction begins behind it. Outlives the writer
    /// The fence let nothing through, nor will it ever: not a member any more, or the record was rolled back. On the
    /// writer's thread; once.
    std::function<void(const StoreError&)> shut_out = {};
  };
  /// What may give way to other work, and waits for company (a poll that saw what the last one saw is soon made again);
  /// and what fails rather than wait for a record that cannot be reached.
  enum class Keep { always, unless_crowded, while_unlocked };
  using Work = std::function<void(Tx&)>;
  /// nullptr: durable. Otherwise what ended the work: it left no trace. Runs on the writer's thread. What it throws is
  /// logged; so with the hooks.
  using Done = std::function<void(std::exception_ptr)>;

  Writer(Database db, const Clock& clock, Options options);
  /// Stops: what is queued is done first.
  ~Writer();
  Writer(const Writer&) = delete;

  /// Queues work; thread-safe. After stop() it is refused: `done` gets the exception on the calling thread.
  void post(Work work, Done done = {}, Keep keep = Keep::always);
  void post(std::shared_ptr<const Batchable> work, Done done = {}, Keep keep = Keep::always);
  /// Queues work and waits until it is durable; rethrows what ended it. Never on the writer's thread. With
  /// another Keep than the default it may wait for as long as the record cannot be reached.
  void run(Work work, Keep keep = Keep::while_unlocked);
  /// Does what is queued, commits, checkpoints, and ends the thread. Idempotent.
  void stop();

  std::size_t queued() const;
  /// What keeps it from recording, as far as it knows, and since when; a commit that wrote something ends it. Logged
  /// once when it begins and once when it is over. Thread-safe.
  struct Trouble {
    std::string words;   ///< empty: none
    bool waits = false;  ///< it cannot be reached for now: what was posted waits, and is not lost
    MonoTime since{};
  };
  Trouble trouble_since() const { return trouble_.copy(); }
  std::string trouble() const { return trouble_.copy().words; }
  /// How often the database refused something, by StoreError::name(). Thread-safe.
  std::map<std::string_view, uint64_t> errors() const { return errors_.copy(); }
  /// When the thread last came round, or last began a piece of work. Idle, it comes round every five seconds; so it
  /// does while it waits for the record.
  MonoTime last_turn() const { return last_turn_.copy(); }

 private:
  struct Item {
    Work work;  ///< or:
    std::shared_ptr<const Batchable> batchable;
    Done done;
    Keep keep = Keep::always;
    unsigned lost = 0;  ///< how often the record went away while it was done
  };
  struct Queue {
    std::deque<Item> items;
    std::size_t at_once = 0;   ///< of them, those that do not wait for company
    MonoTime waiting_since{};  ///< the first of them came, or the last group was taken
    bool closed = false;
    uint64_t given_way = 0;  ///< items, since it was last logged
    std::optional<MonoTime> crowded_told_at;
  };
  struct Taken {
    std::vector<Item> items;  ///< empty: nothing is due within `wait`
    Millis wait{};
    bool closed = false;
  };
  /// Why a group left no trace.
  struct Failure {
    std::exception_ptr why;
    std::size_t first = 0, count = 0;  ///< what of it failed; more than one: one of a batch
    bool of_all = false;               ///< it is not about these alone: it would be the same with any others
    bool passing = false;              ///< the record cannot be reached for now
    bool writing = false;              ///< while `first` was done, not before or after
    bool again = false;                ///< nothing did: it left no trace, and may be done again at once
  };

  void loop(std::stop_token stop);
  void queue_item(Item item);
  std::vector<Item> give_way(Queue& queue) const;
  static void tell_crowded_out(const std::vector<Item>& gone);
  Taken take();
  bool record(std::vector<Item>& items, bool last_try) REQUIRES(writing_);
  std::optional<Failure> attempt(std::span<Item> group) REQUIRES(writing_);
  static std::size_t alike(std::span<const Item> items);
  void work(Tx& tx, std::span<const Item> items) REQUIRES(writing_);
  bool commit() REQUIRES(writing_);
  void put_back(std::vector<Item> items, std::exception_ptr why);
  void note_trouble(const StoreError& error) REQUIRES(writing_);
  void note_recovery(bool wrote);
  void die_if_in_doubt(const StoreError& error, bool committing, std::string_view what);
  void checkpoint_if_due() REQUIRES(writing_);

  ThreadRole writing_;  ///< the writer's own thread
  Database db_ GUARDED_BY(writing_);
  const Clock& clock_;
  Options options_;
  mutable Guarded<Queue> queue_;
  Guarded<MonoTime> last_turn_;
  Guarded<Trouble> trouble_;
  Guarded<std::map<std::string_view, uint64_t>> errors_;
  Bell bell_;
  int64_t commits_since_checkpoint_ GUARDED_BY(writing_) = 0;
  MonoTime checkpoint_at_ GUARDED_BY(writing_){};
  bool shut_out_ GUARDED_BY(writing_) = false;  ///< and said so
  bool held_up_ GUARDED_BY(writing_) = false;   ///< a reader kept the last checkpoint from emptying a long log
  std::jthread thread_;
};

}  // namespace codedriftd
