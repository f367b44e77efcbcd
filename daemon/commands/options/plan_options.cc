#include "commands/options/plan_options.h"

#include <fmt/format.h>

#include "base/text.h"
#include "commands/options/options.h"
#include "commands/options/selection_options.h"

namespace codedriftd {
namespace {

namespace po = boost::program_options;
using Strings = std::vector<std::string>;

constexpr std::string_view kPlanHelp = R"(codedriftd [--config FILE] plan [TARGET…] [options]

Polls the selected functions now, and prints how their live code differs from
what is accepted. It accepts and announces nothing.

  ~  the live code is neither accepted nor announced (drifted)
  -  the API says that there is no such function (missing)
  ?  it could not be observed, or did not answer now; or its package is being
     examined (examining)
  +  nothing is accepted yet (unreviewed), or what was announced is still to
     come (pending_deploy)

Beneath what drifts stands what changed inside: how many files, and the first of
them; or why that is not known. It is told from the record. Of layers and of an
alias it is what they are and were: each layer with its version and CodeSha256,
the version that the alias leads to and how it splits.

While the daemon runs it makes the calls, with its own credentials and within
its own pace, and records them as any other poll: root, and who may ask it to
poll, can have that done. Without a daemon the calls are made with your own
credentials (as [account.NAME.credentials] says), and nothing is recorded. A
function that is not found is asked for again before it counts as missing: 30
seconds later by the daemon, 2 seconds later without it.
)";

constexpr std::string_view kRest =
    R"(  --status GLOB       those whose status before the poll is: missing drifted
                      unobserved examining unreviewed pending_deploy in_sync
  --since, --until T  those whose status before the poll began within that time:
                      2026-11-24T03:04:05Z, or an age: 15m, 7d

What is done:
  --refresh=false     poll nothing: the plan from the last observations in the
                      record
  --out FILE          save the plan as JSON (codedriftd.plan.v1), with every
                      target
  --detailed-exitcode 2 if something is drifted or missing; else 3 if something
                      is pending, unreviewed, examining, unobserved or did not
                      answer now

How it is printed:
  --format FORMAT     table (the default), json, ndjson, csv or markdown; --json
                      is --format json. table and markdown show what is not in
                      sync, the others every target with every field
  --bom               csv with a UTF-8 byte order mark first, for spreadsheets
  --wide              a table as wide as it has to be, with times in full
  --utc               on a terminal, times in full
  --limit N           the first N targets; the summary still counts all
  -o, --output FILE   into a file, which appears complete or not at all

Examples:
  codedriftd plan
  codedriftd plan charge refund
  codedriftd plan --target 'prod/*' --detailed-exitcode --out release.plan
  codedriftd plan --refresh=false --json

Exit code: 0 done; 1 failed, nothing matches, or none of what was asked for
could be observed; 64 wrong usage; 78 wrong configuration; with
--detailed-exitcode also 2 and 3.
)";

po::options_description plan_options() {
  po::options_description all;
  auto add = all.add_options();
  for (const char* repeatable :
       {"target", "account", "region", "namespace", "function", "qualifier", "status", "TARGET"})
    add(repeatable, po::value<Strings>()->composing());
  for (const char* single : {"since", "until", "limit", "format", "output,o", "out", "refresh"})
    add(single, po::value<std::string>());
  for (const char* flag : {"json", "detailed-exitcode", "wide", "utc", "bom", "help,h"}) add(flag, po::bool_switch());
  return all;
}

Error unknown_plan_option(std::string name) {
  name.erase(0, name.find_first_not_of('-'));
  name = name.substr(0, name.find('='));
  if (name == "all")
    return Error{"--all is not for plan: what is no longer watched is not polled; see query status --all"};
  if (name == "kind") return Error{"--kind is not for plan: targets have no kinds"};
  Strings known;
  const po::options_description all = plan_options();
  for (const auto& option : all.options()) {
    if (option->long_name() != "TARGET") known.push_back(option->long_name());
  }
  return Error{fmt::format("plan has no option --{}{}", shown_argument(name), did_you_mean(name, known, "--"))};
}

}  // namespace

Result<PlanOptions> parse_plan(const std::vector<std::string>& args, WallTime now) {
  po::variables_map values;
  try {
    store_options(args, plan_options(), "TARGET", values);
  } catch (const po::unknown_option& error) {
    return unknown_plan_option(error.get_option_name());
  } catch (const po::error& error) {
    return Error{harmless(clean_utf8(error.what(), 300))};
  }
  PlanOptions parsed;
  if (values["help"].as<bool>()) {
    parsed.help = fmt::format("{}{}{}", kPlanHelp, kTargetsHelp, kRest);
    return parsed;
  }
  auto selection = selection_option(values, now);
  if (!selection) return selection.error();
  auto format = format_option(values);
  if (!format) return format.error();
  parsed.selection = std::move(*selection);
  parsed.format = *format;
  auto bom = bom_option(values, *format);
  if (!bom) return bom.error();
  parsed.bom = *bom;
  if (const std::string file = text_option(values, "output"); file != "-") parsed.file = file;
  parsed.out_file = text_option(values, "out");
  if (values.count("out") > 0 && parsed.out_file.empty()) return Error{"--out needs the name of a file"};
  if (values.count("refresh") > 0) {
    const std::string refresh = text_option(values, "refresh");
    if (refresh != "true" && refresh != "false")
      return Error{fmt::format("--refresh={}: write --refresh=true or --refresh=false", shown_argument(refresh))};
    parsed.refresh = refresh == "true";
  }
  parsed.wide = values["wide"].as<bool>();
  parsed.utc = values["utc"].as<bool>();
  parsed.detailed_exit_code = values["detailed-exitcode"].as<bool>();
  return parsed;
}

}  // namespace codedriftd
