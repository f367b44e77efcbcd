#pragma once
/// The alert destinations of a configuration against the plugins themselves, before anything is opened.
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
      mistakes;                 ///< wrong: a plugin that cannot be used, and every option that its table does not allow
  std::vector<Mistake> faults;  ///< not known: a plugin that crashed or hung while it was asked what it takes
  std::vector<Mistake> warnings;  ///< secret files that this process cannot read; another one (the service) may
};

/// Loads each plugin once, in a process of its own that is gone when this returns, and holds [alert.options] against
/// its table; open() is not called. All of it takes 20 seconds at most: what plugins that hang leave no time for is
/// among the faults. Each list is in order of the configuration. For a thread that lives as long as the call.
DestinationReport check_destinations(const Settings& settings, const std::string& sinkhost);

struct FoundPlugin {
  std::string file;
  Result<PluginInfo, StartFailure> info;
};
/// Every *.so in `folder`, sorted, and what it says about itself. An error if the folder cannot be read.
Result<std::vector<FoundPlugin>> find_plugins(const std::string& folder, const std::string& sinkhost);

}  // namespace codedriftd
