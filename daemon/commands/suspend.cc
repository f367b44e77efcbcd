#include <fmt/format.h>

#include <ostream>

#include "base/duration.h"
#include "base/print.h"
#include "base/text.h"
#include "commands/options/selection_options.h"
#include "commands/options/usage.h"
#include "commands/reach/reading.h"
#include "commands/reach/reconcile_command.h"
#include "commands/reconcile.h"
#include "store/ledger/suspensions.h"

namespace codedriftd {
namespace {

namespace po = boost::program_options;

constexpr std::string_view kSuspendUsage = R"(codedriftd [--config FILE] suspend TARGET --reason TEXT [--until T]
codedriftd [--config FILE] suspend PATTERN --count N --reason TEXT [--until T]
codedriftd [--config FILE] suspend --list [--json]

Holds the alerts of a function until T, 24 hours unless said otherwise: it is
polled and recorded as ever, and what there is to tell waits. When the time is
over, or after "codedriftd resume", it is told, as one message if there is more
than one. Suspending again sets another end. "codedriftd query status" and the
report say whose alerts are held.

PATTERN is compared as with --target: * is any text, ? any character. N says how
many functions it matches; nothing is done if that is not so.

While the daemon runs it is asked to do this ([control] suspend in the
configuration says who may); without a daemon the command does it itself, as the
owner of state_dir. Who did it, and why, is an event (watch.suspended).
)";

constexpr std::string_view kResumeUsage = R"(codedriftd [--config FILE] resume TARGET --reason TEXT
codedriftd [--config FILE] resume PATTERN --count N --reason TEXT

Ends a suspension: the alerts that "codedriftd suspend" holds are sent. A
PATTERN is compared with the functions that are suspended, and N says how many
that are.

While the daemon runs it is asked to do this ([control] resume in the
configuration says who may); without a daemon the command does it itself, as the
owner of state_dir. Who did it, and why, is an event (watch.resumed).
)";

constexpr std::string_view kSuspendAfter = R"(
Exit code: 0 done; 1 refused, or nothing matches; 64 wrong usage; 78 wrong
configuration.
)";

/// A time to come: a point of time, or a duration from `now` on.
WallTime time_to_come(const std::string& text, WallTime now) {
  const auto ahead = parse_duration(text);
  const std::optional<WallTime> time = ahead ? now + *ahead : parse_point(text, now);
  if (!time)
    throw UsageError(
        fmt::format("--until \"{}\" is not a time; write one like 2026-11-24, 2026-11-24T18:00:00Z, or from "
                    "now on: 30m, 2h, 7d",
                    harmless(clean_utf8(text, 100))));
  if (*time <= now || *time > now + kLongestSuspended)
    throw UsageError(
        fmt::format("--until {} is not within the next {}", rfc3339(*time), format_duration(kLongestSuspended)));
  return *time;
}

/// `suspend --list`: whose alerts are held.
int list(const ReconcileContext& context, bool json) {
  const Settings settings = context.settings();
  const std::vector<suspensions::Suspended> all =
      read_record(settings, [](Database& db) { return suspensions::all(db); });
  if (json) {
    OrderedJson rows = OrderedJson::array();
    for (const auto& [id, address, held] : all)
      rows.push_back({{"target", address},
                      {"since", rfc3339(held.since)},
                      {"until", rfc3339(held.until)},
                      {"actor", held.actor},
                      {"reason", held.reason}});
    print(context.out, "{}\n", plain_json(rows));
    return EXIT_SUCCESS;
  }
  for (const auto& [id, address, held] : all)
    print(context.out, "{}: until {}, by {}: {}\n", address, rfc3339(held.until), harmless(held.actor),
          harmless(held.reason));
  if (all.empty()) print(context.out, "nobody's alerts are held\n");
  return EXIT_SUCCESS;
}

int run(const std::vector<std::string>& args, const ReconcileContext& context, bool resume) {
  const std::string verb = resume ? "resume" : "suspend";
  po::options_description options("Options");
  auto add = options.add_options();
  add("reason", po::value<std::string>()->value_name("TEXT"), "why: it is recorded");
  if (!resume)
    add("until", po::value<std::string>()->value_name("T"),
        "when it ends: 2026-11-24T18:00:00Z, or from now on: 30m, 2h, 7d; 90 days at most");
  add("count", po::value<std::string>()->value_name("N"), "how many functions the pattern matches");
  if (!resume) add("list", "print whose alerts are held");
  add("json", "print what was done as JSON");
  po::variables_map values;
  if (!read_options(args, resume ? kResumeUsage : kSuspendUsage, kSuspendAfter, options, "TARGET", values, context.out))
    return EXIT_SUCCESS;
  const auto targets = list_option(values, "TARGET");
  if (values.contains("list")) {
    if (!targets.empty()) throw UsageError("suspend --list takes no TARGET");
    return list(context, values.contains("json"));
  }
  if (targets.size() != 1) throw UsageError(fmt::format("{} takes one TARGET", verb));
  SuspendRequest request;
  request.resume = resume;
  request.target = targets.front();
  request.reason = text_option(values, "reason");
  if (values.contains("count")) {
    request.count = whole_number(text_option(values, "count"));
    if (!request.count)
      throw UsageError(fmt::format("--count \"{}\" is not a number of functions; write a whole number, 1 or more",
                                   harmless(clean_utf8(text_option(values, "count"), 100))));
  }
  if (values.contains("until")) request.until = time_to_come(text_option(values, "until"), context.clock.wall());
  if (auto good = check_request(request); !good) throw UsageError(good.error().message);
  return carry_out(context, values, verb, request, [&](const Json& done) {
    print_targets(context.out, done, [&](const Json& target) -> std::string {
      if (resume) return "its alerts are no longer held";
      const auto before = target.find("previous_until");
      return fmt::format(
          "its alerts are held until {}{}", target.at("until").get<std::string>(),
          before == target.end() ? "" : "; that is sooner than " + before->get<std::string>() + ", as before");
    });
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
