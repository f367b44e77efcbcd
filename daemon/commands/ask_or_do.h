#pragma once
/// A request that writes, by whichever way there is. Private to commands/.
#include <fmt/ostream.h>

#include <iosfwd>
#include <optional>
#include <string_view>

#include "base/json.h"
#include "base/text.h"
#include "commands/ask.h"
#include "commands/direct_record.h"
#include "service/caller.h"
#include "service/reconcile_actions.h"

namespace codedriftd {

/// What commands that write work with.
struct WriteContext {
  const Settings& settings;
  const Clock& clock;
  std::ostream& out;
  std::ostream& err;
  Patience patience;
};

/// The end of a command that failed.
struct Ended {
  int code;
};

/// Asks the running daemon for `verb`, or, if none runs, does it as the owner of the state folder: what was done, or
/// the exit code, after `err` was told why. Throws std::runtime_error for what is in the way of the record.
template <typename Request>
Result<JsonBox, Ended> ask_or_do(const WriteContext& context, std::string_view verb, const Request& request) {
  const auto failed = [&](std::string_view error, std::string_view message) {
    fmt::print(context.err, "codedriftd {}: ", verb);
    // Several lines are one for each target.
    for (std::size_t from = 0; from <= message.size();) {
      const std::size_t end = std::min(message.find('\n', from), message.size());
      fmt::print(context.err, "{}\n", harmless(message.substr(from, end - from)));
      from = end + 1;
    }
    return Ended{exit_code_of(error)};
  };
  const auto reply = ask_running_daemon(context.settings, verb, arguments_of(request), context.clock, context.patience);
  if (!reply) return failed("failed", reply.error().message);
  if (*reply) {
    const Json& answer = ***reply;
    if (const auto error = answer.find("error"); error != answer.end())
      return failed(error->get<std::string>(), answer.value("message", "the daemon refuses"));
    return JsonBox(answer.at("done"));
  }
  const Caller caller = this_caller();  // before it becomes the owner
  DirectRecord record(context.settings, context.clock);
  const auto done = record.carry_out(request, caller);
  if (!done) return failed(done.error().code, done.error().message);
  return JsonBox(**done);
}

}  // namespace codedriftd
