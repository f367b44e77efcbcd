#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <set>

#include "settings/readers.h"

namespace codedriftd {
namespace {

PlacedTrust read_key(const std::string& name, const Section& section) {
  PlacedTrust read;
  read.trust.name = name;
  read.trust.where = fmt::format("{}:{}", section.place().file, section.place().line);
  read.key_place = section.place("public_key_file");
  if (const auto file = section.text("public_key_file", kAnyPath)) {
    // Beside the file that names it: the working folder of a service is nobody's.
    read.trust.public_key_file = (std::filesystem::path(section.file()).parent_path() / *file).string();
  } else if (!section.has("public_key_file")) {
    section.mistake(section.place(), "no 'public_key_file': give public_key_file = \"FILE\", a public key in PEM");
  }
  // No default: what a key may attest is for somebody to decide.
  if (auto targets = section.texts("targets", kTargetGlob, "write [\"*\"] for everything, or remove this table")) {
    for (const PlacedText& glob : *targets) read.trust.targets.push_back(glob.text);
    read.targets = *std::move(targets);
  } else if (!section.has("targets")) {
    section.mistake(section.place(),
                    "no 'targets': give targets = [\"prod/*\"] or other patterns of what this key may attest");
  }
  read.trust.builder = section.text("builder", kBuilderGlob).value_or("");
  read.trust.source = section.text("source", kSourceGlob).value_or("");
  return read;
}

}  // namespace

std::vector<PlacedTrust> read_trust(const Document& document, Mistakes& mistakes) {
  std::vector<PlacedTrust> trust;
  const toml::table* all = table_at_top(document, "trust", mistakes);
  if (all == nullptr) return trust;
  for (const auto& [key, node] : *all) {
    const std::string name(key.str());
    const toml::table* table = node.as_table();
    if (table == nullptr) {
      mistakes.add(
          place_of(key.source(), document.name),
          fmt::format("{0} is {1}; it must be a key's table: [trust.NAME]{2}", in_quotes(name), type_name(node),
                      node.is_array_of_tables() ? ", in single brackets" : ", with its settings below"));
      continue;
    }
    if (const Problem problem = kAlertName.problem(name))
      mistakes.add(place_of(key.source(), document.name), fmt::format("trust {}: {}", in_quotes(name), *problem));
    trust.push_back(read_key(name, Section(*table, kTrustKeys, document.name, mistakes)));
  }
  return trust;  // toml++ keeps a table's keys sorted
}

void check_requires(const std::vector<PlacedWatch>& watches, const std::vector<PlacedRule>& rules,
                    const std::vector<PlacedTrust>& trust, Mistakes& mistakes) {
  std::set<std::string> told;  // once for each `require`: the one in [defaults] stands for many functions
  const auto check = [&](const WatchSettings& watch, const std::optional<Place>& place, const auto& matches,
                         const auto& name) {
    if (watch.require != Require::attested || !place) return;
    const bool somebody = std::any_of(trust.begin(), trust.end(), [&](const PlacedTrust& key) {
      return std::any_of(key.trust.targets.begin(), key.trust.targets.end(), matches);
    });
    if (somebody || !told.insert(place->text()).second) return;
    mistakes.warn(
        *place, fmt::format("'require' is \"attested\", but no [trust.NAME] has 'targets' that match {}: nothing but a "
                            "pin is accepted for it; add one that does",
                            name()));
  };
  for (const PlacedWatch& read : watches) {
    const std::string address = read.watch.target.address();
    check(
        read.watch, read.require_place, [&](const std::string& glob) { return glob_match(glob, address); },
        [&] { return address; });
  }
  for (const PlacedRule& read : rules) {
    check(
        read.rule.watch, read.require_place, [&](const std::string& glob) { return may_match(glob, read); },
        [&] { return fmt::format("what the [[watch]] at {} may watch", read.place.text()); });
  }
}

void check_trust_targets(const std::vector<PlacedTrust>& trust, const AllWatched& watched, Mistakes& mistakes) {
  if (trust.empty()) return;
  std::vector<std::string> addresses;
  addresses.reserve(watched.watches.size());
  for (const WatchSettings& watch : watched.watches) addresses.push_back(watch.target.address());
  for (const PlacedTrust& read : trust)
    warn_of_idle_targets(read.targets, fmt::format("[trust.{}]", read.trust.name), addresses, watched, mistakes);
}

}  // namespace codedriftd
