#include "sinks/destinations.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <map>

#include "base/secret.h"
#include "base/text.h"
#include "sinks/options.h"

namespace codedriftd {
namespace {

/// For all plugins together: less than the service manager waits for a sign of life.
constexpr Millis kForAll{20'000};

using Description = Result<PluginInfo, StartFailure>;

/// Asks each plugin once, until the time for all of them is used up.
class Descriptions {
 public:
  explicit Descriptions(std::string sinkhost) : sinkhost_(std::move(sinkhost)) {}

  const Description& of(const std::string& file) {
    const auto known = known_.find(file);
    return known != known_.end() ? known->second : known_.emplace(file, ask(file)).first->second;
  }

 private:
  Description ask(const std::string& file) const {
    const auto left = std::chrono::floor<Millis>(until_ - SystemClock{}.mono());
    if (left <= Millis{0}) {
      StartFailure failure;
      failure.message = "it was not asked which options it takes: others took too long to answer";
      return failure;
    }
    return describe_plugin(sinkhost_, file, left);
  }

  const std::string sinkhost_;
  const MonoTime until_ = SystemClock{}.mono() + kForAll;
  std::map<std::string, Description> known_;
};

/// The names of the plugins in `folder`: what stands before ".so", sorted; an error if it cannot be read.
Result<std::vector<std::string>> plugins_in(const std::string& folder) {
  std::error_code error;
  std::vector<std::string> names;
  for (std::filesystem::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error)) {
    if (entry->path().extension() == ".so") names.push_back(entry->path().stem().string());
  }
  if (error) return Error{fmt::format("{}: {}", folder, error.message())};
  std::sort(names.begin(), names.end());
  return names;
}

/// What would be right, if there is no such file.
std::string remedy(const Settings& settings, const AlertSettings& alert, const std::string& file) {
  std::error_code error;
  if (std::filesystem::exists(file, error)) return "";
  const auto names = plugins_in(settings.plugin_dir);
  const std::string near = names ? nearest(alert.plugin, *names) : "";
  return near.empty() ? "; install it, or set plugin_dir in [daemon]" : fmt::format("; did you mean \"{}\"?", near);
}

void check_alert(const Settings& settings, const AlertSettings& alert, const std::string& file,
                 const Description& plugin, DestinationReport& report) {
  if (!plugin) {
    const bool refused = plugin.error().kind == StartFailure::Kind::refused;
    (refused ? report.mistakes : report.faults)
        .push_back({alert.plugin_place, harmless(fmt::format("the plugin \"{}\" cannot be used: {}", alert.plugin,
                                                             plugin.error().message)) +
                                            (refused ? remedy(settings, alert, file) : "")});
    return;
  }
  auto checked = check_options(*plugin, alert.options, alert.place);
  if (!checked) {
    report.mistakes.insert(report.mistakes.end(), checked.error().begin(), checked.error().end());
    return;
  }
  for (const auto& [name, path] : checked->secret_files) {
    if (const auto secret = read_secret_file(path); !secret) {
      const std::string key = name + "_file";
      report.warnings.push_back({alert.options.at(key).place,
                                 harmless(fmt::format("{} cannot be read here: {}", key, secret.error().message))});
    }
  }
}

}  // namespace

std::string plugin_file(const Settings& settings, const std::string& plugin) {
  return std::filesystem::absolute(fmt::format("{}/{}.so", settings.plugin_dir, plugin)).string();
}

DestinationReport check_destinations(const Settings& settings, const std::string& sinkhost) {
  DestinationReport report;
  Descriptions descriptions(sinkhost);
  for (const AlertSettings& alert : settings.alerts) {
    const std::string file = plugin_file(settings, alert.plugin);
    check_alert(settings, alert, file, descriptions.of(file), report);
  }
  return report;
}

Result<std::vector<FoundPlugin>> find_plugins(const std::string& folder, const std::string& sinkhost) {
  const auto names = plugins_in(folder);
  if (!names) return names.error();
  Descriptions descriptions(sinkhost);
  std::vector<FoundPlugin> found;
  for (const std::string& name : *names) {
    const std::string file = std::filesystem::absolute(fmt::format("{}/{}.so", folder, name)).string();
    found.push_back({file, descriptions.of(file)});
  }
  return found;
}

}  // namespace codedriftd
