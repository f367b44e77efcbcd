#include "settings/place.h"

#include <fmt/format.h>

#include "base/text.h"

namespace codedriftd {

std::string Place::text() const { return line == 0 ? file : fmt::format("{}:{}:{}", file, line, column); }

std::string format_mistakes(const std::vector<Mistake>& mistakes) {
  std::string text;
  for (const Mistake& mistake : mistakes) {
    text += harmless(fmt::format("{}: {}", mistake.place.text(), mistake.message));
    text += '\n';
  }
  return text;
}

}  // namespace codedriftd
