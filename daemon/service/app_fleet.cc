/// App as a member of a fleet: the record is on a server, and it does what its leases say of the work.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <functional>
#include <iterator>
#include <limits>
#include <utility>

#include "actions/reconcile_actions.h"
#include "service/app.h"
#include "service/inspection.h"
#include "service/stay.h"
#include "store/db/migrate.h"
#include "store/db/postgres.h"
#include "store/fleet/lanes.h"
#include "store/open/check_record.h"
#include "store/open/open_record.h"
#include "store/outbox/outbox.h"
#include "store/record/targets.h"

namespace codedriftd {

/// The record of a fleet: this daemon becomes a member, and may write from then on.
void App::open_server() {
  writer_.reset();  // of an earlier try
  // Of the process: an old primary that comes back is not taken for the server by the next App either.
  static const auto lineage = std::make_shared<postgres::Lineage>();
  postgres::Place place = place_of(settings_.store);
  place.lineage = lineage;
  Database db = postgres::open(place, postgres::Access::write);
  database_ = db.name();
  if (auto good = check_schema(db); !good) {
    if (check_owner(db, std::numeric_limits<int>::max()) && schema_version(db) > newest_schema())
      return wait_for_newer_program(good.error().message);
    throw std::runtime_error(good.error().message);
  }
  if (auto here = check_not_moved(db); !here) throw std::runtime_error(here.error().message);
  if (const std::string trouble = session_trouble(db); !trouble.empty()) throw std::runtime_error(trouble);
  head_ = record_head::read(settings_.head_file());
  if (head_ && record_head::restored(db, *head_)) {
    if (const auto lost = record_head::rolled_back(db, *head_)) {
      std::string_view words = lost->facts.summary;
      words.remove_suffix(words.ends_with('.') ? 1 : 0);  // more is said after it
      throw StoreError(StoreError::Kind::rolled_back, fmt::format("{}: {}", db.name(), words));
    }
    head_.reset();  // it was adopted without that
  }
  const std::string origin = stay::origin_of(db, settings_);
  fleet_ =
      std::make_unique<FleetPart>(settings_.instance, digest_, clock_,
                                  FleetPart::Hooks{[this] { signals_.nudge(); }, [this](Tx& tx) { look_around(tx); }});
  fleet_->join(db);
  open_reader_ = [store = settings_.store] { return open_reader_of(store); };
  Writer::Options options;
  constexpr std::size_t kGroupOfAFleet = 200;  // each waits for a round trip or more
  options.max_group = kGroupOfAFleet;
  options.fence = &fleet_->fence();
  options.shut_out = [this](const StoreError& error) { fleet_->shut_out(error); };
  write_to(std::move(db), origin, std::move(options));
  // Read by the first thread, which has a watchdog to feed.
  constexpr Millis kLook{3'000};
  reader_.lock()->emplace(open_reader_of(settings_.store, kLook));
  writer_->run([&](Tx&) { apply_routes(); });
  *trust_.lock() = trust_of(settings_);
  settings_.named = settings_.watches;
  refresh_trust();
  fleet_->tell_joined(*writer_, *ledger_);
}

/// It ends, so that the service manager starts the program that is installed by then; not at once, or it would soon be
/// given up (StartLimitBurst= of the unit).
void App::wait_for_newer_program(const std::string& why) {
  constexpr Millis kAtLeast{150'000}, kTurn{10'000};
  log(LogLevel::error, "store.newer",
      fmt::format("{}; this program ends in {} s, for the newer one to be started", why, kAtLeast.count() / 1000));
  notify_.status("waits for the newer package: the record is of another schema");
  const MonoTime until = clock_.mono() + kAtLeast;
  for (MonoTime now = clock_.mono(); now < until && !signals_.stopping(); now = clock_.mono()) {
    notify_.watchdog();
    notify_.extend(Millis{60'000});
    signals_.wait(std::min(kTurn, std::chrono::ceil<Millis>(until - now)));
  }
  outgrown_ = true;
}

void App::share_with_others() {
  if (shared_polls_) return;
  SharedPolls::Hooks hooks;
  hooks.poll_now = [this](std::vector<TargetId> ids, SharedPolls::Over over) {
    poller_->poll_now(std::move(ids), std::move(over));
  };
  hooks.look_again = [this](Tx& tx, TargetId id) {
    const TargetRow row = targets::load(tx.db, id);
    if (row.state.live) tx.after_commit([this, code = *row.state.live] { inspector_->forget_failure(code); });
  };
  shared_polls_ = std::make_unique<SharedPolls>(
      *writer_, clock_, [this] { return fleet_->member(); }, std::move(hooks));
}

void App::take_share() {
  fleet_->let_go_of_idle(*writer_, share_.leases());
  const FleetPart::Leases leases = fleet_->share(clock_.mono());
  if (leases == share_.leases()) return;
  try {
    change_share(leases);
    *cached_.lock() = std::nullopt;
    log(LogLevel::info, "fleet.share",
        leases.empty() ? "stands by" : fmt::format("works on {}", fmt::join(leases, ", ")),
        {field("member", fleet_->member()), field("fleet", settings_.store.fleet)});
    if (notify_.heard()) notify_.status(status_words());
  } catch (const std::exception& error) {
    // What is done of it and what is not would be hard to tell: all of it ends, in order, and begins anew.
    log(LogLevel::error, "fleet.share", fmt::format("what this member holds cannot be worked on: {}", error.what()));
    anew_ = true;
  }
}

/// What is over ends first, and is let go of once it has; then begins what is new.
void App::change_share(const FleetPart::Leases& leases) {
  FleetPart::Leases gone, gained;
  std::ranges::set_difference(share_.leases(), leases, std::inserter(gone, gone.end()));
  std::ranges::set_difference(leases, share_.leases(), std::inserter(gained, gained.end()));
  const auto is_alert = [](const std::string& lease) { return alert_of_lease(lease).has_value(); };
  FleetPart::Leases alerts;
  for (const std::string& lease : gone) {
    if (is_alert(lease)) alerts.insert(lease);
  }
  const auto lanes = lanes_of(settings_);
  FleetPart::Leases kept;
  std::ranges::set_intersection(share_.leases(), leases, std::inserter(kept, kept.end()));
  shared_polls_->set_share(Share(kept, lanes));
  share_ = Share(leases, lanes);
  keeps_house_ = share_.has_house();
  end_deliveries();
  fleet_->let_go(*writer_, alerts);
  std::erase_if(gone, is_alert);
  if (!gone.empty() || std::any_of(gained.begin(), gained.end(), std::not_fn(is_alert))) watch_share(gone, gained);
  shared_polls_->set_share(share_);  // the poller takes a watch before what it is asked for
  begin_deliveries(gained);
  if (gained.contains(kHouse)) keep_house();
}

/// `gone` is let go of when the poller has nothing of it any more: what it had is with the writer by then.
void App::watch_share(const FleetPart::Leases& gone, const FleetPart::Leases& gained) {
  settings_.watches = settings_.named;
  prepare_watches(settings_);
  fleet_->is_ending(gone);
  apply_watch(settings_, take_watches(settings_, digest_), [this, gone] { fleet_->let_go(*writer_, gone); });
  if (share_.leases().empty()) return;
  const bool more = std::any_of(gained.begin(), gained.end(), is_lane);
  writer_->run([&](Tx& tx) {
    if (more) targets::wait_anew(tx.db, clock_.wall());
    withdraw_untrusted(tx, *ledger_, *trust_.copy(), clock_.wall());
  });
}

void App::end_deliveries() {
  std::map<std::string, std::shared_ptr<Runner>> gone;
  {
    Locked runners(runners_);
    std::erase_if(*runners, [&](const auto& runner) {
      const bool over = !share_.has_alert(runner.first);
      if (over) gone.insert(runner);
      return over;
    });
  }
  for (const auto& [name, runner] : gone) runner->cancel();
  for (const auto& [name, runner] : gone) runner->stop();
}

void App::begin_deliveries(const FleetPart::Leases& gained) {
  for (const AlertSettings& alert : settings_.alerts) {
    const std::string& name = alert.subscription.name;
    if (!gained.contains(lease_of_alert(name))) continue;
    writer_->run([&](Tx& tx) { outbox::take_over(tx.db, name, clock_.wall(), Runner::kAttemptLimit); });
    Locked runners(runners_);
    if (!runners->contains(name)) start_runner(*runners, alert);
  }
}

void App::keep_house() {
  writer_->run([&](Tx& tx) { look_after_house(tx, house()); });
  prune_packages(settings_, *writer_);
}

App::House App::house() const {
  House house{lanes_of(settings_), {}};
  for (const AlertSettings& alert : settings_.alerts) house.alerts.push_back(alert.subscription.name);
  return house;
}

void App::look_after_house(Tx& tx, const House& house) {
  lanes::keep(tx.db, house.lanes);
  give_up_unconfigured(tx, house.alerts);
}

void App::look_around(Tx& tx) {
  shared_polls_->look(tx);
  const int64_t newest = outbox::last_row(tx.db);
  tx.after_commit([this, newest] {
    if (std::exchange(outbox_seen_, newest) == newest) return;
    Locked runners(runners_);
    for (const auto& [name, runner] : *runners) runner->ring();
  });
}

/// Who stands by takes approvals and announcements as who works does: by the rules for what is watched now.
void App::refresh_trust() {
  try {
    Settings now = settings_;
    now.watches = now.named;  // those in `watches` went to the watch list
    {
      Locked reader(reader_);
      match_rules(now, reader->value());
    }
    auto trust = std::make_shared<Trust>(*trust_.copy());
    trust->attested_only = attested_only(now);
    *trust_.lock() = std::move(trust);
  } catch (const StoreError& error) {
    if (told_troubles_.insert("trust").second)
      log(LogLevel::warning, "store.unreadable", fmt::format("what is watched now is not known: {}", error.what()));
  }
}

bool App::anew() const { return anew_ || outgrown_ || (fleet_ && (fleet_->over() || fleet_->leaving())); }

void App::keep_fleet_head() {
  const auto head = fleet_->head();
  if (head && (!head_ || head_->seq < head->seq)) record_head::write(settings_.head_file(), *head);
}

}  // namespace codedriftd
