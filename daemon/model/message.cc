#include "model/message.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <stdexcept>

#include "base/json.h"

namespace codedriftd {
namespace {

using Alerts = std::vector<OrderedJson>;

Alerts parse(const std::vector<std::string>& bytes) {
  Alerts alerts;
  for (const std::string& alert : bytes) {
    alerts.push_back(OrderedJson::parse(alert, nullptr, false));
    for (const char* member : {"kind", "severity", "time", "summary", "event_ids"}) {
      if (!alerts.back().is_object() || !alerts.back().contains(member))
        throw std::runtime_error("a stored alert is damaged; restore a backup");
    }
  }
  return alerts;
}

std::string text_of(const OrderedJson& alert, const char* name) {
  const auto found = alert.find(name);
  return found != alert.end() && found->is_string() ? found->get<std::string>() : std::string();
}

std::string highest_severity(const Alerts& alerts) {
  constexpr std::array<std::string_view, 3> kRising{"info", "warning", "critical"};
  const auto rank = [&](const OrderedJson& alert) {
    return std::find(kRising.begin(), kRising.end(), text_of(alert, "severity")) - kRising.begin();
  };
  return text_of(
      *std::max_element(alerts.begin(), alerts.end(), [&](const auto& a, const auto& b) { return rank(a) < rank(b); }),
      "severity");
}

/// In order, each once: a reminder stands for an event that was told before.
OrderedJson all_event_ids(const Alerts& alerts) {
  OrderedJson ids = OrderedJson::array();
  for (const OrderedJson& alert : alerts) {
    for (const OrderedJson& id : alert.at("event_ids")) {
      if (std::find(ids.begin(), ids.end(), id) == ids.end()) ids.push_back(id);
    }
  }
  return ids;
}

OrderedJson series(const Alerts& alerts) {
  OrderedJson told = alerts.back();
  told["severity"] = highest_severity(alerts);
  told["previous_status"] = alerts.front()["previous_status"];
  told["previous_sha256"] = alerts.front()["previous_sha256"];
  told["event_ids"] = all_event_ids(alerts);
  return told;
}

std::string series_summary(const Alerts& alerts) {
  const std::string first = text_of(alerts.front(), "summary"), last = text_of(alerts.back(), "summary");
  if (alerts.size() == 1) return first;
  const std::string at = text_of(alerts.front(), "time"), then = text_of(alerts.back(), "time");
  const std::string between =
      alerts.size() == 2 ? std::string() : fmt::format(" ({} more in between)", alerts.size() - 2);
  return fmt::format("At {}: {} Then{}, at {}: {}", at, first, between, then, last);
}

OrderedJson item_of(const Alerts& alerts) {
  const OrderedJson told = series(alerts);
  OrderedJson address;
  if (told.contains("target") && told["target"].is_object()) address = told["target"]["address"];
  return {{"target", address},
          {"kind", told["kind"]},
          {"severity", told["severity"]},
          {"time", told["time"]},
          {"summary", series_summary(alerts)},
          {"status", told.value("status", OrderedJson())},
          {"observed_sha256", told.value("observed_sha256", OrderedJson())},
          {"accepted_sha256", told.value("accepted_sha256", OrderedJson())},
          {"event_ids", told["event_ids"]}};
}

/// "48 drift.detected, 2 drift.resolved"
std::string count_kinds(const OrderedJson& items) {
  std::map<std::string, int> counts;
  for (const OrderedJson& item : items) ++counts[item["kind"].get<std::string>()];
  std::string text;
  for (const auto& [kind, count] : counts) text += fmt::format("{}{} {}", text.empty() ? "" : ", ", count, kind);
  return text;
}

}  // namespace

bool told_together(std::string_view a, std::string_view b) {
  for (const std::string_view family : {"drift.", "function.", "poll."}) {
    if (a.starts_with(family)) return b.starts_with(family);
  }
  return false;
}

std::string compose_series(const std::vector<std::string>& bytes, std::string_view id) {
  const Alerts alerts = parse(bytes);
  OrderedJson told = series(alerts);
  told["id"] = id;
  told["summary"] = series_summary(alerts);
  return json_line(told);
}

std::string compose_flapping(const std::vector<std::string>& bytes, std::string_view id) {
  const Alerts alerts = parse(bytes);
  OrderedJson told = series(alerts);
  told["id"] = id;
  told["kind"] = kFlappingKind;
  told["summary"] = fmt::format(
      "It changed too often to tell each time: {} drift events between {} and {}, whose alerts were held until it was "
      "quiet. Last: {}",
      alerts.size(), text_of(alerts.front(), "time"), text_of(alerts.back(), "time"),
      text_of(alerts.back(), "summary"));
  return json_line(told);
}

std::string compose_digest(const std::vector<std::vector<std::string>>& by_target, std::string_view id,
                           std::string_view kind) {
  OrderedJson items = OrderedJson::array();
  Alerts all;
  for (const std::vector<std::string>& bytes : by_target) {
    const Alerts alerts = parse(bytes);
    items.push_back(item_of(alerts));
    all.insert(all.end(), alerts.begin(), alerts.end());
  }
  const auto newest = std::max_element(
      all.begin(), all.end(), [](const auto& a, const auto& b) { return text_of(a, "time") < text_of(b, "time"); });
  OrderedJson digest = *newest;
  for (auto& [name, value] : digest.items()) {
    if (name != "schema" && name != "time" && name != "instance" && name != "log") value = nullptr;
  }
  digest["id"] = id;
  digest["kind"] = kind;
  digest["severity"] = highest_severity(all);
  digest["actor"] = "daemon";
  digest["summary"] = fmt::format("{} functions: {}.", items.size(), count_kinds(items));
  digest["event_ids"] = all_event_ids(all);
  digest["items"] = std::move(items);
  return json_line(digest);
}

}  // namespace codedriftd
