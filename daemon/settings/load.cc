#include "settings/load.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <set>

#include "settings/readers.h"

namespace codedriftd {
namespace {

/// What tells a file from another whatever it is called; nullopt if it is not there.
std::optional<std::pair<dev_t, ino_t>> identity(const std::string& name) {
  struct stat status {};
  if (::stat(name.c_str(), &status) != 0) return std::nullopt;
  return std::pair(status.st_dev, status.st_ino);
}

/// Tells which sections of an included file are not for included files.
void check_included(const Document& document, const std::string& main_file, Mistakes& mistakes) {
  for (const auto& [key, node] : document.table) {
    const std::string_view name = key.str();
    const Place place = place_of(key.source(), document.name);
    if (name == "function" || name == "watch" || name == "alert" || name == "account") continue;
    if (name == "daemon" || name == "log" || name == "http" || name == "control" || name == "packages" ||
        name == "defaults" || name == "trust" || name == "store") {
      const toml::table* table = node.as_table();
      const bool nested = name == "daemon" && table != nullptr && table->contains("include");
      mistakes.add(place, fmt::format("{}[{}] may stand in {} only; an included file holds [[function]], [[watch]], "
                                      "[[alert]] and [account.NAME]",
                                      nested ? "an included file includes no others, and " : "", name, main_file));
    } else {
      mistakes.add(place, unknown_key(kFileKeys, name));
    }
  }
}

class Loader {
 public:
  explicit Loader(std::string main_file) { settings_.file = std::move(main_file); }

  void read_main(std::optional<std::string> text) {
    mistakes_.add_file(settings_.file);
    add(settings_.file, std::move(text));
  }

  void read_includes() {
    if (documents_.empty()) return;
    std::set<std::pair<dev_t, ino_t>> seen;
    if (const auto main = identity(settings_.file)) seen.insert(*main);
    for (const PlacedText& pattern : read_include(documents_.front())) {
      for (const std::string& name : included_files(settings_.file, pattern, mistakes_)) {
        const auto file = identity(name);
        if (!file) {
          mistakes_.add(pattern.place,
                        fmt::format("'include' names {}, which does not exist; mend the path, or use a pattern such "
                                    "as \"conf.d/*.toml\", which may match nothing",
                                    in_quotes(name)));
          continue;
        }
        if (!seen.insert(*file).second) continue;  // matched by two patterns, or the main file itself
        mistakes_.add_file(name);
        add(name, read_config_file(name, mistakes_));
      }
    }
  }

  /// The settings, or every mistake.
  Result<Settings, std::vector<Mistake>> finish() {
    read_sections();
    if (!mistakes_.empty()) return mistakes_.take();
    settings_.warnings = mistakes_.take_warnings();
    std::string all;
    for (const Document& document : documents_) {
      all += fmt::format("{}\n{}\n{}", document.name, document.text.size(), document.text);
    }
    settings_.digest = sha256(all).hex();
    return std::move(settings_);
  }

  Mistakes& mistakes() { return mistakes_; }

 private:
  /// Nullopt: the file could not be read.
  void add(const std::string& name, std::optional<std::string> text) {
    std::optional<Document> document;
    if (text) document = parse_document(name, std::move(*text), mistakes_);
    all_read_ = all_read_ && document.has_value();
    if (document) documents_.push_back(std::move(*document));
  }

  void read_sections() {
    Accounts accounts;
    WatchKeys defaults;
    std::vector<PlacedTrust> trust;
    for (const Document& document : documents_) {
      if (document.name != settings_.file) {
        check_included(document, settings_.file, mistakes_);
      } else {
        const Section top(document.table, kFileKeys, document.name, mistakes_);
        read_daemon(document, settings_, mistakes_);
        read_control(document, settings_, mistakes_);
        read_packages(document, settings_.packages, mistakes_);
        read_store(document, settings_, mistakes_);
        defaults = read_defaults(document, mistakes_);
        trust = read_trust(document, mistakes_);
      }
      read_accounts(document, accounts, mistakes_);
    }
    std::vector<PlacedWatch> watches;
    std::vector<PlacedRule> rules;
    std::vector<PlacedAlert> alerts;
    for (const Document& document : documents_) {
      read_functions(document, defaults, accounts, all_read_, watches, mistakes_);
      read_rules(document, defaults, accounts, all_read_, rules, mistakes_);
      read_alerts(document, alerts, mistakes_);
    }
    check_accounts(accounts, mistakes_);
    check_discovery(accounts, rules, watches, mistakes_);
    check_alerts(alerts, all_read_, mistakes_);
    check_contents(watches, settings_.packages, mistakes_);
    check_requires(watches, rules, trust, mistakes_);
    settings_.watches = sort_watches(std::move(watches), mistakes_);
    const AllWatched watched{settings_.watches, rules};
    if (all_read_) check_alert_targets(alerts, watched, mistakes_);
    if (all_read_) check_trust_targets(trust, watched, mistakes_);
    for (PlacedRule& read : rules) settings_.rules.push_back(std::move(read.rule));
    for (auto& [name, read] : accounts) {
      settings_.places.emplace("account." + name + ".ca_file", std::move(read.ca_file_place));
      settings_.accounts.emplace(name, std::move(read.account));
    }
    for (PlacedTrust& read : trust) {
      settings_.places.emplace("trust." + read.trust.name + ".public_key_file", std::move(read.key_place));
      settings_.trust.push_back(std::move(read.trust));
    }
    for (PlacedAlert& read : alerts) settings_.alerts.push_back(std::move(read.alert));
  }

  Settings settings_;
  Mistakes mistakes_;
  std::vector<Document> documents_;  ///< the main file first
  bool all_read_ = true;
};

}  // namespace

Result<Settings, std::vector<Mistake>> load_settings(const std::string& file) {
  Loader loader(file);
  loader.read_main(read_config_file(file, loader.mistakes()));
  loader.read_includes();
  return loader.finish();
}

Result<Settings, std::vector<Mistake>> load_settings_text(const std::string& name, std::string text) {
  Loader loader(name);
  loader.read_main(std::move(text));
  return loader.finish();
}

}  // namespace codedriftd
