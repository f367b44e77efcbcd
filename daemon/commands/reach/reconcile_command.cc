#include "commands/reach/reconcile_command.h"

#include <fmt/format.h>

#include "commands/options/selection_options.h"
#include "commands/options/usage.h"

namespace codedriftd {

namespace po = boost::program_options;

Sha256 hash_option(const po::variables_map& values, const char* name) {
  const std::string text = text_option(values, name);
  if (const auto digest = Sha256::from_hex(text)) return *digest;
  throw UsageError(fmt::format("--{} \"{}\" is not a hash of 64 hex digits", name, shown_argument(text)));
}

}  // namespace codedriftd
