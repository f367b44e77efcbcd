#include "commands/options/usage.h"

#include <ostream>

#include "base/text.h"

namespace codedriftd {

int say(std::ostream& err, std::string_view command, int code, std::string_view what) {
  err << "codedriftd " << command << ": " << harmless_lines(what) << '\n' << std::flush;
  return code;
}

}  // namespace codedriftd
