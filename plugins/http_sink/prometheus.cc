#include "http_sink/prometheus.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "base/json.h"
#include "base/sha256.h"
#include "base/text.h"

namespace codedriftd::http_sink {
namespace {

enum class Phase { open, over };

/// Kinds that begin or end one and the same thing.
struct Family {
  std::string_view kind;
  std::string_view name;
  std::string_view severity;  ///< of the thing, whatever the event's: labels are the identity
  Phase phase;
};
constexpr std::string_view kDrift = "CodeDrift";
constexpr Family kFamilies[] = {
    {"drift.detected", kDrift, "critical", Phase::open},
    {"drift.changed", kDrift, "critical", Phase::open},
    {"layer.changed", kDrift, "critical", Phase::open},
    {"alias.moved", kDrift, "critical", Phase::open},
    {"drift.reminder", kDrift, "critical", Phase::open},
    {"drift.resolved", kDrift, "critical", Phase::over},
    {"function.missing", "CodeDriftFunctionMissing", "critical", Phase::open},
    {"function.returned", "CodeDriftFunctionMissing", "critical", Phase::over},
    {"poll.failing", "CodeDriftUnobserved", "warning", Phase::open},
    {"poll.recovered", "CodeDriftUnobserved", "warning", Phase::over},
    {"account.failing", "CodeDriftAccountFailing", "warning", Phase::open},
    {"account.recovered", "CodeDriftAccountFailing", "warning", Phase::over},
    {"discovery.failing", "CodeDriftDiscoveryFailing", "warning", Phase::open},
    {"discovery.recovered", "CodeDriftDiscoveryFailing", "warning", Phase::over},
    {"storage.low", "CodeDriftStorageLow", "warning", Phase::open},
    {"storage.recovered", "CodeDriftStorageLow", "warning", Phase::over},
    {"storage.blocked", "CodeDriftStorageBlocked", "warning", Phase::open},
    {"storage.unblocked", "CodeDriftStorageBlocked", "warning", Phase::over},
    {"heartbeat", "CodedriftdHeartbeat", "none", Phase::open},
};

/// "deploy.overdue" -> "CodeDriftDeployOverdue"
std::string once_name(std::string_view kind) {
  std::string name(kDrift);
  if (kind.starts_with("drift.")) kind.remove_prefix(6);
  bool upper = true;
  for (const char c : kind) {
    const bool lower = c >= 'a' && c <= 'z';
    if (lower || (c >= '0' && c <= '9')) {
      name += upper && lower ? static_cast<char>(c - 'a' + 'A') : c;
      upper = false;
    } else {
      upper = true;
    }
  }
  return name;
}

std::string description(const Alert& alert, const Report& report) {
  std::string text = report.summary;
  const auto add = [&text](std::string_view name, std::string_view value) {
    if (!value.empty()) text += fmt::format("\n{}: {}", name, value);
  };
  add("observed", report.observed);
  add("accepted", report.accepted);
  add("previous", report.previous);
  add("expected", report.expected);
  add("drift since", report.drift_since);
  add("resolution", report.resolution);
  add("reason", report.reason);
  add("error", report.error);
  add("request id", report.request_id);
  add("next", report.next_step);
  if (report.events > 1) add("events", std::to_string(report.events));
  for (const auto& [name, value] : alert.heartbeat) add(name, value);
  return clean_utf8(text, 4000);
}

class Mapping {
 public:
  Mapping(const Alert& alert, const Hold& hold, WallTime now) : alert_(alert), hold_(hold), now_(now) {}

  std::vector<PrometheusAlert> run() {
    if (alert_.items.empty()) {
      map(alert_.own);
    } else {
      for (const Report& item : alert_.items) map(item);
    }
    return std::move(alerts_);
  }

 private:
  void map(const Report& report) {
    // Nobody accepted anything yet, so nothing is open, and nothing will be resolved.
    const bool changed =
        report.kind == "drift.changed" || report.kind == "layer.changed" || report.kind == "alias.moved";
    if (changed && report.accepted.empty()) {
      return once(report, once_name("drift.unreviewed"), report.severity);
    }
    const auto* family = std::find_if(std::begin(kFamilies), std::end(kFamilies),
                                      [&](const Family& f) { return f.kind == report.kind; });
    if (family != std::end(kFamilies)) {
      phase(report, *family);
      // Prometheus tells nobody of the end of what it was never told the beginning of.
      if (report.kind == "drift.resolved" && report.events > 1) once(report, once_name("drift.passed"), "warning");
      return;
    }
    if (report.kind == "drift.flapping") {
      if (report.status == "drifted") phase(report, kFamilies[0]);
      if (report.status == "in_sync") phase(report, {report.kind, kDrift, "critical", Phase::over});
    }
    once(report, report.kind == "test" ? "CodedriftdTest" : once_name(report.kind), report.severity);
  }

  void phase(const Report& report, const Family& family) {
    PrometheusAlert& made = add(report, family.name, family.severity);
    const WallTime time = time_of(report);
    made.starts = std::min(parse_rfc3339(report.drift_since).value_or(time), time);
    made.firing = family.phase == Phase::open;
    if (!made.firing) {
      made.ends = time;
      return;
    }
    Millis hold = kOpenHold;
    if (family.name == kDrift) hold = hold_.drift;
    if (family.kind == "heartbeat") hold = hold_.heartbeat;
    made.ends = std::max(time, now_) + hold;
  }

  void once(const Report& report, std::string_view name, std::string_view severity) {
    PrometheusAlert& made = add(report, name, severity);
    made.labels["event"] = alert_.items.empty() ? alert_.id : fmt::format("{}-{}", alert_.id, alerts_.size() - 1);
    made.starts = time_of(report);
    made.ends = std::max(made.starts, now_) + kOnceHold;
  }

  PrometheusAlert& add(const Report& report, std::string_view name, std::string_view severity) {
    PrometheusAlert made;
    made.labels = {{"alertname", std::string(name)}, {"instance", alert_.instance}};
    const auto label = [&made](const char* key, const std::string& value) {
      if (!value.empty()) made.labels[key] = value;
    };
    label("severity", std::string(severity));
    if (report.target) {
      label("account", report.target->account);
      label("region", report.target->region);
      label("namespace", report.target->ns);
      label("function", report.target->function);
      label("qualifier", report.target->qualifier);
    } else {
      label("account", alert_.account);
      label("region", alert_.region);
    }
    for (auto& [key, value] : made.labels) value = clean_utf8(value);
    made.annotations = {{"summary", clean_utf8(report.summary)},
                        {"description", description(alert_, report)},
                        {"kind", clean_utf8(report.kind)},
                        {"alert_id", clean_utf8(alert_.id)}};
    alerts_.push_back(std::move(made));
    return alerts_.back();
  }

  WallTime time_of(const Report& report) const {
    if (const auto time = parse_rfc3339(report.time)) return *time;
    return parse_rfc3339(alert_.own.time).value_or(now_);
  }

  const Alert& alert_;
  const Hold& hold_;
  WallTime now_;
  std::vector<PrometheusAlert> alerts_;
};

/// What all of them have in common.
std::map<std::string, std::string> common(const std::vector<PrometheusAlert>& alerts,
                                          std::map<std::string, std::string> PrometheusAlert::*which) {
  if (alerts.empty()) return {};
  std::map<std::string, std::string> shared = alerts.front().*which;
  for (const PrometheusAlert& alert : alerts) {
    std::erase_if(shared, [&](const auto& pair) {
      const auto found = (alert.*which).find(pair.first);
      return found == (alert.*which).end() || found->second != pair.second;
    });
  }
  return shared;
}

}  // namespace

std::vector<PrometheusAlert> prometheus_alerts(const Alert& alert, const Hold& hold, WallTime now) {
  return Mapping(alert, hold, now).run();
}

std::string fingerprint(const std::map<std::string, std::string>& labels) {
  uint64_t hash = 14695981039346656037U;  // FNV-1a, 64 bits
  const auto add = [&hash](unsigned char byte) { hash = (hash ^ byte) * 1099511628211U; };
  for (const auto& [name, value] : labels) {
    for (const std::string* part : {&name, &value}) {
      for (const char c : *part) add(static_cast<unsigned char>(c));
      add(0xFF);
    }
  }
  return fmt::format("{:016x}", hash);
}

std::string identity(const PrometheusAlert& alert) { return sha256(json_line(Json(alert.labels))).hex(); }

std::string alerts_v2_body(const std::vector<PrometheusAlert>& alerts) {
  Json list = Json::array();
  for (const PrometheusAlert& alert : alerts) {
    list.push_back({{"labels", alert.labels},
                    {"annotations", alert.annotations},
                    {"startsAt", rfc3339(alert.starts)},
                    {"endsAt", rfc3339(alert.ends)}});
  }
  return json_line(list);
}

std::string webhook_v4_body(const Alert& alert) {
  const auto alerts = prometheus_alerts(alert, {}, WallTime{});
  Json list = Json::array();
  bool firing = false;
  for (const PrometheusAlert& one : alerts) {
    firing |= one.firing;
    list.push_back({{"status", one.firing ? "firing" : "resolved"},
                    {"labels", one.labels},
                    {"annotations", one.annotations},
                    {"startsAt", rfc3339(one.starts)},
                    {"endsAt", one.firing ? "0001-01-01T00:00:00Z" : rfc3339(one.ends)},
                    {"generatorURL", ""},
                    {"fingerprint", fingerprint(one.labels)}});
  }
  const auto labels = common(alerts, &PrometheusAlert::labels);
  const auto name = labels.find("alertname");
  Json group = Json::object();
  if (name != labels.end()) group["alertname"] = name->second;
  return json_line(OrderedJson{{"version", "4"},
                               {"groupKey", "{}:" + json_line(group)},
                               {"truncatedAlerts", 0},
                               {"status", firing ? "firing" : "resolved"},
                               {"receiver", "codedriftd"},
                               {"groupLabels", group},
                               {"commonLabels", labels},
                               {"commonAnnotations", common(alerts, &PrometheusAlert::annotations)},
                               {"externalURL", ""},
                               {"alerts", list}});
}

}  // namespace codedriftd::http_sink
