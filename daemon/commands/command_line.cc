#include "commands/command_line.h"

#include <fmt/format.h>
#include <fmt/ostream.h>
#include <unistd.h>

#include <algorithm>
#include <boost/program_options.hpp>
#include <filesystem>
#include <functional>
#include <iostream>
#include <ostream>
#include <string>
#include <vector>

#include "actions/caller.h"
#include "base/text.h"
#include "commands/alerts.h"
#include "commands/check.h"
#include "commands/maintain.h"
#include "commands/options/options.h"
#include "commands/options/usage.h"
#include "commands/plan.h"
#include "commands/poll.h"
#include "commands/query.h"
#include "commands/reach/owner.h"
#include "commands/reconcile.h"
#include "service/accounts.h"
#include "service/app.h"
#include "settings/settings.h"
#include "sinks/destinations.h"

namespace codedriftd {
namespace {

namespace po = boost::program_options;

constexpr char kDefaultConfig[] = "/etc/codedriftd/codedriftd.toml";

struct Context {
  std::string config = kDefaultConfig;
  LogLevel log_level = LogLevel::info;
  std::vector<std::string> args;  ///< after the command
  std::ostream& out;
  std::ostream& err;
};

struct Command {
  std::string_view name;
  std::string_view does;
  int (*run)(const Context&);
};

/// Thrown where the configuration is wrong: its mistakes are printed, exit code 78.
struct ConfigError {
  std::vector<Mistake> mistakes;
};

Settings load(const Context& context) {
  auto settings = load_settings(context.config);
  if (!settings) throw ConfigError{settings.error()};
  return std::move(settings).value();
}

/// Reads the options of one command. Returns false after printing its help.
bool parse(const Context& context, std::string_view usage, po::options_description& options, const char* positional,
           po::variables_map& values) {
  return read_options(context.args, usage, "", options, positional, values, context.out);
}

int command_run(const Context& context) {
  po::options_description options("Options");
  po::variables_map values;
  if (!parse(context,
             "codedriftd [--config FILE] [--log-level LEVEL] run\n\nPolls every configured function on schedule until "
             "SIGTERM or SIGINT; SIGHUP reloads the configuration.\nRoot becomes the owner of state_dir first. This is "
             "what "
             "the systemd unit starts.\n",
             options, nullptr, values))
    return 0;
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
  if (auto report = check_destinations(settings, find_sinkhost()); !report.mistakes.empty())
    throw ConfigError{std::move(report.mistakes)};
  return App(std::move(settings), context.log_level).run();
}

std::unique_ptr<Api> make_api(const Settings& settings) {
  static const SystemClock clock;
  Accounts accounts(clock);
  auto api = std::make_unique<CurlApi>(clock);
  api->set_accounts(accounts.apply(settings));
  return api;
}

int command_check(const Context& context) {
  po::options_description options("Options");
  options.add_options()("online", "make one call for each account and region; print its outcome and the clock's error")(
      "plugins", "list the plugins in plugin_dir with their versions and options");
  po::variables_map values;
  if (!parse(
          context,
          "codedriftd [--config FILE] check [--online] [--plugins]\n\nReads the configuration, asks each plugin which "
          "options it takes, and prints what would be watched and whether the schedule fits the rate limits.\nEvery "
          "mistake is printed as FILE:LINE:COLUMN, exit code 78. Touches neither cloud nor database without --online.\n"
          "With --log-level debug every function is listed.\n",
          options, nullptr, values))
    return 0;
  CheckOptions check;
  check.list_all = context.log_level == LogLevel::debug;
  check.online = values.contains("online");
  check.plugins = values.contains("plugins");
  check.sinkhost = find_sinkhost();
  return run_check(context.config, check, make_api, context.out, context.err);
}

int command_query(const Context& context) {
  return run_query(
      context.args, [&context] { return load(context).database(); }, SystemClock{}.wall(), ::isatty(STDOUT_FILENO) == 1,
      context.out, context.err);
}

int command_plan(const Context& context) {
  return run_plan(
      context.args, [&context] { return load(context); }, make_api, SystemClock{},
      {.out = ::isatty(STDOUT_FILENO) == 1, .err = ::isatty(STDERR_FILENO) == 1}, context.out, context.err);
}

int command_poll(const Context& context) {
  return run_poll(
      context.args, [&context] { return load(context); }, SystemClock{}, ::isatty(STDERR_FILENO) == 1, context.out,
      context.err);
}

int command_reload(const Context& context) {
  return run_reload(
      context.args, [&context] { return load(context); }, SystemClock{}, context.out, context.err);
}

int command_alerts(const Context& context) {
  return run_alerts(
      context.args, [&context] { return load(context); }, SystemClock{}, context.out, context.err);
}

/// One of the commands of commands/reconcile.h.
template <int (*Run)(const std::vector<std::string>&, const ReconcileContext&)>
int command_reconcile(const Context& context) {
  static const SystemClock clock;
  const bool terminal = ::isatty(STDIN_FILENO) == 1 && ::isatty(STDOUT_FILENO) == 1;
  return Run(context.args, {[&context] { return load(context); }, clock, std::cin, terminal, context.out, context.err});
}

int command_migrate(const Context& context) {
  po::options_description options("Options");
  po::variables_map values;
  if (!parse(context,
             "codedriftd [--config FILE] migrate\n\nBrings the database to this program's schema without starting the "
             "daemon; a copy of the old one is kept beside it.\nThe daemon must not run: it does the same by itself "
             "when it starts.\n",
             options, nullptr, values))
    return 0;
  return run_migrate(load(context), context.out, context.err);
}

int command_backup(const Context& context) {
  po::options_description options("Options");
  po::variables_map values;
  if (!parse(context,
             "codedriftd [--config FILE] backup FILE\n\nWrites a consistent copy of the database, also while the "
             "daemon runs.\nFILE is replaced only once the copy is complete and checked.\n",
             options, "FILE", values))
    return 0;
  const auto files = list_option(values, "FILE");
  if (files.size() != 1)
    throw UsageError("backup needs one FILE to write to: codedriftd backup /var/backups/codedriftd.db");
  return run_backup(load(context), files.front(), context.out, context.err);
}

constexpr Command kCommands[] = {
    {"run", "poll on schedule, record, alert; until SIGTERM", command_run},
    {"check", "check the configuration and the schedule", command_check},
    {"query", "report: status, history, events, alerts, coverage", command_query},
    {"plan", "poll now, and print how live code differs from what is accepted", command_plan},
    {"approve", "accept what is live, bound to one hash, or a plan", command_reconcile<run_approve>},
    {"expect", "announce, from a pipeline, which hash a deployment will bring", command_reconcile<run_expect>},
    {"suspend", "hold the alerts of a target for a time", command_reconcile<run_suspend>},
    {"resume", "let them go", command_reconcile<run_resume>},
    {"poll", "have the daemon poll these targets now", command_poll},
    {"reload", "have the daemon load its configuration again, and say what came of it", command_reload},
    {"alerts", "replay, drop: what could not be delivered; test: is this [[alert]] heard?", command_alerts},
    {"migrate", "upgrade the database without starting", command_migrate},
    {"backup", "write a consistent copy of the database", command_backup},
};

void print_help(std::ostream& out, const po::options_description& options) {
  out << "codedriftd watches the code of Tencent Cloud functions: it records the hash of what is live, and alerts when "
         "that is not\n"
         "what was accepted. It only ever reads the cloud.\n\n"
         "codedriftd [--config FILE] [--log-level LEVEL] COMMAND ...\n\nCommands (each has --help):\n";
  for (const Command& command : kCommands) fmt::print(out, "  {:<9}{}\n", command.name, command.does);
  out << '\n'
      << options
      << "\nExit codes: 0 done; 1 failed, or a selection that matches nothing; 64 wrong usage; 78 wrong "
         "configuration;\n"
         "with --detailed-exitcode (`plan`, `query status`) also 2 (drifted or missing) and 3 (pending, unreviewed or "
         "unobserved).\n";
}

int dispatch(int argc, const char* const argv[], std::ostream& out, std::ostream& err) {
  Context context{.args = {}, .out = out, .err = err};
  std::string level = "info";
  po::options_description options("Options before the command");
  options.add_options()("config,c", po::value(&context.config)->value_name("FILE"),
                        "the configuration; default /etc/codedriftd/codedriftd.toml")(
      "log-level", po::value(&level)->value_name("LEVEL"), "error, warning, info or debug; default info")(
      "help,h", "this text")("version", "the version");

  // The command is the first argument that is no option of the program itself.
  int first = 1;
  while (first < argc) {
    const std::string_view arg = argv[first];
    if (!arg.starts_with('-')) break;
    const bool takes_value = arg == "--config" || arg == "-c" || arg == "--log-level";
    first += takes_value ? 2 : 1;
  }
  first = std::min(first, argc);
  po::variables_map values;
  try {
    po::store(po::command_line_parser(first, argv)
                  .options(options)
                  .style(po::command_line_style::unix_style & ~po::command_line_style::allow_guessing)
                  .run(),
              values);
    po::notify(values);
  } catch (const po::error& error) {
    throw UsageError(fmt::format("{}; options of a command come after it, see codedriftd --help", error.what()));
  }
  if (values.contains("version")) {
    fmt::print(out, "codedriftd {}\n", CODEDRIFTD_VERSION);
    return 0;
  }
  if (values.contains("help")) {
    print_help(out, options);
    return 0;
  }
  const auto parsed_level = parse_log_level(level);
  if (!parsed_level)
    throw UsageError(fmt::format("--log-level {}: unknown; one of error, warning, info, debug", level));
  context.log_level = *parsed_level;
  set_log(context.log_level, default_log_format());
  if (first >= argc) throw UsageError("no command given; see codedriftd --help");
  context.args.assign(argv + first + 1, argv + argc);
  const std::string_view name = argv[first];
  if (name == "help") {
    print_help(out, options);
    return 0;
  }
  std::vector<std::string_view> names;
  for (const Command& command : kCommands) {
    if (command.name == name) return command.run(context);
    names.push_back(command.name);
  }
  const std::string near = nearest(name, names);
  throw UsageError(fmt::format("unknown command '{}'{}", harmless(name),
                               near.empty() ? "; see codedriftd --help" : fmt::format("; did you mean '{}'?", near)));
}

}  // namespace

int run_command_line(int argc, const char* const argv[], std::ostream& out, std::ostream& err) {
  try {
    return dispatch(argc, argv, out, err);
  } catch (const UsageError& error) {
    fmt::print(err, "codedriftd: {}\n", error.what());
    return kExitUsage;
  } catch (const ConfigError& error) {
    err << format_mistakes(error.mistakes);
    return kExitConfig;
  } catch (const std::exception& error) {
    fmt::print(err, "codedriftd: {}\n", harmless(error.what()));
    return EXIT_FAILURE;
  }
}

}  // namespace codedriftd
