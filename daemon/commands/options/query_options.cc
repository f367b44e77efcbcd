#include "commands/options/query_options.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>

#include "base/text.h"
#include "commands/options/options.h"
#include "commands/options/selection_options.h"

namespace codedriftd {
namespace {

namespace po = boost::program_options;
using Strings = std::vector<std::string>;

constexpr std::array<std::string_view, 8> kReports{"status",   "history",   "events",       "alerts",
                                                   "coverage", "inventory", "attestations", "report"};

po::options_description query_options() {
  po::options_description all;
  auto add = all.add_options();
  add("TARGET", po::value<Strings>()->composing());
  for (const std::string_view glob : kGlobParameters) add(glob.data(), po::value<Strings>()->composing());
  for (const std::string_view value : kValueParameters) add(value.data(), po::value<std::string>());
  for (const char* single : {"format", "output,o"}) add(single, po::value<std::string>());
  for (const std::string_view flag : kSwitchParameters) add(flag.data(), po::bool_switch());
  for (const char* flag : {"json", "detailed-exitcode", "wide", "utc", "bom", "help,h"}) add(flag, po::bool_switch());
  return all;
}

/// The options that `report` has.
bool has_option(std::string_view report, std::string_view option) {
  constexpr std::array<std::string_view, 3> kOfRows{"wide", "utc", "bom"};
  if (report == "report" && std::find(kOfRows.begin(), kOfRows.end(), option) != kOfRows.end()) return false;
  if (option == "detailed-exitcode") return report == "status";
  return option != "TARGET" && has_parameter(report, option);
}

Error unknown_query_option(std::string_view report, std::string name) {
  name.erase(0, name.find_first_not_of('-'));
  name = name.substr(0, name.find('='));
  Strings known;
  const po::options_description all = query_options();
  for (const auto& option : all.options()) {
    if (has_option(report, option->long_name())) known.push_back(option->long_name());
  }
  return Error{fmt::format("unknown option --{}{}", shown_argument(name), did_you_mean(name, known, "--"))};
}

/// Of `query report`: what is asked for, or what the name of the file says.
Result<AuditFormat> audit_format_option(const po::variables_map& values) {
  constexpr std::array<std::string_view, 3> kNames{"markdown", "html", "json"};
  const bool json = values["json"].as<bool>();
  if (values.count("format") == 0) {
    if (json) return AuditFormat::json;
    const std::string file = text_option(values, "output");
    return file.ends_with(".html")   ? AuditFormat::html
           : file.ends_with(".json") ? AuditFormat::json
                                     : AuditFormat::markdown;
  }
  const auto& text = values["format"].as<std::string>();
  const auto found = std::find(kNames.begin(), kNames.end(), text);
  if (found == kNames.end()) {
    if (parse_format(text))
      return Error{fmt::format("a report is not a table: --format {} is for the other queries; there are {}", text,
                               fmt::join(kNames, ", "))};
    return Error{fmt::format("there is no format \"{}\"{}; of a report there are {}", shown_argument(text),
                             did_you_mean(text, kNames), fmt::join(kNames, ", "))};
  }
  const auto format = static_cast<AuditFormat>(found - kNames.begin());
  if (json && format != AuditFormat::json)
    return Error{fmt::format("--json and --format {} contradict each other", text)};
  return format;
}

QueryOptions only_help(std::string_view report) {
  QueryOptions options;
  options.help = query_help(report);
  return options;
}

Result<QueryOptions> parse_report(std::string_view report, const Strings& args, WallTime now) {
  po::variables_map values;
  try {
    store_options(args, query_options(), "TARGET", values);
  } catch (const po::unknown_option& error) {
    return unknown_query_option(report, error.get_option_name());
  } catch (const po::error& error) {
    return Error{harmless(clean_utf8(error.what(), 300))};
  }
  if (values["help"].as<bool>()) return only_help(report);
  for (const auto& [name, value] : values) {
    if (name == "TARGET" || value.defaulted()) continue;
    if (!has_option(report, name))
      return Error{fmt::format("--{} is not for \"query {}\"{}", name, report, why_no_parameter(name))};
  }
  auto selection = selection_option(values, now);
  if (!selection) return selection.error();
  QueryOptions parsed;
  if (report == "report") {
    auto format = audit_format_option(values);
    if (!format) return format.error();
    parsed.audit = *format;
  } else {
    auto format = format_option(values);
    if (!format) return format.error();
    parsed.format = *format;
    auto bom = bom_option(values, *format);
    if (!bom) return bom.error();
    parsed.bom = *bom;
    parsed.report = report_named(report, values["attempts"].as<bool>());
  }
  parsed.selection = std::move(*selection);
  if (const std::string file = text_option(values, "output"); file != "-") parsed.file = file;
  parsed.wide = values["wide"].as<bool>();
  parsed.utc = values["utc"].as<bool>();
  parsed.detailed_exit_code = values["detailed-exitcode"].as<bool>();
  return parsed;
}

}  // namespace

Result<QueryOptions> parse_query(const std::vector<std::string>& args, WallTime now) {
  if (args.empty()) return Error{fmt::format("query needs the name of a report: {}", fmt::join(kReports, ", "))};
  const std::string& report = args.front();
  if (report == "--help" || report == "-h" || report == "help") return only_help("");
  if (std::find(kReports.begin(), kReports.end(), report) != kReports.end())
    return parse_report(report, {args.begin() + 1, args.end()}, now);
  if (std::find(args.begin(), args.end(), "--help") != args.end()) return only_help("");
  if (report.starts_with("-"))
    return Error{fmt::format("the report comes first, then its options: codedriftd query {{{}}} {}",
                             fmt::join(kReports, "|"), shown_argument(report))};
  return Error{fmt::format("there is no report \"{}\"{}; there are {}", shown_argument(report),
                           did_you_mean(report, kReports), fmt::join(kReports, ", "))};
}

}  // namespace codedriftd
