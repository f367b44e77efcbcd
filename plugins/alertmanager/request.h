#pragma once
/// What the alertmanager plugin sends: pure functions.
#include <memory>
#include <string>
#include <string_view>

#include "http_sink/connection.h"
#include "http_sink/destination.h"
#include "http_sink/prometheus.h"

namespace codedriftd::alertmanager {

class Alertmanager final : public http_sink::Destination {
 public:
  Alertmanager(http_sink::Connection connection, http_sink::Hold hold)
      : connection_(std::move(connection)), hold_(hold) {}
  Result<HttpRequest> make_request(const http_sink::Incoming& alert, unsigned length, WallTime now) const override;
  http_sink::Outcome judge(const HttpResponse& response, WallTime now) const override;
  HttpRequest make_probe() const override;

 private:
  http_sink::Connection connection_;
  http_sink::Hold hold_;
};

/// `url` is Alertmanager's own address, under whatever path it is served: "/api/v2/alerts" is put behind it.
Result<std::unique_ptr<http_sink::Destination>> open(std::string_view config_json);
/// The address of one part of its API.
std::string api_url(std::string_view url, std::string_view part);

}  // namespace codedriftd::alertmanager
