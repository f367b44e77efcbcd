#pragma once
/// An alert in the world of Prometheus: something with labels that begins, stays, and ends. Pure.
///
/// What belongs together has the same labels, so that the end finds its beginning: drift.detected, .changed, .reminder
/// and .resolved of one target are one alert there, as are function.missing and .returned, poll.failing and .recovered,
/// account.failing and .recovered. Everything else only happens: it is an alert of its own (label `event`) that ends by
/// itself.
#include <map>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/json_box.h"
#include "http_sink/alert.h"

namespace codedriftd::http_sink {

struct PrometheusAlert {
  std::map<std::string, std::string> labels;  ///< its identity
  std::map<std::string, std::string> annotations;
  WallTime starts{};
  WallTime ends{};  ///< past when it is over; else when it ends unless it is sent again
  bool firing = true;
};

/// How long what is still open counts as open.
struct Hold {
  Millis drift = std::chrono::hours(48);     ///< more than the time between two drift.reminder
  Millis heartbeat = std::chrono::hours(3);  ///< a few times the interval of heartbeats
};
/// What is open and has no reminders.
inline constexpr Millis kOpenHold = std::chrono::hours(24 * 30);
/// What only happened.
inline constexpr Millis kOnceHold = std::chrono::hours(3);

/// One for each target of the alert, and one more for what would otherwise not be seen: drift that was over before it
/// could be told. The ends of what is open are counted from the later of its time and `now`, so that it fires also when
/// it comes late.
std::vector<PrometheusAlert> prometheus_alerts(const Alert& alert, const Hold& hold, WallTime now);

/// Prometheus' own fingerprint of labels: 16 hex digits.
std::string fingerprint(const std::map<std::string, std::string>& labels);

/// The same for the begin and the end of one thing, as its labels are, and for nothing else: 64 hex digits.
std::string identity(const PrometheusAlert& alert);

/// The body of POST /api/v2/alerts.
std::string alerts_v2_body(const std::vector<PrometheusAlert>& alerts);
/// What Alertmanager's webhook receiver sends, version 4. It depends on the alert alone, so that it is the same in
/// every attempt: what fires has no end, as there.
std::string webhook_v4_body(const Alert& alert);

}  // namespace codedriftd::http_sink
