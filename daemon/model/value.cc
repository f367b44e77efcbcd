#include "model/value.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "base/text.h"

namespace codedriftd {
namespace {

constexpr std::size_t kMostRule = 400;
constexpr std::string_view kHash = "sha256:";

/// In one line, and no two texts have the same: each backslash in it begins an escape. Of what is not UTF-8 all is
/// escaped that is not ASCII.
std::string quoted(std::string_view text) {
  const bool utf8 = valid_utf8(text);
  std::string escaped;
  for (const char c : text) {
    if (c == '\\' || c == '"') escaped += '\\';
    const auto byte = static_cast<unsigned char>(c);
    escaped += utf8 || byte < 0x80 ? std::string(1, c) : fmt::format("\\x{:02x}", byte);
  }
  return '"' + harmless(escaped) + '"';
}

/// As it is where nothing in it could be taken for what stands around it.
std::string name_text(std::string_view name) { return valid_part(name) ? std::string(name) : quoted(name); }

}  // namespace

std::string split_by_weight(double weight) {
  weight += 0.0;  // -0 is 0
  const std::string percent = fmt::format("{:.6g}", weight * 100), shown = percent + "e-2";
  double read = 0;
  const char* const end = shown.data() + shown.size();
  if (std::from_chars(shown.data(), end, read).ptr == end && read == weight) return percent + '%';
  return fmt::format("{} of the calls", weight);  // as many digits as tell it from its neighbours
}

std::string split_by_rule(std::string_view key, std::string_view method, std::string_view expression) {
  std::string rule = fmt::format("{} {} {}", name_text(key), name_text(method), quoted(expression));
  if (rule.size() <= kMostRule) return rule;
  return fmt::format("{}… ({}{})", utf8_prefix(rule, kMostRule), kHash, sha256(rule).hex());
}

std::string text_of(const std::vector<UsedLayer>& layers) {
  if (layers.empty()) return "no layers";
  std::string text;
  for (const UsedLayer& layer : layers) {
    if (!text.empty()) text += '\n';
    text += fmt::format("{}:{} {}{}", name_text(layer.name), layer.version, kHash, layer.sha256.hex());
  }
  return text;
}

std::string text_of(const AliasRoute& route) {
  std::string text = "version " + name_text(route.version);
  // What a split's words are does not matter: the text ends with a name, which has no space in it outside of quotes.
  if (!route.other.empty() || !route.split.empty())
    text += fmt::format(", {} to version {}", route.split, name_text(route.other));
  return text;
}

std::string text_of_image(const Sha256& digest) { return std::string(kHash) + digest.hex(); }

std::string words_of_value(std::string_view text, std::size_t digits) {
  std::string words;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string line(text.substr(0, end));
    constexpr std::size_t kWhole = 64;
    if (line.size() > kHash.size() + kWhole) {
      const std::size_t hex = line.size() - kHash.size() - kWhole;
      if (line.compare(hex, kHash.size(), kHash) == 0)
        line = line.substr(0, hex) + line.substr(hex + kHash.size(), digits);
    }
    if (!line.empty()) words += (words.empty() ? "" : ", ") + line;
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return harmless(words);
}

std::optional<Sha256> image_digest(std::string_view image_uri) {
  constexpr std::string_view kMark = "@sha256:";
  const auto at = image_uri.rfind(kMark);
  if (at == std::string_view::npos || at == 0) return std::nullopt;
  return Sha256::from_hex(image_uri.substr(at + kMark.size()));
}

}  // namespace codedriftd
