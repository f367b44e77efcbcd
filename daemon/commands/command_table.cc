#include "commands/command_table.h"

#include <fmt/format.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <boost/program_options.hpp>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <memory>
#include <optional>
#include <sstream>
#include <stdexcept>
#include <thread>
#include <utility>

#include "actions/caller.h"
#include "base/duration.h"
#include "base/print.h"
#include "commands/adopt.h"
#include "commands/alerts.h"
#include "commands/check.h"
#include "commands/commit.h"
#include "commands/diff.h"
#include "commands/digest.h"
#include "commands/discover.h"
#include "commands/maintain.h"
#include "commands/move.h"
#include "commands/options/options.h"
#include "commands/options/usage.h"
#include "commands/packages.h"
#include "commands/plan.h"
#include "commands/policy.h"
#include "commands/poll.h"
#include "commands/query.h"
#include "commands/reach/owner.h"
#include "commands/reconcile.h"
#include "commands/show.h"
#include "package/examiner.h"
#include "scf/curl_read_api.h"
#include "service/accounts.h"
#include "service/app.h"
#include "service/foresight.h"
#include "settings/load.h"
#include "store/db/migrate.h"

namespace codedriftd {
namespace {

namespace po = boost::program_options;

Settings load(const CommandContext& context) {
  auto settings = load_settings(context.config);
  if (!settings) throw ConfigError{settings.error()};
  return std::move(settings).value();
}

/// Reads the options of one command. Returns false after printing its help.
bool parse(const CommandContext& context, std::string_view usage, po::options_description& options,
           const char* positional, po::variables_map& values) {
  return read_options(context.args, usage, "", options, positional, values, context.out);
}

/// `settings` with what is looked at before the daemon starts. Throws ConfigError.
void look_before_start(const Settings& settings) {
  DestinationReport report = look_ahead(settings, find_sinkhost(), Looking::as_the_service);
  if (!report.mistakes.empty()) throw ConfigError{std::move(report.mistakes)};
  log_warnings(report);
}

void log_waits(const std::string& why) {
  log(LogLevel::error, "config.refused",
      fmt::format("this daemon joins its fleet again once this is mended:\n{}", why));
}

/// The configuration for an App that goes on where the one before was no member of its fleet any more. Mistakes in it
/// meanwhile must not end the service: it waits until they are mended, or for the signal to stop (nullopt).
std::optional<Settings> load_anew(const std::string& file, Notify& notify) {
  for (bool told = false;; told = true) {
    notify.watchdog();
    try {
      auto settings = load_settings(file);
      if (!settings) throw ConfigError{settings.error()};
      look_before_start(*settings);
      return std::move(*settings);
    } catch (const ConfigError& error) {
      if (!told) log_waits(format_mistakes(error.mistakes));
    } catch (const std::exception& error) {
      if (!told) log_waits(error.what());
    }
    notify.status("waits for a configuration without mistakes, see the log");
    constexpr timespec kPause{5, 0};
    sigset_t stop;
    sigemptyset(&stop);
    sigaddset(&stop, SIGTERM);
    sigaddset(&stop, SIGINT);
    if (::sigtimedwait(&stop, nullptr, &kPause) > 0) return std::nullopt;
  }
}

int command_run(const CommandContext& context) {
  po::options_description options("Options");
  options.add_options()("textfile", po::value<std::string>()->value_name("FILE"),
                        "write the metrics to FILE every 20 seconds, for node_exporter's textfile collector");
  po::variables_map values;
  if (!parse(
          context,
          "codedriftd [--config FILE] [--log-level LEVEL] run [--textfile FILE]\n\nPolls every configured function on "
          "schedule until "
          "SIGTERM or SIGINT; SIGHUP\nreloads the configuration. Root becomes the owner of state_dir first. This is\n"
          "what the systemd unit starts.\n",
          options, nullptr, values))
    return 0;
  if (const std::string textfile = text_option(values, "textfile");
      values.contains("textfile") && !textfile.ends_with(".prom"))
    throw UsageError(fmt::format("--textfile {}: node_exporter reads only files whose names end in .prom", textfile));
  const rlimit none{0, 0};
  ::setrlimit(RLIMIT_CORE, &none);  // memory holds secrets, and links that are as good as them
  Settings settings = load(context);
  set_log(context.log_level, settings.log_form());
  // Before anything is written: what root leaves in the folder of another user keeps the service from starting.
  if (std::filesystem::exists(settings.state_dir)) {
    const uid_t before = ::geteuid();
    if (auto owner = become_owner(settings.state_dir); !owner) throw std::runtime_error(owner.error().message);
    if (::geteuid() != before)
      log(LogLevel::info, "daemon.owner",
          fmt::format("started by root, goes on as {}, who owns {}", actor_of(::geteuid()), settings.state_dir));
  }
  Notify notify;
  const std::string file = settings.file;
  look_before_start(settings);
  for (std::optional<Settings> next = std::move(settings); next; next = load_anew(file, notify)) {
    const int code = App(std::move(*next), context.log_level, text_option(values, "textfile"), notify).run();
    if (code != App::kAnew) return code;
  }
  return 0;
}

/// One that calls for the accounts of `settings`.
template <typename Client>
std::unique_ptr<Client> client_for(const Settings& settings) {
  static const SystemClock clock;
  Accounts accounts(clock);
  auto client = std::make_unique<Client>(clock);
  client->set_accounts(accounts.apply(settings));
  return client;
}

constexpr char kCheckUsage[] =
    R"(codedriftd [--config FILE] check [--online [--all]] [--plugins] [--list]
    [--strict] [--json]

Reads the configuration, has each plugin open its destination without sending
anything, and prints what would be watched and whether the schedule fits the
rate limits. Every mistake is printed as FILE:LINE:COLUMN, exit code 78. It
touches no cloud without --online, and no database but one on a server ([store]
url): whether a daemon could work with that is tried, and nothing changed in it.
Root looks as the owner of state_dir, who the service is.

)";
constexpr char kCheckAfter[] = R"(
Exit code: 0 valid; 1 a plugin crashed or hung, a call failed, or a daemon could
not work with the record on its server; 64 wrong usage; 78 wrong configuration,
and with --strict any warning.
)";

int command_check(const CommandContext& context) {
  po::options_description options("Options");
  auto add = options.add_options();
  add("online", "make one call for each account and region; print its outcome and the clock's error");
  add("all", "with --online: ask for every function, at the pace of the accounts; one that is not there is a failure");
  add("plugins", "list the plugins in plugin_dir with their versions and options");
  add("list", "list every function, however many there are");
  add("strict", "warnings are errors: exit code 78");
  add("json", "print one JSON object (codedriftd.check.v1)");
  po::variables_map values;
  if (!read_options(context.args, kCheckUsage, kCheckAfter, options, "FILE", values, context.out)) return 0;
  if (values.contains("FILE")) throw UsageError("check takes no file name; use codedriftd --config FILE check");
  if (values.contains("all") && !values.contains("online")) throw UsageError("--all goes with --online");
  CheckOptions check;
  check.list_all = values.contains("list") || context.log_level == LogLevel::debug;
  check.online = values.contains("online");
  check.all = values.contains("all");
  check.plugins = values.contains("plugins");
  check.strict = values.contains("strict");
  check.json = values.contains("json");
  check.as_owner = true;
  check.sinkhost = find_sinkhost();
  return run_check(context.config, check, client_for<CurlApi>, client_for<CurlReadApi>, context.out, context.err);
}

int command_policy(const CommandContext& context) {
  return run_policy(
      context.args, [&context] { return load_settings(context.config); }, context.out, context.err);
}

int command_plan(const CommandContext& context) {
  return run_plan(
      context.args, [&context] { return load(context); }, client_for<CurlApi>, SystemClock{},
      {.out = ::isatty(STDOUT_FILENO) == 1, .err = ::isatty(STDERR_FILENO) == 1}, context.out, context.err);
}

int command_discover(const CommandContext& context) {
  return run_discover(
      context.args, [&context] { return load(context); }, client_for<CurlReadApi>, SystemClock{},
      {.out = ::isatty(STDOUT_FILENO) == 1, .err = ::isatty(STDERR_FILENO) == 1}, context.out, context.err);
}

int command_poll(const CommandContext& context) {
  return run_poll(
      context.args, [&context] { return load(context); }, SystemClock{}, ::isatty(STDERR_FILENO) == 1, context.out,
      context.err);
}

int command_reload(const CommandContext& context) {
  return run_reload(
      context.args, [&context] { return load(context); }, SystemClock{}, context.out, context.err);
}

int command_alerts(const CommandContext& context) {
  return run_alerts(
      context.args, [&context] { return load(context); }, SystemClock{}, context.out, context.err);
}

/// What is in a package of this machine.
Result<Examination> examine_within(int package_fd, const PackageLimits& limits) {
  return examine(package_fd, ExaminerJob{.program = find_examiner(), .limits = limits});
}
Result<Examination> examine_here(int package_fd) { return examine_within(package_fd, {}); }

/// One of the commands of commands/reconcile.h, or adopt.
template <int (*Run)(const std::vector<std::string>&, const ReconcileContext&)>
int command_reconcile(const CommandContext& context) {
  static const SystemClock clock;
  const bool terminal = ::isatty(STDIN_FILENO) == 1 && ::isatty(STDOUT_FILENO) == 1;
  return Run(context.args, {[&context] { return load(context); }, clock, std::cin, terminal, context.out, context.err,
                            Patience{}, examine_within});
}

int command_migrate(const CommandContext& context) {
  MigrateOptions migrate;
  po::options_description options("Options");
  options.add_options()("user", po::value(&migrate.user)->value_name("ROLE"),
                        "the role to log in as, a member of codedriftd_owner (default: who psql would log in as)")(
      "password-file", po::value(&migrate.password_file)->value_name("FILE"),
      "a file that holds its password (default: none, or what libpq finds, such as ~/.pgpass)");
  po::variables_map values;
  if (!parse(
          context,
          "codedriftd [--config FILE] migrate [--user ROLE] [--password-file FILE]\n\nBrings the database to this "
          "program's schema without starting the daemon; a\ncopy of the old one is kept beside it. The daemon must "
          "not run: it does the same\nby itself when it starts.\n\nA record on a server ([store] url) is migrated by "
          "this alone, while daemons may\nrun, and without a copy: its administrator keeps those. The options are for "
          "it.\n",
          options, nullptr, values))
    return 0;
  return run_migrate(load(context), migrate, context.out, context.err);
}

int command_move(const CommandContext& context) {
  return run_move(
      context.args, [&context] { return load(context); }, SystemClock{}, context.out, context.err);
}

int command_backup(const CommandContext& context) {
  po::options_description options("Options");
  po::variables_map values;
  if (!parse(context,
             "codedriftd [--config FILE] backup FILE|-\n\nWrites a consistent copy of the database, also while the "
             "daemon runs. FILE is\nreplaced only once the copy is complete and checked; - is standard output. Of a\n"
             "record on a server its administrator keeps copies (pg_dump).\n",
             options, "FILE", values))
    return 0;
  const auto files = list_option(values, "FILE");
  if (files.size() != 1)
    throw UsageError("backup needs one FILE to write to: codedriftd backup /var/backups/codedriftd.db");
  return run_backup(load(context), files.front(), context.out, context.err);
}

/// "query status …", again and again.
int watch(const CommandContext& context, const std::vector<std::string>& args, Millis every) {
  if (::isatty(STDOUT_FILENO) != 1) throw UsageError("--watch draws on a terminal, and standard output is not one");
  for (;;) {
    std::ostringstream page;
    const int code = run_query(
        args, [&context] { return load(context); }, SystemClock{}.wall(), true, page, context.err);
    if (code == kExitUsage || code == EXIT_FAILURE) return code;
    context.out << "\x1b[H\x1b[2J" << page.str() << std::flush;
    if (!context.out) return EXIT_FAILURE;
    std::this_thread::sleep_for(every);
  }
}

/// `args`: a report, and what it is asked for. --watch is for "status" alone.
int query(const CommandContext& context, std::vector<std::string> args) {
  std::optional<Millis> every;
  if (!args.empty() && args.front() == "status") {
    std::erase_if(args, [&](const std::string& arg) {
      if (arg == "--watch") every = Millis{2'000};
      if (arg.starts_with("--watch=")) every = parse_duration(std::string_view(arg).substr(8)).value_or(Millis{0});
      return arg == "--watch" || arg.starts_with("--watch=");
    });
    if (every && *every < Millis{1'000}) throw UsageError("--watch takes a time of 1s or more, such as --watch=5s");
  }
  if (every) return watch(context, args, *every);
  return run_query(
      args, [&context] { return load(context); }, SystemClock{}.wall(), ::isatty(STDOUT_FILENO) == 1, context.out,
      context.err);
}

int command_query(const CommandContext& context) { return query(context, context.args); }

int command_status(const CommandContext& context) {
  std::vector<std::string> args{"status"};
  args.insert(args.end(), context.args.begin(), context.args.end());
  return query(context, std::move(args));
}

int command_show(const CommandContext& context) {
  return run_show(context.args, ::isatty(STDOUT_FILENO) == 1, SystemClock{}.wall(), context.out, context.err);
}

int command_digest(const CommandContext& context) {
  return run_digest(context.args, examine_here, context.out, context.err);
}

int command_diff(const CommandContext& context) {
  static const SystemClock clock;
  return run_diff(context.args, {.settings = [&context] { return load(context); },
                                 .clock = clock,
                                 .examine = examine_within,
                                 .terminal = ::isatty(STDOUT_FILENO) == 1,
                                 .out = context.out,
                                 .err = context.err});
}

int command_packages(const CommandContext& context) {
  static const SystemClock clock;
  return run_packages(context.args, {.settings = [&context] { return load(context); },
                                     .clock = clock,
                                     .terminal_out = ::isatty(STDOUT_FILENO) == 1,
                                     .terminal_err = ::isatty(STDERR_FILENO) == 1,
                                     .out = context.out,
                                     .err = context.err});
}

int command_version(const CommandContext& context) {
  po::options_description options("Options");
  po::variables_map values;
  if (!parse(context,
             "codedriftd version\n\nPrints the version, the commit it was built from, and its database's schema.\n",
             options, nullptr, values))
    return EXIT_SUCCESS;
  print_version(context.out);
  return EXIT_SUCCESS;
}

constexpr Command kCommands[] = {
    {"run", "poll on schedule, record, alert; until SIGTERM", command_run},
    {"check", "check the configuration and the schedule", command_check},
    {"policy", "print the least permissions that the credentials need", command_policy},
    {"status", "each function now; the same as query status", command_status},
    {"query", "report: status, history, events, alerts, coverage, …", command_query},
    {"discover", "list the functions that are there, and which of them are watched", command_discover},
    {"plan", "poll now, and print how live code differs from what is accepted", command_plan},
    {"show", "print a plan that was saved", command_show},
    {"approve", "accept what is live, bound to one hash, or a plan", command_reconcile<run_approve>},
    {"expect", "announce, from a pipeline, what a deployment will bring", command_reconcile<run_expect>},
    {"diff", "what changed inside: files, and lines where packages are kept", command_diff},
    {"packages", "what is inside packages: list, fetch, export, prune", command_packages},
    {"digest", "the content digest of a package or a folder", command_digest},
    {"suspend", "hold the alerts of functions for a time", command_reconcile<run_suspend>},
    {"resume", "end a suspension", command_reconcile<run_resume>},
    {"poll", "have the daemon poll these functions now", command_poll},
    {"reload", "have the daemon load its configuration again", command_reload},
    {"alerts", "replay or drop what could not be delivered; send a test", command_alerts},
    {"migrate", "upgrade the database without starting", command_migrate},
    {"move", "move the record from its file to a server, or back", command_move},
    {"adopt", "go on with a rolled back record, or have this configuration count", command_reconcile<run_adopt>},
    {"backup", "write a consistent copy of the database", command_backup},
    {"version", "the version, its commit, and the schema of its database", command_version},
};

}  // namespace

std::span<const Command> commands() { return kCommands; }

void print_version(std::ostream& out) {
  print(out, "codedriftd {} ({}database schema {})\n", CODEDRIFTD_VERSION,
        *kCommit == '\0' ? "" : fmt::format("commit {}, ", kCommit), embedded_migrations().size());
}

}  // namespace codedriftd
