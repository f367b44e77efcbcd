/// App as a member of a fleet: the record is on a server, and it stands by until it holds the work.
#include <fmt/format.h>

#include <algorithm>
#include <csignal>

#include "service/app.h"
#include "service/stay.h"
#include "store/db/migrate.h"
#include "store/db/postgres.h"
#include "store/open/check_record.h"
#include "store/open/open_record.h"

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
  if (auto good = check_schema(db); !good) throw std::runtime_error(good.error().message);
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
  fleet_ = std::make_unique<FleetPart>(settings_.instance, clock_, [this] { signals_.nudge(); });
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
  refresh_trust();
  fleet_->tell_joined(*writer_, *ledger_);
}

/// Until this daemon holds the lease. It can be asked meanwhile, and does what commands want.
void App::stand_by() {
  notify_.ready("stands by");
  log(LogLevel::info, "fleet.standby",
      fmt::format("member {} of fleet {} stands by", fleet_->member(), settings_.store.fleet),
      {field("member", fleet_->member()), field("fleet", settings_.store.fleet)});
  Timetable timetable(clock_.mono());
  while (!fleet_->leads() && !anew()) {
    const MonoTime next = std::min(fleet_->turn(*writer_, *ledger_, clock_.mono()),
                                   timetable.next(notify_.watchdog_interval().has_value()));
    const Timetable::Due due =
        timetable.due(clock_.mono(), notify_.watchdog_interval(), makes_progress(writer_->last_turn(), clock_.mono()));
    if (due.watchdog) notify_.watchdog();
    if (due.alive) {
      keep_head();
      refresh_trust();
    }
    if (due.status && !status_page_) open_status_page();
    const auto signal = signals_.wait(std::max(Millis{1}, std::chrono::ceil<Millis>(next - clock_.mono())));
    if (signals_.stopping()) return;
    if (signal == SIGHUP && reload_standing_by()) anew_ = true;
  }
  notify_.extend(Millis{300'000});  // what follows takes long for many functions
}

/// Who stands by takes approvals and announcements as who works does: by the rules for what is watched now.
void App::refresh_trust() {
  try {
    Settings now = settings_;
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

bool App::anew() const { return anew_ || (fleet_ && fleet_->over()); }

void App::keep_fleet_head() {
  const auto head = fleet_->head();
  if (head && (!head_ || head_->seq < head->seq)) record_head::write(settings_.head_file(), *head);
}

}  // namespace codedriftd
