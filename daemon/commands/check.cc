#include "commands/check.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <map>
#include <optional>
#include <ostream>
#include <vector>

#include "base/byte_size.h"
#include "base/duration.h"
#include "base/json.h"
#include "base/text.h"
#include "commands/check_rules.h"
#include "commands/columns.h"
#include "commands/options/usage.h"
#include "commands/reach/owner.h"
#include "http/proxy.h"
#include "polling/sweep.h"
#include "service/foresight.h"
#include "settings/expand.h"
#include "settings/load.h"
#include "settings/schedule.h"
#include "sinks/destinations.h"
#include "sinks/options.h"
#include "store/db/migrate.h"
#include "store/open/check_record.h"

namespace codedriftd {
namespace {

constexpr std::size_t kListed = 50;

void print_watches(const Settings& settings, bool list_all, std::ostream& out) {
  if (settings.watches.empty()) {
    return;
  }
  std::map<std::vector<std::string>, std::size_t> counts;
  for (const WatchSettings& watch : settings.watches)
    ++counts[{watch.target.account, watch.target.region, watch.target.ns}];
  std::vector<Line> rows{{"ACCOUNT", "REGION", "NAMESPACE", "TARGETS"}};
  for (const auto& [group, count] : counts) rows.push_back({group[0], group[1], group[2], std::to_string(count)});
  out << fmt::format("\nWould watch {}:\n", plural(settings.watches.size(), "target"));
  print_columns(rows, out);

  if (!list_all && settings.watches.size() > kListed) {
    out << "  (--list lists every target)\n";
    return;
  }
  rows = {{"TARGET", "INTERVAL", "STALE AFTER", "BASELINE"}};
  for (const WatchSettings& watch : settings.watches) {
    const std::string_view baseline = watch.baseline == Baseline::review ? "review" : "first-seen";
    rows.push_back({watch.target.address(), format_duration(watch.interval), format_duration(watch.stale_after),
                    watch.pin       ? fmt::format("pinned {}", watch.pin->hex().substr(0, 12))
                    : watch.content ? fmt::format("pinned {}", watch.content->text().substr(0, 15))
                                    : std::string(baseline)});
  }
  out << '\n';
  print_columns(rows, out);
}

void print_schedule(const Settings& settings, std::ostream& out) {
  const std::vector<PaceLoad> loads = schedule_of(settings);
  if (loads.empty()) return;
  std::vector<Line> rows{{"ACCOUNT", "REGION", "ACTION", "CALLS/S", "LIMIT/S", "USED"}};
  for (const PaceLoad& load : loads) {
    rows.push_back({fmt::format("{}", fmt::join(load.accounts, " ")), fmt::format("{}", fmt::join(load.regions, " ")),
                    load.action, fmt::format("{:.3f}", load.demand), fmt::format("{:g}", load.limit),
                    fmt::format("{:.1f} %", load.utilisation * 100)});
  }
  out << fmt::format("\nDemand on the rate limits (at most {:.0f} % of a limit is used):\n", kUsableShare * 100);
  print_columns(rows, out);
}

std::string cannot_be_met(const PaceLoad& load) {
  std::string text = fmt::format(
      "{}: the schedule cannot be met: {} at {:.1f} calls/s against {}; intervals shorter than {} become about that "
      "long",
      load.name(), plural(load.targets, "target"), load.demand, load.limit_in_words(),
      format_duration(load.shortest_kept));
  if (load.stale > 0) text += fmt::format(", and {} would be stale between polls", plural(load.stale, "target"));
  return text + fmt::format("; {}", load.remedy);
}

void print_alerts(const Settings& settings, std::ostream& out) {
  if (settings.alerts.empty()) return;
  std::vector<Line> rows{{"ALERT", "PLUGIN", "KINDS", "TARGETS", "FALLBACK"}};
  for (const AlertSettings& alert : settings.alerts) {
    const auto& kinds = alert.subscription.kinds;
    rows.push_back({alert.subscription.name, alert.plugin,
                    kinds.empty() ? "all that alert by default" : fmt::format("{}", fmt::join(kinds, " ")),
                    fmt::format("{}", fmt::join(alert.subscription.targets, " ")),
                    alert.fallback.empty() ? "-" : alert.fallback});
  }
  out << fmt::format("\nAlerts go to {}:\n", plural(settings.alerts.size(), "destination"));
  print_columns(rows, out);
}

void print_packages(const Settings& settings, std::ostream& out) {
  const PackageSettings& packages = settings.packages;
  if (packages.keep == PackageSettings::Keep::off) {
    out << "\nPackages are not looked into.\n";
    return;
  }
  const std::string kept =
      packages.keep == PackageSettings::Keep::files
          ? fmt::format("their contents are kept, {} at most", format_byte_size(packages.max_total))
          : "their lists of files are kept";
  out << fmt::format("\nPackages of up to {} from {} are looked into; {}.\n", format_byte_size(packages.limits.package),
                     fmt::join(packages.hosts, ", "), kept);
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
  if (answer.took == Millis{0} && !answer.clock_error) return text;  // none was made
  text += fmt::format(", {} ms", answer.took.count());
  if (!answer.clock_error) return text + ", clock unknown";
  if (answer.clock_error->count() == 0) return text + ", clock right";
  return text + fmt::format(", clock {} {}", seconds(std::chrono::abs(*answer.clock_error)),
                            answer.clock_error->count() > 0 ? "fast" : "slow");
}

/// What is allowed and hardly meant, of the whole configuration. One without a place has line 0 and no file.
std::vector<Mistake> warnings_of(const Settings& settings, DestinationReport& report) {
  std::vector<Mistake> warnings = std::move(report.warnings);
  const auto add = [&](std::string text) { warnings.push_back({{}, std::move(text)}); };
  if (settings.watches.empty() && settings.rules.empty())
    add("nothing is watched; add [[function]] with name = \"FUNCTION\", or [[watch]]");
  for (const std::string& problem : ProxySettings::of_environment().problems())
    add(fmt::format("{}; calls that would go through it are refused", problem));
  for (const PaceLoad& load : schedule_of(settings)) {
    if (!load.fits()) add(cannot_be_met(load));
  }
  for (std::string& text : discovery_warnings(settings)) add(std::move(text));
  for (const auto& account : settings.accounts) {
    const std::string& name = account.first;
    const bool used = std::any_of(settings.watches.begin(), settings.watches.end(),
                                  [&](const WatchSettings& watch) { return watch.target.account == name; }) ||
                      std::any_of(settings.rules.begin(), settings.rules.end(),
                                  [&](const RuleSettings& rule) { return rule.rule.account == name; });
    if (!used) add(fmt::format("account '{}' is defined, and no function uses it", name));
  }
  if (settings.alerts.empty())
    add("no [[alert]]: drift would not be reported to anybody; add one with a name and a plugin");
  return warnings;
}

void print_warnings(const std::vector<Mistake>& warnings, std::ostream& out) {
  if (!warnings.empty()) out << '\n';
  for (const Mistake& warning : warnings) {
    const std::string place = warning.place.file.empty() ? "" : warning.place.text() + ": ";
    out << harmless(fmt::format("warning: {}{}", place, warning.message)) << '\n';
  }
}

bool is_good(const OnlineAnswer& asked, bool all) {
  const Outcome outcome = asked.answer.observation.outcome;
  // For the way to the cloud "no such function" is an answer; where each function is asked for it is one too few.
  return outcome != Outcome::denied && outcome != Outcome::failed && !(all && outcome == Outcome::missing);
}

OrderedJson placed_json(const std::vector<Mistake>& list) {
  OrderedJson rows = OrderedJson::array();
  for (const Mistake& mistake : list) {
    const Place& place = mistake.place;
    const auto number = [&](unsigned value) { return place.line == 0 ? OrderedJson() : OrderedJson(value); };
    rows.push_back({{"file", or_null<OrderedJson>(clean_utf8(place.file, 4096))},
                    {"line", number(place.line)},
                    {"column", number(place.column)},
                    {"message", clean_utf8(mistake.message)}});
  }
  return rows;
}

OrderedJson paces_json(const Settings& settings) {
  OrderedJson paces = OrderedJson::array();
  for (const PaceLoad& load : schedule_of(settings)) {
    paces.push_back({{"accounts", load.accounts},
                     {"regions", load.regions},
                     {"action", load.action},
                     {"targets", load.targets},
                     {"calls_per_second", load.demand},
                     {"limit", load.limit},
                     {"fits", load.fits()}});
  }
  return paces;
}

OrderedJson online_json(const std::vector<OnlineAnswer>& answers) {
  OrderedJson rows = OrderedJson::array();
  for (const OnlineAnswer& asked : answers) {
    const Observation& seen = asked.answer.observation;
    rows.push_back({{"target", asked.target.address()},
                    {"outcome", to_string(seen.outcome)},
                    {"code", or_null<OrderedJson>(seen.error.code)},
                    {"message", or_null<OrderedJson>(seen.error.message)},
                    {"request_id", or_null<OrderedJson>(seen.error.request_id)},
                    {"clock_error_ms",
                     asked.answer.clock_error ? OrderedJson(asked.answer.clock_error->count()) : OrderedJson()}});
  }
  return rows;
}

/// All that a check found, told as text while it goes on, or as JSON at its end.
class Check {
 public:
  Check(const std::string& file, const CheckOptions& options, std::ostream& out, std::ostream& err)
      : options_(options), out_(out), err_(err) {
    json_ = {{"schema", "codedriftd.check.v1"}, {"file", clean_utf8(file, 4096)}, {"valid", false}};
  }

  int run(const std::string& file, const MakeApi& make_api, const MakeReadApi& make_read_api) {
    const int code = look(file, make_api, make_read_api);
    if (options_.json) out_ << plain_json(json_) << '\n';
    return code;
  }

 private:
  int look(const std::string& file, const MakeApi& make_api, const MakeReadApi& make_read_api) {
    const Result<Settings, std::vector<Mistake>> loaded = load_settings(file);
    if (!loaded) return wrong(loaded.error());
    const Settings& settings = *loaded;
    if (options_.as_owner) (void)become_owner(settings.state_dir);  // no folder yet: then as who we are
    DestinationReport report = look_ahead(settings, options_.sinkhost, looking(settings));
    if (!report.mistakes.empty()) {
      if (options_.plugins && !options_.json) print_plugins(settings, options_.sinkhost, out_);  // what is right
      return wrong(report.mistakes);
    }
    try_record(settings, report);
    json_["valid"] = true;
    json_["mistakes"] = OrderedJson::array();
    json_["functions"] = settings.watches.size();
    json_["rules"] = settings.rules.size();
    json_["paces"] = paces_json(settings);
    json_["rule_costs"] = rules_json(settings);
    json_["discovery"] = discovery_json(settings);
    json_["alerts"] = settings.alerts.size();
    const std::vector<Mistake> warnings = warnings_of(settings, report);
    json_["warnings"] = placed_json(warnings);
    json_["faults"] = placed_json(report.faults);
    if (!options_.json) {
      print_settings(settings, options_.list_all, out_);
      if (settings.store.server)
        out_ << fmt::format("\nThe record is in {}{}.\n", harmless(settings.store.url),
                            json_["store"]["schema"].is_null() ? "" : fmt::format(", with schema {}", newest_schema()));
      print_warnings(warnings, out_);
      if (options_.plugins) print_plugins(settings, options_.sinkhost, out_);
      err_ << format_mistakes(report.faults);
    }
    if (options_.strict && !warnings.empty()) {
      json_["valid"] = false;
      err_ << fmt::format("codedriftd: {}; with --strict that is an error\n", plural(warnings.size(), "warning"));
      return kExitConfig;
    }
    const bool good = report.faults.empty();
    return online(settings, make_api, make_read_api) && good ? EXIT_SUCCESS : EXIT_FAILURE;
  }

  /// The record on a server, as the daemon would use it.
  void try_record(const Settings& settings, DestinationReport& report) {
    json_["store"] = OrderedJson();
    if (!settings.store.server) return;
    const RecordCheck check = check_record(settings.store);
    json_["store"] = {{"url", settings.store.url},
                      {"schema", check.schema == 0 ? OrderedJson() : OrderedJson(check.schema)}};
    const auto add = [&](std::vector<Mistake>& to, const RecordCheck::Finding& finding) {
      to.push_back({settings.places.at("store." + finding.key), harmless(fmt::format("[store] {}", finding.words))});
    };
    const Looking as = looking(settings);
    for (RecordCheck::Finding fault : check.faults) {
      const bool forbidden = may_be_read_by_the_service(fault.words, as);
      if (as == Looking::as_somebody) fault.words += "; this user is not the service's: root looks as the service does";
      add(forbidden ? report.warnings : report.faults, fault);
    }
    for (const auto& warning : check.warnings) add(report.warnings, warning);
  }

  int wrong(const std::vector<Mistake>& mistakes) {
    json_["mistakes"] = placed_json(mistakes);
    if (!options_.json) err_ << format_mistakes(mistakes);
    return kExitConfig;
  }

  /// Who is going to read the files: the service does as the owner of its folder.
  static Looking looking(const Settings& settings) {
    struct stat info {};
    if (::geteuid() == 0) return Looking::as_the_service;
    const bool owner = ::stat(settings.state_dir.c_str(), &info) == 0 && info.st_uid == ::geteuid();
    return owner ? Looking::as_the_service : Looking::as_somebody;
  }

  bool online(const Settings& settings, const MakeApi& make_api, const MakeReadApi& make_read_api) {
    if (!options_.online) return true;
    out_ << std::flush;  // what is known already can be read while the calls go on
    const std::unique_ptr<Api> api = make_api(settings);
    const std::vector<OnlineAnswer> answers = options_.all ? ask_each(settings, *api) : ask_each_region(settings, *api);
    json_["online"] = online_json(answers);
    if (!options_.json && (!answers.empty() || listed_regions(settings).empty()))
      print_online(answers, options_.all, out_);
    const bool polls = std::all_of(answers.begin(), answers.end(),
                                   [&](const OnlineAnswer& asked) { return is_good(asked, options_.all); });
    if (listed_regions(settings).empty()) return polls;
    const std::vector<DiscoveryAnswer> found = ask_discovery(settings, *make_read_api(settings));
    json_["online_discovery"] = discovery_answers_json(found);
    if (!options_.json) print_discovery_answers(found, out_);
    return polls && std::all_of(found.begin(), found.end(),
                                [](const DiscoveryAnswer& asked) { return asked.answer.error.code.empty(); });
  }

  const CheckOptions& options_;
  std::ostream &out_, &err_;
  OrderedJson json_;
};

}  // namespace

void print_settings(const Settings& settings, bool list_all, std::ostream& out) {
  out << fmt::format("{}: valid\n", harmless(settings.file));
  print_watches(settings, list_all, out);
  print_rules(settings, out);
  print_schedule(settings, out);
  print_discovery(settings, out);
  print_alerts(settings, out);
  print_packages(settings, out);
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

std::vector<OnlineAnswer> ask_each_region(const Settings& settings, Api& api) {
  std::map<std::pair<std::string, std::string>, Target> first;
  for (const WatchSettings& watch : settings.watches) {
    first.emplace(std::pair(watch.target.account, watch.target.region), watch.target);
  }
  std::map<std::pair<std::string, std::string>, ApiAnswer> answers;
  for (const auto& [region, target] : first) {
    api.start({target}, [&answers, key = region](ApiAnswer answer) {
      answer.url = Secret();  // nothing is fetched here
      answers.emplace(key, std::move(answer));
    });
  }
  while (answers.size() < first.size()) api.turn(Millis{1'000});
  std::vector<OnlineAnswer> asked;
  for (auto& [region, answer] : answers) asked.push_back({first.at(region), std::move(answer)});
  return asked;
}

std::vector<OnlineAnswer> ask_each(const Settings& settings, Api& api) {
  std::vector<const Target*> targets;
  std::vector<OnlineAnswer> asked;
  for (const WatchSettings& watch : settings.watches) {
    targets.push_back(&watch.target);
    asked.push_back({watch.target, {}});
    asked.back().answer.observation.outcome = Outcome::failed;
    asked.back().answer.observation.error = {"not asked", "several refusals in a row came before it", ""};
  }
  Paces paces;
  for (const auto& [name, account] : settings.accounts) paces[name] = {pace_key(account), account.requests_per_second};
  SweepHooks hooks;
  hooks.answered = [&](std::size_t index, const Observation& observation, WallTime) {
    asked[index].answer.observation = observation;
  };
  hooks.progress = [](std::size_t) {};
  sweep(api, SystemClock{}, targets, paces, hooks);
  return asked;
}

void print_online(const std::vector<OnlineAnswer>& answers, bool all, std::ostream& out) {
  const auto line = [&](const OnlineAnswer& asked) {
    out << harmless(fmt::format("  {}: {}", asked.target.address(), describe(asked.answer))) << '\n';
  };
  if (!all) {
    out << fmt::format("\nOne call for each account and region ({}):\n", answers.size());
    for (const OnlineAnswer& asked : answers) line(asked);
    return;
  }
  std::size_t good = 0;
  out << fmt::format("\n{} asked for:\n", plural(answers.size(), "function"));
  for (const OnlineAnswer& asked : answers) {
    if (asked.answer.observation.outcome == Outcome::observed) {
      ++good;
    } else {
      line(asked);
    }
  }
  out << fmt::format("  {} answered with a hash\n", good);
}

int run_check(const std::string& file, const CheckOptions& options, const MakeApi& make_api,
              const MakeReadApi& make_read_api, std::ostream& out, std::ostream& err) {
  return Check(file, options, out, err).run(file, make_api, make_read_api);
}

}  // namespace codedriftd
