/// What the daemon alone can do: poll, reload.
#include "commands/poll.h"

#include <fmt/format.h>

#include <algorithm>
#include <ostream>

#include "actions/poll_requests.h"
#include "audit/format/render.h"
#include "audit/query/reports.h"
#include "base/json.h"
#include "base/text.h"
#include "commands/files/progress.h"
#include "commands/options/options.h"
#include "commands/options/usage.h"
#include "commands/reach/await.h"
#include "commands/reach/reading.h"

namespace codedriftd {
namespace {

namespace po = boost::program_options;

constexpr std::string_view kPollUsage = R"(codedriftd [--config FILE] poll TARGET… [--json]

Has the running daemon poll these targets now, whatever their slots are, and
prints what came of each. It polls within its own pace, and records what it sees
as ever: drift found alerts. One that is not found is asked for again, 30
seconds later or after its interval, before that counts.

  TARGET   ACCOUNT/REGION/NAMESPACE/FUNCTION:QUALIFIER, or FUNCTION or
           FUNCTION:QUALIFIER where only one target has that name. No patterns:
           "plan" has them.

[control] poll in the daemon's configuration says who may ask. Without a daemon
"codedriftd plan" polls.
)";

constexpr std::string_view kPollAfter = R"(
Exit code: 0 each of them answered; 1 failed, or one of them did not; 64 wrong
usage; 78 wrong configuration.
)";

constexpr std::string_view kReloadUsage = R"(codedriftd [--config FILE] reload

Has the running daemon load its configuration again, as SIGHUP does, waits for
that, and prints what came of it. If there are mistakes they are printed as
FILE:LINE:COLUMN, and nothing changes.

[control] reload in the daemon's configuration says who may ask.
)";

constexpr std::string_view kReloadAfter = R"(
Exit code: 0 loaded; 1 failed, or no daemon runs; 64 wrong usage; 78 mistakes in
the configuration.
)";

/// The "done" of the daemon's reply to `verb`; or an exit code, the reason told.
Result<JsonBox, int> ask(const Settings& settings, std::string_view verb, const JsonBox& arguments, const Clock& clock,
                         std::string_view without, std::ostream& err) {
  auto reply = ask_running_daemon(settings, verb, arguments, clock, {});
  if (!reply) return say(err, verb, exit_code_of(reply.error()), reply.error().message);
  if (!*reply)
    return say(err, verb, EXIT_FAILURE,
               fmt::format("no daemon runs: nobody holds {}; {}", settings.lock_file(), without));
  return std::move(**reply);
}

std::string words_of(const TargetState& state, const StatusView& status) {
  std::string words(to_string(status.status));
  if (!status.reason.empty()) words += fmt::format(" ({})", status.reason);
  if (state.live) words += fmt::format("  live {}", state.live->hex());
  if (state.last_error)
    words += fmt::format("\n    {}: {}", state.last_error->code, harmless(state.last_error->message));
  return words;
}

std::string shown(Database& db, const std::vector<std::string>& addresses, bool json, WallTime now) {
  Selection these;
  these.targets = addresses;
  std::string text;
  if (json) {
    const auto renderer = make_renderer(Format::json, kStatusReport, now, false, text);
    renderer->end(kStatusReport.run(db, these, now, [&](const Row& row) { renderer->row(row); }));
    return text;
  }
  for (const SelectedTarget& target : selected_targets(db, these, now))
    text += target.row.target.address() + "  " + words_of(target.row.state, target.status) + '\n';
  return text;
}

int poll(const Settings& settings, const std::vector<std::string>& names, bool json, const Clock& clock,
         bool terminal_err, std::ostream& out, std::ostream& err) {
  const auto done = ask(settings, "poll", Json{{"targets", names}}, clock,
                        "codedriftd plan polls without one, and records nothing", err);
  if (!done) return done.error();
  Progress progress(err, terminal_err, clock);
  const auto over = await_ticket(settings, (*done)->at("ticket").get<std::string>(), clock, {},
                                 [&](std::size_t count, std::size_t total) { progress.at(count, total); });
  progress.clear();
  if (!over) return say(err, "poll", EXIT_FAILURE, over.error().message);
  const auto addresses = (*done)->at("addresses").get<std::vector<std::string>>();
  out << read_record(settings, [&](Database& db) { return shown(db, addresses, json, clock.wall()); }) << std::flush;
  const Json& ends = **over;
  const auto told = [&](const char* end, std::string_view what) {
    if (const auto count = ends.value(end, 0); count > 0) say(err, "poll", 0, fmt::format("{} {}", count, what));
  };
  told("unanswered", "did not answer");
  told("unrecorded", "could not be recorded: see the daemon's log");
  told("unwatched", "not watched any more");
  return ends.value("answered", 0) == ends.value("total", 0) ? EXIT_SUCCESS : EXIT_FAILURE;
}

}  // namespace

int run_poll(const std::vector<std::string>& args, const std::function<Settings()>& settings, const Clock& clock,
             bool terminal_err, std::ostream& out, std::ostream& err) {
  po::options_description options("Options");
  options.add_options()("json", "print the targets' rows as JSON (codedriftd.status.v1)");
  po::variables_map values;
  if (!read_options(args, kPollUsage, kPollAfter, options, "TARGET", values, out)) return EXIT_SUCCESS;
  const auto names = list_option(values, "TARGET");
  if (auto good = check_poll_names(names); !good) throw UsageError(good.error().message);
  const Settings loaded = settings();
  try {
    return poll(loaded, names, values.contains("json"), clock, terminal_err, out, err);
  } catch (const std::exception& error) {
    return say(err, "poll", EXIT_FAILURE, error.what());
  }
}

int run_reload(const std::vector<std::string>& args, const std::function<Settings()>& settings, const Clock& clock,
               std::ostream& out, std::ostream& err) {
  po::options_description options("Options");
  po::variables_map values;
  if (!read_options(args, kReloadUsage, kReloadAfter, options, nullptr, values, out)) return EXIT_SUCCESS;
  const Settings loaded = settings();
  const auto done = ask(loaded, "reload", empty_object(), clock, "codedriftd run starts one", err);
  if (!done) return done.error();
  const auto over =
      await_ticket(loaded, (*done)->at("ticket").get<std::string>(), clock, {}, [](std::size_t, std::size_t) {});
  if (!over) return say(err, "reload", EXIT_FAILURE, over.error().message);
  const Json& outcome = **over;
  if (const auto mistakes = outcome.find("mistakes"); mistakes != outcome.end()) {
    for (const Json& mistake : *mistakes) err << harmless(mistake.get<std::string>()) << '\n';
    return say(err, "reload", kExitConfig, "mistakes in the configuration: nothing changed");
  }
  if (const auto failed = outcome.find("failed"); failed != outcome.end())
    return say(err, "reload", EXIT_FAILURE, failed->get<std::string>());
  for (const Json& warning : outcome.at("warnings")) say(err, "reload", 0, warning.get<std::string>());
  out << "reloaded: " << harmless(outcome.at("loaded").get<std::string>()) << '\n' << std::flush;
  return EXIT_SUCCESS;
}

}  // namespace codedriftd
