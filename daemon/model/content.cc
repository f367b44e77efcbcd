#include "model/content.h"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>

#include "model/target.h"

namespace codedriftd {
namespace {

constexpr std::string_view kPrefix = "h1:";

/// The digest over `line` of every file that counts, and what comes behind them.
template <typename Line>
Sha256 over(const Manifest& manifest, const std::vector<std::string>& ignore, const Line& line,
            std::string_view behind = {}) {
  Sha256Stream stream;
  for (const PackageFile& file : manifest) {
    if (is_ignored(file.name, ignore)) continue;
    if (file.name.find('\n') != std::string::npos)
      throw std::invalid_argument("a file whose name has a line break has no content digest");
    stream.add(line(file));
  }
  stream.add(behind);
  return stream.digest();
}

std::string content_line(const PackageFile& file) { return fmt::format("{}  {}\n", file.sha256.hex(), file.name); }

}  // namespace

std::string ContentDigest::text() const { return std::string(kPrefix) + base64(sha256.bytes); }

std::optional<ContentDigest> ContentDigest::parse(std::string_view text) {
  if (!text.starts_with(kPrefix)) return std::nullopt;
  const auto bytes = base64_decode(text.substr(kPrefix.size()));
  if (!bytes) return std::nullopt;
  const auto digest = Sha256::from_bytes({reinterpret_cast<const uint8_t*>(bytes->data()), bytes->size()});
  if (!digest) return std::nullopt;
  return ContentDigest{*digest};
}

bool is_ignored(std::string_view name, const std::vector<std::string>& ignore) {
  return std::any_of(ignore.begin(), ignore.end(), [&](const std::string& glob) { return glob_match(glob, name); });
}

ContentDigest content_of(const Manifest& manifest, const std::vector<std::string>& ignore) {
  return {over(manifest, ignore, content_line)};
}

Sha256 exact_content_of(const Manifest& manifest, const std::vector<std::string>& ignore,
                        const std::vector<std::string>& marks) {
  std::string rest;
  for (const std::string& mark : marks) rest += mark + "\n";
  return over(
      manifest, ignore, [](const PackageFile& file) { return fmt::format("{:o} {}", file.mode, content_line(file)); },
      rest);
}

std::string_view to_string(PackageState package) {
  switch (package) {
    case PackageState::unknown:
      return "unknown";
    case PackageState::examined:
      return "examined";
    case PackageState::ambiguous:
      return "ambiguous";
    case PackageState::unavailable:
      return "unavailable";
    case PackageState::mismatch:
      return "mismatch";
  }
  return "unknown";
}

std::optional<PackageState> parse_package_state(std::string_view name) {
  for (const PackageState package : {PackageState::unknown, PackageState::examined, PackageState::ambiguous,
                                     PackageState::unavailable, PackageState::mismatch}) {
    if (name == to_string(package)) return package;
  }
  return std::nullopt;
}

}  // namespace codedriftd
