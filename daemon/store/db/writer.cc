#include "store/db/writer.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <future>
#include <iterator>
#include <typeinfo>
#include <utility>

#include "base/log.h"

namespace codedriftd {
namespace {

constexpr Millis kIdleTurn{5000};
constexpr Millis kLockedOutTurn{100};
constexpr Millis kBetweenCrowdedLines{600'000};
constexpr unsigned kOftenLost = 3;
/// Each checkpoint throws away what a reader without locks has read so far (snapshot.h), and a log grows without them.
constexpr Millis kBetweenCheckpoints{20'000};
constexpr int64_t kFewCommits = 20, kManyCommits = 20'000;
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

/// It is not about what was to be written: whatever it is, it would fail too.
bool is_of_all(const StoreError& error) {
  using Kind = StoreError::Kind;
  return error.io() || error.kind() == Kind::readonly || error.kind() == Kind::memory ||
         error.kind() == Kind::cannot_open || error.kind() == Kind::not_a_database || error.shut_out();
}

}  // namespace

Writer::Writer(Database db, const Clock& clock, Options options)
    : db_(std::move(db)), clock_(clock), options_(std::move(options)), last_turn_(clock.mono()) {
  if (!options_.fatal) options_.fatal = end_process;
  thread_ = std::jthread([this](std::stop_token stop) { loop(stop); });
}

Writer::~Writer() { stop(); }

void Writer::post(Work work, Done done, Keep keep) { queue_item({std::move(work), nullptr, std::move(done), keep}); }

void Writer::post(std::shared_ptr<const Batchable> work, Done done, Keep keep) {
  queue_item({nullptr, std::move(work), std::move(done), keep});
}

void Writer::queue_item(Item item) {
  std::vector<Item> gone;
  {
    Locked queue(queue_);
    if (!queue->closed) {
      if (queue->items.empty()) queue->waiting_since = clock_.mono();
      if (item.keep != Keep::unless_crowded) ++queue->at_once;
      queue->items.push_back(std::exchange(item, {}));
      gone = give_way(*queue);
    }
  }
  if (item.done) {
    item.done(std::make_exception_ptr(std::runtime_error("the store is closed")));
  } else {
    bell_.ring();
  }
  tell_crowded_out(gone);
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
  post([&work](Tx& tx) { work(tx); },
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
    Taken taken = take();
    const bool worked = !taken.items.empty();
    if (worked && !record(taken.items, taken.closed)) {
      bell_.wait_for(stop, kLockedOutTurn);
      continue;
    }
    checkpoint_if_due();
    if (worked) continue;
    if (taken.closed) break;
    bell_.wait_for(stop, taken.wait);
  }
  try {
    db_.checkpoint(true);
  } catch (const StoreError& error) {
    die_if_in_doubt(error, true, "the last checkpoint");  // closing would flush once more, and believe it
    log(LogLevel::warning, "store.checkpoint", error.what());
  }
}

/// What is due of the queue: all that waits, once something of it does not wait for company, or has waited long enough.
Writer::Taken Writer::take() {
  Taken taken;
  Locked queue(queue_);
  taken.closed = queue->closed;
  taken.wait = kIdleTurn;
  std::deque<Item>& items = queue->items;
  if (items.empty()) return taken;
  const MonoTime now = clock_.mono();
  const MonoTime due = queue->waiting_since + options_.linger;
  if (!queue->closed && queue->at_once == 0 && items.size() < options_.max_group && now < due) {
    taken.wait = std::clamp(std::chrono::ceil<Millis>(due - now), Millis{1}, kIdleTurn);
    return taken;
  }
  const auto end = items.begin() + static_cast<std::ptrdiff_t>(std::min(items.size(), options_.max_group));
  queue->at_once -= static_cast<std::size_t>(
      std::count_if(items.begin(), end, [](const Item& item) { return item.keep != Keep::unless_crowded; }));
  taken.items.assign(std::make_move_iterator(items.begin()), std::make_move_iterator(end));
  items.erase(items.begin(), end);
  queue->waiting_since = now;
  return taken;
}

/// Does `items`, in as few transactions as it takes. False if the record cannot be reached for now: then what is left
/// of them waits in the queue again. With `last_try` it fails instead.
bool Writer::record(std::vector<Item>& items, bool last_try) {
  std::vector<std::span<Item>> left{std::span(items)};  // the last one is next
  while (!left.empty()) {
    const std::span<Item> group = left.back();
    auto failure = attempt(group);
    if (failure && failure->passing && failure->writing) {
      // What the server goes away of each time must not keep all others from being done.
      bool often = false;
      for (Item& item : group.subspan(failure->first, failure->count)) often = ++item.lost >= kOftenLost || often;
      failure->passing = !often;
    }
    if (failure && failure->passing && !last_try) {
      std::vector<Item> waiting;
      for (auto part = left.rbegin(); part != left.rend(); ++part)
        std::move(part->begin(), part->end(), std::back_inserter(waiting));
      put_back(std::move(waiting), failure->why);
      return false;
    }
    if (failure && failure->again) continue;
    left.pop_back();
    if (!failure) continue;
    if (failure->passing || failure->of_all) {
      for (const Item& item : group) tell(item.done, failure->why);
      continue;
    }
    const auto [first, count] = std::pair(failure->first, failure->count);
    const auto go_on = [&](std::span<Item> part) {
      if (!part.empty()) left.push_back(part);
    };
    go_on(group.subspan(first + count));
    if (count == 1) {
      tell(group[first].done, failure->why);
    } else {
      go_on(group.subspan(first + count / 2, count - count / 2));
      go_on(group.subspan(first, count / 2));
    }
    go_on(group.first(first));
  }
  return true;
}

/// Does `group` in one transaction: one flush for all. What failed, if anything did: then there is no trace of any.
std::optional<Writer::Failure> Writer::attempt(std::span<Item> group) {
  Failure failure;
  std::vector<std::vector<std::function<void()>>> hooks;  // of each piece, or batch
  bool wrote = false;
  std::string_view doing = "the start of a transaction";
  try {
    if (options_.fence != nullptr) {
      db_.begin_write(*options_.fence, clock_);
    } else {
      db_.begin_write();
    }
    const int64_t changes_before = db_.total_changes();
    doing = "a write";
    for (; failure.first < group.size(); failure.first += failure.count) {
      *last_turn_.lock() = clock_.mono();  // a long group is no standstill
      failure.count = alike(group.subspan(failure.first));
      Tx tx(db_);
      work(tx, group.subspan(failure.first, failure.count));
      hooks.push_back(tx.take_hooks());
    }
    failure.first = 0;
    failure.count = group.size();
    wrote = options_.fence != nullptr || db_.total_changes() != changes_before;  // the fence itself is a write
    if (options_.fence != nullptr) options_.fence->before_commit(db_);
    doing = "a commit";
    failure.again = !commit();
  } catch (const StoreError& error) {
    const bool committing = doing == "a commit";
    die_if_in_doubt(error, committing, doing);
    note_trouble(error);
    failure.why = std::current_exception();
    failure.passing = error.passing();
    failure.writing = doing == "a write";
    failure.of_all = is_of_all(error) || (committing && error.full());
  } catch (...) {
    failure.why = std::current_exception();
  }
  if (failure.again) return failure;
  if (failure.why) {
    db_.rollback();
    if (failure.count == 0) failure.count = group.size();  // it did not begin
    return failure;
  }
  note_recovery(wrote);
  ++commits_since_checkpoint_;
  for (const auto& of_piece : hooks) {
    for (const auto& hook : of_piece) guarded(hook);
  }
  for (const Item& item : group) tell(item.done, nullptr);
  return std::nullopt;
}

/// True: durable. False: it left no trace.
bool Writer::commit() {
  try {
    db_.commit();
    return true;
  } catch (const StoreError& error) {
    if (options_.fence == nullptr || error.kind() != StoreError::Kind::in_doubt) throw;
    log(LogLevel::warning, "store.in_doubt", fmt::format("{}; the server is asked", error.what()));
  }
  const bool durable = options_.fence->was_durable(db_);
  log(LogLevel::info, "store.in_doubt", durable ? "it was durable" : "it left no trace, and is done again");
  return durable;
}

/// How many of `items`, from the first, are done in one call.
std::size_t Writer::alike(std::span<const Item> items) {
  const Batchable* first = items.front().batchable.get();
  if (first == nullptr) return 1;
  const auto other = std::find_if(items.begin() + 1, items.end(), [&](const Item& item) {
    const Batchable* next = item.batchable.get();
    return next == nullptr || typeid(*next) != typeid(*first);
  });
  return static_cast<std::size_t>(other - items.begin());
}

void Writer::work(Tx& tx, std::span<const Item> items) {
  if (items.front().work) return items.front().work(tx);
  std::vector<const Batchable*> batch;
  for (const Item& item : items) batch.push_back(item.batchable.get());
  batch.front()->run(tx, batch);
}

/// Before what was posted meanwhile, in its order; it stays in the queue, which is bounded. What nobody shall wait for
/// any longer fails because of `why`.
void Writer::put_back(std::vector<Item> items, std::exception_ptr why) {
  std::vector<Item> gone, crowded_out;
  {
    Locked queue(queue_);
    queue->items.insert(queue->items.begin(), std::make_move_iterator(items.begin()),
                        std::make_move_iterator(items.end()));
    const auto kept = std::stable_partition(queue->items.begin(), queue->items.end(),
                                            [](const Item& item) { return item.keep != Keep::while_unlocked; });
    gone.assign(std::make_move_iterator(kept), std::make_move_iterator(queue->items.end()));
    queue->items.erase(kept, queue->items.end());
    queue->at_once = static_cast<std::size_t>(std::count_if(
        queue->items.begin(), queue->items.end(), [](const Item& item) { return item.keep != Keep::unless_crowded; }));
    crowded_out = give_way(*queue);
  }
  for (const Item& item : gone) tell(item.done, why);
  tell_crowded_out(crowded_out);
}

void Writer::note_trouble(const StoreError& error) {
  ++(*errors_.lock())[error.name()];
  if (error.shut_out() && !std::exchange(shut_out_, true) && options_.shut_out) options_.shut_out(error);
  Locked trouble(trouble_);
  if (trouble->words.empty()) {
    trouble->since = clock_.mono();
    log(LogLevel::error, "store.trouble",
        fmt::format("{}; {}", error.what(),
                    error.passing() ? "what is seen waits, and counts once the record can be written to"
                                    : "what cannot be recorded does not count, and is looked at again"));
  }
  trouble->words = error.what();
  trouble->waits = error.passing();
}

/// After a commit. One that wrote nothing proves nothing: it succeeds on a full disk too.
void Writer::note_recovery(bool wrote) {
  if (!wrote || trouble_.copy().words.empty()) return;
  *trouble_.lock() = {};
  queue_.lock()->crowded_told_at.reset();
  log(LogLevel::info, "store.recovered", "the record can be written to again");
}

void Writer::die_if_in_doubt(const StoreError& error, bool committing, std::string_view what) {
  if (options_.fence == nullptr &&
      (error.sync() || (committing && (error.io() || error.kind() == StoreError::Kind::in_doubt)))) {
    options_.fatal(fmt::format("{} failed, and whether it is durable is not known: {}", what, error.what()));
  }
}

void Writer::checkpoint_if_due() {
  // A log that a reader kept from being moved is to shrink soon after that reader went, written to or not.
  const MonoTime now = clock_.mono();
  const bool due = (held_up_ || commits_since_checkpoint_ >= kFewCommits) &&
                   (commits_since_checkpoint_ >= kManyCommits || now - checkpoint_at_ >= kBetweenCheckpoints);
  if (!due) return;
  checkpoint_at_ = now;
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
