#include "service/alert_setup.h"

#include <fmt/format.h>

#include <filesystem>

#include "sinks/process.h"

namespace codedriftd {

std::vector<Route> routes_of(const Settings& settings) {
  std::vector<Route> routes;
  for (const AlertSettings& alert : settings.alerts)
    routes.push_back({alert.subscription, alert.give_up_after, alert.fallback});
  return routes;
}

std::shared_ptr<SinkChannel> channel_of(const Settings& settings, const AlertSettings& alert) {
  SinkSpec spec;
  spec.name = alert.subscription.name;
  spec.sinkhost = find_sinkhost();
  spec.plugin = std::filesystem::absolute(fmt::format("{}/{}.so", settings.plugin_dir, alert.plugin)).string();
  spec.options = alert.options;
  spec.place = alert.place;
  return std::make_shared<SinkProcess>(std::move(spec));
}

}  // namespace codedriftd
