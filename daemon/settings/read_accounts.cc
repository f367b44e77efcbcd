#include <fmt/format.h>

#include <array>

#include "settings/readers.h"
#include "settings/schedule.h"

namespace codedriftd {
namespace {

using Source = CredentialSettings::Source;

// About one call in a quarter of an hour. Slower would not be monitoring, and much slower would overflow the
// milliseconds between two calls.
constexpr double kFewestRequests = 0.001;

constexpr std::array<std::string_view, 5> kSources{"chain", "env", "profile", "files", "cvm-role"};

/// The sources that make use of a credential key.
struct KeyUse {
  std::string_view key;
  std::string_view sources;  ///< as a message names them
  bool (*used)(Source source);
};
constexpr std::array<KeyUse, 7> kUses{{
    {"file", "profile", [](Source source) { return source == Source::profile || source == Source::chain; }},
    {"profile", "profile", [](Source source) { return source == Source::profile || source == Source::chain; }},
    {"secret_id_file", "files", [](Source source) { return source == Source::files; }},
    {"secret_key_file", "files", [](Source source) { return source == Source::files; }},
    {"token_file", "files", [](Source source) { return source == Source::files; }},
    {"role", "cvm-role", [](Source source) { return source == Source::cvm_role || source == Source::chain; }},
    {"endpoint", "cvm-role", [](Source source) { return source == Source::cvm_role || source == Source::chain; }},
}};

std::string without_slash(std::string url) {
  if (url.ends_with('/')) url.pop_back();
  return url;
}

CredentialSettings read_credentials(const Section& section) {
  CredentialSettings credentials;
  const std::optional<std::size_t> source = section.choice("source", kSources);
  if (source) credentials.source = static_cast<Source>(*source);
  credentials.profile_file = section.text("file", kAbsolutePath).value_or("");
  credentials.profile = section.text("profile", kProfile).value_or(credentials.profile);
  credentials.secret_id_file = section.text("secret_id_file", kAnyPath).value_or("");
  credentials.secret_key_file = section.text("secret_key_file", kAnyPath).value_or("");
  credentials.token_file = section.text("token_file", kAnyPath).value_or("");
  credentials.role = section.text("role", kRole).value_or("");
  credentials.metadata_endpoint =
      without_slash(section.text("endpoint", kMetadataEndpoint).value_or(credentials.metadata_endpoint));
  if (section.has("source") && !source) return credentials;  // which keys belong to it cannot be told

  for (const KeyUse& use : kUses) {
    if (!section.has(use.key) || use.used(credentials.source)) continue;
    section.mistake(section.place(use.key),
                    fmt::format("'{}' means nothing with source = \"{}\"; remove it, or set source = \"{}\"", use.key,
                                kSources[static_cast<std::size_t>(credentials.source)], use.sources));
  }
  for (const std::string_view key : {"secret_id_file", "secret_key_file"}) {
    if (credentials.source == Source::files && !section.has(key)) {
      section.mistake(section.place(), fmt::format("source = \"files\" needs '{0}'; add {0} = \"PATH\"", key));
    }
  }
  return credentials;
}

DiscoverySettings read_discovery(const Section& section, bool simulated) {
  DiscoverySettings discovery;
  // A listing of ten thousand functions takes a hundred calls and a minute.
  const Millis least = simulated ? kSecond : 60 * kSecond;
  discovery.enabled = section.boolean("enabled").value_or(discovery.enabled);
  discovery.every = section.duration("every", least, kYear).value_or(discovery.every);
  discovery.changes_every = section.duration("changes_every", kSecond, kYear).value_or(discovery.changes_every);
  discovery.report_unmanaged = section.boolean("report_unmanaged").value_or(discovery.report_unmanaged);
  return discovery;
}

AuditSettings read_audit(const Section& section) {
  AuditSettings audit;
  audit.enabled = section.boolean("enabled").value_or(audit.enabled);
  audit.endpoint = without_slash(section.text("endpoint", kEndpoint).value_or(audit.endpoint));
  if (const auto principals = section.texts("deploy_principals", kPrincipal, {})) {
    for (const PlacedText& principal : *principals) audit.deploy_principals.push_back(principal.text);
  }
  return audit;
}

PlacedAccount read_account(const std::string& name, const Section& section) {
  PlacedAccount read;
  read.place = section.place();
  read.previous_place = section.place("previous");
  AccountSettings& account = read.account;
  account.name = name;
  account.endpoint = without_slash(section.text("endpoint", kEndpoint).value_or(account.endpoint));
  account.requests_per_second =
      section.number("requests_per_second", kFewestRequests).value_or(account.requests_per_second);
  if (account.requests_per_second > kMostRequests && !is_loopback(account.endpoint)) {
    section.mistake(section.place("requests_per_second"),
                    fmt::format("'requests_per_second' is {}: it must be at most {}, the documented limit of the whole "
                                "account (an endpoint on loopback may take any)",
                                account.requests_per_second, kMostRequests));
  }
  account.timeout = section.duration("timeout", Millis{100}, Millis{600'000}).value_or(account.timeout);
  account.ca_file = section.text("ca_file", kAbsolutePath).value_or("");
  read.ca_file_place = section.place("ca_file");
  account.previous = section.text("previous", kAccountLabel).value_or("");
  if (const toml::table* table = section.subtable("credentials", "[account." + name + ".credentials]")) {
    account.credentials = read_credentials(Section(*table, kCredentialKeys, section.file(), section.mistakes()));
  }
  if (const toml::table* table = section.subtable("discovery", "[account." + name + ".discovery]")) {
    const Section discovery(*table, kDiscoveryKeys, section.file(), section.mistakes());
    account.discovery = read_discovery(discovery, is_loopback(account.endpoint));
    if (discovery.has("enabled") && !account.discovery.enabled) read.discovery_off = discovery.place("enabled");
  }
  if (const toml::table* table = section.subtable("audit", "[account." + name + ".audit]")) {
    account.audit = read_audit(Section(*table, kAuditKeys, section.file(), section.mistakes()));
  }
  return read;
}

}  // namespace

void read_accounts(const Document& document, Accounts& accounts, Mistakes& mistakes) {
  const toml::table* all = table_at_top(document, "account", mistakes);
  if (all == nullptr) return;
  for (const auto& [key, node] : *all) {
    const std::string name(key.str());
    const toml::table* table = node.as_table();
    if (table == nullptr) {
      mistakes.add(place_of(key.source(), document.name),
                   fmt::format("'{0}' is {1}; it must be an account's table: [account.{0}]{2}", name, type_name(node),
                               node.is_array_of_tables() ? ", in single brackets" : ", with its settings below"));
      continue;
    }
    if (const Problem problem = kAccountLabel.problem(name)) {
      mistakes.add(place_of(key.source(), document.name), fmt::format("account {}: {}", in_quotes(name), *problem));
    }
    PlacedAccount read = read_account(name, Section(*table, kAccountKeys, document.name, mistakes));
    if (const auto known = accounts.find(name); known != accounts.end()) {
      mistakes.add(read.place, fmt::format("account '{}' is defined already, at {}; keep one of the two", name,
                                           known->second.place.text()));
      continue;
    }
    accounts.emplace(name, std::move(read));
  }
}

void check_accounts(const Accounts& accounts, Mistakes& mistakes) {
  std::map<std::string, std::string> successors;
  for (const auto& [name, read] : accounts) {
    const std::string& previous = read.account.previous;
    if (previous.empty()) continue;
    if (previous == name) {
      mistakes.add(read.previous_place,
                   "'previous' is this account's own name; it must be the label it had earlier, or be left out");
    } else if (accounts.contains(previous)) {
      mistakes.add(
          read.previous_place,
          fmt::format(
              "'previous' is \"{0}\", which is still an account of its own; remove [account.{0}], or 'previous'",
              previous));
    } else if (const auto [other, fresh] = successors.emplace(previous, name); !fresh) {
      mistakes.add(read.previous_place,
                   fmt::format("'previous' is \"{}\", as in account '{}' already; one account only can go on "
                               "with its history",
                               previous, other->second));
    }
  }
}

}  // namespace codedriftd
