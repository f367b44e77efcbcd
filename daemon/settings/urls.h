#pragma once
/// Endpoints and listening addresses, as text. Pure. What a URL may be at all is said by base/url.h.
#include <optional>
#include <string>
#include <string_view>

namespace codedriftd {

/// What would be right, or nullopt: https, or http to loopback; a host and perhaps a port; nothing else.
std::optional<std::string> endpoint_problem(std::string_view url);
/// The same, but http may go anywhere: the metadata service has no other form.
std::optional<std::string> metadata_problem(std::string_view url);
/// HOST:PORT with an address or localhost, or empty.
std::optional<std::string> listen_problem(std::string_view address);
/// True if only this machine can connect to an address without a problem. REQUIRES: it is not empty.
bool listens_on_loopback(std::string_view address);

}  // namespace codedriftd
