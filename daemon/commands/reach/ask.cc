#include "commands/reach/ask.h"

#include <fmt/format.h>

#include <thread>

#include "actions/caller.h"
#include "base/json.h"
#include "commands/options/usage.h"
#include "control/client.h"
#include "control/verbs.h"
#include "store/db/lock.h"

namespace codedriftd {

Result<Holder> record_holder(const Settings& settings) {
  auto holder = StateLock::holder(settings.lock_file());
  if (holder) return Holder{std::move(*holder), true};
  const auto listener = daemon_listening(settings.runtime_dir);
  if (!listener) return Error{fmt::format("{}; {}", holder.error().message, listener.error().message)};
  return Holder{*listener ? std::optional(std::to_string(**listener)) : std::nullopt, false};
}

Result<std::optional<JsonBox>, NothingDone> ask_running_daemon(const Settings& settings, std::string_view verb,
                                                               const JsonBox& arguments, const Clock& clock,
                                                               const Patience& patience) {
  constexpr Millis kLookAgain{200};
  Json request{{"verb", verb}, {"args", *arguments}, {"state", folder_identity(settings.state_dir)}};
  if (const std::string claimed = this_caller().claimed; !claimed.empty()) request["claimed"] = claimed;
  const MonoTime give_up = clock.mono() + patience.socket;
  for (;;) {
    const auto holder = record_holder(settings);
    if (!holder) return NothingDone{"failed", holder.error().message + "; ask as root, or as its owner"};
    if (!holder->pid) {
      if (holder->certain) return std::optional<JsonBox>();
      if (clock.mono() >= give_up)
        return NothingDone{"failed",
                           fmt::format("{}/control.sock: nobody listens there; a daemon may be starting, which only "
                                       "root and the owner of {} can tell: ask again, or with sudo",
                                       settings.runtime_dir, settings.lock_file())};
      std::this_thread::sleep_for(kLookAgain);
      continue;
    }
    auto reply = ask_daemon(settings.runtime_dir, request, patience.daemon);
    if (reply) {
      const Json& answer = **reply;
      if (const auto error = answer.find("error"); error != answer.end())
        return NothingDone{error->is_string() ? error->get<std::string>() : "failed",
                           answer.value("message", "the daemon refuses")};
      return std::optional(JsonBox(answer.at("done")));
    }
    // It may be starting or stopping; or the lock is another command's, which is soon done.
    if (!reply.error().nobody) return NothingDone{"failed", reply.error().message};
    if (clock.mono() >= give_up) {
      return NothingDone{
          "failed",
          fmt::format("{}, and yet pid {} holds {}: is its runtime_dir another one? Its log says why it does not "
                      "listen (control.unavailable)",
                      reply.error().message, *holder->pid, settings.lock_file())};
    }
    std::this_thread::sleep_for(kLookAgain);
  }
}

int exit_code_of(const NothingDone& nothing) { return nothing.code == "usage" ? kExitUsage : EXIT_FAILURE; }

}  // namespace codedriftd
