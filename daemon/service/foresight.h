#pragma once
/// A configuration that can be read, against what it names: before it counts, and nothing is sent.
#include <string>

#include "settings/settings.h"
#include "sinks/destinations.h"

namespace codedriftd {

/// check_destinations(), and the certificates that accounts name, the files of [http] and the keys of [trust]. What [control] names and this
/// machine does not know is a warning, as are those of the settings themselves.
DestinationReport look_ahead(const Settings& settings, const std::string& sinkhost, Looking looking);

/// What look_ahead() found beside mistakes, as lines of the log.
void log_warnings(const DestinationReport& report);

}  // namespace codedriftd
