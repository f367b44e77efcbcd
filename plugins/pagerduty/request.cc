#include "pagerduty/request.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/json.h"
#include "http_sink/chat.h"

namespace codedriftd::pagerduty {
namespace {

constexpr uint32_t kTooOftenMs = 120'000;
constexpr std::size_t kRoutingKey = 32;

std::string text_of(const std::map<std::string, std::string>& map, const char* name) {
  const auto found = map.find(name);
  return found == map.end() ? std::string() : found->second;
}

std::string severity_of(const http_sink::PrometheusAlert& alert) {
  const std::string severity = text_of(alert.labels, "severity");
  return severity == "critical" || severity == "warning" ? severity : "info";
}

/// "prod/ap-guangzhou/default", as much of it as there is.
std::string group_of(const http_sink::PrometheusAlert& alert) {
  std::string group;
  for (const char* name : {"account", "region", "namespace"}) {
    const std::string part = text_of(alert.labels, name);
    if (part.empty()) break;
    if (!group.empty()) group += '/';
    group += part;
  }
  return group;
}

/// "prod/ap-guangzhou/default/charge:$LATEST", or the instance.
std::string source_of(const http_sink::PrometheusAlert& alert) {
  const std::string function = text_of(alert.labels, "function");
  if (!function.empty()) return fmt::format("{}/{}:{}", group_of(alert), function, text_of(alert.labels, "qualifier"));
  return text_of(alert.labels, "instance");
}

bool is_routing_key(std::string_view text) {
  return text.size() == kRoutingKey && std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
         });
}

std::string lower(std::string_view text) {
  std::string result(text);
  for (char& c : result) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return result;
}

/// Whether an answer blames the routing key, as in {"errors":["Invalid routing key"]}.
bool blames_routing_key(std::string_view body) {
  const std::string text = lower(body);
  return text.find("routing key") != std::string::npos || text.find("routing_key") != std::string::npos;
}

}  // namespace

std::string dedup_key(const http_sink::PrometheusAlert& alert) { return "codedriftd-" + http_sink::identity(alert); }

Json event(const http_sink::PrometheusAlert& alert, std::string_view link) {
  Json made{{"event_action", alert.firing ? "trigger" : "resolve"}, {"dedup_key", dedup_key(alert)}};
  if (!alert.firing) return made;
  const std::string summary = http_sink::shortened(text_of(alert.annotations, "summary"), kSummaryBytes);
  Json payload{{"summary", summary.empty() ? text_of(alert.annotations, "kind") : summary},
               {"source", source_of(alert)},
               {"severity", severity_of(alert)},
               {"timestamp", rfc3339(alert.starts)},
               {"class", text_of(alert.labels, "alertname")},
               {"custom_details", alert.annotations}};
  payload["custom_details"]["instance"] = text_of(alert.labels, "instance");
  if (const std::string function = text_of(alert.labels, "function"); !function.empty()) {
    payload["component"] = function;
  }
  if (const std::string group = group_of(alert); !group.empty()) payload["group"] = group;
  made["payload"] = std::move(payload);
  made["client"] = "codedriftd";
  if (link.starts_with("https://")) made["links"] = Json::array({{{"href", link}, {"text", "Where it is"}}});
  return made;
}

std::size_t PagerDuty::parts(const http_sink::Incoming& incoming) const {
  const auto alert = http_sink::read_alert(incoming.json);
  if (!alert) return 1;
  return std::max<std::size_t>(http_sink::prometheus_alerts(*alert, {}, WallTime{}).size(), 1);
}

Result<HttpRequest> PagerDuty::make_request(const http_sink::Incoming& incoming, unsigned, WallTime now) const {
  const auto alert = http_sink::read_alert(incoming.json);
  if (!alert) return alert.error();
  if (alert->own.kind == "heartbeat") {
    return Error{
        "a heartbeat is nothing to page anybody for: leave heartbeat out of this [[alert]], and send it to a receiver "
        "that raises the alarm when it stays away"};
  }
  const auto things = http_sink::prometheus_alerts(*alert, {}, now);
  if (incoming.part >= things.size()) return Error{"the alert is about nothing"};
  Json body = event(things[incoming.part], alert->own.link);
  body["routing_key"] = routing_key_.reveal();
  HttpRequest request = http_sink::basic_request(connection_, "POST", connection_.url, "application/json");
  request.body = json_line(body);
  return request;
}

http_sink::Outcome PagerDuty::judge(const HttpResponse& response, WallTime now) const {
  http_sink::Outcome outcome = http_sink::judge_status(response, connection_.mask, now);
  if (response.failure != HttpFailure::none) return outcome;
  if (response.status == 429) outcome.retry_after_ms = std::max(outcome.retry_after_ms, kTooOftenMs);
  if (response.status == 400 && blames_routing_key(response.body)) outcome.result = CODEDRIFTD_DESTINATION_REFUSED;
  return outcome;
}

Result<std::unique_ptr<http_sink::Destination>> open(std::string_view config_json) {
  auto config = http_sink::read_config(config_json);
  if (!config) return config.error();
  auto connection = http_sink::read_connection(*config);
  if (!connection) return connection.error();
  Secret key(text_at(*config, "routing_key"));
  if (!is_routing_key(key.reveal())) {
    return Error{
        "routing_key_file: should hold the integration key of an integration \"Events API v2\", 32 letters and digits; "
        "PagerDuty shows it under the service's integrations"};
  }
  wipe((*config)["routing_key"].get_ref<std::string&>());
  connection->mask.add(key.reveal());
  return std::unique_ptr<http_sink::Destination>(std::make_unique<PagerDuty>(std::move(*connection), std::move(key)));
}

}  // namespace codedriftd::pagerduty
