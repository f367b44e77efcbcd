#include "commands/selection_options.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <boost/program_options.hpp>
#include <charconv>

#include "base/duration.h"
#include "base/text.h"
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
  int64_t limit = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), limit);
  if (error != std::errc{} || end != text.data() + text.size() || limit < 1)
    return Error{
        fmt::format("--limit \"{}\" is no number of rows; write a whole number, 1 or more", shown_argument(text))};
  return std::optional(limit);
}

}  // namespace

Result<Format> format_option(const po::variables_map& values) {
  const bool json = values["json"].as<bool>();
  if (values.count("format") == 0) return json ? Format::json : Format::table;
  const auto& text = values["format"].as<std::string>();
  const auto format = parse_format(text);
  if (!format)
    return Error{fmt::format("there is no format \"{}\"{}; there are {}", shown_argument(text),
                             did_you_mean(text, kFormats), fmt::join(kFormats, ", "))};
  if (json && *format != Format::json) return Error{fmt::format("--json and --format {} contradict each other", text)};
  return *format;
}

Result<Selection> selection_option(const po::variables_map& values, WallTime now) {
  const auto list = [&](const char* name) { return values.count(name) > 0 ? values[name].as<Strings>() : Strings(); };
  const auto single = [&](const char* name) {
    return values.count(name) > 0 ? &values[name].as<std::string>() : nullptr;
  };
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
  s.all = values.count("all") > 0 && values["all"].as<bool>();
  std::vector<std::string_view> statuses;
  for (const Status status : kStatuses) statuses.push_back(to_string(status));
  if (auto good = check_globs(s.statuses, "status", statuses); !good) return good.error();
  if (auto good = check_globs(s.kinds, "kind of event", kEventKinds); !good) return good.error();
  auto since = time_option("since", single("since"), now);
  if (!since) return since.error();
  auto until = time_option("until", single("until"), now);
  if (!until) return until.error();
  auto limit = limit_option(values);
  if (!limit) return limit.error();
  s.since = *since;
  s.until = *until;
  s.limit = *limit;
  if (s.since && s.until && *s.since > *s.until)
    return Error{fmt::format("--since {} is later than --until {}", rfc3339(*s.since), rfc3339(*s.until))};
  return s;
}

std::optional<WallTime> parse_time(std::string_view text, WallTime now) {
  if (const auto age = parse_duration(text)) return now - *age;
  return parse_rfc3339(text);
}

Result<std::optional<WallTime>> time_option(std::string_view name, const std::string* text, WallTime now) {
  if (text == nullptr) return std::optional<WallTime>();
  if (const auto time = parse_time(*text, now)) return time;
  return Error{
      fmt::format("--{} \"{}\" is no time; write one like 2026-11-24T03:04:05Z, or an age like 90s, 15m, 24h, 7d", name,
                  shown_argument(*text))};
}

std::string shown_argument(std::string_view text) { return harmless(clean_utf8(text, 100)); }

}  // namespace codedriftd
