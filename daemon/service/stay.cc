#include "service/stay.h"

#include <fmt/format.h>
#include <unistd.h>

#include "base/json.h"
#include "base/log.h"
#include "store/log/event_log.h"
#include "store/outbox/outbox.h"
#include "store/record/clock_step.h"
#include "store/record/facts.h"
#include "store/record/history.h"

namespace codedriftd::stay {
namespace {

/// The daemon's last sign of life lies ahead of now: either the clock was ahead then, or it is behind now. What is to
/// be said of it in the record.
std::optional<NewEvent> meet_clock(Tx& tx, Millis ahead, WallTime now) {
  history::end_open_runs(tx.db);
  if (!clock_step::bring_back(tx.db, now, -ahead)) {
    log(LogLevel::warning, "clock.behind",
        fmt::format(
            "the clock of this machine says {}, but the record goes on until {} s later, and the cloud answered "
            "by that time: set the clock right",
            rfc3339(now), ahead.count() / 1000));
    return std::nullopt;  // what waits is due when the clock is right; outbox::recover() puts nothing off for longer
  }
  outbox::move_times(tx.db, -ahead, outbox::last_row(tx.db), now);
  NewEvent stepped;
  stepped.kind = "clock.stepped";
  stepped.data = Json{{"by_s", -ahead.count() / 1000}, {"brought_back", true}};
  stepped.facts.summary = fmt::format(
      "The last sign of life on record is {} s ahead of the clock of this machine: what was stored of times ahead of "
      "now was moved back.",
      ahead.count() / 1000);
  return stepped;
}

}  // namespace

void begin_log_if_empty(Tx& tx, Ledger& ledger, WallTime now) {
  if (event_log::size(tx.db) != 0) return;
  facts::write(tx.db, "log_origin", ledger.origin());
  NewEvent genesis;
  genesis.kind = "log.genesis";
  genesis.data = Json{{"origin", ledger.origin()}, {"version", CODEDRIFTD_VERSION}};
  genesis.facts.summary = fmt::format("The log {} begins.", ledger.origin());
  ledger.append(tx, genesis, now);
}

std::string origin_of(Database& db, const Settings& settings) {
  const bool own_name = settings.store.server && settings.log_origin == settings.instance + "/codedriftd";
  return facts::read(db, "log_origin").value_or(own_name ? settings.store.fleet + "/codedriftd" : settings.log_origin);
}

std::string name_of(const Settings& settings) {
  return settings.store.server ? settings.store.fleet + "/" + settings.instance : settings.instance;
}

int64_t begin(Tx& tx, Ledger& ledger, const std::optional<RecordHead>& known, WallTime now) {
  const auto restored = known ? record_head::restored(tx.db, *known) : std::nullopt;
  // Before anything is written at `now`: what moves back came earlier than that.
  const Millis ahead = clock_step::ahead(tx.db, now);
  const auto stepped = ahead > Millis{0} ? meet_clock(tx, ahead, now) : std::nullopt;
  begin_log_if_empty(tx, ledger, now);
  if (restored) ledger.append(tx, *restored, now);
  if (stepped) ledger.append(tx, *stepped, now);
  const auto previous = daemon_runs::last(tx.db);
  const auto last_event = event_log::last_time(tx.db);
  NewEvent started;
  started.kind = "daemon.started";
  started.data = Json{{"previous_stop", nullptr}, {"last_event_at", nullptr}};
  if (previous) {
    (*started.data)["previous_stop"] = previous->stopped ? "clean" : "unclean";
    if (last_event) (*started.data)["last_event_at"] = rfc3339(*last_event);
  }
  started.facts.summary = previous ? fmt::format("The daemon started; it was last alive at {} and its stop was {}.",
                                                 rfc3339(previous->alive_at), previous->stopped ? "clean" : "unclean")
                                   : "The daemon started for the first time.";
  ledger.append(tx, started, now);
  return daemon_runs::begin(tx.db, ::getpid(), now);
}

}  // namespace codedriftd::stay
