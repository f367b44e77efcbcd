#include "audit/query/parameters.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <span>
#include <utility>

#include "audit/query/inventory_rows.h"
#include "audit/query/reports.h"
#include "base/duration.h"
#include "model/kinds.h"

namespace codedriftd {
namespace {

Checked check_globs(const std::vector<std::string>& globs, std::string_view what,
                    std::span<const std::string_view> known) {
  for (const std::string& glob : globs) {
    if (std::any_of(known.begin(), known.end(), [&](auto word) { return glob_match(glob, word); })) continue;
    return Error{fmt::format("there is no {} \"{}\"{}; there are {}", what, shown_argument(glob),
                             did_you_mean(glob, known), fmt::join(known, ", "))};
  }
  return Done{};
}

Checked check_words(const Selection& s) {
  std::vector<std::string_view> statuses, states;
  for (const Status status : kStatuses) statuses.push_back(to_string(status));
  for (const InventoryState state : kInventoryStates) states.push_back(to_string(state));
  if (auto good = check_globs(s.statuses, "status", statuses); !good) return good;
  if (auto good = check_globs(s.kinds, "kind of event", kEventKinds); !good) return good;
  return check_globs(s.states, "state", states);
}

}  // namespace

bool has_parameter(std::string_view report, std::string_view parameter) {
  // What an auditor is given is whole: nothing limits it but the selection.
  if (report == "report" && (parameter == "limit" || parameter == "all")) return false;
  // What was found has no qualifier, no verdict and one row, whenever that is.
  constexpr std::array<std::string_view, 5> kOfTargets{"qualifier", "status", "all", "since", "until"};
  if (report == "inventory" && std::find(kOfTargets.begin(), kOfTargets.end(), parameter) != kOfTargets.end())
    return false;
  if (parameter == "state") return report == "inventory";
  if (parameter == "at") return report == "status" || report == "inventory";
  if (parameter == "kind") return report == "events" || report == "alerts";
  if (parameter == "attempts") return report == "alerts";
  return true;
}

std::string_view why_no_parameter(std::string_view parameter) {
  return parameter == "kind" ? ": status, history, coverage, inventory, attestations and report have no kinds" : "";
}

const Report* report_named(std::string_view name, bool with_attempts) {
  if (name == "status") return &kStatusReport;
  if (name == "history") return &kHistoryReport;
  if (name == "events") return &kEventsReport;
  if (name == "alerts") return with_attempts ? &kAlertAttemptsReport : &kAlertsReport;
  if (name == "coverage") return &kCoverageReport;
  if (name == "inventory") return &kInventoryReport;
  if (name == "attestations") return &kAttestationsReport;
  return nullptr;
}

Result<Selection> read_selection(const Parameters& parameters, WallTime now, std::string_view dashes) {
  Selection s;
  s.dashes = dashes;
  const std::pair<std::string_view, std::vector<std::string>*> lists[]{
      {"TARGET", &s.names},         {"target", &s.targets},     {"account", &s.accounts},     {"region", &s.regions},
      {"namespace", &s.namespaces}, {"function", &s.functions}, {"qualifier", &s.qualifiers}, {"status", &s.statuses},
      {"kind", &s.kinds},           {"state", &s.states}};
  for (const auto& [name, values] : lists) {
    const auto [first, last] = parameters.equal_range(name);
    for (auto each = first; each != last; ++each) values->push_back(each->second);
  }
  s.all = parameters.contains("all");
  if (auto good = check_words(s); !good) return good.error();
  const std::pair<std::string_view, std::optional<WallTime>*> times[]{
      {"since", &s.since}, {"until", &s.until}, {"at", &s.at}};
  for (const auto& [name, time] : times) {
    const auto found = parameters.find(name);
    if (found == parameters.end()) continue;
    auto read = read_time(fmt::format("{}{}", dashes, name), found->second, now);
    if (!read) return read.error();
    *time = *read;
  }
  if (s.at && *s.at > now)
    return Error{fmt::format("{}at {} lies in the future (now {})", dashes, rfc3339(*s.at), rfc3339(now))};
  if (const auto limit = parameters.find("limit"); limit != parameters.end()) {
    s.limit = whole_number(limit->second);
    if (!s.limit)
      return Error{fmt::format("{}limit \"{}\" is not a number of rows; write a whole number, 1 or more", dashes,
                               shown_argument(limit->second))};
  }
  if (s.since && s.until && *s.since > *s.until)
    return Error{fmt::format("{0}since {1} is later than {0}until {2}", dashes, rfc3339(*s.since), rfc3339(*s.until))};
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

Result<WallTime> read_time(std::string_view name, std::string_view text, WallTime now) {
  if (const auto time = parse_time(text, now)) return *time;
  return Error{fmt::format(
      "{} \"{}\" is not a time; write one like 2026-11-24 or 2026-11-24T03:04:05Z, or an age like 90s, 15m, 24h, 7d",
      name, shown_argument(text))};
}

std::optional<int64_t> whole_number(std::string_view text) {
  int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size() || number < 1) return std::nullopt;
  return number;
}

std::string shown_argument(std::string_view text) { return harmless(clean_utf8(text, 100)); }

}  // namespace codedriftd
