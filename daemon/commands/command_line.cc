#include "commands/command_line.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/program_options.hpp>
#include <cerrno>
#include <cstdlib>
#include <iterator>
#include <ostream>
#include <string>
#include <system_error>
#include <vector>

#include "base/print.h"
#include "base/text.h"
#include "commands/command_table.h"
#include "commands/options/options.h"
#include "commands/options/usage.h"
#include "commands/reach/reading.h"

namespace codedriftd {
namespace {

namespace po = boost::program_options;

void print_help(std::ostream& out, const po::options_description& options) {
  out << "codedriftd watches the code of Tencent Cloud functions: it records the hash of\n"
         "what is live, and alerts when that is not what was accepted. It only ever reads\n"
         "the cloud.\n\n"
         "codedriftd [--config FILE] [--log-level LEVEL] [--color WHEN] COMMAND ...\n\n"
         "Commands (each has --help; \"help COMMAND\" is the same):\n";
  for (const Command& command : commands()) print(out, "  {:<10}{}\n", command.name, command.does);
  out << "\nOptions, before or after the command:\n";
  print_options(options, out);
  out << "\nExit codes: 0 done; 1 failed, or a name that matches nothing; 64 wrong usage;\n"
         "75 (run) the record on a server is of a newer program; 78 wrong configuration;\n"
         "with --detailed-exitcode (plan, query status) also 2\n"
         "(drifted or missing) and 3 (pending, unreviewed, examining or unobserved);\n"
         "with that of diff 2 (something changed), of discover 2 (something unmanaged or\n"
         "gone) and 3 (something could not be read).\n";
}

const Command& command_named(std::string_view name) {
  std::vector<std::string_view> names;
  for (const Command& command : commands()) {
    if (command.name == name) return command;
    names.push_back(command.name);
  }
  const std::string near = nearest(name, names);
  throw UsageError(fmt::format("unknown command '{}'{}", harmless(name),
                               near.empty() ? "; see codedriftd --help" : fmt::format("; did you mean '{}'?", near)));
}

/// The words of the command line: those that belong to the program, wherever they stand, and the others.
struct Words {
  std::vector<std::string> program, command;
};

/// `adopt --config` says what is adopted: there no name of a file comes behind it.
bool is_adopted(const std::vector<std::string>& command, int argc, const char* const argv[], int i) {
  return !command.empty() && command.front() == "adopt" && std::string_view(argv[i]) == "--config" &&
         (i + 1 == argc || argv[i + 1][0] == '-');
}

/// --config and the like may stand behind the command too, but not behind "--".
Words sort_words(int argc, const char* const argv[]) {
  constexpr std::string_view kTakeValues[] = {"--config", "-c", "--log-level", "--color"};
  Words words;
  for (int i = 1; i < argc; ++i) {
    const std::string arg = argv[i];
    if (arg == "--") {
      words.command.insert(words.command.end(), argv + i, argv + argc);
      break;
    }
    if (is_adopted(words.command, argc, argv, i)) {
      words.command.push_back(arg);
      continue;
    }
    const std::string name(arg.begin(), std::find(arg.begin(), arg.end(), '='));
    const bool ours = std::find(std::begin(kTakeValues), std::end(kTakeValues), name) != std::end(kTakeValues);
    const bool before_command = words.command.empty() && arg.starts_with('-');
    (ours || before_command ? words.program : words.command).push_back(arg);
    if (ours && name == arg && i + 1 < argc) words.program.emplace_back(argv[++i]);
  }
  return words;
}

Colour parse_colour(std::string_view when) {
  if (when == "auto") return Colour::by_itself;
  if (when == "always") return Colour::always;
  if (when == "never") return Colour::never;
  throw UsageError(fmt::format("--color {}: unknown; one of auto, always, never", harmless(when)));
}

int dispatch(int argc, const char* const argv[], std::ostream& out, std::ostream& err) {
  CommandContext context{.args = {}, .out = out, .err = err};
  std::string level = "info", colour = "auto";
  po::options_description options;
  options.add_options()("config,c", po::value(&context.config)->value_name("FILE"),
                        "the configuration; default /etc/codedriftd/codedriftd.toml")(
      "log-level", po::value(&level)->value_name("LEVEL"), "error, warning, info or debug; default info")(
      "color", po::value(&colour)->value_name("WHEN"),
      "auto (on a terminal, unless NO_COLOR is set or TERM is dumb), always or never")("help,h", "this text")(
      "version", "the version");
  const Words words = sort_words(argc, argv);
  po::variables_map values;
  try {
    store_options(words.program, options, nullptr, values);
  } catch (const po::error& error) {
    throw UsageError(fmt::format("{}; options of a command come after it, see codedriftd --help", error.what()));
  }
  if (values.contains("version")) {
    print_version(out);
    return EXIT_SUCCESS;
  }
  if (values.contains("help")) {
    print_help(out, options);
    return EXIT_SUCCESS;
  }
  const auto parsed_level = parse_log_level(level);
  if (!parsed_level)
    throw UsageError(fmt::format("--log-level {}: unknown; one of error, warning, info, debug", level));
  context.log_level = *parsed_level;
  set_log(context.log_level, default_log_format());
  choose_colour(parse_colour(colour));
  if (words.command.empty()) throw UsageError("no command given; see codedriftd --help");
  context.args.assign(words.command.begin() + 1, words.command.end());
  std::string name = words.command.front();
  if (name == "help") {
    if (context.args.empty()) {
      print_help(out, options);
      return EXIT_SUCCESS;
    }
    name = context.args.front();
    context.args.erase(context.args.begin());
    context.args.emplace_back("--help");
  }
  return command_named(name).run(context);
}

/// What was printed has to have arrived, whatever printed it.
int arrived(int code, std::ostream& out, std::ostream& err) {
  out.flush();
  if (out) return code;
  print(err, "codedriftd: standard output cannot be written: {}\n",
        errno == 0 ? "it failed" : std::generic_category().message(errno));
  return code == EXIT_SUCCESS ? EXIT_FAILURE : code;
}

}  // namespace

int run_command_line(int argc, const char* const argv[], std::ostream& out, std::ostream& err) {
  try {
    return arrived(dispatch(argc, argv, out, err), out, err);
  } catch (const UsageError& error) {
    print(err, "codedriftd: {}\n", error.what());
    return kExitUsage;
  } catch (const ConfigError& error) {
    err << format_mistakes(error.mistakes);
    return kExitConfig;
  } catch (const std::exception& error) {
    print(err, "codedriftd: {}\n", harmless(error.what()));
    return EXIT_FAILURE;
  }
}

}  // namespace codedriftd
