#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "model/kinds.h"
#include "settings/readers.h"

namespace codedriftd {
namespace {

std::vector<std::string> texts_of(std::vector<PlacedText> placed) {
  std::vector<std::string> texts;
  for (PlacedText& text : placed) texts.push_back(std::move(text.text));
  return texts;
}

/// One value under [alert.options]; nullopt for a type that no option has.
std::optional<OptionValue> read_option(const toml::node& node, const std::string& file) {
  OptionValue option;
  option.place = place_of(node, file);
  if (const auto* text = node.as_string()) {
    option.value = text->get();
  } else if (const auto* number = node.as_integer()) {
    option.value = number->get();
  } else if (const auto* flag = node.as_boolean()) {
    option.value = flag->get();
  } else if (const auto* list = node.as_array()) {
    std::vector<std::string> texts;
    for (const toml::node& element : *list) {
      if (!element.is_string()) return std::nullopt;
      texts.push_back(element.as_string()->get());
    }
    option.value = std::move(texts);
  } else {
    return std::nullopt;
  }
  return option;
}

std::map<std::string, OptionValue> read_options(const Section& section) {
  const toml::table* table = section.subtable("options", "[alert.options]");
  if (table == nullptr) return {};
  std::map<std::string, OptionValue> options;
  for (const auto& [key, node] : *table) {
    if (std::optional<OptionValue> option = read_option(node, section.file())) {
      options.emplace(key.str(), std::move(*option));
    } else {
      const std::string_view found = node.is_array() ? "a list of other things than strings" : type_name(node);
      section.mistake(
          place_of(node, section.file()),
          fmt::format("option '{}' is {}; an option is a string, an integer, true or false, or a list of strings",
                      harmless(utf8_prefix(key.str(), 80)), found));
    }
  }
  return options;
}

PlacedAlert read_alert(const Section& section) {
  PlacedAlert read;
  AlertSettings& alert = read.alert;
  alert.place = section.place();
  read.name_place = section.place("name");
  read.fallback_place = section.place("fallback");
  alert.subscription.name = section.text("name", kAlertName).value_or("");
  alert.plugin_place = section.place("plugin");
  alert.plugin = section.text("plugin", kPlugin).value_or("");
  if (!section.has("name")) section.mistake(section.place(), "no 'name': give name = \"ops\" (or another)");
  if (!section.has("plugin")) section.mistake(section.place(), "no 'plugin': give plugin = \"webhook\" (or another)");
  if (auto kinds = section.texts("kinds", kKindGlob, "list a kind, or leave it out for all that alert by default")) {
    alert.subscription.kinds = texts_of(std::move(*kinds));
  }
  alert.subscription.targets = {"*"};
  if (auto targets = section.texts("targets", kTargetGlob, "list a pattern, or leave it out for all targets")) {
    read.targets = *targets;
    alert.subscription.targets = texts_of(std::move(*targets));
  }
  alert.fallback = section.text("fallback", kAlertName).value_or("");
  alert.give_up_after = section.duration("give_up_after", kSecond, kYear).value_or(alert.give_up_after);
  alert.reminder = section.duration("reminder", Millis{0}, kYear).value_or(alert.reminder);
  alert.heartbeat = section.duration("heartbeat", Millis{0}, kYear).value_or(alert.heartbeat);
  const auto& kinds = alert.subscription.kinds;
  if (alert.heartbeat == Millis{0} && std::find(kinds.begin(), kinds.end(), kHeartbeatKind) != kinds.end()) {
    section.mistake(section.place("kinds"), "'kinds' names \"heartbeat\", and there is none: give heartbeat = \"1h\"");
  }
  alert.options = read_options(section);
  return read;
}

using ByName = std::map<std::string, const PlacedAlert*>;

/// "a -> b -> a" if the fallbacks from `start` lead back to it; empty otherwise.
std::string circle(const ByName& alerts, const std::string& start) {
  std::string way = start;
  std::string at = start;
  for (std::size_t steps = 0; steps <= alerts.size(); ++steps) {
    const auto found = alerts.find(at);
    if (found == alerts.end() || found->second->alert.fallback.empty()) return {};
    at = found->second->alert.fallback;
    way += " -> " + at;
    if (at == start) return way;
  }
  return {};  // it leads into a circle that `start` is no part of
}

void check_fallback(const ByName& alerts, const PlacedAlert& read, bool all_read, Mistakes& mistakes) {
  const std::string& fallback = read.alert.fallback;
  if (fallback.empty()) return;
  if (!alerts.contains(fallback)) {
    if (!all_read) return;
    std::vector<std::string> names;
    for (const auto& [name, alert] : alerts) names.push_back(name);
    const std::string near = nearest(fallback, names);
    mistakes.add(
        read.fallback_place,
        near.empty()
            ? fmt::format("'fallback' is \"{0}\": there is no such alert; add [[alert]] with name = \"{0}\", "
                          "or leave it out",
                          fallback)
            : fmt::format("'fallback' is \"{}\": there is no such alert; did you mean \"{}\"?", fallback, near));
    return;
  }
  const std::string way = circle(alerts, read.alert.subscription.name);
  if (way.empty()) return;
  mistakes.add(read.fallback_place,
               fmt::format("'fallback' goes round in a circle ({}); the last alert of a chain has none", way));
}

/// A pattern that would match what somebody may have meant by `glob`: a function's name, or one near to it.
std::string pattern_meant(const std::string& glob, const std::vector<WatchSettings>& watches) {
  std::vector<std::string> names;
  for (const WatchSettings& watch : watches) {
    names.push_back(watch.target.function);
    names.push_back(watch.target.address());
  }
  const std::string near = nearest(glob, names);
  return near.find('/') == std::string::npos && !near.empty() ? "*/" + near + ":*" : near;
}

}  // namespace

void read_alerts(const Document& document, std::vector<PlacedAlert>& alerts, Mistakes& mistakes) {
  for (const toml::table* table : tables_at_top(document, "alert", mistakes)) {
    alerts.push_back(read_alert(Section(*table, kAlertKeys, document.name, mistakes)));
  }
}

void check_alerts(const std::vector<PlacedAlert>& alerts, bool all_read, Mistakes& mistakes) {
  ByName by_name;
  for (const PlacedAlert& read : alerts) {
    const std::string& name = read.alert.subscription.name;
    if (name.empty()) continue;
    if (const auto [first, fresh] = by_name.emplace(name, &read); !fresh) {
      mistakes.add(read.name_place, fmt::format("alert '{}' is defined already, at {}; give one of them another name",
                                                name, first->second->name_place.text()));
    }
  }
  for (const PlacedAlert& read : alerts) check_fallback(by_name, read, all_read, mistakes);
}

void warn_of_idle_targets(const std::vector<PlacedText>& targets, std::string_view owner,
                          const std::vector<std::string>& addresses, const AllWatched& watched, Mistakes& mistakes) {
  for (const PlacedText& glob : targets) {
    if (std::any_of(addresses.begin(), addresses.end(),
                    [&](const std::string& address) { return glob_match(glob.text, address); }) ||
        std::any_of(watched.rules.begin(), watched.rules.end(),
                    [&](const PlacedRule& rule) { return may_match(glob.text, rule); }))
      continue;
    const std::string meant = pattern_meant(glob.text, watched.watches);
    mistakes.warn(glob.place, fmt::format("'targets' of {} has {}, which matches nothing that is watched; {}", owner,
                                          in_quotes(glob.text),
                                          meant.empty() ? "it is compared with whole addresses, such as "
                                                          "\"prod/ap-guangzhou/default/charge:$LATEST\""
                                                        : fmt::format("did you mean \"{}\"?", meant)));
  }
}

void check_alert_targets(const std::vector<PlacedAlert>& alerts, const AllWatched& watched, Mistakes& mistakes) {
  std::vector<std::string> addresses;
  addresses.reserve(watched.watches.size());
  for (const WatchSettings& watch : watched.watches) addresses.push_back(watch.target.address());
  for (const PlacedAlert& read : alerts) {
    warn_of_idle_targets(read.targets, fmt::format("alert '{}'", read.alert.subscription.name), addresses, watched,
                         mistakes);
  }
}

}  // namespace codedriftd
