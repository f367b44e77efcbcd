#include "http/proxy.h"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdlib>

namespace codedriftd {
namespace {

constexpr uint16_t kUsualPort = 1080;  // libcurl's, for every proxy but https

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

/// Every `%` is followed by two hex digits, and there is no control character, written out or encoded.
bool well_encoded(std::string_view text) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    int code = static_cast<unsigned char>(text[i]);
    if (code == '%') {
      const int high = i + 2 < text.size() ? hex_digit(text[i + 1]) : -1;
      const int low = high < 0 ? -1 : hex_digit(text[i + 2]);
      if (low < 0) return false;
      code = high * 16 + low;
      i += 2;
    }
    if (code < ' ' || code == 0x7f) return false;
  }
  return true;
}

/// The scheme as libcurl is given it: names are looked up by the SOCKS proxy, which is why `socks5` is `socks5h` here.
std::string_view scheme_for_libcurl(std::string_view scheme) {
  constexpr std::array<std::pair<std::string_view, std::string_view>, 6> kSchemes{{{"http", "http"},
                                                                                   {"https", "https"},
                                                                                   {"socks4", "socks4a"},
                                                                                   {"socks4a", "socks4a"},
                                                                                   {"socks5", "socks5h"},
                                                                                   {"socks5h", "socks5h"}}};
  const auto* found = std::find_if(kSchemes.begin(), kSchemes.end(), [&](const auto& s) { return s.first == scheme; });
  return found == kSchemes.end() ? std::string_view() : found->second;
}

/// The reason never repeats anything of `text`.
Result<Proxy> parse_proxy(std::string_view text) {
  std::string scheme = "http";
  if (const auto end = text.find("://"); end != std::string_view::npos) {
    scheme = text.substr(0, end);
    for (char& c : scheme) {
      if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    }
    text.remove_prefix(end + 3);
  }
  const std::string_view known = scheme_for_libcurl(scheme);
  if (known.empty()) return Error{"its scheme is none of http, https, socks4, socks4a, socks5, socks5h"};

  Proxy proxy;
  if (const auto at = text.rfind('@'); at != std::string_view::npos) {
    const std::string_view information = text.substr(0, at);
    text.remove_prefix(at + 1);
    if (information.find_first_of("/@?# \t") != std::string_view::npos) {
      return Error{"its user name or password holds a '/', '@', '?', '#' or space that is not percent-encoded"};
    }
    const auto colon = std::min(information.find(':'), information.size());
    if (!well_encoded(information)) {
      return Error{"its user name or password holds a '%' that begins no percent-encoding, or a control character"};
    }
    proxy.user = information.substr(0, colon);
    proxy.password = Secret(std::string(information.substr(std::min(colon + 1, information.size()))));
  }
  if (text.ends_with('/')) text.remove_suffix(1);
  const Result<Url> place = parse_url(fmt::format("https://{}", text));
  if (!place) return Error{fmt::format("as an address: {}", place.error().message)};
  if (place->authority.size() != text.size()) return Error{"something follows its host and port"};
  proxy.host = place->host;
  proxy.address = place->address;
  const bool has_port = text.size() > proxy.host.size() + (text.starts_with('[') ? 2 : 0);
  proxy.port = has_port || known == "https" ? place->port : kUsualPort;
  proxy.url = fmt::format("{}://{}{}", known, text, has_port ? "" : fmt::format(":{}", proxy.port));
  return proxy;
}

struct Address {
  std::array<unsigned char, 16> bytes{};
  unsigned bits = 0;  ///< 32 or 128; 0: none
};

Address address_of(const std::string& text) {
  Address address;
  if (::inet_pton(AF_INET, text.c_str(), address.bytes.data()) == 1) {
    address.bits = 32;
  } else if (::inet_pton(AF_INET6, text.c_str(), address.bytes.data()) == 1) {
    address.bits = 128;
  }
  return address;
}

bool same_start(const Address& a, const Address& b, unsigned bits) {
  for (unsigned bit = 0; bit < bits; ++bit) {
    if (((a.bytes[bit / 8] ^ b.bytes[bit / 8]) & (0x80U >> (bit % 8))) != 0) return false;
  }
  return true;
}

/// `part` is one of no_proxy's, in small letters.
bool address_matches(const Address& host, std::string_view part) {
  const auto slash = std::min(part.find('/'), part.size());
  std::string_view start = part.substr(0, slash);
  if (start.starts_with('[') && start.ends_with(']')) start = start.substr(1, start.size() - 2);
  const Address block = address_of(std::string(start));
  if (block.bits != host.bits) return false;
  unsigned bits = block.bits;
  if (slash < part.size()) {
    const std::string_view length = part.substr(slash + 1);
    const auto [end, error] = std::from_chars(length.data(), length.data() + length.size(), bits);
    if (error != std::errc{} || end != length.data() + length.size() || bits > block.bits) return false;
  }
  return same_start(block, host, bits);
}

bool name_matches(std::string_view host, std::string_view part) {
  if (part.starts_with("*.")) part.remove_prefix(1);
  if (part.starts_with('.')) part.remove_prefix(1);
  if (part.ends_with('.')) part.remove_suffix(1);
  if (host.ends_with('.')) host.remove_suffix(1);
  if (part.empty() || !host.ends_with(part)) return false;
  return host.size() == part.size() || host[host.size() - part.size() - 1] == '.';
}

}  // namespace

ProxySettings::ProxySettings(const Variables& variables) {
  const auto first =
      [&](std::initializer_list<const char*> names) -> std::optional<std::pair<std::string, std::string>> {
    for (const char* name : names) {
      const char* value = variables(name);
      if (value != nullptr && *value != '\0') return std::pair<std::string, std::string>{name, value};
    }
    return std::nullopt;
  };
  const auto read = [&](std::initializer_list<const char*> names) -> std::optional<Setting> {
    auto found = first(names);
    if (!found) return std::nullopt;
    Result<Proxy> proxy = parse_proxy(found->second);
    wipe(found->second);
    if (!proxy) {
      proxy =
          Error{fmt::format("the environment's {} cannot be read as a proxy: {}; it must be "
                            "[SCHEME://][USER:PASSWORD@]HOST[:PORT], every "
                            "'/', '@', '?', '#', '%' and space of the password percent-encoded (\"%2F\" for '/')",
                            found->first, proxy.error().message)};
    }
    return Setting{std::move(found->first), std::move(proxy)};
  };
  http_ = read({"http_proxy"});
  https_ = read({"https_proxy", "HTTPS_PROXY"});
  all_ = read({"all_proxy", "ALL_PROXY"});
  const auto direct = first({"no_proxy", "NO_PROXY"});
  if (!direct) return;
  std::string part;
  for (const char c : direct->second + ",") {
    if (c != ',' && c != ' ' && c != '\t') {
      part += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    } else if (!part.empty()) {
      direct_.push_back(std::exchange(part, {}));
    }
  }
}

ProxySettings ProxySettings::of_environment() {
  return ProxySettings([](const char* name) -> const char* { return std::getenv(name); });
}

bool ProxySettings::direct(const Url& url) const {
  if (url.loopback) return true;
  const Address address = url.address ? address_of(url.host) : Address{};
  return std::any_of(direct_.begin(), direct_.end(), [&](const std::string& part) {
    if (part == "*") return true;
    return url.address ? address_matches(address, part) : name_matches(url.host, part);
  });
}

Result<const Proxy*> ProxySettings::proxy_for(const Url& url) const {
  const std::optional<Setting>& own = url.https ? https_ : http_;
  const std::optional<Setting>& setting = own ? own : all_;
  if (!setting || direct(url)) return nullptr;
  // The reason is said once, by whoever asks for problems(); this may be said with every call.
  if (!setting->proxy) return Error{fmt::format("the environment's {} cannot be read as a proxy", setting->variable)};
  return &*setting->proxy;
}

std::vector<std::string> ProxySettings::problems() const {
  std::vector<std::string> problems;
  for (const auto* setting : {&https_, &http_, &all_}) {
    if (*setting && !(*setting)->proxy) problems.push_back((*setting)->proxy.error().message);
  }
  return problems;
}

}  // namespace codedriftd
