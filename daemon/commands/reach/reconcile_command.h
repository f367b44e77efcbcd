#pragma once
/// What approve, expect, suspend and resume have in common. Private to commands/.
#include <iosfwd>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "actions/caller.h"
#include "actions/reconcile_actions.h"
#include "base/json.h"
#include "base/print.h"
#include "base/text.h"
#include "commands/options/options.h"
#include "commands/reach/ask.h"
#include "commands/reach/direct_record.h"
#include "commands/reach/reading.h"
#include "commands/reach/reconcile_context.h"

namespace codedriftd {

/// "--NAME H" as a hash. Throws UsageError for anything else.
Sha256 hash_option(const boost::program_options::variables_map& values, const char* name);

/// The bytes of an attestation in a file ("-": standard input), if they are one. Signatures are not looked at here.
Result<std::string> read_attestation(const std::string& file);

/// What one of the `targets` that were answered is a hash of: "code", "layer list", "route".
std::string_view noun_of(const Json& target);

/// Prints what `approve` and `expect` did: `line` of each target, and how many more there are.
template <typename Line>
void print_targets(std::ostream& out, const Json& done, Line line) {
  for (const Json& each : done.at("targets")) print(out, "{}: {}\n", each.at("target").get<std::string>(), line(each));
  const auto more = done.at("count").get<std::size_t>() - done.at("targets").size();
  if (more > 0) print(out, "… and {} more\n", more);
}

/// Asks the running daemon for `verb`, or, if none runs, does it as the owner of the state folder; then prints what was
/// done, as JSON with --json, else by `tell`. The exit code. Throws std::runtime_error for what is in the way of the
/// record.
template <typename Request, typename Tell>
int carry_out(const ReconcileContext& context, const boost::program_options::variables_map& values,
              std::string_view verb, Request request, Tell tell) {
  Settings settings = context.settings();
  const auto failed = [&](const NothingDone& nothing) {
    print(context.err, "codedriftd {}: {}\n", verb, harmless_lines(nothing.message));
    return exit_code_of(nothing);
  };
  const auto asked = ask_running_daemon(settings, verb, arguments_of(request), context.clock, context.patience);
  if (!asked) return failed(asked.error());
  JsonBox done;
  if (*asked) {
    done = **asked;
  } else {
    const Caller caller = this_caller();  // before it becomes the owner
    if constexpr (requires { request.trust; }) {
      match_rules_on_record(settings);
      request.trust = trust_of(settings);
    }
    auto did = DirectRecord(settings, context.clock).carry_out(request, caller);
    if (!did) return failed(did.error());
    done = std::move(*did);
  }
  if (values.contains("json")) {
    print(context.out, "{}\n", plain_json(*done));
  } else {
    tell(*done);
  }
  return EXIT_SUCCESS;
}

}  // namespace codedriftd
