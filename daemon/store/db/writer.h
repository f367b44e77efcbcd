#pragma once
#include <deque>
#include <exception>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "base/bell.h"
#include "base/clock.h"
#include "base/guarded.h"
#include "store/db/database.h"

namespace codedriftd {

/// One unit of work inside the writer's transaction. Valid only during the work.
class Tx {
 public:
  explicit Tx(Database& database) : db(database) {}

  Database& db;
  /// Commit right after this work instead of waiting for company: there is something to send or somebody waits.
  void urgent() { urgent_ = true; }
  bool is_urgent() const { return urgent_; }
  /// Runs on the writer's thread once the COMMIT that holds this work returned OK; never if it did not.
  void after_commit(std::function<void()> hook) { hooks_.push_back(std::move(hook)); }
  std::vector<std::function<void()>> take_hooks() { return std::move(hooks_); }

 private:
  bool urgent_ = false;
  std::vector<std::function<void()>> hooks_;
};

/// The one thread that writes. It owns the only write connection and does every checkpoint; work reaches it as
/// closures, runs in the order it came, each in a savepoint of its own, and is committed in groups.
///
/// Where somebody else holds the database's write lock, the work stays queued until it is free; but what was given as
/// Keep::while_unlocked, which somebody waits for, fails with SQLite's error (busy) once SQLite has waited for the
/// lock, five seconds or twice that. The queue has a bound: when it is reached, work that was posted as
/// Keep::unless_crowded gives way, the oldest first, with an error for its `done`; other work is always taken.
///
/// An I/O error at COMMIT leaves open whether the work is durable, so does a server that does not answer it, and after
/// a failed flush no later one can be trusted: then `fatal` is called, which must not return. Any other failed COMMIT
/// (the disk is full) rolls the whole group back and fails it. So does such an error inside a work, where SQLite gives
/// the transaction up: a work lets StoreError pass.
class Writer {
 public:
  struct Options {
    Millis linger{1000};                            ///< how long work that is not urgent may wait for company
    std::size_t max_group = 2000;                   ///< commit after this much work
    std::function<void(const std::string&)> fatal;  ///< default: log and end the process
    std::size_t most_queued = 20'000;
  };
  /// What may give way to other work (a poll that saw what the last one saw is soon made again), and what fails rather
  /// than wait for a write lock that is not given back.
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
  /// Queues urgent work and waits until it is durable; rethrows what ended it. Never on the writer's thread. With
  /// another Keep than the default it may wait for as long as somebody else holds the write lock.
  void run(Work work, Keep keep = Keep::while_unlocked);
  /// Does what is queued, commits, checkpoints, and ends the thread. Idempotent.
  void stop();

  std::size_t queued() const;
  /// What keeps it from recording, as far as it knows, and since when; a commit that wrote something ends it. Logged
  /// once when it begins and once when it is over. Thread-safe.
  struct Trouble {
    std::string words;    ///< empty: none
    bool locked = false;  ///< somebody else holds the write lock: what was posted waits, and is not lost
    MonoTime since{};
  };
  Trouble trouble_since() const { return trouble_.copy(); }
  std::string trouble() const { return trouble_.copy().words; }
  /// How often the database refused something, by StoreError::name(). Thread-safe.
  std::map<std::string_view, uint64_t> errors() const { return errors_.copy(); }
  /// When the thread last came round, or last began a piece of work. Idle, it comes round every five seconds; so it
  /// does while it waits for the write lock.
  MonoTime last_turn() const { return last_turn_.copy(); }

 private:
  struct Item {
    Work work;
    Done done;
    Keep keep = Keep::always;
  };
  struct Queue {
    std::deque<Item> items;
    bool closed = false;
    uint64_t given_way = 0;  ///< items, since it was last logged
    std::optional<MonoTime> crowded_told_at;
  };
  struct Finished {
    Done done;
    std::vector<std::function<void()>> hooks;
  };

  void loop(std::stop_token stop);
  std::vector<Item> give_way(Queue& queue) const;
  static void tell_crowded_out(const std::vector<Item>& gone);
  bool take(Item& item, bool last_try) REQUIRES(writing_);
  void try_lock() REQUIRES(writing_);
  void put_back(std::deque<Item> items, std::exception_ptr why);
  void note_trouble(const StoreError& error);
  void commit() REQUIRES(writing_);
  void die_if_in_doubt(const StoreError& error, bool committing, std::string_view what);
  void abandon(std::exception_ptr why) REQUIRES(writing_);
  void begin() REQUIRES(writing_);
  void checkpoint_if_due(bool idle) REQUIRES(writing_);

  ThreadRole writing_;  ///< the writer's own thread
  Database db_ GUARDED_BY(writing_);
  const Clock& clock_;
  Options options_;
  mutable Guarded<Queue> queue_;
  Guarded<MonoTime> last_turn_;
  Guarded<Trouble> trouble_;
  Guarded<std::map<std::string_view, uint64_t>> errors_;
  Bell bell_;
  // The open group.
  bool open_ GUARDED_BY(writing_) = false;
  bool hurry_ GUARDED_BY(writing_) = false;
  /// Somebody else held the write lock when a group was to begin: SQLite's error; nullptr: nobody.
  std::exception_ptr locked_out_ GUARDED_BY(writing_);
  MonoTime opened_at_ GUARDED_BY(writing_){};
  int64_t changes_before_ GUARDED_BY(writing_) = 0;  ///< of the connection, when the group began
  int64_t commits_since_checkpoint_ GUARDED_BY(writing_) = 0;
  bool held_up_ GUARDED_BY(writing_) = false;  ///< a reader kept the last checkpoint from emptying a long log
  std::vector<Finished> group_ GUARDED_BY(writing_);
  std::jthread thread_;
};

}  // namespace codedriftd
