#include "settings/urls.h"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>
#include <cctype>
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

constexpr std::size_t kMostServers = 16;

/// What would be right where the text holds what is not for it, most of all what may be secret.
Problem not_in_server_url(std::string_view text) {
  if (text.find('@') != text.npos)
    return "it must hold no user and no password: name the role with 'user', and the file that holds its password with "
           "'password_file'";
  if (text.find_first_of("?#") != text.npos)
    return "it must end with the database: TLS is set with 'tls', 'ca_file', 'certificate' and 'key', and a password "
           "stands in the file that 'password_file' names";
  if (text.find('%') != text.npos)
    return "it must hold nothing percent-encoded: write the folder of a Unix socket as it is, such as "
           "\"postgresql:///run/postgresql/codedriftd\"";
  const bool plain = std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < 0x7F; });
  if (!plain || text.size() > 2000) return "it must be at most 2000 printable ASCII characters without spaces";
  return {};
}

bool is_database_name(std::string_view name) {
  return !name.empty() && name.size() <= 63 && std::all_of(name.begin(), name.end(), [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '-' || c == '.';
  });
}

/// The port behind a host; none written: PostgreSQL's.
std::optional<uint16_t> server_port(const std::optional<std::string_view>& text) {
  if (!text) return ServerUrl::Host{}.port;
  const std::optional<unsigned> port = port_number(*text);
  return port && *port != 0 ? std::optional(static_cast<uint16_t>(*port)) : std::nullopt;
}

std::optional<ServerUrl::Host> server_host(std::string_view text) {
  const auto [name, written] = split_host(text);
  const std::optional<uint16_t> port = server_port(written);
  const Result<Url> url = parse_url("https://" + std::string(name));
  if (!port || !url || url->authority.size() != name.size()) return std::nullopt;
  return ServerUrl::Host{url->host, *port, url->loopback};
}

std::optional<ServerUrl::Host> socket_folder(std::string_view text) {
  const std::size_t colon = text.find(':');
  const std::string_view folder = text.substr(0, colon);
  const auto port = server_port(colon == text.npos ? std::nullopt : std::optional(text.substr(colon + 1)));
  if (!port || folder.size() < 2 || folder.find(',') != folder.npos) return std::nullopt;
  return ServerUrl::Host{std::string(folder), *port, true};
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

Result<ServerUrl> parse_server_url(std::string_view text) {
  constexpr std::string_view kScheme = "postgresql://";
  if (const Problem problem = not_in_server_url(text)) return Error{*problem};
  if (!text.starts_with(kScheme))
    return Error{
        "it must be \"postgresql://HOST:PORT,HOST:PORT/DATABASE\", \"postgresql:///FOLDER:PORT/DATABASE\" with the "
        "folder of a Unix socket, or \"\" for the file in state_dir; a connection string of words does not belong "
        "here"};
  text.remove_prefix(kScheme.size());
  const bool socket = text.starts_with('/');
  const std::size_t slash = socket ? text.rfind('/') : text.find('/');
  if (slash == 0)
    return Error{"it must name a host, or the folder of a Unix socket: \"postgresql:///run/postgresql/codedriftd\""};
  ServerUrl url;
  if (slash != text.npos) url.database = text.substr(slash + 1);
  if (!is_database_name(url.database))
    return Error{
        "it must end in '/' and the database's name, such as \"/codedriftd\": 1 to 63 letters, digits, '_', '-' and "
        "'.'"};
  for (std::string_view rest = text.substr(0, slash); url.hosts.size() < kMostServers;) {
    const std::string_view host = socket ? rest : rest.substr(0, rest.find(','));
    std::optional<ServerUrl::Host> read = socket ? socket_folder(host) : server_host(host);
    if (!read)
      return Error{fmt::format(
          "its host no. {} must be {}, with a port from 1 to 65535 or none", url.hosts.size() + 1,
          socket ? "a folder without ',' and ':'" : "a name, an IPv4 address or an IPv6 address in brackets")};
    url.hosts.push_back(std::move(*read));
    if (host.size() == rest.size()) return url;
    rest.remove_prefix(host.size() + 1);
  }
  return Error{fmt::format("it must name {} hosts at most", kMostServers)};
}

}  // namespace codedriftd
