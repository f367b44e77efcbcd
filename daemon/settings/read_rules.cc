#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "base/text.h"
#include "settings/readers.h"

namespace codedriftd {
namespace {

constexpr uint64_t kMostVersions = 100, kMostFunctions = 1'000'000;

std::vector<std::string> globs_of(const Section& section, std::string_view key, const TextRule& rule,
                                  std::string_view empty_means, std::vector<std::string> otherwise) {
  const auto read = section.texts(key, rule, empty_means);
  if (!read) return otherwise;
  std::vector<std::string> globs;
  for (const PlacedText& glob : *read) globs.push_back(glob.text);
  return globs;
}

/// Those of the rule, each once, else the one of [defaults].
std::vector<std::string> read_regions(const Section& section, const WatchKeys& defaults) {
  std::vector<std::string> regions;
  if (const auto read = section.texts("regions", kRegion, "list at least one region")) {
    for (const PlacedText& region : *read) {
      if (std::find(regions.begin(), regions.end(), region.text) != regions.end()) continue;
      warn_of_unknown_region(region, section.mistakes());
      regions.push_back(region.text);
    }
  } else if (!section.has("regions") && defaults.region.value) {
    warn_of_unknown_region({*defaults.region.value, *defaults.region.place}, section.mistakes());
    regions.push_back(*defaults.region.value);
  } else if (!section.has("regions") && !defaults.region.place) {
    section.mistake(section.place(),
                    "no 'regions': give regions = [\"ap-guangzhou\"] (or others) here, or region in [defaults]");
  }
  return regions;
}

std::map<std::string, std::string> read_tags(const Section& section) {
  std::map<std::string, std::string> tags;
  const toml::table* table = section.subtable("tags", "tags = { KEY = \"VALUE\" }");
  if (table == nullptr) return tags;
  if (table->empty())
    section.mistake(section.place("tags"), "'tags' is empty: name a tag that functions have to have, or leave it out");
  for (const auto& [key, node] : *table) {
    const std::string shown = harmless(utf8_prefix(key.str(), 80));
    const toml::value<std::string>* value = node.as_string();
    if (const Problem problem = tag_key_problem(key.str())) {
      section.mistake(place_of(key.source(), section.file()), fmt::format("tag '{}': {}", shown, *problem));
    } else if (value == nullptr) {
      section.mistake(place_of(node, section.file()),
                      fmt::format("tag '{}' is {}; it must be a pattern of its value in quotes, such as \"pay\", or "
                                  "\"*\" for any",
                                  shown, type_name(node)));
    } else if (const Problem wrong = tag_glob_problem(value->get())) {
      section.mistake(place_of(node, section.file()),
                      fmt::format("tag '{}' is {}: {}", shown, in_quotes(value->get()), *wrong));
    } else {
      tags.emplace(key.str(), value->get());
    }
  }
  return tags;
}

RuleSettings read_rule(const Section& section, const WatchKeys& keys, const WatchKeys& defaults) {
  RuleSettings read;
  WatchRule& rule = read.rule;
  rule.account = keys.account.value.value_or("");
  rule.regions = read_regions(section, defaults);
  rule.namespaces = globs_of(section, "namespaces", kNamespaceGlob, "list a pattern, or leave it out for all", {"*"});
  rule.names = globs_of(section, "names", kNameGlob, "list a pattern, or leave it out for all functions", {"*"});
  rule.except = globs_of(section, "except", kNameGlob, {}, {});
  rule.tags = read_tags(section);
  rule.versions = static_cast<unsigned>(section.whole_number("versions", 0, kMostVersions).value_or(rule.versions));
  rule.aliases = section.boolean("aliases").value_or(rule.aliases);
  rule.layers = section.boolean("layers").value_or(rule.layers);
  rule.max_targets = section.whole_number("max_targets", 1, kMostFunctions).value_or(rule.max_targets);
  read.versions_interval = section.duration("versions_interval", kSecond, kYear).value_or(read.versions_interval);
  read.watch = watch_of(section, keys);
  read.watch.target.account = rule.account;
  rule.where = read.watch.where;
  return read;
}

/// True if a text that begins with `start` and goes on as an address does can match `glob`. The positions of the
/// pattern that are reached are followed through `start`; what is left of it has to be possible.
bool reaches(std::string_view glob, std::string_view start) {
  std::set<std::size_t> at{0};
  const auto over_stars = [&] {  // a '*' may be passed without a character
    for (const std::size_t i : at) {
      if (i < glob.size() && glob[i] == '*') at.insert(i + 1);  // behind i: this loop comes to it
    }
  };
  over_stars();
  for (const char c : start) {
    std::set<std::size_t> next;
    for (const std::size_t i : at) {
      if (i == glob.size()) continue;
      if (glob[i] == '*') {
        next.insert(i);
      } else if (glob[i] == '?' || glob[i] == c) {
        next.insert(i + 1);
      }
    }
    at = std::move(next);
    over_stars();
  }
  return std::any_of(at.begin(), at.end(), [&](std::size_t i) {
    const std::string_view rest = glob.substr(i);
    return rest.find_first_of("*?") != rest.npos || (rest.find('/') != rest.npos && rest.find(':') != rest.npos);
  });
}

}  // namespace

void read_rules(const Document& document, const WatchKeys& defaults, const Accounts& accounts, bool all_read,
                std::vector<PlacedRule>& rules, Mistakes& mistakes) {
  for (const toml::table* table : tables_at_top(document, "watch", mistakes)) {
    const Section section(*table, kWatchKeys, document.name, mistakes);
    const WatchKeys own = read_watch_keys(section);
    const WatchKeys keys = with_defaults(own, defaults);
    check_account(section, keys, accounts, all_read);
    PlacedRule read{read_rule(section, keys, defaults), section.place(), keys.require.place};
    // Never that of [defaults]: what somebody plants is not to be trusted on sight.
    read.rule.watch.baseline = own.baseline.value.value_or(Baseline::review);
    rules.push_back(std::move(read));
  }
}

void check_discovery(Accounts& accounts, const std::vector<PlacedRule>& rules, const std::vector<PlacedWatch>& watches,
                     Mistakes& mistakes) {
  for (const PlacedRule& read : rules) {
    const auto found = accounts.find(read.rule.rule.account);
    if (found == accounts.end()) continue;
    found->second.account.discovery.enabled = true;
    if (!found->second.discovery_off) continue;
    mistakes.add(
        *found->second.discovery_off,
        fmt::format("'enabled' is false, and the [[watch]] at {} watches what is found in account '{}'; remove "
                    "this line, or that [[watch]]",
                    read.place.text(), found->first));
    found->second.discovery_off.reset();  // once
  }
  for (const auto& [name, read] : accounts) {
    if (!read.account.discovery.enabled) continue;
    const auto of_account = [&account = name](const auto& watched) {
      if constexpr (requires { watched.rule; }) {
        return watched.rule.rule.account == account;
      } else {
        return watched.watch.target.account == account;
      }
    };
    if (std::any_of(rules.begin(), rules.end(), of_account) || std::any_of(watches.begin(), watches.end(), of_account))
      continue;
    mistakes.warn(read.place, fmt::format("discovery of account '{}' lists nothing: its regions are those of its "
                                          "[[watch]] and [[function]], and there is none",
                                          name));
  }
}

bool may_match(std::string_view glob, const PlacedRule& rule) {
  const WatchRule& r = rule.rule.rule;
  return std::any_of(r.regions.begin(), r.regions.end(),
                     [&](const std::string& region) { return reaches(glob, r.account + "/" + region + "/"); });
}

}  // namespace codedriftd
