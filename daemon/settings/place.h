#pragma once
/// Where something stands in a configuration file, and what is wrong there.
#include <string>
#include <vector>

namespace codedriftd {

/// A place in a configuration file: "FILE:LINE:COLUMN". Line 0: the file itself, which cannot be read; it is shown
/// alone.
struct Place {
  std::string file;
  unsigned line = 0;
  unsigned column = 0;
  std::string text() const;
};

struct Mistake {
  Place place;
  std::string message;  ///< what is wrong, and what would be right
};

/// "FILE:LINE:COLUMN: message" for each, one a line.
std::string format_mistakes(const std::vector<Mistake>& mistakes);

}  // namespace codedriftd
