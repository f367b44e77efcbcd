#include "settings/urls.h"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>

namespace codedriftd {
namespace {

using Problem = std::optional<std::string>;

std::optional<unsigned> port_number(std::string_view text) {
  unsigned number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size() || number > 65535) return std::nullopt;
  return number;
}

// A NUL would end what inet_pton reads, but not what others read.
bool is_ipv4(std::string_view host, in_addr* address) {
  return host.find('\0') == host.npos && inet_pton(AF_INET, std::string(host).c_str(), address) == 1;
}

/// `host` is an IPv6 address in brackets.
bool is_ipv6(std::string_view host, in6_addr* address) {
  if (host.size() < 4 || host.find('\0') != host.npos || host.front() != '[' || host.back() != ']') return false;
  return inet_pton(AF_INET6, std::string(host.substr(1, host.size() - 2)).c_str(), address) == 1;
}

bool is_host_name(std::string_view host) {
  const auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '-';
  };
  return !host.empty() && host.size() <= 253 && host.front() != '.' && host.front() != '-' &&
         std::all_of(host.begin(), host.end(), allowed);
}

/// Splits "HOST:PORT" at the colon that is not part of an IPv6 address; no colon: an empty port.
std::pair<std::string_view, std::optional<std::string_view>> split_host(std::string_view text) {
  const std::size_t bracket = text.rfind(']');
  const std::size_t colon = text.find(':', bracket == text.npos ? 0 : bracket);
  if (colon == text.npos) return {text, std::nullopt};
  return {text.substr(0, colon), text.substr(colon + 1)};
}

Problem url_problem(std::string_view url, bool http_anywhere) {
  const std::optional<UrlParts> parts = split_url(url);
  if (!parts) return "it must begin with https:// (or http:// for an endpoint on this machine)";
  if (parts->user_information)
    return "it must not hold a user name or password; credentials come from [account.NAME.credentials]";
  if (!parts->rest.empty() && parts->rest != "/")
    return "it must be scheme and host only, without path, query and fragment";
  in6_addr six{};
  const bool bracketed = !parts->host.empty() && parts->host.front() == '[';
  if (bracketed ? !is_ipv6(parts->host, &six) : !is_host_name(parts->host)) {
    return "its host must be a name, an IPv4 address or an IPv6 address in brackets";
  }
  const std::string_view after_host =
      url.substr(static_cast<std::size_t>(parts->host.data() - url.data()) + parts->host.size());
  const bool has_port = !after_host.empty() && after_host.front() == ':';
  if (has_port && port_number(parts->port).value_or(0) == 0) return "its port must be a number from 1 to 65535";
  if (!parts->https && !http_anywhere && !loopback_host(parts->host)) {
    return "http is for this machine only (localhost, 127.0.0.1, [::1]); use https://";
  }
  return {};
}

}  // namespace

std::optional<UrlParts> split_url(std::string_view url) {
  UrlParts parts;
  if (url.starts_with("https://")) {
    parts.https = true;
    url.remove_prefix(8);
  } else if (url.starts_with("http://")) {
    url.remove_prefix(7);
  } else {
    return std::nullopt;
  }
  const std::size_t end = std::min(url.find_first_of("/?#"), url.size());
  parts.rest = url.substr(end);
  std::string_view authority = url.substr(0, end);
  if (const std::size_t at = authority.rfind('@'); at != authority.npos) {
    parts.user_information = true;
    authority.remove_prefix(at + 1);
  }
  const auto [host, port] = split_host(authority);
  parts.host = host;
  parts.port = port.value_or(std::string_view{});
  return parts;
}

bool loopback_host(std::string_view host) {
  in_addr four{};
  if (is_ipv4(host, &four)) return (ntohl(four.s_addr) >> 24) == 127;
  in6_addr six{};
  if (is_ipv6(host, &six)) return IN6_IS_ADDR_LOOPBACK(&six) != 0;
  return host == "localhost";
}

Problem endpoint_problem(std::string_view url) { return url_problem(url, false); }
Problem metadata_problem(std::string_view url) { return url_problem(url, true); }

Problem listen_problem(std::string_view address) {
  if (address.empty()) return {};
  const auto [host, port] = split_host(address);
  if (!port || !port_number(*port))
    return "it must be HOST:PORT with a port from 0 to 65535, such as \"127.0.0.1:9817\"";
  in_addr four{};
  in6_addr six{};
  if (host == "localhost" || is_ipv4(host, &four) || is_ipv6(host, &six)) return {};
  return "its host must be an address such as 127.0.0.1 or [::1], or localhost; \"0.0.0.0\" is every IPv4 interface";
}

}  // namespace codedriftd
