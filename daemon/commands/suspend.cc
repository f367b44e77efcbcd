#include <fmt/format.h>

#include <ostream>

#include "base/duration.h"
#include "base/text.h"
#include "commands/options/usage.h"
#include "commands/reach/reconcile_command.h"
#include "commands/reconcile.h"

namespace codedriftd {
namespace {

namespace po = boost::program_options;

constexpr std::string_view kSuspendUsage = R"(codedriftd [--config FILE] suspend TARGET --reason TEXT [--until T]

Holds the alerts of one target until T, 24 hours unless said otherwise: it is polled and recorded as ever, and what there
is to tell waits. When the time is over, or after "codedriftd resume", it is told, as one message if there is more than
one. Suspending again sets another end. "codedriftd query status" and the report say whose alerts are held.

While the daemon runs it is asked to do this ([control] suspend in the configuration says who may); without a daemon the
command does it itself, as the owner of state_dir. Who did it, and why, is an event of the log (watch.suspended).

)";

constexpr std::string_view kResumeUsage = R"(codedriftd [--config FILE] resume TARGET --reason TEXT

Lets the alerts of one target go that "codedriftd suspend" holds.

While the daemon runs it is asked to do this ([control] resume in the configuration says who may); without a daemon the
command does it itself, as the owner of state_dir. Who did it, and why, is an event of the log (watch.resumed).

)";

constexpr std::string_view kAfter = R"(
Exit code: 0 done; 1 refused, or nothing matches; 64 wrong usage; 78 wrong configuration.
)";

/// A time to come: RFC 3339, or a duration from `now` on.
WallTime time_to_come(const std::string& text, WallTime now) {
  std::optional<WallTime> time;
  if (const auto ahead = parse_duration(text)) {
    time = now + *ahead;
  } else {
    time = parse_rfc3339(text);
  }
  if (!time)
    throw UsageError(
        fmt::format("--until \"{}\" is no time; write one like 2026-11-24T18:00:00Z, or from now on: 30m, 2h, 7d",
                    harmless(clean_utf8(text, 100))));
  if (*time <= now || *time > now + kLongestSuspended)
    throw UsageError(
        fmt::format("--until {} is not within the next {}", rfc3339(*time), format_duration(kLongestSuspended)));
  return *time;
}

int run(const std::vector<std::string>& args, const ReconcileContext& context, bool resume) {
  const std::string verb = resume ? "resume" : "suspend";
  po::options_description options("Options");
  auto add = options.add_options();
  add("reason", po::value<std::string>()->value_name("TEXT"), "why: it is recorded");
  if (!resume)
    add("until", po::value<std::string>()->value_name("T"),
        "when it ends: RFC 3339, or from now on: 30m, 2h, 7d; 90 days at most");
  add("json", "print what was done as JSON");
  po::variables_map values;
  if (!read_options(args, resume ? kResumeUsage : kSuspendUsage, kAfter, options, "TARGET", values, context.out))
    return EXIT_SUCCESS;
  const auto targets = list_option(values, "TARGET");
  if (targets.size() != 1) throw UsageError(fmt::format("{} takes one TARGET", verb));
  SuspendRequest request;
  request.resume = resume;
  request.target = targets.front();
  request.reason = text_option(values, "reason");
  if (values.contains("until")) request.until = time_to_come(text_option(values, "until"), context.clock.wall());
  if (auto good = check_request(request); !good) throw UsageError(good.error().message);
  return carry_out(context, values, verb, request, [&](const Json& done) {
    const auto target = done.at("target").get<std::string>();
    if (resume) {
      fmt::print(context.out, "{}: its alerts are no longer held\n", target);
    } else {
      fmt::print(context.out, "{}: its alerts are held until {}\n", target, done.at("until").get<std::string>());
    }
  });
}

}  // namespace

int run_suspend(const std::vector<std::string>& args, const ReconcileContext& context) {
  return run(args, context, false);
}
int run_resume(const std::vector<std::string>& args, const ReconcileContext& context) {
  return run(args, context, true);
}

}  // namespace codedriftd
