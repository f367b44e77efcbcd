#include "settings/mistakes.h"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>

#include "base/text.h"

namespace codedriftd {

std::string Place::text() const { return fmt::format("{}:{}:{}", file, line, column); }

std::string format_mistakes(const std::vector<Mistake>& mistakes) {
  std::string text;
  for (const Mistake& mistake : mistakes) {
    text += harmless(fmt::format("{}: {}", mistake.place.text(), mistake.message));
    text += '\n';
  }
  return text;
}

std::vector<Mistake> Mistakes::take() {
  const auto rank = [this](const Mistake& mistake) {
    const auto file = order_.find(mistake.place.file);
    return std::tuple(file == order_.end() ? order_.size() : file->second, mistake.place.line, mistake.place.column);
  };
  std::stable_sort(found_.begin(), found_.end(), [&](const Mistake& a, const Mistake& b) { return rank(a) < rank(b); });
  const auto same = [&](const Mistake& a, const Mistake& b) { return rank(a) == rank(b) && a.message == b.message; };
  found_.erase(std::unique(found_.begin(), found_.end(), same), found_.end());
  return std::move(found_);
}

std::string in_quotes(std::string_view value) {
  constexpr std::size_t kShown = 80;
  const std::string_view shown = utf8_prefix(value, kShown);
  return fmt::format("\"{}{}\"", harmless(shown), shown.size() < value.size() ? "…" : "");
}

}  // namespace codedriftd
