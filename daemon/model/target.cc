#include "model/target.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "base/text.h"

namespace codedriftd {
namespace {

constexpr std::string_view kForm = "ACCOUNT/REGION/NAMESPACE/FUNCTION:QUALIFIER";

bool valid_character(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '.' ||
         c == '$' || c == '-';
}

/// Takes the text before the first `end` off the front of `text`, and `end` with it; nullopt if there is none.
std::optional<std::string_view> take_until(std::string_view& text, char end) {
  const auto at = text.find(end);
  if (at == std::string_view::npos) return std::nullopt;
  const std::string_view part = text.substr(0, at);
  text.remove_prefix(at + 1);
  return part;
}

}  // namespace

TargetKind kind_of_qualifier(std::string_view qualifier) {
  if (qualifier == kLayersQualifier) return TargetKind::layers;
  if (qualifier == kImageQualifier) return TargetKind::image;
  if (qualifier.starts_with(kAliasPrefix)) return TargetKind::alias;
  return TargetKind::code;
}

bool valid_part(std::string_view part) {
  return !part.empty() && part.size() <= 64 && std::all_of(part.begin(), part.end(), valid_character);
}

std::string Target::address() const {
  std::string text;
  text.reserve(account.size() + region.size() + ns.size() + function.size() + qualifier.size() + 4);
  text.append(account).append(1, '/').append(region).append(1, '/').append(ns).append(1, '/');
  return text.append(function).append(1, ':').append(qualifier);
}

Result<Target> Target::parse(std::string_view address) {
  const std::string shown = harmless(clean_utf8(address, 200));
  std::string_view rest = address;
  const auto account = take_until(rest, '/');
  const auto region = take_until(rest, '/');
  const auto ns = take_until(rest, '/');
  const auto function = take_until(rest, ':');
  if (!account || !region || !ns || !function) {
    return Error{fmt::format("\"{}\" is not an address; one has the form {}", shown, kForm)};
  }
  const std::pair<std::string_view, std::string_view> parts[] = {
      {"account", *account}, {"region", *region}, {"namespace", *ns}, {"function", *function}, {"qualifier", rest}};
  for (const auto& [name, part] : parts) {
    if (!valid_part(part)) {
      return Error{fmt::format(
          "\"{}\" is not an address: its {} \"{}\" should be 1 to 64 of A-Z a-z 0-9 _ . $ -; the form is {}", shown,
          name, harmless(clean_utf8(part, 100)), kForm)};
    }
  }
  return Target{std::string(*account), std::string(*region), std::string(*ns), std::string(*function),
                std::string(rest)};
}

bool glob_match(std::string_view pattern, std::string_view text) {
  // On a mismatch, the last `*` seen swallows one character more. Earlier ones never need to: time is at most
  // pattern × text, whatever the pattern.
  std::size_t p = 0;
  std::size_t t = 0;
  std::size_t star = std::string_view::npos;
  std::size_t swallowed_to = 0;
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      swallowed_to = t;
    } else if (p < pattern.size() && (pattern[p] == '?' || pattern[p] == text[t])) {
      ++p;
      ++t;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      t = ++swallowed_to;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

}  // namespace codedriftd
