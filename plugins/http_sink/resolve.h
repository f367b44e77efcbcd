#pragma once
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"

namespace codedriftd::http_sink {

/// The addresses of `host` as text, IPv6 in brackets. Waits for the name server until `until` at most, or until
/// `cancel_fd` (-1: none) becomes readable. For the plugins that do not speak HTTP.
Result<std::vector<std::string>> resolve(const std::string& host, MonoTime until, int cancel_fd);

}  // namespace codedriftd::http_sink
