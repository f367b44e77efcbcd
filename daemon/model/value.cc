#include "model/value.h"

#include <fmt/format.h>

namespace codedriftd {

std::string text_of(const std::vector<UsedLayer>& layers) {
  if (layers.empty()) return "no layers";
  std::string text;
  for (const UsedLayer& layer : layers) {
    if (!text.empty()) text += '\n';
    text += fmt::format("{}:{} sha256:{}", layer.name, layer.version, layer.sha256.hex());
  }
  return text;
}

std::string text_of(const AliasRoute& route) {
  std::string text = "version " + route.version;
  // A version has no space in it: whatever the split's words are, the last one of the text is the other version.
  if (!route.other.empty()) text += fmt::format(", {} to version {}", route.split, route.other);
  return text;
}

std::optional<Sha256> image_digest(std::string_view image_uri) {
  constexpr std::string_view kMark = "@sha256:";
  const auto at = image_uri.rfind(kMark);
  if (at == std::string_view::npos || at == 0) return std::nullopt;
  return Sha256::from_hex(image_uri.substr(at + kMark.size()));
}

}  // namespace codedriftd
