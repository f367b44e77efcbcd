// config/codedriftd.toml is the reference of every setting: it names all of them, its defaults are the real ones, and
// its examples load.
#include <gtest/gtest.h>

#include <fstream>
#include <regex>
#include <set>
#include <sstream>

#include "base/duration.h"
#include "settings/keys.h"
#include "settings/load.h"

namespace codedriftd {
namespace {

const std::string kFile = std::string(CODEDRIFTD_SOURCE_DIR) + "/config/codedriftd.toml";

std::vector<std::string> sample_lines() {
  std::ifstream in(kFile);
  std::vector<std::string> lines;
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

bool is_default(const std::string& line) { return line.size() > 1 && line[0] == '#' && line[1] != ' '; }
constexpr std::string_view kExample = "# Example: ";
bool is_example(const std::string& line) { return line.starts_with(kExample); }

std::string joined(const std::vector<std::string>& lines) {
  std::string text;
  for (const std::string& line : lines) text += line + "\n";
  return text;
}

/// Everything that a configuration says, but where and in what words.
std::string describe(const std::string& text) {
  const auto loaded = load_settings_text("sample", text);
  if (!loaded) return format_mistakes(loaded.error());
  std::ostringstream out;
  const Settings& s = *loaded;
  out << s.state_dir << s.runtime_dir << s.plugin_dir << s.log_format.has_value() << s.instance << s.link
      << s.allow_empty << s.disk_floor << s.log_origin << s.http.listen << s.http.token_file << s.http.tls_certificate
      << s.http.tls_key << '\n';
  out << s.store.server.has_value() << s.store.url << s.store.user << s.store.tls << '\n';
  const PackageSettings& p = s.packages;
  out << static_cast<int>(p.keep) << ' ' << p.limits.package << ' ' << p.limits.unpacked << ' ' << p.limits.files << ' '
      << p.max_total << format_duration(p.explain_within) << format_duration(p.examine_within);
  for (const std::string& host : p.hosts) out << ' ' << host;
  out << '\n';
  for (const auto& [name, a] : s.accounts) {
    const CredentialSettings& c = a.credentials;
    out << name << a.endpoint << a.requests_per_second << format_duration(a.timeout) << a.ca_file << a.previous
        << static_cast<int>(c.source) << c.profile_file << c.profile << c.secret_id_file << c.secret_key_file
        << c.token_file << c.role << c.metadata_endpoint << '\n';
    out << a.discovery.enabled << format_duration(a.discovery.every) << format_duration(a.discovery.changes_every)
        << a.discovery.report_unmanaged << a.audit.enabled << a.audit.endpoint;
    for (const std::string& principal : a.audit.deploy_principals) out << ' ' << principal;
    out << '\n';
  }
  const auto describe_watch = [&](const WatchSettings& w) {
    out << w.pin.has_value() << static_cast<int>(w.baseline) << static_cast<int>(w.require)
        << format_duration(w.interval) << format_duration(w.stale_after) << format_duration(w.deploy_grace)
        << w.content.has_value() << w.same_content_accepted << w.touched_alerts;
    for (const std::string& glob : w.ignore) out << ' ' << glob;
    out << '\n';
  };
  for (const WatchSettings& w : s.watches) {
    out << w.target.address();
    describe_watch(w);
  }
  for (const RuleSettings& r : s.rules) {
    out << r.rule.account;
    for (const auto* list : {&r.rule.regions, &r.rule.namespaces, &r.rule.names, &r.rule.except}) {
      for (const std::string& glob : *list) out << ' ' << glob;
      out << ';';
    }
    for (const auto& [key, value] : r.rule.tags) out << key << '=' << value << ' ';
    out << r.rule.versions << ' ' << r.rule.aliases << r.rule.layers << ' ' << r.rule.max_targets
        << format_duration(r.versions_interval);
    describe_watch(r.watch);
  }
  for (const AlertSettings& a : s.alerts) {
    out << a.subscription.name << a.subscription.kinds.size() << a.plugin << a.fallback
        << format_duration(a.give_up_after) << format_duration(a.reminder) << format_duration(a.heartbeat)
        << a.options.size();
    for (const std::string& target : a.subscription.targets) out << target;
    out << '\n';
  }
  return out.str();
}

TEST(Sample, IsAValidConfiguration) {
  const auto loaded = load_settings(kFile);
  ASSERT_TRUE(loaded) << format_mistakes(loaded.error());
  EXPECT_EQ(loaded->watches.size(), 3U);
  EXPECT_EQ(loaded->rules.size(), 1U);
  EXPECT_EQ(loaded->alerts.size(), 1U);
}

TEST(Sample, NamesEveryKnownKeyInItsSection) {
  const std::regex heading(R"(^(?:# Example: )?\[\[?([a-z.]+)\]\]?$)");
  const std::regex setting(R"(^(?:# Example: |#)?([a-z0-9_]+) = .*)");
  std::map<std::string, std::set<std::string>> named;
  std::string section;
  for (const std::string& line : sample_lines()) {
    std::smatch match;
    if (std::regex_match(line, match, heading)) {
      section = match[1];
      std::string path;
      std::istringstream parts(section);  // [account.prod.credentials] names account, and credentials in [account.prod]
      for (std::string part; std::getline(parts, part, '.'); path += (path.empty() ? "" : ".") + part)
        named[path].insert(part);
    } else if (std::regex_match(line, match, setting)) {
      named[section].insert(match[1]);
    }
  }
  const std::map<std::string, std::string> sections{{"", ""},
                                                    {"[daemon]", "daemon"},
                                                    {"[store]", "store"},
                                                    {"[log]", "log"},
                                                    {"[http]", "http"},
                                                    {"[control]", "control"},
                                                    {"[packages]", "packages"},
                                                    {"[defaults]", "defaults"},
                                                    {"[account.NAME]", "account.prod"},
                                                    {"[account.NAME.credentials]", "account.prod.credentials"},
                                                    {"[account.NAME.discovery]", "account.prod.discovery"},
                                                    {"[account.NAME.audit]", "account.prod.audit"},
                                                    {"[[function]]", "function"},
                                                    {"[[watch]]", "watch"},
                                                    {"[[alert]]", "alert"},
                                                    {"[trust.NAME]", "trust.ci"}};
  for (const std::string& key : named["defaults"]) {
    named["function"].insert(key);  // "each key may stand in a [[function]] too"
    named["watch"].insert(key);     // "every other key of [defaults] may stand here too"
  }
  for (const KnownSection* known : known_sections()) {
    ASSERT_TRUE(sections.contains(std::string(known->title))) << known->title;
    for (const std::string_view key : known->keys) {
      EXPECT_TRUE(named[sections.at(std::string(known->title))].contains(std::string(key)))
          << known->title << " " << key;
    }
  }
}

TEST(Sample, StatesTheRealDefaults) {
  const std::vector<std::string> lines = sample_lines();
  const std::string unchanged = describe(joined(lines));
  std::size_t defaults = 0;
  std::vector<std::string> all = lines;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    if (!is_default(lines[i])) continue;
    ++defaults;
    std::vector<std::string> one = lines;
    one[i] = all[i] = lines[i].substr(1);
    EXPECT_EQ(describe(joined(one)), unchanged) << lines[i];
  }
  EXPECT_EQ(describe(joined(all)), unchanged) << "all of them together";
  EXPECT_GE(defaults, 15U);
}

TEST(Sample, ChangesWithEveryOtherValueOfADefault) {
  // The counterpart: a line whose key is not really read would pass the test above.
  const std::vector<std::string> lines = sample_lines();
  const std::string unchanged = describe(joined(lines));
  for (std::size_t i = 0; i < lines.size(); ++i) {
    if (!is_default(lines[i]) || lines[i].starts_with("#include")) continue;
    std::vector<std::string> one = lines;
    one[i] = lines[i].substr(1, lines[i].find('=')) + (lines[i].ends_with("= true") ? " false" : " true");
    EXPECT_NE(describe(joined(one)), unchanged) << one[i];
  }
}

TEST(Sample, GivesExamplesThatLoad) {
  const std::vector<std::string> lines = sample_lines();
  std::size_t examples = 0;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    if (!is_example(lines[i])) continue;
    std::vector<std::string> changed = lines;
    for (; i < lines.size() && is_example(lines[i]); ++i, ++examples) changed[i] = lines[i].substr(kExample.size());
    // The alert that one of them names.
    const std::string text = joined(changed) + "[[alert]]\nname = \"pager\"\nplugin = \"webhook\"\n";
    const auto loaded = load_settings_text("sample", text);
    EXPECT_TRUE(loaded) << format_mistakes(loaded.error());
  }
  EXPECT_GE(examples, 14U);
}

}  // namespace
}  // namespace codedriftd
