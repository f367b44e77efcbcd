#pragma once
/// Endpoints and listening addresses, as text. Pure.
#include <optional>
#include <string>
#include <string_view>

namespace codedriftd {

struct UrlParts {
  bool https = false;
  std::string_view host;  ///< an IPv6 address with its brackets
  std::string_view port;  ///< empty: the scheme's
  std::string_view rest;  ///< everything from the first '/', '?' or '#'
  bool user_information = false;
};
/// Nullopt if `url` does not begin with http:// or https://. The parts are not checked.
std::optional<UrlParts> split_url(std::string_view url);

/// localhost, an address of 127.0.0.0/8 in full dotted form, or [::1].
bool loopback_host(std::string_view host);

/// What would be right, or nullopt: https, or http to loopback; a host and perhaps a port; nothing else.
std::optional<std::string> endpoint_problem(std::string_view url);
/// The same, but http may go anywhere: the metadata service has no other form.
std::optional<std::string> metadata_problem(std::string_view url);
/// HOST:PORT with an address or localhost, or empty.
std::optional<std::string> listen_problem(std::string_view address);

}  // namespace codedriftd
