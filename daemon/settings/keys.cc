#include "settings/keys.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <vector>

#include "base/text.h"
#include "settings/settings.h"

namespace codedriftd {
namespace {

using Key = std::string_view;

constexpr std::array<Key, 12> kFile{"daemon",   "store",   "log",      "http",  "control", "packages",
                                    "defaults", "account", "function", "watch", "alert",   "trust"};
constexpr std::array<Key, 9> kDaemon{"state_dir", "runtime_dir", "plugin_dir",  "include",   "log_format",
                                     "instance",  "link",        "allow_empty", "disk_floor"};
constexpr std::array<Key, 1> kLog{"origin"};
constexpr std::array<Key, 4> kHttp{"listen", "token_file", "tls_certificate", "tls_key"};
constexpr std::array<Key, 8> kPackages{"keep",      "max_package", "max_unpacked",   "max_files",
                                       "max_total", "hosts",       "explain_within", "examine_within"};
constexpr std::array<Key, 8> kAccount{"endpoint", "requests_per_second", "timeout",   "ca_file",
                                      "previous", "credentials",         "discovery", "audit"};
constexpr std::array<Key, 4> kDiscovery{"enabled", "every", "changes_every", "report_unmanaged"};
constexpr std::array<Key, 3> kAudit{"enabled", "endpoint", "deploy_principals"};
constexpr std::array<Key, 8> kCredentials{"source",          "file",       "profile", "secret_id_file",
                                          "secret_key_file", "token_file", "role",    "endpoint"};
// [[function]] takes its own four and every key of [defaults].
constexpr std::array<Key, 16> kFunction{
    "name",     "names",    "sha256",      "content",      "account",      "region", "namespace", "qualifier",
    "interval", "baseline", "stale_after", "deploy_grace", "same_content", "ignore", "require",   "touched"};
// Of the keys of [defaults] all but region, namespace and qualifier: it has patterns in their place.
constexpr std::array<Key, 19> kWatch{"account",      "regions",  "namespaces",        "names",       "except",
                                     "tags",         "versions", "versions_interval", "aliases",     "layers",
                                     "max_targets",  "interval", "baseline",          "stale_after", "deploy_grace",
                                     "same_content", "ignore",   "require",           "touched"};
constexpr std::array<Key, 9> kAlert{"name",          "plugin",   "kinds",     "targets", "fallback",
                                    "give_up_after", "reminder", "heartbeat", "options"};
constexpr std::array<Key, 10> kStore{"url", "user",    "password_file", "reader", "reader_password_file",
                                     "tls", "ca_file", "certificate",   "key",    "fleet"};
constexpr std::array<Key, 4> kTrust{"public_key_file", "targets", "builder", "source"};

/// A word that says: here somebody wants to write a secret down.
bool smells_of_secret(Key key) {
  constexpr std::array<Key, 5> kWords{"secret", "password", "passwd", "token", "key"};
  return std::any_of(kWords.begin(), kWords.end(), [&](Key word) { return key.find(word) != Key::npos; });
}

}  // namespace

const KnownSection kFileKeys{"", kFile};
const KnownSection kDaemonKeys{"[daemon]", kDaemon};
const KnownSection kLogKeys{"[log]", kLog};
const KnownSection kHttpKeys{"[http]", kHttp};
const KnownSection kControlKeys{"[control]", kControlVerbs};
const KnownSection kPackagesKeys{"[packages]", kPackages};
const KnownSection kDefaultsKeys{"[defaults]", std::span<const Key>(kFunction).subspan(4)};
const KnownSection kAccountKeys{"[account.NAME]", kAccount};
const KnownSection kCredentialKeys{"[account.NAME.credentials]", kCredentials};
const KnownSection kDiscoveryKeys{"[account.NAME.discovery]", kDiscovery};
const KnownSection kAuditKeys{"[account.NAME.audit]", kAudit};
const KnownSection kFunctionKeys{"[[function]]", kFunction};
const KnownSection kWatchKeys{"[[watch]]", kWatch};
const KnownSection kAlertKeys{"[[alert]]", kAlert};
const KnownSection kTrustKeys{"[trust.NAME]", kTrust};
const KnownSection kStoreKeys{"[store]", kStore};

std::span<const KnownSection* const> known_sections() {
  static constexpr std::array<const KnownSection*, 16> kAll{
      &kFileKeys,     &kDaemonKeys,  &kLogKeys,        &kHttpKeys,      &kControlKeys, &kPackagesKeys,
      &kDefaultsKeys, &kAccountKeys, &kCredentialKeys, &kDiscoveryKeys, &kAuditKeys,   &kFunctionKeys,
      &kWatchKeys,    &kAlertKeys,   &kTrustKeys,      &kStoreKeys};
  return kAll;
}

std::string unknown_key(const KnownSection& section, Key key) {
  const std::string shown = harmless(utf8_prefix(key, 80));
  if (const std::string near = nearest(key, section.keys); !near.empty()) {
    return fmt::format("unknown key '{}'; did you mean '{}'?", shown, near);
  }
  if (&section == &kCredentialKeys && smells_of_secret(key)) {
    return fmt::format(
        "unknown key '{}'; secrets never stand in the configuration: set source = \"files\" and name their files with "
        "secret_id_file and secret_key_file (and token_file)",
        shown);
  }
  if (&section == &kStoreKeys && smells_of_secret(key)) {
    return fmt::format(
        "unknown key '{}'; secrets never stand in the configuration: name the file that holds the password with "
        "password_file",
        shown);
  }
  std::vector<Key> homes;
  for (const KnownSection* other : known_sections()) {
    if (std::find(other->keys.begin(), other->keys.end(), key) == other->keys.end()) continue;
    homes.push_back(other->title.empty() ? Key("the top of the file") : other->title);
  }
  if (!homes.empty()) return fmt::format("unknown key '{}' here; it belongs in {}", shown, fmt::join(homes, " or "));
  if (section.title.empty())
    return fmt::format("unknown key '{}'; a file knows {}", shown, fmt::join(section.keys, ", "));
  return fmt::format("unknown key '{}'; {} knows {}", shown, section.title, fmt::join(section.keys, ", "));
}

}  // namespace codedriftd
