#pragma once
#include <functional>
#include <memory>

#include "scf/api.h"
#include "scf/read_api.h"
#include "settings/settings.h"

namespace codedriftd {

/// Makes the API client of a command that asks the cloud itself, with the caller's credentials.
using MakeApi = std::function<std::unique_ptr<Api>(const Settings&)>;
/// The same for the calls that find functions.
using MakeReadApi = std::function<std::unique_ptr<ReadApi>(const Settings&)>;

}  // namespace codedriftd
