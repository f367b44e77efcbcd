#include "commands/check.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <optional>
#include <ostream>
#include <vector>

#include "base/duration.h"
#include "base/text.h"
#include "http/proxy.h"
#include "settings/schedule.h"
#include "sinks/destinations.h"
#include "sinks/options.h"

namespace codedriftd {
namespace {

constexpr int kOk = 0;
constexpr int kFailed = 1;
constexpr int kBadConfiguration = 78;
constexpr std::size_t kListed = 50;

using Row = std::vector<std::string>;

/// Rows as columns, two spaces apart; the first row is the heading.
void print_table(const std::vector<Row>& rows, std::ostream& out) {
  std::vector<std::size_t> widths(rows.front().size(), 0);
  for (const Row& row : rows) {
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  for (const Row& row : rows) {
    std::string line = " ";
    for (std::size_t i = 0; i < row.size(); ++i) {
      line += i + 1 == row.size() ? fmt::format(" {}", row[i]) : fmt::format(" {:{}} ", row[i], widths[i]);
    }
    out << line << '\n';
  }
}

std::string plural(std::size_t count, std::string_view noun) {
  return fmt::format("{} {}{}", count, noun, count == 1 ? "" : "s");
}

void print_watches(const Settings& settings, bool list_all, std::ostream& out) {
  if (settings.watches.empty()) {
    out << "\nwarning: nothing is watched; add [[function]] with name = \"FUNCTION\"\n";
    return;
  }
  std::map<std::vector<std::string>, std::size_t> counts;
  for (const WatchSettings& watch : settings.watches)
    ++counts[{watch.target.account, watch.target.region, watch.target.ns}];
  std::vector<Row> rows{{"ACCOUNT", "REGION", "NAMESPACE", "TARGETS"}};
  for (const auto& [group, count] : counts) rows.push_back({group[0], group[1], group[2], std::to_string(count)});
  out << fmt::format("\nWould watch {}:\n", plural(settings.watches.size(), "target"));
  print_table(rows, out);

  if (!list_all && settings.watches.size() > kListed) {
    out << "  (--log-level debug lists every target)\n";
    return;
  }
  rows = {{"TARGET", "INTERVAL", "STALE AFTER", "BASELINE"}};
  for (const WatchSettings& watch : settings.watches) {
    const std::string_view baseline = watch.baseline == Baseline::review ? "review" : "first-seen";
    rows.push_back({watch.target.address(), format_duration(watch.interval), format_duration(watch.stale_after),
                    watch.pin ? fmt::format("pinned {}", watch.pin->hex().substr(0, 12)) : std::string(baseline)});
  }
  out << '\n';
  print_table(rows, out);
}

void print_schedule(const Settings& settings, std::ostream& out) {
  const std::vector<PaceLoad> loads = schedule_of(settings);
  if (loads.empty()) return;
  std::vector<Row> rows{{"ACCOUNT", "REGION", "CALLS/S", "LIMIT/S", "USED"}};
  for (const PaceLoad& load : loads) {
    rows.push_back({fmt::format("{}", fmt::join(load.accounts, " ")), fmt::format("{}", fmt::join(load.regions, " ")),
                    fmt::format("{:.3f}", load.demand), fmt::format("{:g}", load.limit),
                    fmt::format("{:.1f} %", load.utilisation * 100)});
  }
  out << fmt::format("\nDemand on the rate limits (at most {:.0f} % of a limit is used):\n", kUsableShare * 100);
  print_table(rows, out);
  for (const PaceLoad& load : loads) {
    if (load.fits()) continue;
    out << fmt::format(
        "warning: {}: the schedule cannot be met: {} at {:.1f} calls/s against a limit of {:g}/s; intervals shorter "
        "than {} become about that long",
        load.name(), plural(load.targets, "target"), load.demand, load.limit, format_duration(load.shortest_kept));
    if (load.stale > 0) out << fmt::format(", and {} would be stale between polls", plural(load.stale, "target"));
    out << fmt::format("; {}\n", load.remedy);
  }
}

void print_proxies(std::ostream& out) {
  for (const std::string& problem : ProxySettings::of_environment().problems())
    out << fmt::format("warning: {}; calls that would go through it are refused\n", problem);
}

void print_accounts(const Settings& settings, std::ostream& out) {
  for (const auto& account : settings.accounts) {
    const std::string& name = account.first;
    const bool used = std::any_of(settings.watches.begin(), settings.watches.end(),
                                  [&](const WatchSettings& watch) { return watch.target.account == name; });
    if (!used) out << fmt::format("warning: account '{}' is defined, and no function uses it\n", name);
  }
}

void print_alerts(const Settings& settings, std::ostream& out) {
  if (settings.alerts.empty()) {
    out << "\nwarning: nobody is told of drift; add [[alert]] with a name and a plugin\n";
    return;
  }
  std::vector<Row> rows{{"ALERT", "PLUGIN", "KINDS", "TARGETS", "FALLBACK"}};
  for (const AlertSettings& alert : settings.alerts) {
    const auto& kinds = alert.subscription.kinds;
    rows.push_back({alert.subscription.name, alert.plugin,
                    kinds.empty() ? "all that alert by default" : fmt::format("{}", fmt::join(kinds, " ")),
                    fmt::format("{}", fmt::join(alert.subscription.targets, " ")),
                    alert.fallback.empty() ? "-" : alert.fallback});
  }
  out << fmt::format("\nWould tell {}:\n", plural(settings.alerts.size(), "alert destination"));
  print_table(rows, out);
}

std::string seconds(Millis time) { return fmt::format("{:.1f} s", static_cast<double>(time.count()) / 1000); }

std::string describe(const ApiAnswer& answer) {
  const Observation& seen = answer.observation;
  std::string text;
  switch (seen.outcome) {
    case Outcome::observed:
      text = "ok";
      break;
    case Outcome::missing:
      text = "answered: there is no such function, version or namespace";
      break;
    case Outcome::updating:
      text = "answered: the function is being deployed";
      break;
    case Outcome::denied:
      text = "denied";
      break;
    case Outcome::failed:
      text = "failed";
      break;
  }
  if (!seen.error.code.empty()) text += fmt::format(" ({}: {})", seen.error.code, seen.error.message);
  if (!seen.error.request_id.empty()) text += fmt::format(", request {}", seen.error.request_id);
  text += fmt::format(", {} ms", answer.took.count());
  if (!answer.clock_error) return text + ", clock unknown";
  if (answer.clock_error->count() == 0) return text + ", clock right";
  return text + fmt::format(", clock {} {}", seconds(std::chrono::abs(*answer.clock_error)),
                            answer.clock_error->count() > 0 ? "fast" : "slow");
}

}  // namespace

void print_settings(const Settings& settings, bool list_all, std::ostream& out) {
  out << fmt::format("{}: valid\n", harmless(settings.file));
  print_watches(settings, list_all, out);
  print_schedule(settings, out);
  print_accounts(settings, out);
  print_alerts(settings, out);
}

void print_plugins(const Settings& settings, const std::string& sinkhost, std::ostream& out) {
  const auto found = find_plugins(settings.plugin_dir, sinkhost);
  if (!found) {
    out << fmt::format("\nwarning: there are no plugins: {}; set plugin_dir in [daemon]\n",
                       harmless(found.error().message));
    return;
  }
  out << fmt::format("\n{} in {}:\n", plural(found->size(), "plugin"), harmless(settings.plugin_dir));
  for (const FoundPlugin& plugin : *found) {
    if (plugin.info) {
      out << '\n' << harmless(plugin.file) << '\n' << describe_plugin_table(*plugin.info);
    } else {
      out << fmt::format("\n{}\n  cannot be used: {}\n", harmless(plugin.file), harmless(plugin.info.error().message));
    }
  }
}

bool check_online(const Settings& settings, Api& api, std::ostream& out) {
  std::map<std::pair<std::string, std::string>, Target> first;
  for (const WatchSettings& watch : settings.watches) {
    first.emplace(std::pair(watch.target.account, watch.target.region), watch.target);
  }
  std::map<std::pair<std::string, std::string>, ApiAnswer> answers;
  for (const auto& [region, target] : first) {
    api.start({target}, [&answers, key = region](ApiAnswer answer) { answers.emplace(key, std::move(answer)); });
  }
  while (answers.size() < first.size()) api.turn(Millis{1'000});

  bool good = true;
  out << fmt::format("\nOne call for each account and region ({}):\n", first.size());
  for (const auto& [region, answer] : answers) {
    const Outcome outcome = answer.observation.outcome;
    good = good && outcome != Outcome::denied && outcome != Outcome::failed;
    out << harmless(fmt::format("  {}: {}", first.at(region).address(), describe(answer))) << '\n';
  }
  return good;
}

int run_check(const std::string& file, const CheckOptions& options, const MakeApi& make_api, std::ostream& out,
              std::ostream& err) {
  const Result<Settings, std::vector<Mistake>> loaded = load_settings(file);
  if (!loaded) {
    err << format_mistakes(loaded.error());
    return kBadConfiguration;
  }
  const DestinationReport destinations = check_destinations(*loaded, options.sinkhost);
  if (!destinations.mistakes.empty()) {
    if (options.plugins) print_plugins(*loaded, options.sinkhost, out);  // what is right stands there
    err << format_mistakes(destinations.mistakes);
    return kBadConfiguration;
  }
  print_settings(*loaded, options.list_all, out);
  print_proxies(out);
  for (const Mistake& warning : destinations.warnings)
    out << fmt::format("warning: {}: {}\n", warning.place.text(), warning.message);
  if (options.plugins) print_plugins(*loaded, options.sinkhost, out);
  err << format_mistakes(destinations.faults);
  const bool good = destinations.faults.empty();
  if (!options.online) return good ? kOk : kFailed;
  out << std::flush;  // what is known already can be read while the calls go on
  const std::unique_ptr<Api> api = make_api(*loaded);
  return check_online(*loaded, *api, out) && good ? kOk : kFailed;
}

}  // namespace codedriftd
