#include "actions/alert_actions.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <set>

#include "actions/arguments.h"
#include "base/json.h"
#include "base/text.h"
#include "select/selection.h"
#include "store/ledger/notices.h"
#include "store/outbox/actions.h"
#include "store/outbox/outbox.h"

namespace codedriftd {
namespace {

using outbox::Undelivered;
using Answer = Result<JsonBox, NothingDone>;

constexpr std::size_t kMostIds = 1'000;

std::vector<std::string> route_names(const Ledger& ledger) {
  std::vector<std::string> names;
  for (const Route& route : ledger.routes()) names.push_back(route.subscription.name);
  return names;
}

std::string shown(std::string_view text) { return harmless(clean_utf8(text, 100)); }

/// "; did you mean X?", or which there are.
std::string instead_of(const Ledger& ledger, std::string_view name) {
  const auto names = route_names(ledger);
  if (const std::string near = nearest(name, names); !near.empty()) return fmt::format("; did you mean {}?", near);
  return names.empty() ? "; no [[alert]] is configured" : fmt::format("; there are {}", fmt::join(names, ", "));
}

NothingDone no_such_destination(const Ledger& ledger, std::string_view name) {
  return {"usage", fmt::format("no [[alert]] is named \"{}\"{}", shown(name), instead_of(ledger, name))};
}

outbox::Choice choice_of(Database& db, const AlertRequest& request, WallTime now) {
  outbox::Choice choice;
  choice.ids = request.ids;
  choice.destination = request.alert;
  choice.since = request.since;
  choice.until = request.until;
  if (!request.targets.empty()) {
    Selection selection;
    selection.targets = request.targets;
    choice.target = [filter = TargetFilter(db, selection, now)](int64_t target) { return filter.matches(target); };
  }
  return choice;
}

/// Why a selection found nothing.
NothingDone nothing_found(Ledger& ledger, const AlertRequest& request, std::string_view states,
                          const std::optional<std::string>& missing_id) {
  if (missing_id) {
    return {"nothing", fmt::format("there is no {} alert {}{}; see codedriftd query alerts", states, shown(*missing_id),
                                   request.ids.size() > 1 ? ": nothing was done for the others either" : "")};
  }
  std::string message = fmt::format("no {} alert matches", states);
  if (!request.alert.empty()) {
    message += fmt::format(" --alert {}", shown(request.alert));
    if (ledger.route(request.alert) == nullptr)
      message += fmt::format(", which is not configured{}", instead_of(ledger, request.alert));
  }
  for (const std::string& glob : request.targets) message += fmt::format(" --target '{}'", shown(glob));
  if (request.since) message += fmt::format(" --since {}", rfc3339(*request.since));
  if (request.until) message += fmt::format(" --until {}", rfc3339(*request.until));
  return {"nothing", message + "; see codedriftd query alerts"};
}

/// One event about one alert. Whoever hears of what `destination` could not deliver hears of this too.
void record(Tx& tx, Ledger& ledger, std::string_view kind, std::string_view destination, const Undelivered* alert,
            const AlertRequest& request, const Caller& caller, WallTime now) {
  NewEvent event;
  event.kind = kind;
  event.actor = caller.actor;
  const std::string reason = clean_utf8(request.reason);
  event.data = Json{
      {"alert", destination}, {"id", alert != nullptr ? Json(alert->sent_id) : Json()}, {"reason", or_null(reason)}};
  if (!caller.claimed.empty()) (*event.data)["claimed"] = caller.claimed;
  event.facts.reason = reason;
  if (alert == nullptr) {
    event.facts.summary = fmt::format("{} had {} told of the drift that is open now.", caller.actor, destination);
  } else if (kind == "alert.dropped") {
    event.target = alert->target;
    event.target_id = alert->target_id;
    event.facts.summary =
        fmt::format("{} gave up alert {} for destination {}: {}.", caller.actor, alert->sent_id, destination, reason);
  } else {
    event.target = alert->target;
    event.target_id = alert->target_id;
    event.facts.summary = fmt::format("{} had alert {} delivered again to destination {}{}.", caller.actor,
                                      alert->sent_id, destination, reason.empty() ? "" : ": " + reason);
  }
  ledger.append_about_delivery(tx, event, destination, now, alert != nullptr ? alert->kind : std::string());
}

Json listed(const std::vector<Undelivered>& done) {
  Json alerts = Json::array();
  for (const Undelivered& alert : done) {
    if (alerts.size() == kAlertsListed) break;
    alerts.push_back(
        {{"id", alert.sent_id}, {"alert", alert.destination}, {"kind", alert.kind}, {"target", or_null(alert.target)}});
  }
  return alerts;
}

/// Those of `destinations` that take nothing at the moment.
Json waiting(Database& db, const std::set<std::string>& destinations) {
  Json all = Json::array();
  for (const std::string& name : destinations) {
    const DestinationState state = outbox::destination(db, name);
    if (state.kind == DestinationState::Kind::ok) continue;
    all.push_back(
        {{"alert", name}, {"state", to_string(state.kind)}, {"until", rfc3339(state.until)}, {"reason", state.reason}});
  }
  return all;
}

void ring(Tx& tx, Ledger& ledger, const std::set<std::string>& destinations) {
  for (const std::string& name : destinations) {
    if (const Route* route = ledger.route(name)) ledger.ring(tx, *route);
  }
}

Answer replay(Tx& tx, Ledger& ledger, const AlertRequest& request, const Caller& caller, WallTime now) {
  const outbox::Choice choice = choice_of(tx.db, request, now);
  const auto alerts = outbox::replayable(tx.db, choice);
  const auto missing = outbox::missing_id(choice, alerts);
  if (missing && outbox::is_heartbeat(tx.db, clean_utf8(*missing))) {
    return NothingDone{"nothing",
                       fmt::format("alert {} is a heartbeat, which is not delivered again: a sign of life is of no use "
                                   "later{}",
                                   *missing, request.ids.size() > 1 ? "; nothing was done for the others either" : "")};
  }
  if (alerts.empty() || missing) return nothing_found(ledger, request, "dead or dropped", missing);
  // Nobody would carry it, and it would be given up again with the next reload.
  for (const Undelivered& alert : alerts) {
    const std::string& destination = request.to.empty() ? alert.destination : request.to;
    if (ledger.route(destination) == nullptr) {
      return NothingDone{"usage",
                         fmt::format("alert {} is for {}, which is no longer configured: nothing was done; send "
                                     "it to another destination with --to NAME{}",
                                     alert.alert_id, shown(destination), instead_of(ledger, destination))};
    }
  }
  std::vector<Undelivered> done;
  std::set<std::pair<std::string, std::string>> on_their_way;  // destination and alert
  std::set<std::string> destinations;
  std::size_t there = 0;
  for (const Undelivered& alert : alerts) {
    const std::string& destination = request.to.empty() ? alert.destination : request.to;
    const Millis give_up_after = ledger.route(destination)->give_up_after;
    const auto rows = outbox::replay_to(tx.db, alert, destination, give_up_after, now);
    // It may have come back with an earlier one of the same message.
    if (rows.empty() && !on_their_way.contains({destination, alert.alert_id})) ++there;
    for (const Undelivered& row : rows) {
      record(tx, ledger, "alert.replayed", destination, &row, request, caller, now);
      on_their_way.emplace(destination, row.alert_id);
      destinations.insert(destination);
      done.push_back(row);
    }
  }
  if (done.empty()) {
    return NothingDone{"nothing", fmt::format("{} has {} already, delivered or pending; see codedriftd query alerts",
                                              shown(request.to), alerts.size() == 1 ? "it" : "all of them")};
  }
  ring(tx, ledger, destinations);
  return JsonBox(Json{
      {"count", done.size()}, {"alerts", listed(done)}, {"there", there}, {"waiting", waiting(tx.db, destinations)}});
}

Answer replay_open(Tx& tx, Ledger& ledger, const AlertRequest& request, const Caller& caller, WallTime now) {
  const auto told = notices::tell_open_drift(tx, ledger, *ledger.route(request.to), now);
  if (told == 0) {
    return NothingDone{"nothing", fmt::format("no drift is open now that {} wants to hear of (its kinds and targets)",
                                              shown(request.to))};
  }
  record(tx, ledger, "alert.replayed", request.to, nullptr, request, caller, now);
  return JsonBox(Json{{"count", told}, {"waiting", waiting(tx.db, {request.to})}});
}

Answer drop(Tx& tx, Ledger& ledger, const AlertRequest& request, const Caller& caller, WallTime now) {
  const outbox::Choice choice = choice_of(tx.db, request, now);
  const auto alerts = outbox::droppable(tx.db, choice);
  const auto missing = outbox::missing_id(choice, alerts);
  if (alerts.empty() || missing) return nothing_found(ledger, request, "dead or pending", missing);
  std::set<std::string> destinations;
  for (const Undelivered& alert : alerts) {
    outbox::drop(tx.db, alert);
    record(tx, ledger, "alert.dropped", alert.destination, &alert, request, caller, now);
    destinations.insert(alert.destination);
  }
  // What waited behind one of these is due.
  ring(tx, ledger, destinations);
  return JsonBox(Json{{"count", alerts.size()}, {"alerts", listed(alerts)}});
}

}  // namespace

// ---- requests as JSON ---------------------------------------------------------------------------------------------

std::string_view to_string(AlertRequest::Verb verb) {
  return verb == AlertRequest::Verb::replay ? "replay" : verb == AlertRequest::Verb::drop ? "drop" : "test";
}

JsonBox arguments_of(const AlertRequest& request) {
  Json arguments = Json::object();
  if (!request.ids.empty()) arguments["ids"] = request.ids;
  if (!request.alert.empty()) arguments["alert"] = request.alert;
  if (!request.targets.empty()) arguments["targets"] = request.targets;
  if (request.since) arguments["since"] = rfc3339(*request.since);
  if (request.until) arguments["until"] = rfc3339(*request.until);
  if (!request.to.empty()) arguments["to"] = request.to;
  if (request.open) arguments["open"] = true;
  if (!request.reason.empty()) arguments["reason"] = request.reason;
  return arguments;
}

Result<AlertRequest> read_alert_request(std::string_view verb, const JsonBox& arguments) {
  AlertRequest request;
  bool known = false;
  for (const auto each : {AlertRequest::Verb::replay, AlertRequest::Verb::drop, AlertRequest::Verb::test}) {
    if (to_string(each) != verb) continue;
    request.verb = each;
    known = true;
  }
  if (!known) return Error{fmt::format("there is no verb alerts.{}; there are replay, drop and test", shown(verb))};
  Arguments read(*arguments);
  request.ids = read.texts("ids");
  request.alert = read.text("alert");
  request.targets = read.texts("targets");
  request.since = read.time("since");
  request.until = read.time("until");
  request.to = read.text("to");
  request.open = read.flag("open");
  request.reason = read.text("reason");
  if (const std::string trouble = read.trouble(); !trouble.empty()) return Error{trouble};
  return request;
}

Checked check_alert_request(const AlertRequest& request) {
  using Verb = AlertRequest::Verb;
  const bool selects =
      !request.ids.empty() || !request.alert.empty() || !request.targets.empty() || request.since || request.until;
  if (request.verb == Verb::test) {
    if (selects || request.open || !request.reason.empty())
      return Error{"a test takes the name of one [[alert]], no more"};
    if (request.to.empty()) return Error{"a test needs the name of an [[alert]]"};
    return Done{};
  }
  if (request.ids.size() > kMostIds) return Error{fmt::format("{} ids at most at a time", kMostIds)};
  if (request.since && request.until && *request.since > *request.until)
    return Error{fmt::format("--since {} is later than --until {}", rfc3339(*request.since), rfc3339(*request.until))};
  if (request.verb == Verb::drop) {
    if (!request.to.empty() || request.open) return Error{"--to and --open are for replay"};
    if (request.reason.find_first_not_of(" \t\r\n") == std::string::npos)
      return Error{"dropping alerts needs a --reason: it is recorded, with who did it"};
  }
  if (request.open) {
    if (selects) return Error{"--open stands for all drift that is open now; leave the rest of the selection away"};
    if (request.to.empty()) return Error{"--open needs --to NAME: whom to tell"};
    return Done{};
  }
  for (const std::string& target : request.targets) {
    if (auto good = check_no_pattern(target, "name the target, or take --alert NAME, --since T, --until T"); !good)
      return Error{"--target " + good.error().message};
  }
  if (!selects) return Error{"say which alerts: their IDs, or --alert NAME, --target TARGET, --since T, --until T"};
  return Done{};
}

Result<JsonBox, NothingDone> perform(Tx& tx, Ledger& ledger, const AlertRequest& request, const Caller& caller,
                                     WallTime now) {
  if (auto good = check_alert_request(request); !good) return NothingDone{"usage", good.error().message};
  if (!request.to.empty() && ledger.route(request.to) == nullptr) return no_such_destination(ledger, request.to);
  switch (request.verb) {
    case AlertRequest::Verb::replay:
      return request.open ? replay_open(tx, ledger, request, caller, now) : replay(tx, ledger, request, caller, now);
    case AlertRequest::Verb::drop:
      return drop(tx, ledger, request, caller, now);
    case AlertRequest::Verb::test:
      break;
  }
  const std::string id = notices::send_test(tx, ledger, *ledger.route(request.to), caller.actor, now);
  return JsonBox(Json{{"id", id}, {"alert", request.to}});
}

}  // namespace codedriftd
