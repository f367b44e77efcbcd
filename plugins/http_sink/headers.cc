#include "http_sink/headers.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "base/secret.h"
#include "base/text.h"

namespace codedriftd::http_sink {
namespace {

std::string lower(std::string_view text) {
  std::string result(text);
  std::transform(result.begin(), result.end(), result.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return result;
}

/// Why a header of this name may not be set; empty if it may.
std::string_view why_not(std::string_view name, bool in_file) {
  constexpr std::string_view kOwn[] = {"content-type", "user-agent"};
  constexpr std::string_view kTransport[] = {
      "host", "content-length", "transfer-encoding", "connection",      "upgrade", "expect",
      "te",   "trailer",        "keep-alive",        "proxy-connection"};
  constexpr std::string_view kSecret[] = {"authorization", "proxy-authorization", "cookie"};
  const auto among = [name](const auto& list) {
    return std::find(std::begin(list), std::end(list), name) != std::end(list);
  };
  if (among(kOwn) || name.starts_with("webhook-") || name.starts_with("ce-")) return "the plugin sets it itself";
  if (among(kTransport)) return "it belongs to the connection";
  if (!in_file && among(kSecret))
    return "it holds a secret, which must not stand in the configuration; see authorization_file and headers_file";
  return {};
}

bool is_token(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
  });
}

Error header_error(std::string_view from, std::string_view name, std::string_view why) {
  return Error{fmt::format("{}: {}: {}", from, harmless(clean_utf8(name, 60)), why)};
}

}  // namespace

Result<HttpHeader> read_header(std::string_view line, std::string_view from, bool in_file) {
  const std::size_t colon = line.find(':');
  const std::string_view name = line.substr(0, colon);
  if (colon == std::string_view::npos || !is_token(name)) {
    return Error{fmt::format("{}: each one should be \"Name: value\", with a name of letters, digits and -", from)};
  }
  if (line.find_first_of(std::string_view("\r\n\0", 3)) != std::string_view::npos) {
    return header_error(from, name, "has a line break or a NUL in it");
  }
  if (const std::string_view why = why_not(lower(name), in_file); !why.empty()) return header_error(from, name, why);
  return HttpHeader{std::string(name), std::string(trimmed(line.substr(colon + 1)))};
}

Result<std::vector<HttpHeader>> read_header_file(const std::string& path) {
  constexpr std::string_view kOption = "headers_file";
  if (!path.starts_with('/')) return Error{fmt::format("{}: {}: should be an absolute path", kOption, path)};
  const auto text = read_secret_file(path);
  if (!text) return Error{fmt::format("{}: {}", kOption, text.error().message)};
  std::vector<HttpHeader> headers;
  std::string_view rest = text->reveal();
  while (!rest.empty()) {
    std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(line.size() + 1, rest.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (trimmed(line).empty()) continue;
    auto header = read_header(line, kOption, true);
    if (!header) return header.error();
    headers.push_back(std::move(*header));
  }
  return headers;
}

}  // namespace codedriftd::http_sink
