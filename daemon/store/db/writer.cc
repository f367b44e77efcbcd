#include "store/db/writer.h"

#include <fmt/format.h>

#include <cstdlib>
#include <future>
#include <utility>

#include "base/log.h"

namespace codedriftd {
namespace {

constexpr Millis kIdleTurn{5000};
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

void Writer::post(Work work, Done done) {
  const bool taken = [&] {
    Locked queue(queue_);
    if (!queue->closed) queue->items.push_back({std::move(work), std::move(done)});
    return !queue->closed;
  }();
  if (taken) {
    bell_.ring();
  } else if (done) {
    done(std::make_exception_ptr(std::runtime_error("the store is closed")));
  }
}

void Writer::run(Work work) {
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
      });
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
    std::deque<Item> items;
    bool closed = false;
    {
      Locked queue(queue_);
      items.swap(queue->items);
      closed = queue->closed;
    }
    for (Item& item : items) take(std::move(item));
    if (open_ && (hurry_ || closed || clock_.mono() - opened_at_ >= options_.linger)) commit();
    if (!open_) checkpoint_if_due(items.empty());
    if (closed && items.empty()) break;
    if (!items.empty()) continue;
    const Millis wait =
        open_ ? std::max(Millis{1}, options_.linger - std::chrono::duration_cast<Millis>(clock_.mono() - opened_at_))
              : kIdleTurn;
    bell_.wait_for(stop, wait);
  }
  try {
    db_.checkpoint(true);
  } catch (const SqliteError& error) {
    die_if_in_doubt(error, true, "the last checkpoint");  // closing would flush once more, and believe it
    log(LogLevel::warning, "store.checkpoint", error.what());
  }
}

void Writer::begin() {
  db_.query("BEGIN IMMEDIATE").step();
  open_ = true;
  hurry_ = false;
  opened_at_ = clock_.mono();
}

void Writer::take(Item item) {
  try {
    if (!open_) begin();
    db_.query("SAVEPOINT work").step();
  } catch (const SqliteError& error) {
    die_if_in_doubt(error, false, "the start of a transaction");
    *trouble_.lock() = error.what();
    abandon(std::current_exception());
    tell(item.done, std::current_exception());
    return;
  }
  Tx tx(db_);
  std::exception_ptr why;
  try {
    item.work(tx);
    db_.query("RELEASE work").step();
  } catch (const SqliteError& error) {
    die_if_in_doubt(error, false, "a write");
    *trouble_.lock() = error.what();
    why = std::current_exception();
  } catch (...) {
    why = std::current_exception();
  }
  if (why) {
    try {
      db_.query("ROLLBACK TO work").step();
      db_.query("RELEASE work").step();
    } catch (const SqliteError&) {
      abandon(why);  // SQLite gave the whole transaction up (disk full, I/O error)
    }
    if (open_ && group_.empty()) abandon(why);  // nothing is left to commit: no reason to hold the lock
    tell(item.done, why);
    return;
  }
  hurry_ = hurry_ || tx.is_urgent();
  group_.push_back({std::move(item.done), tx.take_hooks()});
  if (group_.size() >= options_.max_group) commit();
}

void Writer::commit() {
  try {
    db_.query("COMMIT").step();
  } catch (const SqliteError& error) {
    die_if_in_doubt(error, true, "a commit");
    *trouble_.lock() = error.what();
    abandon(std::current_exception());
    return;
  }
  open_ = false;
  trouble_.lock()->clear();
  ++commits_since_checkpoint_;
  for (Finished& finished : std::exchange(group_, {})) {
    for (const auto& hook : finished.hooks) guarded(hook);
    tell(finished.done, nullptr);
  }
}

void Writer::die_if_in_doubt(const SqliteError& error, bool committing, std::string_view what) {
  if (error.sync() || (committing && error.io())) {
    options_.fatal(fmt::format("{} failed, and whether it is durable is not known: {}", what, error.what()));
  }
}

void Writer::abandon(std::exception_ptr why) {
  try {
    db_.query("ROLLBACK").step();
  } catch (const SqliteError&) {  // already rolled back
  }
  open_ = false;
  for (Finished& finished : std::exchange(group_, {})) {
    tell(finished.done, why);
  }
}

void Writer::checkpoint_if_due(bool idle) {
  if (commits_since_checkpoint_ == 0 || (commits_since_checkpoint_ < kCommitsBetweenCheckpoints && !idle)) return;
  if (idle && commits_since_checkpoint_ < kCommitsBetweenCheckpoints / 10) return;
  try {
    if (db_.checkpoint(false) > kManyFrames) db_.checkpoint(true);
    commits_since_checkpoint_ = 0;
  } catch (const SqliteError& error) {
    die_if_in_doubt(error, true, "a checkpoint");
    log(LogLevel::warning, "store.checkpoint", error.what());
    commits_since_checkpoint_ = 0;
  }
}

}  // namespace codedriftd
