#include "base/url.h"

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

bool is_ipv4(const std::string& host) {
  in_addr address{};
  return ::inet_pton(AF_INET, host.c_str(), &address) == 1;
}

/// 0 if `port` is none.
uint16_t port_number(std::string_view port) {
  uint16_t number = 0;
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), number);
  return error == std::errc{} && end == port.data() + port.size() ? number : uint16_t{0};
}

}  // namespace

Result<Url> parse_url(std::string_view text) {
  for (const char c : text) {
    if (c <= ' ' || c > '~' || c == '\\') {
      return Error{"it holds a character that does not belong in a URL; it must be percent-encoded"};
    }
  }
  Url url;
  const auto scheme_end = text.find("://");
  const std::string scheme = lowered(text.substr(0, scheme_end == std::string_view::npos ? 0 : scheme_end));
  if (scheme != "http" && scheme != "https") return Error{"it must begin with https:// (or http:// to this machine)"};
  url.https = scheme == "https";
  text.remove_prefix(scheme_end + 3);
  const std::string_view authority = text.substr(0, text.find_first_of("/?#"));
  if (authority.find('@') != std::string_view::npos) {
    return Error{"it must not hold a user name or password; credentials do not belong in URLs"};
  }

  std::string_view port;
  bool has_port = false;
  if (authority.starts_with('[')) {
    const auto close = authority.find(']');
    if (close == std::string_view::npos) return Error{"its host must be an IPv6 address with a closing bracket"};
    url.host = lowered(authority.substr(1, close - 1));
    in6_addr address{};
    if (::inet_pton(AF_INET6, url.host.c_str(), &address) != 1) {
      return Error{"its host must be an IPv6 address, as it stands in brackets"};
    }
    const std::string_view rest = authority.substr(close + 1);
    has_port = rest.starts_with(':');
    if (!has_port && !rest.empty()) return Error{"after the IPv6 address only a port may follow"};
    if (has_port) port = rest.substr(1);
    url.address = true;
    url.loopback = is_loopback_ipv6(url.host);
  } else {
    const auto colon = authority.find(':');
    has_port = colon != std::string_view::npos;
    if (has_port) port = authority.substr(colon + 1);
    url.host = lowered(authority.substr(0, colon));
    if (url.host.empty() || url.host.size() > 253 || url.host.front() == '.' || url.host.front() == '-' ||
        !std::all_of(url.host.begin(), url.host.end(), name_character)) {
      return Error{"its host must be a name of letters, digits, '.', '-' and '_', or an address"};
    }
    url.address = is_ipv4(url.host);
    url.loopback = url.host == "localhost" || is_loopback_ipv4(url.host);
  }
  url.port = has_port ? port_number(port) : uint16_t{url.https ? uint16_t{443} : uint16_t{80}};
  if (url.port == 0) return Error{"its port must be a number from 1 to 65535"};
  url.authority = std::string(authority);
  url.origin = fmt::format("{}://{}", scheme, lowered(authority));
  return url;
}

Checked check_transport(const Url& url, bool plain_http_anywhere) {
  if (url.https || url.loopback || plain_http_anywhere) return Done{};
  return Error{"http is for this machine only (localhost, 127.0.0.0/8, [::1]); use https://"};
}

std::string without_user_information(std::string_view text) {
  const auto at = text.rfind('@');
  if (at == std::string_view::npos) return std::string(text);
  const std::string_view before = text.substr(0, at);
  std::size_t from = 0;
  if (const auto scheme = before.find("://"); scheme != std::string_view::npos) {
    from = scheme + 3;
  } else if (const auto quote = before.find_first_of("'\""); quote != std::string_view::npos) {
    from = quote + 1;
  }
  return fmt::format("{}***{}", text.substr(0, from), text.substr(at));
}

}  // namespace codedriftd
