#include "store/db/writer.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <future>
#include <iterator>
#include <utility>

#include "base/log.h"

namespace codedriftd {
namespace {

constexpr Millis kIdleTurn{5000};
constexpr Millis kLockedOutTurn{100};
constexpr Millis kBetweenCrowdedLines{600'000};
constexpr int64_t kCommitsBetweenCheckpoints = 200;
constexpr int64_t kManyFrames = 16'000;  // about 64 MiB of WAL

void end_process(const std::string& why) {
  log(LogLevel::error, "store.fatal", why + "; the process ends, a restart reads what is so");
  std::_Exit(EXIT_FAILURE);
}

/// Runs what somebody else gave us: it must not end the thread, nor keep the others' from running.
template <typename Call>
void guarded(const Call& call) {
  try {
    call();
  } catch (const std::exception& error) {
    log(LogLevel::error, "store.hook", error.what());
  }
}

void tell(const Writer::Done& done, std::exception_ptr why) {
  if (done) guarded([&] { done(why); });
}

}  // namespace

Writer::Writer(Database db, const Clock& clock, Options options)
    : db_(std::move(db)), clock_(clock), options_(std::move(options)), last_turn_(clock.mono()) {
  if (!options_.fatal) options_.fatal = end_process;
  thread_ = std::jthread([this](std::stop_token stop) { loop(stop); });
}

Writer::~Writer() { stop(); }

void Writer::post(Work work, Done done, Keep keep) {
  bool taken = false;
  Done refused;
  std::vector<Item> gone;
  {
    Locked queue(queue_);
    if (!queue->closed) {
      taken = true;
      queue->items.push_back({std::move(work), std::move(done), keep});
      gone = give_way(*queue);
    } else {
      refused = std::move(done);
    }
  }
  if (taken) bell_.ring();
  tell_crowded_out(gone);
  if (refused) refused(std::make_exception_ptr(std::runtime_error("the store is closed")));
}

/// Takes out what may give way, the oldest first, until the rest is within the bound.
std::vector<Writer::Item> Writer::give_way(Queue& queue) const {
  std::vector<Item> gone;
  std::deque<Item>& items = queue.items;
  const std::size_t waiting = items.size();
  std::size_t over = waiting > options_.most_queued ? waiting - options_.most_queued : 0;
  if (over == 0) return gone;
  auto kept = items.begin(), next = items.begin();
  for (; next != items.end() && over > 0; ++next) {
    if (next->keep == Keep::unless_crowded) {
      gone.push_back(std::move(*next));
      --over;
    } else {
      if (kept != next) *kept = std::move(*next);
      ++kept;
    }
  }
  items.erase(kept, next);
  if (gone.empty()) return gone;
  queue.given_way += gone.size();
  const MonoTime now = clock_.mono();
  if (!queue.crowded_told_at || now - *queue.crowded_told_at >= kBetweenCrowdedLines) {
    log(LogLevel::warning, "store.crowded",
        fmt::format("{} pieces of work wait to be recorded: polls that saw nothing new are not, until there is room; "
                    "{} were given up since this was last said",
                    waiting, queue.given_way));
    queue.crowded_told_at = now;
    queue.given_way = 0;
  }
  return gone;
}

void Writer::tell_crowded_out(const std::vector<Item>& gone) {
  for (const Item& item : gone)
    tell(item.done, std::make_exception_ptr(std::runtime_error("the queue is full, and nothing had changed")));
}

void Writer::run(Work work, Keep keep) {
  std::promise<void> promise;
  post(
      [&work](Tx& tx) {
        tx.urgent();
        work(tx);
      },
      [&promise](std::exception_ptr why) {
        if (why) {
          promise.set_exception(why);
        } else {
          promise.set_value();
        }
      },
      keep);
  promise.get_future().get();
}

void Writer::stop() {
  queue_.lock()->closed = true;
  if (!thread_.joinable()) return;
  thread_.request_stop();
  bell_.ring();
  thread_.join();
}

std::size_t Writer::queued() const { return queue_.lock()->items.size(); }

void Writer::loop(std::stop_token stop) {
  writing_.assume();
  for (;;) {
    *last_turn_.lock() = clock_.mono();
    if (locked_out_ && !queue_.lock()->closed) {
      try_lock();
      if (locked_out_) {
        put_back({}, locked_out_);  // what came meanwhile
        bell_.wait_for(stop, kLockedOutTurn);
        continue;
      }
    }
    locked_out_ = nullptr;
    std::deque<Item> items;
    bool closed = false;
    bool worked = false;
    {
      Locked queue(queue_);
      items.swap(queue->items);
      closed = queue->closed;
      worked = !items.empty();
    }
    while (!items.empty()) {
      *last_turn_.lock() = clock_.mono();  // a long queue is no standstill
      if (!take(items.front(), closed)) break;
      items.pop_front();
    }
    if (!items.empty()) {  // the write lock is somebody else's; SQLite has waited for it
      put_back(std::move(items), locked_out_);
      continue;
    }
    if (open_ && (hurry_ || closed || clock_.mono() - opened_at_ >= options_.linger)) commit();
    if (!open_) checkpoint_if_due(!worked);
    if (closed && !worked) break;
    if (worked) continue;
    const Millis wait =
        open_ ? std::max(Millis{1}, options_.linger - std::chrono::duration_cast<Millis>(clock_.mono() - opened_at_))
              : kIdleTurn;
    bell_.wait_for(stop, wait);
  }
  try {
    db_.checkpoint(true);
  } catch (const StoreError& error) {
    die_if_in_doubt(error, true, "the last checkpoint");  // closing would flush once more, and believe it
    log(LogLevel::warning, "store.checkpoint", error.what());
  }
}

void Writer::begin() {
  db_.begin_write();
  open_ = true;
  hurry_ = false;
  opened_at_ = clock_.mono();
  changes_before_ = db_.total_changes();
}

/// Waits for the write lock as long as SQLite does: locked_out_ says whether it is still somebody else's.
void Writer::try_lock() {
  locked_out_ = nullptr;
  try {
    begin();
  } catch (const StoreError& error) {
    die_if_in_doubt(error, false, "the start of a transaction");
    note_trouble(error);
    if (error.busy()) locked_out_ = std::current_exception();  // another error is that of the first piece of work
  }
}

/// Before what was posted meanwhile, in its order; it stays in the queue, which is bounded. What nobody shall wait for
/// any longer fails because of `why`.
void Writer::put_back(std::deque<Item> items, std::exception_ptr why) {
  std::vector<Item> gone, crowded_out;
  {
    Locked queue(queue_);
    queue->items.insert(queue->items.begin(), std::make_move_iterator(items.begin()),
                        std::make_move_iterator(items.end()));
    const auto kept = std::stable_partition(queue->items.begin(), queue->items.end(),
                                            [](const Item& item) { return item.keep != Keep::while_unlocked; });
    gone.assign(std::make_move_iterator(kept), std::make_move_iterator(queue->items.end()));
    queue->items.erase(kept, queue->items.end());
    crowded_out = give_way(*queue);
  }
  for (const Item& item : gone) tell(item.done, why);
  tell_crowded_out(crowded_out);
}

void Writer::note_trouble(const StoreError& error) {
  ++(*errors_.lock())[error.name()];
  Locked trouble(trouble_);
  if (trouble->words.empty()) {
    trouble->since = clock_.mono();
    log(LogLevel::error, "store.trouble",
        fmt::format("{}; {}", error.what(),
                    error.busy() ? "what is seen waits and counts, once whoever holds that lock lets go"
                                 : "what cannot be recorded does not count, and is looked at again"));
  }
  trouble->words = error.what();
  trouble->locked = error.busy();
}

/// False if the item has to wait for the write lock, and is untouched. With `last_try` it fails instead.
bool Writer::take(Item& item, bool last_try) {
  try {
    if (!open_) begin();
    // In a savepoint, so that a piece of work that fails takes back what it did, and not what the others of its group
    // did. One transaction for each would cost a flush for each.
    db_.query("SAVEPOINT work").step();
  } catch (const StoreError& error) {
    die_if_in_doubt(error, false, "the start of a transaction");
    note_trouble(error);
    if (error.busy() && !open_ && !last_try) {
      locked_out_ = std::current_exception();
      return false;
    }
    abandon(std::current_exception());
    tell(item.done, std::current_exception());
    return true;
  }
  Tx tx(db_);
  std::exception_ptr why;
  try {
    item.work(tx);
    db_.query("RELEASE work").step();
  } catch (const StoreError& error) {
    die_if_in_doubt(error, false, "a write");
    note_trouble(error);
    why = std::current_exception();
  } catch (...) {
    why = std::current_exception();
  }
  if (why) {
    try {
      db_.query("ROLLBACK TO work").step();
      db_.query("RELEASE work").step();
    } catch (const StoreError&) {
      abandon(why);  // SQLite gave the whole transaction up (disk full, I/O error)
    }
    if (open_ && group_.empty()) abandon(why);  // nothing is left to commit: no reason to hold the lock
    tell(item.done, why);
    return true;
  }
  hurry_ = hurry_ || tx.is_urgent();
  group_.push_back({std::move(item.done), tx.take_hooks()});
  if (group_.size() >= options_.max_group) commit();
  return true;
}

void Writer::commit() {
  try {
    db_.commit();
  } catch (const StoreError& error) {
    die_if_in_doubt(error, true, "a commit");
    note_trouble(error);
    abandon(std::current_exception());
    return;
  }
  open_ = false;
  // One that wrote nothing proves nothing: it succeeds on a full disk too.
  if (db_.total_changes() != changes_before_ && !trouble_.copy().words.empty()) {
    *trouble_.lock() = {};
    queue_.lock()->crowded_told_at.reset();
    log(LogLevel::info, "store.recovered", "the record can be written to again");
  }
  ++commits_since_checkpoint_;
  for (Finished& finished : std::exchange(group_, {})) {
    for (const auto& hook : finished.hooks) guarded(hook);
    tell(finished.done, nullptr);
  }
}

void Writer::die_if_in_doubt(const StoreError& error, bool committing, std::string_view what) {
  if (error.sync() || (committing && (error.io() || error.kind() == StoreError::Kind::in_doubt))) {
    options_.fatal(fmt::format("{} failed, and whether it is durable is not known: {}", what, error.what()));
  }
}

void Writer::abandon(std::exception_ptr why) {
  db_.rollback();
  open_ = false;
  for (Finished& finished : std::exchange(group_, {})) {
    tell(finished.done, why);
  }
}

void Writer::checkpoint_if_due(bool idle) {
  // A log that a reader kept from being moved is to shrink soon after that reader went, written to or not.
  const bool due = idle ? held_up_ || commits_since_checkpoint_ >= kCommitsBetweenCheckpoints / 10
                        : commits_since_checkpoint_ >= kCommitsBetweenCheckpoints;
  if (!due) return;
  try {
    held_up_ = db_.checkpoint(false) > kManyFrames && db_.checkpoint(true) != 0;
    commits_since_checkpoint_ = 0;
  } catch (const StoreError& error) {
    die_if_in_doubt(error, true, "a checkpoint");
    log(LogLevel::warning, "store.checkpoint", error.what());
    commits_since_checkpoint_ = 0;
  }
}

}  // namespace codedriftd
