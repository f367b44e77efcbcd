#include "commands/check_rules.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <ostream>

#include "base/duration.h"
#include "base/text.h"
#include "commands/columns.h"
#include "scf/requests.h"
#include "settings/expand.h"
#include "settings/schedule.h"

namespace codedriftd {
namespace {

/// "288", "0.5": whole numbers from ten on.
std::string number(double calls) { return calls < 10 ? fmt::format("{:.2g}", calls) : fmt::format("{:.0f}", calls); }

std::vector<Line> cost_rows(const std::vector<CallsADay>& costs) {
  std::vector<Line> rows{{"CALLS/DAY", "ACTION", "FOR"}};
  for (const CallsADay& cost : costs) rows.push_back({number(cost.calls), cost.action, cost.of});
  return rows;
}

void print_rule(const RuleSettings& settings, const Settings& all, std::ostream& out) {
  const WatchRule& rule = settings.rule;
  const auto row = [&](std::string_view title, const std::string& text) {
    if (!text.empty()) out << fmt::format("  {:<11} {}\n", title, harmless(text));
  };
  out << fmt::format("\nWould watch what is found, by the [[watch]] at {}:\n", harmless(rule.where));
  row("account", rule.account);
  row("regions", fmt::format("{}", fmt::join(rule.regions, " ")));
  row("namespaces", fmt::format("{}", fmt::join(rule.namespaces, " ")));
  row("names", fmt::format("{}", fmt::join(rule.names, " ")));
  row("except", fmt::format("{}", fmt::join(rule.except, " ")));
  std::vector<std::string> tags;
  for (const auto& [key, value] : rule.tags) tags.push_back(key + "=" + value);
  row("tags", fmt::format("{}", fmt::join(tags, " ")));
  row("baseline", settings.watch.baseline == Baseline::review ? "review" : "first-seen");
  row("max_targets", fmt::format("{}", rule.max_targets));
  out << "Each function costs:\n";
  print_columns(cost_rows(polling_of(settings)), out);
  const Room room = room_for(settings, all);
  out << fmt::format(
      "The rate limit{} has room for {} of this kind{}.\n",
      room.action == kGetFunctionAddress ? "" : " of " + room.action, plural(room.functions, "function"),
      room.functions < rule.max_targets ? ", which is fewer than\nmax_targets: beyond that intervals get longer" : "");
}

std::size_t namespaces_in(const ReadAnswer& answer) {
  const auto* page = std::get_if<NamespacePage>(&answer.content);
  return page == nullptr ? 0
                         : std::max(page->names.size(), static_cast<std::size_t>(std::max<int64_t>(page->total, 0)));
}

}  // namespace

void print_rules(const Settings& settings, std::ostream& out) {
  for (const RuleSettings& rule : settings.rules) print_rule(rule, settings, out);
}

void print_discovery(const Settings& settings, std::ostream& out) {
  for (const DiscoveryLoad& load : discovery_of(settings)) {
    const DiscoverySettings& discovery = settings.accounts.at(load.account).discovery;
    out << fmt::format("\nDiscovery in account {}, {}:\n", load.account, plural(load.regions.size(), "region"));
    print_columns(cost_rows(load.calls), out);
    if (load.namespaces)
      out << fmt::format("The rate limit of ListFunctions has room for {} in each region.\n",
                         plural(*load.namespaces, "namespace"));
    out << fmt::format(
        "A change is seen within about {}: the look, and a poll at once; where the look\nfails, within the interval. "
        "A new function is found within {}.\n",
        format_duration(load.seen_within), format_duration(discovery.every));
  }
}

std::vector<std::string> discovery_warnings(const Settings& settings) {
  std::vector<std::string> warnings;
  for (const DiscoveryLoad& load : discovery_of(settings)) {
    if (load.fits()) continue;
    warnings.push_back(fmt::format(
        "account '{}': looking for changes in {} every {} leaves room for {} in each, and {} are usual; beyond that "
        "changes are seen later; {}",
        load.account, plural(load.regions.size(), "region"),
        format_duration(settings.accounts.at(load.account).discovery.changes_every),
        plural(*load.namespaces, "namespace"), kUsualNamespaces, load.remedy));
  }
  return warnings;
}

OrderedJson rules_json(const Settings& settings) {
  OrderedJson rows = OrderedJson::array();
  for (const RuleSettings& rule : settings.rules) {
    OrderedJson calls = OrderedJson::array();
    for (const CallsADay& cost : polling_of(rule))
      calls.push_back({{"action", cost.action}, {"calls", cost.calls * cost.times}, {"of", cost.of}});
    const Room room = room_for(rule, settings);
    rows.push_back({{"where", clean_utf8(rule.rule.where, 4096)},
                    {"max_targets", rule.rule.max_targets},
                    {"calls_per_day", std::move(calls)},
                    {"room", room.functions},
                    {"room_action", room.action}});
  }
  return rows;
}

OrderedJson discovery_json(const Settings& settings) {
  OrderedJson rows = OrderedJson::array();
  for (const DiscoveryLoad& load : discovery_of(settings)) {
    OrderedJson calls = OrderedJson::array();
    for (const CallsADay& cost : load.calls)
      calls.push_back({{"action", cost.action}, {"calls", cost.calls}, {"of", cost.of}});
    rows.push_back({{"account", load.account},
                    {"regions", load.regions},
                    {"calls_per_day", std::move(calls)},
                    {"seen_within_ms", load.seen_within.count()},
                    {"namespaces", load.namespaces ? OrderedJson(*load.namespaces) : OrderedJson()},
                    {"fits", load.fits()}});
  }
  return rows;
}

std::vector<DiscoveryAnswer> ask_discovery(const Settings& settings, ReadApi& api) {
  std::vector<DiscoveryAnswer> asked;
  for (const ListedRegion& listed : listed_regions(settings)) asked.push_back({listed.account, listed.region, {}});
  std::size_t answered = 0;
  for (DiscoveryAnswer& one : asked) {
    api.start({Action::list_namespaces, one.account, one.region, requests::list_namespaces(0)},
              [&one, &answered](ReadAnswer answer) {
                one.answer = std::move(answer);
                ++answered;
              });
  }
  while (answered < asked.size()) api.turn(Millis{1'000});
  return asked;
}

void print_discovery_answers(const std::vector<DiscoveryAnswer>& answers, std::ostream& out) {
  if (answers.empty()) return;
  out << fmt::format("\nDiscovery's first call for each account and region ({}):\n", answers.size());
  for (const DiscoveryAnswer& asked : answers) {
    const PollError& error = asked.answer.error;
    std::string text;
    if (error.code.empty()) {
      text = fmt::format("ok, {}", plural(namespaces_in(asked.answer), "namespace"));
    } else {
      text = fmt::format("{} ({}: {})", asked.answer.meaning.outcome == Outcome::denied ? "denied" : "failed",
                         error.code, error.message);
      if (!error.request_id.empty()) text += fmt::format(", request {}", error.request_id);
      if (asked.answer.meaning.outcome == Outcome::denied) text += "; `codedriftd policy` prints what it needs";
    }
    out << harmless(fmt::format("  {}/{}: {}", asked.account, asked.region, text)) << '\n';
  }
}

OrderedJson discovery_answers_json(const std::vector<DiscoveryAnswer>& answers) {
  OrderedJson rows = OrderedJson::array();
  for (const DiscoveryAnswer& asked : answers) {
    const PollError& error = asked.answer.error;
    rows.push_back({{"account", asked.account},
                    {"region", asked.region},
                    {"namespaces", error.code.empty() ? OrderedJson(namespaces_in(asked.answer)) : OrderedJson()},
                    {"code", or_null<OrderedJson>(error.code)},
                    {"message", or_null<OrderedJson>(error.message)},
                    {"request_id", or_null<OrderedJson>(error.request_id)}});
  }
  return rows;
}

}  // namespace codedriftd
