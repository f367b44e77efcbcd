#include "settings/mistakes.h"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>

#include "base/text.h"

namespace codedriftd {

std::vector<Mistake> Mistakes::in_order(std::vector<Mistake> list) const {
  const auto rank = [this](const Mistake& mistake) {
    const auto file = order_.find(mistake.place.file);
    return std::tuple(file == order_.end() ? order_.size() : file->second, mistake.place.line, mistake.place.column);
  };
  std::stable_sort(list.begin(), list.end(), [&](const Mistake& a, const Mistake& b) { return rank(a) < rank(b); });
  const auto same = [&](const Mistake& a, const Mistake& b) { return rank(a) == rank(b) && a.message == b.message; };
  list.erase(std::unique(list.begin(), list.end(), same), list.end());
  return list;
}

std::string in_quotes(std::string_view value) {
  constexpr std::size_t kShown = 80;
  const std::string_view shown = utf8_prefix(value, kShown);
  return fmt::format("\"{}{}\"", harmless(shown), shown.size() < value.size() ? "…" : "");
}

}  // namespace codedriftd
