#include "settings/urls.h"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>

#include "base/url.h"
#include "settings/rules.h"

namespace codedriftd {
namespace {

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

/// Splits "HOST:PORT" at the colon that is not part of an IPv6 address; no colon: an empty port.
std::pair<std::string_view, std::optional<std::string_view>> split_host(std::string_view text) {
  const std::size_t bracket = text.rfind(']');
  const std::size_t colon = text.find(':', bracket == text.npos ? 0 : bracket);
  if (colon == text.npos) return {text, std::nullopt};
  return {text.substr(0, colon), text.substr(colon + 1)};
}

Problem url_problem(std::string_view text, bool http_anywhere) {
  const Result<Url> url = parse_url(text);
  if (!url) return url.error().message;
  if (const Checked allowed = check_transport(*url, http_anywhere); !allowed) return allowed.error().message;
  if (text.ends_with('/')) text.remove_suffix(1);
  if (text.size() != url->origin.size()) return "it must be scheme and host only, without path, query and fragment";
  return {};
}

}  // namespace

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

bool listens_on_loopback(std::string_view address) {
  return is_loopback("http://" + std::string(split_host(address).first));
}

}  // namespace codedriftd
