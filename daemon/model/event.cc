#include "model/event.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <stdexcept>

#include "base/json.h"

namespace codedriftd {
namespace {

/// A tile of the log holds bodies of at most 65,535 bytes; this leaves room.
constexpr std::size_t kLongestBody = 60'000;

/// function.touched is one of them where its target is configured so: elsewhere the event is not alertable.
constexpr std::array<std::string_view, 24> kAlertingKinds{
    "drift.detected",    "drift.changed",    "drift.resolved",     "function.missing",    "function.returned",
    "poll.failing",      "poll.recovered",   "account.failing",    "account.recovered",   "deploy.overdue",
    "record.restored",   "package.mismatch", "function.recreated", "function.unmanaged",  "function.touched",
    "layer.changed",     "alias.moved",      "discovery.failing",  "discovery.recovered", "storage.low",
    "storage.recovered", "storage.blocked",  "storage.unblocked",  "store.rolled_back"};

}  // namespace

std::string_view to_string(Severity severity) {
  switch (severity) {
    case Severity::info:
      return "info";
    case Severity::warning:
      return "warning";
    case Severity::critical:
      return "critical";
  }
  return "critical";
}

bool alerts_by_default(const NewEvent& event) {
  if (event.kind == "watch.removed" || event.kind == "config.loaded") return event.severity == Severity::warning;
  return std::find(kAlertingKinds.begin(), kAlertingKinds.end(), event.kind) != kAlertingKinds.end();
}

bool about_delivery(std::string_view kind) { return kind.starts_with("delivery.") || kind.starts_with("alert."); }

std::string event_body(const NewEvent& event, std::string_view log_origin, int64_t seq, std::string_view id,
                       WallTime time) {
  const Json body{{"v", 1},
                  {"log", log_origin},
                  {"seq", seq},
                  {"id", id},
                  {"time", rfc3339(time)},
                  {"kind", event.kind},
                  {"severity", to_string(event.severity)},
                  {"actor", event.actor},
                  {"target", or_null(event.target)},
                  {"data", *event.data}};
  std::string bytes = canonical_json(body);
  if (bytes.size() > kLongestBody) {
    throw std::length_error(
        fmt::format("the body of a {} event is {} bytes long; {} is the most", event.kind, bytes.size(), kLongestBody));
  }
  return bytes;
}

Sha256 leaf_hash(std::string_view body) {
  std::string leaf(1, '\0');
  leaf += body;
  return sha256(leaf);
}

}  // namespace codedriftd
