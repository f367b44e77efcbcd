/// What App does while it runs: signals, and what is due from time to time.
#include <fmt/format.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>

#include "base/duration.h"
#include "service/app.h"
#include "store/ledger/storage.h"
#include "store/ledger/suspensions.h"
#include "store/record/facts.h"

namespace codedriftd {
namespace {

constexpr Millis kBetweenRewatches{2'000};  ///< functions are found one by one, and each time the whole list is made

}  // namespace

int App::serve() {
  Timetable timetable(clock_.mono());
  for (;;) {
    keep_time(timetable);
    MonoTime next = timetable.next(notify_.watchdog_interval().has_value());
    if (fleet_) next = std::min(next, fleet_->turn(*writer_, *ledger_, clock_.mono()));
    if (anew()) return kAnew;
    if (fleet_) take_share();
    if (rewatch_) next = std::min(next, last_rewatch_ + kBetweenRewatches);
    const auto signal = signals_.wait(std::max(Millis{1}, std::chrono::ceil<Millis>(next - clock_.mono())));
    if (signal == SIGHUP) reload();
    if (clock_.mono() - last_rewatch_ >= kBetweenRewatches && rewatch_.exchange(false)) rewatch();
    if (signal == SIGTERM || signal == SIGINT) {
      log(LogLevel::info, "daemon.stopping", fmt::format("{} received", signal == SIGTERM ? "SIGTERM" : "SIGINT"));
      return EXIT_SUCCESS;
    }
  }
}

void App::keep_time(Timetable& timetable) {
  const auto checks = healthy();
  const bool progress = std::all_of(checks.begin(), checks.end(), [](const HealthCheck& check) { return check.ok; });
  const Timetable::Due due = timetable.due(clock_.mono(), notify_.watchdog_interval(), progress);
  if (due.watchdog) notify_.watchdog();
  if (due.alive && share_.has_house() && (!fleet_ || fleet_->may_act())) {
    writer_->post([this, at = clock_.wall(), look = storage(), house = house()](Tx& tx) {
      if (!fleet_) daemon_runs::alive(tx.db, stay_, at);  // its fence does that
      if (fleet_) look_after_house(tx, house);
      suspensions::end_over(tx, *ledger_, at);
      storage::note(tx, *ledger_, look, at);
    });
  }
  if (due.alive) {
    keep_head();
    if (fleet_) refresh_trust();
    discovery_->ask_due();
  }
  if (due.status && !status_page_) open_status_page();
  tell_how_it_stands(due);
  if (due.status) {
    for (const HealthCheck& check : record_files()) {
      if (check.ok) {
        told_troubles_.erase(check.name);
      } else if (told_troubles_.insert(check.name).second) {
        log(LogLevel::error, "store.disturbed", fmt::format("{}: {}", database_, check.detail));
      }
    }
  }
}

/// What cannot be read from the record now is told later: the work goes on.
void App::tell_how_it_stands(const Timetable::Due& due) {
  if (!due.status && !due.alive && !due.summary) return;
  try {
    if (due.status && notify_.heard()) notify_.status(status_line(snapshot()));
    if (due.alive && !textfile_.empty()) write_textfile();
    if (due.summary) log_summary(snapshot());
    told_troubles_.erase("snapshot");
  } catch (const StoreError& error) {
    if (told_troubles_.insert("snapshot").second)
      log(LogLevel::warning, "store.unreadable", fmt::format("how the daemon stands is not told: {}", error.what()));
  }
}

void App::log_summary(const StatusSnapshot& s) {
  log(LogLevel::info, "daemon.summary", status_line(s),
      {field("observed", s.polls.polls[0]), field("missing", s.polls.polls[1]), field("updating", s.polls.polls[2]),
       field("denied", s.polls.polls[3]), field("failed", s.polls.polls[4]), field("events", s.log_size)});
  for (const auto& lane : s.polls.lanes) {
    if (lane.behind < Millis{60'000}) continue;
    log(LogLevel::warning, "schedule.behind",
        fmt::format("{}/{}: the most overdue of {} functions has been waiting for {}; `codedriftd check` says what "
                    "would help",
                    lane.account, lane.region, lane.watched,
                    format_duration(std::chrono::floor<std::chrono::seconds>(lane.behind))),
        {field("account", lane.account), field("region", lane.region)});
  }
}

void App::keep_head() {
  try {
    Locked reader(reader_);
    const auto head = record_head::of(reader->value(), ledger_->origin());
    if (!head || head == head_) return;
    // A server that was rolled back must not make this daemon forget what it was told.
    if (fleet_ && head_ && head->seq <= head_->seq) return;
    record_head::write(settings_.head_file(), *head);
    head_ = head;
    told_troubles_.erase("head");
  } catch (const std::exception& error) {
    if (told_troubles_.insert("head").second)
      log(LogLevel::warning, "record.head", fmt::format("{}: a restored record would not be noticed", error.what()));
  }
}

}  // namespace codedriftd
