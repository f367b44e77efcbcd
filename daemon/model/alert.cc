#include "model/alert.h"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "base/json.h"
#include "model/changes.h"
#include "model/kinds.h"
#include "model/target.h"

namespace codedriftd {
namespace {

bool matches_any(const std::vector<std::string>& globs, std::string_view text) {
  return std::any_of(globs.begin(), globs.end(), [&](const std::string& glob) { return glob_match(glob, text); });
}

OrderedJson target_or_null(const std::optional<std::string>& address) {
  if (!address) return OrderedJson();
  const auto target = Target::parse(*address);
  if (!target) throw std::logic_error(target.error().message);
  return {{"address", *address},     {"account", target->account},   {"region", target->region},
          {"namespace", target->ns}, {"function", target->function}, {"qualifier", target->qualifier}};
}

/// What an alert says beside its event's own words.
struct Place {
  std::string id;
  WallTime time{};
  std::vector<std::string> event_ids;
  int64_t log_index = 0;
  Sha256 leaf;
};

/// `command` with the path that the event names; empty where a shell would take that for something else.
std::string on_path(std::string_view command, const NewEvent& event) {
  const std::string path = event.data->value("path", "");
  return path.empty() || path.find('\'') != path.npos ? std::string() : fmt::format("{} '{}'", command, path);
}

/// The next command to type, as a shell takes it; empty: nothing has to be done.
std::string next_step(const NewEvent& event) {
  const std::string& kind = event.kind;
  if (kind == "account.failing") return "codedriftd check --online";
  if (kind == "discovery.failing") return "codedriftd check --online";
  if (kind == "function.unmanaged") return "codedriftd discover";
  if (kind == "delivery.dead" || kind == "delivery.refused") return "codedriftd query alerts --attempts";
  if (kind == "storage.low") return on_path("df -h", event);
  if (kind == "storage.blocked") return on_path("sudo fuser -v", event);
  if (!event.target) return {};
  if (tells_of_drift(kind) || kind == kReminderKind)
    return fmt::format("{} --target '{}'", kPlanCommand, *event.target);
  if (kind == "function.missing" || kind == "poll.failing") return fmt::format("codedriftd poll '{}'", *event.target);
  if (kind == "function.recreated" || kind == "function.touched")
    return fmt::format("codedriftd query history --target '{}'", *event.target);
  if (kind == "deploy.overdue") return fmt::format("codedriftd query status --target '{}'", *event.target);
  return {};
}

OrderedJson alert_json(const NewEvent& event, const Place& place, std::string_view instance,
                       std::string_view log_origin, std::string_view link) {
  const AlertFacts& facts = event.facts;
  OrderedJson alert{
      {"schema", "codedriftd.alert.v1"},
      {"id", place.id},
      {"kind", event.kind},
      {"severity", to_string(event.severity)},
      {"time", rfc3339(place.time)},
      {"instance", instance},
      {"summary", facts.summary},
      {"actor", event.actor},
      {"target", target_or_null(event.target)},
      {"status", or_null<OrderedJson>(facts.status)},
      {"previous_status", or_null<OrderedJson>(facts.previous_status)},
      {"observed_sha256", or_null<OrderedJson>(facts.observed)},
      {"accepted_sha256", or_null<OrderedJson>(facts.accepted)},
      {"previous_sha256", or_null<OrderedJson>(facts.previous)},
      {"expected_sha256", or_null<OrderedJson>(facts.expected)},
      {"drift_since", or_null<OrderedJson>(facts.drift_since)},
      {"resolution", or_null<OrderedJson>(facts.resolution)},
      {"reason", or_null<OrderedJson>(facts.reason)},
      {"error", OrderedJson(*facts.error)},
      {"changes", OrderedJson(*facts.changes)},
      {"request_id", or_null<OrderedJson>(facts.request_id)},
      {"account", or_null<OrderedJson>(facts.account)},
      {"region", or_null<OrderedJson>(facts.region)},
      {"event_ids", place.event_ids},
      {"log",
       {{"origin", log_origin}, {"index", place.log_index}, {"leaf_hash", place.leaf.hex()}, {"checkpoint", nullptr}}},
      {"next_step", or_null<OrderedJson>(next_step(event))},
      {"link", or_null<OrderedJson>(event.target ? link_to(link, *event.target) : std::string())},
  };
  if (!facts.follows.empty()) alert["follows"] = facts.follows;
  return alert;
}

}  // namespace

bool wants(const Subscription& subscription, const NewEvent& event) {
  if (!event.alertable || about_delivery(event.kind)) return false;
  bool kind = subscription.kinds.empty() ? alerts_by_default(event) : matches_any(subscription.kinds, event.kind);
  // Who wants to hear of drift wants to hear of that of layers and aliases: their drift.resolved comes to him, too.
  if (event.kind == kLayersKind || event.kind == kAliasKind)
    kind = kind || matches_any(subscription.kinds, "drift.detected");
  if (!event.target || subscription.targets.empty()) return kind;
  return kind && matches_any(subscription.targets, *event.target);
}

std::string link_to(std::string_view pattern, std::string_view address) {
  const auto target = Target::parse(address);
  if (pattern.empty() || !target) return {};
  std::string link(pattern);
  for (const auto& [name, value] : {std::pair<std::string_view, std::string_view>{"{address}", address},
                                    {"{account}", target->account},
                                    {"{region}", target->region},
                                    {"{namespace}", target->ns},
                                    {"{function}", target->function},
                                    {"{qualifier}", target->qualifier}}) {
    for (std::size_t at = 0; (at = link.find(name, at)) != std::string::npos; at += value.size()) {
      link.replace(at, name.size(), value);
    }
  }
  return link;
}

std::string compose_alert(const LoggedEvent& logged, std::string_view instance, std::string_view log_origin,
                          std::string_view link) {
  return json_line(alert_json(logged.event, {logged.id, logged.time, {logged.id}, logged.seq, logged.leaf}, instance,
                              log_origin, link));
}

std::string compose_notice(const Notice& notice, std::string_view id, WallTime time, std::string_view instance,
                           std::string_view log_origin, std::string_view link) {
  OrderedJson alert = alert_json(notice.about, {std::string(id), time, notice.event_ids, notice.log_index, notice.leaf},
                                 instance, log_origin, link);
  if (!notice.heartbeat->is_null()) alert["heartbeat"] = *notice.heartbeat;
  return json_line(alert);
}

std::string explained_alert(std::string_view alert, const JsonBox& changes, std::string_view words) {
  OrderedJson body;
  try {
    body = OrderedJson::parse(alert);
    body.at("changes") = OrderedJson(*changes);
    if (!words.empty())
      body.at("summary") = fmt::format("{} {}", body.at("summary").get<std::string>(), as_sentence(std::string(words)));
  } catch (const OrderedJson::exception& error) {
    throw std::runtime_error(fmt::format("a stored alert is damaged ({}); restore a backup", error.what()));
  }
  return json_line(body);
}

}  // namespace codedriftd
