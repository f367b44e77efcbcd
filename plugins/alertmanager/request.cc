#include "alertmanager/request.h"

#include "base/json.h"

namespace codedriftd::alertmanager {

std::string api_url(std::string_view url, std::string_view part) {
  while (url.ends_with('/')) url.remove_suffix(1);
  return std::string(url).append("/api/v2/").append(part);
}

Result<HttpRequest> Alertmanager::make_request(const http_sink::Incoming& incoming, unsigned, WallTime now) const {
  const auto alert = http_sink::read_alert(incoming.json);
  if (!alert) return alert.error();
  HttpRequest request =
      http_sink::basic_request(connection_, "POST", api_url(connection_.url, "alerts"), "application/json");
  request.body = http_sink::alerts_v2_body(http_sink::prometheus_alerts(*alert, hold_, now));
  return request;
}

http_sink::Outcome Alertmanager::judge(const HttpResponse& response, WallTime now) const {
  return http_sink::judge_status(response, connection_.mask, now);
}

HttpRequest Alertmanager::make_probe() const {
  return http_sink::basic_request(connection_, "GET", api_url(connection_.url, "status"), "");
}

Result<std::unique_ptr<http_sink::Destination>> open(std::string_view config_json) {
  const auto config = http_sink::read_config(config_json);
  if (!config) return config.error();
  auto connection = http_sink::read_connection(*config);
  if (!connection) return connection.error();
  if (connection->url.find_first_of("?#") != std::string::npos) {
    return Error{"url: should be Alertmanager's address alone, without ? and #; /api/v2/alerts is put behind it"};
  }
  const http_sink::Hold hold{std::chrono::hours(config->value("hold_h", 48)),
                             std::chrono::hours(config->value("heartbeat_hold_h", 3))};
  return std::unique_ptr<http_sink::Destination>(std::make_unique<Alertmanager>(std::move(*connection), hold));
}

}  // namespace codedriftd::alertmanager
