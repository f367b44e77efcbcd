#include "http_sink/alert.h"

#include <utility>

#include "base/json.h"

namespace codedriftd::http_sink {
namespace {

/// As text, however it was written.
std::string plain_text(const Json& value) {
  if (value.is_string()) return value.get<std::string>();
  return value.is_null() ? "none" : plain_json(value);
}

std::string error_text(const Json& object) {
  const auto error = object.find("error");
  if (error == object.end() || !error->is_object()) return {};
  const std::string code = text_at(*error, "code"), message = text_at(*error, "message");
  return code.empty() || message.empty() ? code + message : code + ": " + message;
}

Report read_report(const Json& object, std::string address) {
  Report report;
  for (const auto& [member, name] : {std::pair{&Report::kind, "kind"},
                                     {&Report::severity, "severity"},
                                     {&Report::time, "time"},
                                     {&Report::summary, "summary"},
                                     {&Report::status, "status"},
                                     {&Report::observed, "observed_sha256"},
                                     {&Report::accepted, "accepted_sha256"},
                                     {&Report::previous, "previous_sha256"},
                                     {&Report::expected, "expected_sha256"},
                                     {&Report::drift_since, "drift_since"},
                                     {&Report::resolution, "resolution"},
                                     {&Report::reason, "reason"},
                                     {&Report::request_id, "request_id"},
                                     {&Report::next_step, "next_step"},
                                     {&Report::link, "link"}}) {
    report.*member = text_at(object, name);
  }
  report.error = error_text(object);
  const auto events = object.find("event_ids");
  report.events = events != object.end() && events->is_array() ? events->size() : 0;
  report.address = std::move(address);
  if (auto target = Target::parse(report.address)) report.target = std::move(*target);
  return report;
}

}  // namespace

Result<Alert> read_alert(std::string_view json) {
  const Json object = Json::parse(json, nullptr, false);
  if (!object.is_object()) return Error{"the alert is not a JSON object"};
  Alert alert;
  const auto target = object.find("target");
  const bool has_target = target != object.end() && target->is_object();
  alert.own = read_report(object, has_target ? text_at(*target, "address") : std::string());
  alert.id = text_at(object, "id");
  alert.instance = text_at(object, "instance");
  alert.actor = text_at(object, "actor");
  alert.account = text_at(object, "account");
  alert.region = text_at(object, "region");
  if (alert.id.empty() || alert.own.kind.empty() || alert.own.time.empty() || alert.instance.empty()) {
    return Error{"the alert has no id, kind, time or instance"};
  }
  if (const auto items = object.find("items"); items != object.end() && items->is_array()) {
    for (const Json& item : *items) {
      if (item.is_object()) alert.items.push_back(read_report(item, text_at(item, "target")));
    }
  }
  if (const auto beat = object.find("heartbeat"); beat != object.end() && beat->is_object()) {
    for (const auto& [name, value] : beat->items()) alert.heartbeat.emplace_back(name, plain_text(value));
  }
  return alert;
}

std::string_view short_hash(std::string_view hash) { return hash.substr(0, kShortHash); }

}  // namespace codedriftd::http_sink
