#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <climits>

#include "base/duration.h"
#include "base/text.h"
#include "settings/readers.h"

namespace codedriftd {
namespace {

constexpr Millis kMinute{60'000};
constexpr std::size_t kMostIgnored = 100;

/// An empty list is one: it takes back what the defaults leave out.
std::optional<std::vector<std::string>> read_ignore(const Section& section, std::string_view key) {
  const auto read = section.texts(key, kIgnore, {});
  if (!read) return std::nullopt;
  if (read->size() > kMostIgnored)
    section.mistake((*read)[kMostIgnored].place,
                    fmt::format("'{}' has {} patterns: it must have {} at most; '*' stands for any run of characters, "
                                "'/' included",
                                key, read->size(), kMostIgnored));
  std::vector<std::string> globs;
  for (const PlacedText& glob : *read) {
    if (glob.text.find_first_not_of('*') == std::string::npos)
      section.mistake(glob.place, fmt::format("'{}' is \"{}\": it must not be every file, or no change would be seen",
                                              key, harmless(glob.text)));
    globs.push_back(glob.text);
  }
  return globs;
}

}  // namespace

WatchKeys read_watch_keys(const Section& section) {
  WatchKeys keys;
  const auto read = [&](auto& key, std::string_view name, auto value) {
    if (!section.has(name)) return;
    key.place = section.place(name);
    key.value = value(name);
  };
  const auto text = [&](const TextRule& rule) {
    return [&](std::string_view name) { return section.text(name, rule); };
  };
  const auto duration = [&](std::string_view name) { return section.duration(name, kSecond, kYear); };
  const auto baseline = [&](std::string_view name) -> std::optional<Baseline> {
    constexpr std::array<std::string_view, 2> kNames{"first-seen", "review"};
    const auto index = section.choice(name, kNames);
    if (!index) return std::nullopt;
    return *index == 0 ? Baseline::first_seen : Baseline::review;
  };
  const auto same_content = [&](std::string_view name) -> std::optional<bool> {
    constexpr std::array<std::string_view, 2> kNames{"accept", "tell"};
    const auto index = section.choice(name, kNames);
    if (!index) return std::nullopt;
    return *index == 0;
  };
  const auto ignore = [&](std::string_view name) { return read_ignore(section, name); };
  read(keys.account, "account", text(kAccountLabel));
  read(keys.region, "region", text(kRegion));
  read(keys.ns, "namespace", text(kNamespace));
  read(keys.qualifier, "qualifier", text(kQualifier));
  read(keys.baseline, "baseline", baseline);
  read(keys.interval, "interval", duration);
  read(keys.stale_after, "stale_after", duration);
  read(keys.deploy_grace, "deploy_grace", duration);
  read(keys.same_content_accepted, "same_content", same_content);
  read(keys.ignore, "ignore", ignore);
  read(keys.require, "require", [&](std::string_view name) -> std::optional<Require> {
    constexpr std::array<std::string_view, 2> kNames{"announced", "attested"};
    const auto index = section.choice(name, kNames);
    return index ? std::optional(static_cast<Require>(*index)) : std::nullopt;
  });
  read(keys.touched_alerts, "touched", [&](std::string_view name) -> std::optional<bool> {
    constexpr std::array<std::string_view, 2> kNames{"alert", "info"};
    const auto index = section.choice(name, kNames);
    return index ? std::optional(*index == 0) : std::nullopt;
  });
  return keys;
}

namespace {

/// What a function says, else what the defaults say.
template <typename T>
void fall_back(WatchKeys::Key<T>& key, const WatchKeys::Key<T>& fallback) {
  if (!key.place) key = fallback;
}

}  // namespace

WatchKeys with_defaults(WatchKeys keys, const WatchKeys& defaults) {
  fall_back(keys.account, defaults.account);
  fall_back(keys.region, defaults.region);
  fall_back(keys.ns, defaults.ns);
  fall_back(keys.qualifier, defaults.qualifier);
  fall_back(keys.baseline, defaults.baseline);
  fall_back(keys.interval, defaults.interval);
  fall_back(keys.stale_after, defaults.stale_after);
  fall_back(keys.deploy_grace, defaults.deploy_grace);
  fall_back(keys.same_content_accepted, defaults.same_content_accepted);
  fall_back(keys.ignore, defaults.ignore);
  fall_back(keys.require, defaults.require);
  fall_back(keys.touched_alerts, defaults.touched_alerts);
  return keys;
}

void check_account(const Section& section, const WatchKeys& keys, const Accounts& accounts, bool all_read) {
  if (!keys.account.place)
    section.mistake(section.place(), "no 'account': give account = \"NAME\" here or in [defaults]");
  if (!all_read || !keys.account.value || accounts.contains(*keys.account.value)) return;
  const std::string& name = *keys.account.value;
  std::vector<std::string> labels;
  for (const auto& [label, account] : accounts) labels.push_back(label);
  const std::string near = nearest(name, labels);
  section.mistake(*keys.account.place,
                  near.empty() ? fmt::format("account '{0}' is not defined; add [account.{0}]", name)
                               : fmt::format("account '{0}' is not defined; did you mean '{1}'? (or add [account.{0}])",
                                             name, near));
}

void warn_of_unknown_region(const PlacedText& region, Mistakes& mistakes) {
  if (const std::string instead = unknown_region(region.text); !instead.empty())
    mistakes.warn(region.place,
                  fmt::format("'region' is {}, which is not a known region; {}", in_quotes(region.text), instead));
}

namespace {

void set_times(const Section& section, const WatchKeys& keys, WatchSettings& watch) {
  watch.interval = keys.interval.value.value_or(watch.interval);
  watch.deploy_grace = keys.deploy_grace.value.value_or(watch.deploy_grace);
  watch.stale_after = keys.stale_after.value.value_or(std::max(3 * watch.interval, kMinute));
  if (watch.stale_after >= watch.interval) return;
  // The key that this function itself gives is the one to change.
  const bool by_interval = !section.has("stale_after") && section.has("interval");
  section.mistake(
      by_interval ? *keys.interval.place : *keys.stale_after.place,
      fmt::format("'stale_after' is {}, shorter than the interval of {}: the function would be stale between "
                  "any two polls; make it {} or more, or leave it out for three intervals",
                  format_duration(watch.stale_after), format_duration(watch.interval),
                  format_duration(watch.interval)));
}

/// Where something stands, as the record keeps it: the name of a file may have any bytes.
std::string stored_place(const Place& place) {
  return fmt::format("{}:{}", clean_utf8(place.file, PATH_MAX), place.line);
}

}  // namespace

WatchSettings watch_of(const Section& section, const WatchKeys& keys) {
  WatchSettings watch;
  set_times(section, keys, watch);
  watch.require = keys.require.value.value_or(watch.require);
  watch.same_content_accepted = keys.same_content_accepted.value.value_or(watch.same_content_accepted);
  watch.ignore = keys.ignore.value.value_or(watch.ignore);
  watch.touched_alerts = keys.touched_alerts.value.value_or(watch.touched_alerts);
  watch.where = stored_place(section.place());
  return watch;
}

namespace {

void read_pin(const Section& section, WatchSettings& watch) {
  const auto pinned_at = [&](std::string_view key) { watch.pin_where = stored_place(section.place(key)); };
  if (const auto hash = section.text("sha256", kSha256)) {
    watch.pin = Sha256::from_hex(*hash);
    pinned_at("sha256");
  }
  if (const auto content = section.text("content", kContent)) {
    watch.content = ContentDigest::parse(*content);
    pinned_at("content");
  }
  if (section.has("sha256") && section.has("content"))
    section.mistake(section.place("content"),
                    "both 'sha256' and 'content': a function is pinned to one hash or to one content; remove one");
  if (section.has("content") && kind_of_qualifier(watch.target.qualifier) != TargetKind::code)
    section.mistake(section.place("content"),
                    fmt::format("'content' pins what is in a package, and {} is none; pin it with sha256, as "
                                "`codedriftd query status --json` shows it",
                                watch.target.qualifier));
}

std::vector<PlacedText> read_names(const Section& section) {
  if (section.has("name") && section.has("names")) {
    section.mistake(section.place("names"), "both 'name' and 'names'; give one of them");
  }
  if (const auto names =
          section.texts("names", kFunctionName, "list at least one function, or remove this [[function]]"))
    return *names;
  if (const auto name = section.text("name", kFunctionName)) return {{*name, section.place("name")}};
  if (!section.has("name") && !section.has("names")) {
    section.mistake(section.place(), "no 'name': give name = \"FUNCTION\", or names = [\"ONE\", \"TWO\"]");
  }
  return {};
}

}  // namespace

WatchKeys read_defaults(const Document& document, Mistakes& mistakes) {
  const toml::table* table = table_at_top(document, "defaults", mistakes);
  if (table == nullptr) return {};
  return read_watch_keys(Section(*table, kDefaultsKeys, document.name, mistakes));
}

void read_functions(const Document& document, const WatchKeys& defaults, const Accounts& accounts, bool all_read,
                    std::vector<PlacedWatch>& watches, Mistakes& mistakes) {
  for (const toml::table* table : tables_at_top(document, "function", mistakes)) {
    const Section section(*table, kFunctionKeys, document.name, mistakes);
    const WatchKeys keys = with_defaults(read_watch_keys(section), defaults);
    check_account(section, keys, accounts, all_read);
    if (!keys.region.place)
      section.mistake(section.place(),
                      "no 'region': give region = \"ap-guangzhou\" (or another) here or in [defaults]");
    if (keys.region.value) warn_of_unknown_region({*keys.region.value, *keys.region.place}, mistakes);
    WatchSettings watch = watch_of(section, keys);
    watch.baseline = keys.baseline.value.value_or(watch.baseline);
    watch.target = {keys.account.value.value_or(""), keys.region.value.value_or(""), keys.ns.value.value_or("default"),
                    "", keys.qualifier.value.value_or("$LATEST")};
    read_pin(section, watch);
    for (PlacedText& name : read_names(section)) {
      watch.target.function = std::move(name.text);
      watches.push_back({watch, std::move(name.place), section.place("content"), keys.require.place});
    }
  }
}

void check_contents(const std::vector<PlacedWatch>& watches, const PackageSettings& packages, Mistakes& mistakes) {
  if (packages.keep != PackageSettings::Keep::off) return;
  for (const PlacedWatch& placed : watches) {
    if (!placed.watch.content) continue;
    mistakes.add(
        placed.content_place,
        "'content' pins what is in the package, and with keep = \"off\" in [packages] none is looked into; set "
        "keep = \"manifest\", or pin the hash with sha256");
  }
}

std::vector<WatchSettings> sort_watches(std::vector<PlacedWatch> watches, Mistakes& mistakes) {
  // Stable: of two with one target the one read first stays first.
  std::stable_sort(watches.begin(), watches.end(),
                   [](const PlacedWatch& a, const PlacedWatch& b) { return a.watch.target < b.watch.target; });
  std::vector<WatchSettings> sorted;
  sorted.reserve(watches.size());
  const PlacedWatch* first = nullptr;
  for (PlacedWatch& placed : watches) {
    if (first != nullptr && sorted.back().target == placed.watch.target) {
      // Without account or region it is told already what is missing.
      if (placed.watch.target.account.empty() || placed.watch.target.region.empty()) continue;
      mistakes.add(placed.place,
                   fmt::format("{} is watched already, at {}; remove one of the two, or tell them apart by "
                               "account, region, namespace or qualifier",
                               placed.watch.target.address(), first->place.text()));
      continue;
    }
    first = &placed;
    sorted.push_back(std::move(placed.watch));
  }
  return sorted;
}

}  // namespace codedriftd
