#pragma once
/// The alert destinations of a configuration against the plugins themselves, before anything is sent.
#include <string>
#include <vector>

#include "base/result.h"
#include "settings/settings.h"
#include "sinks/channel.h"
#include "sinks/process.h"

namespace codedriftd {

/// The file of the plugin with this name, as an absolute path.
std::string plugin_file(const Settings& settings, const std::string& plugin);

struct DestinationReport {
  std::vector<Mistake>
      mistakes;  ///< wrong: a plugin that cannot be used, options that its table does not allow or that it refuses
  std::vector<Mistake> faults;    ///< not known: a plugin that crashed or hung while it was asked
  std::vector<Mistake> warnings;  ///< what may be right for another user (the service), or later
};

/// Who looks: what only permissions forbid is a mistake for the service, and a warning for somebody else.
enum class Looking { as_the_service, as_somebody };

/// Loads each plugin once and holds [alert.options] against its table; then has it open each destination, which sends
/// nothing: options that only the plugin can judge, and the files they name. A destination whose secret file cannot be
/// read here is not opened: that is a warning, whoever looks, since a service may have its secrets for itself. Each
/// process is gone when this returns, after 20 seconds at most: what plugins that hang leave no time for is among the
/// faults. Each list is in order of the configuration. For a thread that lives as long as the call.
DestinationReport check_destinations(const Settings& settings, const std::string& sinkhost, Looking looking);

struct FoundPlugin {
  std::string file;
  Result<PluginInfo, StartFailure> info;
};
/// Every *.so in `folder`, sorted, and what it says about itself. An error if the folder cannot be read.
Result<std::vector<FoundPlugin>> find_plugins(const std::string& folder, const std::string& sinkhost);

}  // namespace codedriftd
