#include "service/alert_setup.h"

#include "sinks/destinations.h"
#include "sinks/process.h"

namespace codedriftd {

std::vector<Route> routes_of(const Settings& settings) {
  std::vector<Route> routes;
  for (const AlertSettings& alert : settings.alerts)
    routes.push_back({alert.subscription, alert.give_up_after, alert.fallback, alert.reminder, alert.heartbeat});
  return routes;
}

std::shared_ptr<SinkChannel> channel_of(const Settings& settings, const AlertSettings& alert) {
  SinkSpec spec;
  spec.name = alert.subscription.name;
  spec.sinkhost = find_sinkhost();
  spec.plugin = plugin_file(settings, alert.plugin);
  spec.options = alert.options;
  spec.place = alert.place;
  return std::make_shared<SinkProcess>(std::move(spec));
}

}  // namespace codedriftd
