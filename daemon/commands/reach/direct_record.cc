#include "commands/reach/direct_record.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "actions/caller.h"
#include "base/log.h"
#include "commands/reach/owner.h"
#include "service/alert_setup.h"
#include "service/record_head.h"
#include "settings/settings.h"
#include "store/db/migrate.h"
#include "store/outbox/outbox.h"
#include "store/record/facts.h"

namespace codedriftd {
namespace {

/// Without a daemon only its own user may write. Whoever else asks is told so, and not which file they cannot open.
void check_may_write(const std::string& folder) {
  struct stat info {};
  const uid_t self = ::geteuid();
  if (::stat(folder.c_str(), &info) != 0 || self == 0 || self == info.st_uid) return;
  throw std::runtime_error(fmt::format(
      "no daemon runs, and without one only root and the owner of {} ({}) may do this; start the service, or "
      "ask with sudo",
      folder, actor_of(info.st_uid)));
}

StateLock take_lock(const Settings& settings) {
  if (settings.store.server)
    throw std::runtime_error(fmt::format(
        "no daemon runs here, and only daemons write to the record on {}; start the service, or ask on a host where it "
        "runs",
        settings.store.url));
  check_may_write(settings.state_dir);
  if (auto owner = become_owner(settings.state_dir); !owner) throw std::runtime_error(owner.error().message);
  ::umask(027);
  if (!std::filesystem::exists(settings.database()))
    throw std::runtime_error(
        fmt::format("{}: there is no database; start the daemon (codedriftd run), or check state_dir "
                    "in the configuration",
                    settings.database()));
  auto lock = StateLock::take(settings.lock_file());
  if (!lock) throw std::runtime_error(lock.error().message);
  return std::move(*lock);
}

AttemptOutcome outcome_of(const DeliveryAnswer& answer, Millis took) {
  return {std::string(to_string(answer.result)), answer.status, answer.text, took};
}

}  // namespace

DirectRecord::DirectRecord(const Settings& settings, const Clock& clock)
    : settings_(settings), clock_(clock), lock_(take_lock(settings)) {
  Database db = lock_.open_writer(settings.database());
  if (auto good = check_schema(db); !good) throw std::runtime_error(good.error().message);
  const auto origin = facts::read(db, "log_origin");
  if (!origin) throw std::runtime_error(fmt::format("{}: no daemon has run with it yet", settings.database()));
  const auto known = record_head::read(settings.head_file());
  keeps_head_ = !known || !record_head::restored(db, *known);
  ledger_ = std::make_unique<Ledger>(settings.instance, *origin);
  ledger_->set_routes(routes_of(settings));
  writer_ = std::make_unique<Writer>(std::move(db), clock, Writer::Options{});
}

DirectRecord::~DirectRecord() {
  // A record that does not go on from its head was restored: the next start of the daemon is to see that.
  if (!keeps_head_) return;
  try {
    std::optional<RecordHead> head;
    writer_->run([&](Tx& tx) { head = record_head::of(tx.db, ledger_->origin()); });
    if (head) record_head::write(settings_.head_file(), *head);
  } catch (const std::exception& error) {
    log(LogLevel::warning, "record.head", fmt::format("{}: a restored record would not be noticed", error.what()));
  }
}

outbox::TestOutcome DirectRecord::deliver_test(const std::string& name, const std::string& id, Millis within) {
  const auto alert = std::find_if(settings_.alerts.begin(), settings_.alerts.end(),
                                  [&](const AlertSettings& each) { return each.subscription.name == name; });
  if (alert == settings_.alerts.end()) throw std::logic_error("a test of an alert that is not configured");
  std::optional<PendingAlert> test;
  writer_->run([&](Tx& tx) { test = outbox::begin_test(tx.db, name, id, clock_.wall()); });
  if (!test) throw std::logic_error("a test that was queued is not there");
  const MonoTime begun = clock_.mono();
  DeliveryAnswer answer;
  const auto channel = channel_of(settings_, *alert);
  if (const auto started = channel->start(); started.ok()) {
    answer = channel->deliver(test->alert_id, test->body, test->attempt, within);
  } else {
    const StartFailure& failure = started.error();
    answer.text = failure.mistakes.empty() ? failure.message : format_mistakes(failure.mistakes);
    while (answer.text.ends_with('\n')) answer.text.pop_back();
  }
  channel->stop();
  const AttemptOutcome outcome = outcome_of(answer, std::chrono::duration_cast<Millis>(clock_.mono() - begun));
  const bool delivered = answer.result == DeliveryResult::delivered;
  writer_->run([&](Tx& tx) {
    if (delivered) {
      outbox::delivered(tx.db, *test, outcome, clock_.wall());
    } else {
      outbox::dead(tx.db, *test, outcome, clock_.wall());
    }
  });
  return {delivered ? "delivered" : "dead", answer.status, answer.text};
}

}  // namespace codedriftd
