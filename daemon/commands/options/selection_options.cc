#include "commands/options/selection_options.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>

#include "audit/query/inventory_rows.h"
#include "base/duration.h"
#include "base/text.h"
#include "commands/options/options.h"
#include "model/kinds.h"

namespace codedriftd {
namespace {

namespace po = boost::program_options;
using Strings = std::vector<std::string>;

constexpr std::array<std::string_view, 5> kFormats{"table", "json", "ndjson", "csv", "markdown"};

Checked check_globs(const Strings& globs, std::string_view what, std::span<const std::string_view> known) {
  for (const std::string& glob : globs) {
    if (std::any_of(known.begin(), known.end(), [&](auto word) { return glob_match(glob, word); })) continue;
    return Error{fmt::format("there is no {} \"{}\"{}; there are {}", what, shown_argument(glob),
                             did_you_mean(glob, known), fmt::join(known, ", "))};
  }
  return Done{};
}

Result<std::optional<int64_t>> limit_option(const po::variables_map& values) {
  if (values.count("limit") == 0) return std::optional<int64_t>();
  const auto& text = values["limit"].as<std::string>();
  if (const auto limit = whole_number(text)) return limit;
  return Error{
      fmt::format("--limit \"{}\" is not a number of rows; write a whole number, 1 or more", shown_argument(text))};
}

}  // namespace

Result<Format> format_option(const po::variables_map& values) {
  const bool json = values["json"].as<bool>();
  if (values.count("format") == 0) return json ? Format::json : Format::table;
  const auto& text = values["format"].as<std::string>();
  const auto format = parse_format(text);
  if (!format && text == "html") return Error{"--format html is for \"query report\" alone"};
  if (!format)
    return Error{fmt::format("there is no format \"{}\"{}; there are {}", shown_argument(text),
                             did_you_mean(text, kFormats), fmt::join(kFormats, ", "))};
  if (json && *format != Format::json) return Error{fmt::format("--json and --format {} contradict each other", text)};
  return *format;
}

Result<bool> bom_option(const po::variables_map& values, Format format) {
  const bool bom = values["bom"].as<bool>();
  if (bom && format != Format::csv)
    return Error{"--bom is for --format csv alone: a byte order mark would spoil every other format"};
  return bom;
}

Result<Selection> selection_option(const po::variables_map& values, WallTime now) {
  const auto list = [&](const char* name) { return list_option(values, name); };
  Selection s;
  s.names = list("TARGET");
  s.targets = list("target");
  s.accounts = list("account");
  s.regions = list("region");
  s.namespaces = list("namespace");
  s.functions = list("function");
  s.qualifiers = list("qualifier");
  s.statuses = list("status");
  s.kinds = list("kind");
  s.states = list("state");
  s.all = values.count("all") > 0 && values["all"].as<bool>();
  std::vector<std::string_view> statuses;
  for (const Status status : kStatuses) statuses.push_back(to_string(status));
  if (auto good = check_globs(s.statuses, "status", statuses); !good) return good.error();
  if (auto good = check_globs(s.kinds, "kind of event", kEventKinds); !good) return good.error();
  std::vector<std::string_view> states;
  for (const InventoryState state : kInventoryStates) states.push_back(to_string(state));
  if (auto good = check_globs(s.states, "state", states); !good) return good.error();
  auto since = time_option("since", values, now);
  if (!since) return since.error();
  auto until = time_option("until", values, now);
  if (!until) return until.error();
  auto at = time_option("at", values, now);
  if (!at) return at.error();
  if (*at && **at > now) return Error{fmt::format("--at {} lies in the future (now {})", rfc3339(**at), rfc3339(now))};
  s.at = *at;
  auto limit = limit_option(values);
  if (!limit) return limit.error();
  s.since = *since;
  s.until = *until;
  s.limit = *limit;
  if (s.since && s.until && *s.since > *s.until)
    return Error{fmt::format("--since {} is later than --until {}", rfc3339(*s.since), rfc3339(*s.until))};
  return s;
}

std::optional<WallTime> parse_point(std::string_view text, WallTime now) {
  if (text == "now") return now;
  if (const auto time = parse_rfc3339(text)) return time;
  std::string whole(text);
  if (whole.size() == std::string_view("2026-11-24").size()) whole += "T00:00";
  if (whole.size() == std::string_view("2026-11-24T00:00").size()) whole += ":00";
  return parse_rfc3339(whole + "Z");
}

std::optional<WallTime> parse_time(std::string_view text, WallTime now) {
  if (const auto age = parse_duration(text)) return now - *age;
  return parse_point(text, now);
}

Result<std::optional<WallTime>> time_option(const char* name, const po::variables_map& values, WallTime now) {
  if (!values.contains(name)) return std::optional<WallTime>();
  const auto& text = values[name].as<std::string>();
  if (const auto time = parse_time(text, now)) return time;
  return Error{fmt::format(
      "--{} \"{}\" is not a time; write one like 2026-11-24 or 2026-11-24T03:04:05Z, or an age like 90s, 15m, 24h, 7d",
      name, shown_argument(text))};
}

const std::string_view kTargetsHelp = R"(
Which targets (several values of one option are alternatives; different options
narrow each other):
  TARGET              ACCOUNT/REGION/NAMESPACE/FUNCTION:QUALIFIER, or FUNCTION
                      or FUNCTION:QUALIFIER where only one target has that
                      name. Without :QUALIFIER the code is meant: $LATEST, or
                      what else is watched of it; a function's layers, image
                      and aliases are $LAYERS, $IMAGE and $ALIAS.NAME. Quote
                      it: 'charge:$LAYERS'
  --target GLOB       * is any text, ? any character; compared with the whole
                      address if it has a "/", with FUNCTION:QUALIFIER if it has
                      a ":", else with FUNCTION. Quote it: --target 'prod/*'
  --account, --region, --namespace, --function, --qualifier GLOB
                      compared with that part alone
)";

const std::string_view kFoundHelp = R"(
Which functions (values of one option are alternatives; different options narrow
each other):
  --target GLOB, or TARGET
                      * is any text, ? any character; compared with
                      ACCOUNT/REGION/NAMESPACE/FUNCTION if it has a "/", else
                      with FUNCTION
  --account, --region, --namespace, --function GLOB
                      compared with that part alone
  --state GLOB        watched, excluded, unmanaged, gone or unreadable
)";

std::string shown_argument(std::string_view text) { return harmless(clean_utf8(text, 100)); }

}  // namespace codedriftd
