#include "commands/reach/reconcile_command.h"

#include <fmt/format.h>

#include "attest/envelope.h"
#include "base/text.h"
#include "commands/files/input_file.h"
#include "commands/options/selection_options.h"
#include "commands/options/usage.h"
#include "model/value.h"

namespace codedriftd {

namespace po = boost::program_options;

Sha256 hash_option(const po::variables_map& values, const char* name) {
  const std::string text = text_option(values, name);
  if (const auto digest = Sha256::from_hex(text)) return *digest;
  throw UsageError(fmt::format("--{} \"{}\" is not a hash of 64 hex digits", name, shown_argument(text)));
}

std::string_view noun_of(const Json& target) {
  const auto address = Target::parse(target.at("target").get<std::string>());
  return address ? words_for(*address).noun : "code";
}

Result<std::string> read_attestation(const std::string& file) {
  auto text = read_input(file, kMostEnvelopeBytes);
  if (!text) return text;
  if (const auto envelope = read_envelope(*text); !envelope)
    return Error{fmt::format("{}: {}", harmless(clean_utf8(file, 300)), envelope.error().message)};
  return text;
}

}  // namespace codedriftd
