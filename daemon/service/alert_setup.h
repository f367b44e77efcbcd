#pragma once
/// From the configuration to what carries alerts.
#include <memory>
#include <vector>

#include "settings/settings.h"
#include "sinks/channel.h"
#include "store/ledger/ledger.h"

namespace codedriftd {

/// A route for each `[[alert]]`.
std::vector<Route> routes_of(const Settings& settings);

/// The plugin of one `[[alert]]`, in a process of its own; not started.
std::shared_ptr<SinkChannel> channel_of(const Settings& settings, const AlertSettings& alert);

}  // namespace codedriftd
