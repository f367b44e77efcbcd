#pragma once
/// A configuration that can be read, against what it names: before it counts, and nothing is sent.
#include <string>
#include <string_view>

#include "settings/settings.h"
#include "sinks/destinations.h"

namespace codedriftd {

/// check_destinations(), and the certificates that accounts name, the files of [http] and the keys of [trust]. Warnings
/// are those of the settings themselves, files that the service may read though this process cannot, and what [control]
/// names and this machine does not know.
DestinationReport look_ahead(const Settings& settings, const std::string& sinkhost, Looking looking);

/// True if `words` say that somebody else than the service may not read a file: the service may.
bool may_be_read_by_the_service(std::string_view words, Looking looking);

/// What look_ahead() found beside mistakes, as lines of the log.
void log_warnings(const DestinationReport& report);

}  // namespace codedriftd
