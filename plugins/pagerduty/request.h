#pragma once
/// What the pagerduty plugin sends: pure functions.
#include <memory>
#include <string>
#include <string_view>

#include "base/json_box.h"
#include "base/secret.h"
#include "http_sink/connection.h"
#include "http_sink/destination.h"
#include "http_sink/prometheus.h"

namespace codedriftd::pagerduty {

/// PagerDuty's limit, kept in bytes: never more characters than that.
inline constexpr std::size_t kSummaryBytes = 1024;

/// The same for the begin and the end of one thing, as its labels are: what PagerDuty finds an incident by.
std::string dedup_key(const http_sink::PrometheusAlert& alert);

/// One event without its routing key: what fires triggers, what is over resolves. `link`: an https address to show;
/// empty: none.
Json event(const http_sink::PrometheusAlert& alert, std::string_view link);

class PagerDuty final : public http_sink::Destination {
 public:
  PagerDuty(http_sink::Connection connection, Secret routing_key)
      : connection_(std::move(connection)), routing_key_(std::move(routing_key)) {}
  /// One for each thing that the alert is about: each target of a digest has an incident of its own.
  std::size_t parts(const http_sink::Incoming& alert) const override;
  /// An error for a heartbeat, which is nothing to page anybody for.
  Result<HttpRequest> make_request(const http_sink::Incoming& alert, unsigned length, WallTime now) const override;
  /// By the status: 202 is delivered, 429 is tried again after two minutes at least. A 400 about the routing key means
  /// that the destination refuses.
  http_sink::Outcome judge(const HttpResponse& response, WallTime now) const override;

 private:
  http_sink::Connection connection_;
  Secret routing_key_;
};

Result<std::unique_ptr<http_sink::Destination>> open(std::string_view config_json);

}  // namespace codedriftd::pagerduty
