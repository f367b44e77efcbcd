#include "commands/query_options.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <boost/program_options.hpp>

#include "base/text.h"
#include "commands/selection_options.h"

namespace codedriftd {
namespace {

namespace po = boost::program_options;
using Strings = std::vector<std::string>;

constexpr std::array<std::string_view, 5> kReports{"status", "history", "events", "alerts", "coverage"};

po::options_description options() {
  po::options_description all;
  auto add = all.add_options();
  for (const char* repeatable :
       {"target", "account", "region", "namespace", "function", "qualifier", "status", "kind", "TARGET"})
    add(repeatable, po::value<Strings>()->composing());
  for (const char* single : {"since", "until", "limit", "format", "output,o"}) add(single, po::value<std::string>());
  for (const char* flag : {"all", "json", "attempts", "detailed-exitcode", "help,h"}) add(flag, po::bool_switch());
  return all;
}

/// The options that `report` has.
bool has_option(std::string_view report, std::string_view option) {
  if (option == "kind") return report == "events" || report == "alerts";
  if (option == "attempts") return report == "alerts";
  if (option == "detailed-exitcode") return report == "status";
  return option != "TARGET";
}

Error unknown_option(std::string_view report, std::string name) {
  name.erase(0, name.find_first_not_of('-'));
  name = name.substr(0, name.find('='));
  Strings known;
  const po::options_description all = options();
  for (const auto& option : all.options()) {
    if (has_option(report, option->long_name())) known.push_back(option->long_name());
  }
  return Error{fmt::format("unknown option --{}{}", shown_argument(name), did_you_mean(name, known, "--"))};
}

const Report& report_named(std::string_view name, bool with_attempts) {
  if (name == "status") return kStatusReport;
  if (name == "history") return kHistoryReport;
  if (name == "events") return kEventsReport;
  if (name == "coverage") return kCoverageReport;
  return with_attempts ? kAlertAttemptsReport : kAlertsReport;
}

Result<QueryOptions> parse_report(std::string_view report, const Strings& args, WallTime now) {
  po::variables_map values;
  try {
    po::positional_options_description positional;
    positional.add("TARGET", -1);
    const auto all = options();
    // Without guessing: half a word is a mistake, not an option.
    const int style = po::command_line_style::unix_style & ~po::command_line_style::allow_guessing;
    po::store(po::command_line_parser(args).options(all).positional(positional).style(style).run(), values);
    po::notify(values);
  } catch (const po::unknown_option& error) {
    return unknown_option(report, error.get_option_name());
  } catch (const po::error& error) {
    return Error{harmless(clean_utf8(error.what(), 300))};
  }
  if (values["help"].as<bool>()) return QueryOptions{nullptr, query_help(report), {}, {}, {}, {}};
  for (const auto& [name, value] : values) {
    if (name == "TARGET" || value.defaulted()) continue;
    if (!has_option(report, name))
      return Error{fmt::format("--{} is not for \"query {}\"{}", name, report,
                               name == "kind" ? ": status, history and coverage have no kinds" : "")};
  }
  auto selection = selection_option(values, now);
  if (!selection) return selection.error();
  auto format = format_option(values);
  if (!format) return format.error();
  QueryOptions parsed;
  parsed.report = &report_named(report, values["attempts"].as<bool>());
  parsed.selection = std::move(*selection);
  parsed.format = *format;
  if (values.count("output") > 0 && values["output"].as<std::string>() != "-")
    parsed.file = values["output"].as<std::string>();
  parsed.detailed_exit_code = values["detailed-exitcode"].as<bool>();
  return parsed;
}

}  // namespace

Result<QueryOptions> parse_query(const std::vector<std::string>& args, WallTime now) {
  if (args.empty()) return Error{fmt::format("query needs the name of a report: {}", fmt::join(kReports, ", "))};
  const std::string& report = args.front();
  if (report == "--help" || report == "-h" || report == "help")
    return QueryOptions{nullptr, query_help(""), {}, {}, {}, {}};
  if (std::find(kReports.begin(), kReports.end(), report) != kReports.end())
    return parse_report(report, {args.begin() + 1, args.end()}, now);
  if (std::find(args.begin(), args.end(), "--help") != args.end())
    return QueryOptions{nullptr, query_help(""), {}, {}, {}, {}};
  if (report.starts_with("-"))
    return Error{fmt::format("the report comes first, then its options: codedriftd query {{{}}} {}",
                             fmt::join(kReports, "|"), shown_argument(report))};
  return Error{fmt::format("there is no report \"{}\"{}; there are {}", shown_argument(report),
                           did_you_mean(report, kReports), fmt::join(kReports, ", "))};
}

}  // namespace codedriftd
