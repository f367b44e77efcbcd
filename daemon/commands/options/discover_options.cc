#include "commands/options/discover_options.h"

#include <fmt/format.h>

#include "base/text.h"
#include "commands/options/options.h"
#include "commands/options/selection_options.h"

namespace codedriftd {
namespace {

namespace po = boost::program_options;
using Strings = std::vector<std::string>;

constexpr std::string_view kDiscoverHelp = R"(codedriftd [--config FILE] discover [TARGET…] [options]

Lists the functions of every account and region that the configuration names,
now and with your own credentials, and says how each stands to the
configuration. It needs no daemon and no record, and asks the cloud nothing but
lists. RULE is the file and line that says so.

    watched     named by a [[function]], or matched by a [[watch]]
    excluded    a [[watch]] matches it, and its `except` takes it out
    unmanaged   nothing matches it
    gone        a [[function]] names it, and it is not there
    unreadable  a namespace that could not be listed, or a name that no address
                can have: nothing is known of what is in it

Beneath the rows stands for each account and region how many were found and how
many of them are watched, and what could not be listed.
)";

constexpr std::string_view kDiscoverRest = R"(
A region that --region names in full is listed though the configuration does not
name it, in every account that --account asks for; by default in all.

What is done:
  --write FILE        write a configuration that watches all of it to a new
                      file, such as conf.d/watch.toml: one [[watch]] for each
                      account where something is unmanaged. What is excluded
                      stays so. It is checked with the rest of the
                      configuration, and takes effect with the next reload.
                      A name that has it read before another [[watch]] of the
                      same region is refused: the first that matches counts
  --force             --write may replace a file that is there
  --detailed-exitcode 2 if something is unmanaged or gone; else 3 if something
                      could not be read

How it is printed:
  --format FORMAT     table (the default), json, ndjson, csv or markdown; --json
                      is --format json. table and markdown are for people, the
                      others have every field
  --bom               csv with a UTF-8 byte order mark first, for spreadsheets
  --wide              a table as wide as it has to be, with times in full
  --utc               on a terminal, times in full
  --limit N           the first N rows; the summary still counts all, and those
                      in other states than asked for too
  -o, --output FILE   into a file, which appears complete or not at all

Examples:
  codedriftd discover
  codedriftd discover --state unmanaged --detailed-exitcode
  codedriftd discover --account prod --region ap-guangzhou \
      --write conf.d/watch.toml

Exit code: 0 done; 1 nothing could be listed, nothing matches, or FILE could not
be written; 64 wrong usage; 78 wrong configuration; with --detailed-exitcode
also 2 and 3.
)";

po::options_description discover_options() {
  po::options_description all;
  auto add = all.add_options();
  for (const char* repeatable : {"target", "account", "region", "namespace", "function", "state", "TARGET"})
    add(repeatable, po::value<Strings>()->composing());
  for (const char* single : {"limit", "format", "output,o", "write"}) add(single, po::value<std::string>());
  for (const char* flag : {"json", "detailed-exitcode", "wide", "utc", "bom", "force", "help,h"})
    add(flag, po::bool_switch());
  return all;
}

Error unknown_discover_option(std::string name) {
  name.erase(0, name.find_first_not_of('-'));
  name = name.substr(0, name.find('='));
  Strings known;
  const po::options_description all = discover_options();
  for (const auto& option : all.options()) {
    if (option->long_name() != "TARGET") known.push_back(option->long_name());
  }
  return Error{fmt::format("discover has no option --{}{}", shown_argument(name), did_you_mean(name, known, "--"))};
}

}  // namespace

Result<DiscoverOptions> parse_discover(const std::vector<std::string>& args, WallTime now) {
  po::variables_map values;
  try {
    store_options(args, discover_options(), "TARGET", values);
  } catch (const po::unknown_option& error) {
    return unknown_discover_option(error.get_option_name());
  } catch (const po::error& error) {
    return Error{harmless(clean_utf8(error.what(), 300))};
  }
  DiscoverOptions parsed;
  if (values["help"].as<bool>()) {
    parsed.help = fmt::format("{}{}{}", kDiscoverHelp, kFoundHelp, kDiscoverRest);
    return parsed;
  }
  auto selection = selection_option(values, now);
  if (!selection) return selection.error();
  auto format = format_option(values);
  if (!format) return format.error();
  auto bom = bom_option(values, *format);
  if (!bom) return bom.error();
  parsed.selection = std::move(*selection);
  Selection& s = parsed.selection;
  s.targets.insert(s.targets.end(), s.names.begin(), s.names.end());
  s.names.clear();
  parsed.format = *format;
  parsed.bom = *bom;
  if (const std::string file = text_option(values, "output"); file != "-") parsed.file = file;
  parsed.rules_file = text_option(values, "write");
  if (values.count("write") > 0 && parsed.rules_file.empty()) return Error{"--write needs the name of a file"};
  parsed.force = values["force"].as<bool>();
  if (parsed.force && parsed.rules_file.empty()) return Error{"--force goes with --write FILE"};
  parsed.wide = values["wide"].as<bool>();
  parsed.utc = values["utc"].as<bool>();
  parsed.detailed_exit_code = values["detailed-exitcode"].as<bool>();
  return parsed;
}

}  // namespace codedriftd
