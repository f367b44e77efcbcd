#include "http/url.h"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace codedriftd {
namespace {

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

std::string lowered(std::string_view text) {
  std::string result(text);
  std::transform(result.begin(), result.end(), result.begin(), lower);
  return result;
}

bool name_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '-' || c == '_';
}

/// Four decimal numbers and nothing else. Short and octal forms ("127.1", "0177.0.0.1") are names here, never loopback.
bool is_loopback_ipv4(const std::string& host) {
  in_addr address{};
  return ::inet_pton(AF_INET, host.c_str(), &address) == 1 && (ntohl(address.s_addr) >> 24) == 127;
}

bool is_loopback_ipv6(const std::string& host) {
  in6_addr address{};
  return ::inet_pton(AF_INET6, host.c_str(), &address) == 1 && IN6_IS_ADDR_LOOPBACK(&address);
}

bool valid_port(std::string_view port) {
  unsigned number = 0;
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), number);
  return error == std::errc{} && end == port.data() + port.size() && number >= 1 && number <= 65'535;
}

}  // namespace

Result<Url> parse_url(std::string_view text) {
  for (const char c : text) {
    if (c <= ' ' || c > '~' || c == '\\') return Error{"the URL holds a character that does not belong in one"};
  }
  Url url;
  const auto scheme_end = text.find("://");
  const std::string scheme = lowered(text.substr(0, scheme_end == std::string_view::npos ? 0 : scheme_end));
  if (scheme != "http" && scheme != "https") return Error{"the URL should begin with https://"};
  url.https = scheme == "https";
  text.remove_prefix(scheme_end + 3);
  const std::string_view authority = text.substr(0, text.find_first_of("/?#"));
  if (authority.find('@') != std::string_view::npos) {
    return Error{"the URL holds a user name or password; credentials do not belong in URLs"};
  }

  std::string_view port;
  bool has_port = false;
  if (authority.starts_with('[')) {
    const auto close = authority.find(']');
    if (close == std::string_view::npos) return Error{"the URL's IPv6 address has no closing bracket"};
    url.host = lowered(authority.substr(1, close - 1));
    in6_addr address{};
    if (::inet_pton(AF_INET6, url.host.c_str(), &address) != 1) return Error{"the URL's IPv6 address is not one"};
    const std::string_view rest = authority.substr(close + 1);
    has_port = rest.starts_with(':');
    if (!has_port && !rest.empty()) return Error{"after the URL's IPv6 address only a port may follow"};
    if (has_port) port = rest.substr(1);
    url.loopback = is_loopback_ipv6(url.host);
  } else {
    const auto colon = authority.find(':');
    has_port = colon != std::string_view::npos;
    if (has_port) port = authority.substr(colon + 1);
    url.host = lowered(authority.substr(0, colon));
    if (url.host.empty()) return Error{"the URL names no host"};
    if (!std::all_of(url.host.begin(), url.host.end(), name_character)) {
      return Error{"the URL's host has a character other than letters, digits, '.', '-' and '_'"};
    }
    url.loopback = url.host == "localhost" || is_loopback_ipv4(url.host);
  }
  if (has_port && !valid_port(port)) return Error{"the URL's port is not a number from 1 to 65535"};
  url.authority = std::string(authority);
  url.origin = fmt::format("{}://{}", scheme, lowered(authority));
  return url;
}

Checked check_transport(const Url& url, bool plain_http_anywhere) {
  if (url.https || url.loopback || plain_http_anywhere) return Done{};
  return Error{fmt::format("{}: http:// is allowed to this machine only (127.0.0.0/8, [::1], localhost); use https://",
                           url.origin)};
}

}  // namespace codedriftd
