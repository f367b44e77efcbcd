#include "model/message.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <stdexcept>

#include "base/duration.h"
#include "base/json.h"
#include "model/alert.h"
#include "model/kinds.h"

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
  told["previous_status"] = alerts.front().value("previous_status", OrderedJson());
  told["previous_sha256"] = alerts.front().value("previous_sha256", OrderedJson());
  told["event_ids"] = all_event_ids(alerts);
  return told;
}

std::string series_summary(const Alerts& alerts, std::size_t between) {
  const std::string first = text_of(alerts.front(), "summary"), last = text_of(alerts.back(), "summary");
  if (alerts.size() == 1) return first;
  const std::string at = text_of(alerts.front(), "time"), then = text_of(alerts.back(), "time");
  const std::size_t more = alerts.size() - 2 + between;
  return fmt::format("At {}: {} Then{}, at {}: {}", at, first,
                     more == 0 ? std::string() : fmt::format(" ({} more in between)", more), then, last);
}

OrderedJson item_of(const Alerts& alerts, std::size_t between) {
  const OrderedJson told = series(alerts);
  OrderedJson address;
  if (told.contains("target") && told["target"].is_object()) address = told["target"].value("address", OrderedJson());
  return {{"target", address},
          {"kind", told.value("kind", OrderedJson())},
          {"severity", told.value("severity", OrderedJson())},
          {"time", told.value("time", OrderedJson())},
          {"summary", series_summary(alerts, between)},
          {"status", told.value("status", OrderedJson())},
          {"observed_sha256", told.value("observed_sha256", OrderedJson())},
          {"accepted_sha256", told.value("accepted_sha256", OrderedJson())},
          {"event_ids", told["event_ids"]}};
}

/// What several functions have in common, as a sentence without its subject.
struct Phrase {
  std::string_view kind, of_one, of_many;
};
constexpr Phrase kPhrases[] = {
    {"drift.detected", "has drifted", "have drifted"},
    {"drift.changed", "has changed again", "have changed again"},
    {kLayersKind, "has other layers", "have other layers"},
    {kAliasKind, "has an alias that was moved", "have an alias that was moved"},
    {kReminderKind, "is still drifted", "are still drifted"},
    {"drift.resolved", "is no longer drifted", "are no longer drifted"},
    {"function.missing", "is missing", "are missing"},
    {"function.returned", "is back", "are back"},
    {"function.recreated", "was deleted and created again", "were deleted and created again"},
    {"function.touched", "was written without another hash", "were written without another hash"},
    {"function.discovered", "was discovered", "were discovered"},
    {"poll.failing", "cannot be observed", "cannot be observed"},
    {"poll.recovered", "is observed again", "are observed again"},
    {"deploy.overdue", "waits for a deployment that is overdue", "wait for a deployment that is overdue"},
    {"change.attributed", "has word of the audit log about a change", "have word of the audit log about a change"},
    {"watch.removed", "is no longer watched", "are no longer watched"},
    {"delivery.dead", "has an alert that was given up", "have an alert that was given up"},
    {"delivery.refused", "has an alert that was refused", "have an alert that was refused"},
};

/// "48 functions have drifted, 2 are no longer drifted."
std::string digest_summary(const OrderedJson& items) {
  std::map<std::string, std::size_t> counts;
  for (const OrderedJson& item : items) ++counts[item["kind"].get<std::string>()];
  std::string text;
  const auto add = [&](std::size_t count, std::string_view what) {
    const std::string_view subject = !text.empty() ? "" : count == 1 ? " function" : " functions";
    text += fmt::format("{}{}{} {}", text.empty() ? "" : ", ", count, subject, what);
  };
  for (const Phrase& phrase : kPhrases) {
    const auto found = counts.find(std::string(phrase.kind));
    if (found == counts.end()) continue;
    add(found->second, found->second == 1 ? phrase.of_one : phrase.of_many);
    counts.erase(found);
  }
  for (const auto& [kind, count] : counts) add(count, fmt::format("{} an alert {}", count == 1 ? "has" : "have", kind));
  return text + ".";
}

/// "7 drift events between A and B"
std::string drift_events(const Alerts& alerts, std::size_t between) {
  const auto reminders = std::count_if(
      alerts.begin(), alerts.end(), [](const OrderedJson& alert) { return text_of(alert, "kind") == kReminderKind; });
  const std::size_t count = alerts.size() + between - static_cast<std::size_t>(reminders);
  const std::string from = text_of(alerts.front(), "time"), until = text_of(alerts.back(), "time");
  if (count == 1) return fmt::format("one drift event at {}", until);
  return fmt::format("{} drift events between {} and {}", count, from, until);
}

}  // namespace

bool told_together(std::string_view a, std::string_view b) {
  if (about_drift(a)) return about_drift(b);
  if (a.starts_with("poll.")) return b.starts_with("poll.");
  const auto of_presence = [](std::string_view kind) {
    return kind == "function.missing" || kind == "function.returned";
  };
  return of_presence(a) && of_presence(b);
}

std::string compose_series(const std::vector<std::string>& bytes, std::string_view id, std::size_t between) {
  const Alerts alerts = parse(bytes);
  OrderedJson told = series(alerts);
  told["id"] = id;
  told["summary"] = series_summary(alerts, between);
  return json_line(told);
}

std::string compose_flapping(const std::vector<std::string>& bytes, std::string_view id, std::size_t between,
                             std::optional<Millis> goes_on) {
  const Alerts alerts = parse(bytes);
  OrderedJson told = series(alerts);
  told["id"] = id;
  told["kind"] = kFlappingKind;
  const std::string events = drift_events(alerts, between), last = text_of(alerts.back(), "summary");
  told["summary"] =
      goes_on ? fmt::format(
                    "It changes too often to tell each change: {}. Until it is quiet its alerts are held, and "
                    "told together, at the latest after {}. Last: {}",
                    events, format_duration(std::chrono::ceil<std::chrono::seconds>(*goes_on)), last)
              : fmt::format(
                    "It changed too often to tell each change: {}, whose alerts were held until it was quiet. "
                    "Last: {}",
                    events, last);
  return json_line(told);
}

std::string compose_digest(const std::vector<std::vector<std::string>>& by_target, std::string_view id,
                           std::string_view kind, const std::vector<std::size_t>& between) {
  OrderedJson items = OrderedJson::array();
  Alerts all;
  for (std::size_t i = 0; i < by_target.size(); ++i) {
    const Alerts alerts = parse(by_target[i]);
    items.push_back(item_of(alerts, i < between.size() ? between[i] : 0));
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
  digest["summary"] = digest_summary(items);
  const auto to_plan = [](const OrderedJson& alert) { return text_of(alert, "next_step").starts_with(kPlanCommand); };
  if (std::any_of(all.begin(), all.end(), to_plan)) digest["next_step"] = kPlanCommand;
  digest["event_ids"] = all_event_ids(all);
  digest["items"] = std::move(items);
  return json_line(digest);
}

}  // namespace codedriftd
