#include "settings/digest.h"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <map>

#include "base/json.h"
#include "settings/schedule.h"

namespace codedriftd {
namespace {

constexpr std::size_t kShownOfDigest = 12;

Json digestible(Millis value) { return value.count(); }
Json digestible(double value) { return fmt::format("{}", value); }
template <typename T>
Json digestible(const T& value) {
  if constexpr (std::is_enum_v<T>) {
    return static_cast<int>(value);
  } else {
    return value;
  }
}

/// `name`, if it is not what it is by default.
template <typename T>
void put(Json& out, const char* name, const T& value, const T& by_default) {
  if (value != by_default) out[name] = digestible(value);
}

Json of_credentials(const CredentialSettings& credentials) {
  const CredentialSettings usual;
  Json out = Json::object();
  put(out, "source", credentials.source, usual.source);
  put(out, "profile", credentials.profile, usual.profile);
  put(out, "role", credentials.role, usual.role);
  return out;
}

Json of_account(const AccountSettings& account) {
  const AccountSettings usual;
  Json out{{"name", account.name}};
  put(out, "endpoint", account.endpoint, usual.endpoint);
  put(out, "requests_per_second", account.requests_per_second, usual.requests_per_second);
  put(out, "timeout", account.timeout, usual.timeout);
  put(out, "previous", account.previous, usual.previous);
  if (Json credentials = of_credentials(account.credentials); !credentials.empty())
    out["credentials"] = std::move(credentials);
  put(out, "discovery", account.discovery.enabled, usual.discovery.enabled);
  put(out, "every", account.discovery.every, usual.discovery.every);
  put(out, "changes_every", account.discovery.changes_every, usual.discovery.changes_every);
  put(out, "report_unmanaged", account.discovery.report_unmanaged, usual.discovery.report_unmanaged);
  put(out, "audit", account.audit.enabled, usual.audit.enabled);
  put(out, "audit_endpoint", account.audit.endpoint, usual.audit.endpoint);
  put(out, "deploy_principals", account.audit.deploy_principals, usual.audit.deploy_principals);
  return out;
}

Json of_watch(const WatchSettings& watch) {
  const WatchSettings usual;
  Json out = Json::object();
  if (watch.pin) out["sha256"] = watch.pin->hex();
  if (watch.content) out["content"] = watch.content->text();
  put(out, "baseline", watch.baseline, usual.baseline);
  put(out, "require", watch.require, usual.require);
  put(out, "interval", watch.interval, usual.interval);
  put(out, "stale_after", watch.stale_after, usual.stale_after);
  put(out, "deploy_grace", watch.deploy_grace, usual.deploy_grace);
  put(out, "same_content", watch.same_content_accepted, usual.same_content_accepted);
  put(out, "ignore", watch.ignore, usual.ignore);
  put(out, "touched", watch.touched_alerts, usual.touched_alerts);
  return out;
}

Json of_watch_rule(const RuleSettings& settings) {
  const RuleSettings usual;
  const WatchRule& rule = settings.rule;
  Json out{{"account", rule.account}, {"regions", rule.regions}, {"watch", of_watch(settings.watch)}};
  put(out, "namespaces", rule.namespaces, usual.rule.namespaces);
  put(out, "names", rule.names, usual.rule.names);
  put(out, "except", rule.except, usual.rule.except);
  for (const auto& [tag, value] : rule.tags) out["tags"].push_back({tag, value});
  put(out, "versions", rule.versions, usual.rule.versions);
  put(out, "versions_interval", settings.versions_interval, usual.versions_interval);
  put(out, "aliases", rule.aliases, usual.rule.aliases);
  put(out, "layers", rule.layers, usual.rule.layers);
  put(out, "max_targets", rule.max_targets, usual.rule.max_targets);
  return out;
}

Json of_option(const std::string& name, const OptionValue& option) {
  // Where a file stands is the host's own, and what a secret is nobody's business.
  if (name.ends_with("_file")) return true;
  return std::visit([](const auto& value) { return Json(value); }, option.value);
}

Json of_alert(const AlertSettings& alert) {
  const AlertSettings usual;
  Json out{{"name", alert.subscription.name}, {"plugin", alert.plugin}};
  put(out, "kinds", alert.subscription.kinds, usual.subscription.kinds);
  put(out, "targets", alert.subscription.targets, usual.subscription.targets);
  put(out, "fallback", alert.fallback, usual.fallback);
  put(out, "give_up_after", alert.give_up_after, usual.give_up_after);
  put(out, "reminder", alert.reminder, usual.reminder);
  put(out, "heartbeat", alert.heartbeat, usual.heartbeat);
  for (const auto& [name, option] : alert.options) out["options"].push_back({name, of_option(name, option)});
  return out;
}

/// A key is far shorter; of what is longer, or cannot be read, nothing counts: whoever needs it says what is wrong.
std::string digest_of_file(const std::string& file) {
  constexpr std::size_t kMost = 64 * 1024;
  std::ifstream in(file, std::ios::binary);
  std::string text(kMost + 1, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(in.gcount()));
  return text.empty() || text.size() > kMost ? std::string() : sha256(text).hex();
}

Json of_trust(const TrustSettings& trust) {
  const TrustSettings usual;
  Json out{{"name", trust.name}, {"targets", trust.targets}, {"key", digest_of_file(trust.public_key_file)}};
  put(out, "builder", trust.builder, usual.builder);
  put(out, "source", trust.source, usual.source);
  return out;
}

Json of_packages(const PackageSettings& packages) {
  const PackageSettings usual;
  Json out = Json::object();
  put(out, "keep", packages.keep, usual.keep);
  put(out, "max_package", packages.limits.package, usual.limits.package);
  put(out, "max_unpacked", packages.limits.unpacked, usual.limits.unpacked);
  put(out, "max_files", packages.limits.files, usual.limits.files);
  put(out, "max_total", packages.max_total, usual.max_total);
  put(out, "hosts", packages.hosts, usual.hosts);
  put(out, "explain_within", packages.explain_within, usual.explain_within);
  put(out, "examine_within", packages.examine_within, usual.examine_within);
  return out;
}

}  // namespace

std::string work_digest(const Settings& settings) {
  const Settings usual;
  Json all = Json::object();
  put(all, "link", settings.link, usual.link);
  std::map<std::string, std::string> first_of_pace;  // whose key is where is a host's own; who shares one is not
  for (const auto& [name, account] : settings.accounts) {
    Json out = of_account(account);
    const std::string& first = first_of_pace.try_emplace(pace_key(account), name).first->second;
    put(out, "shares_pace_of", first, name);
    all["accounts"].push_back(std::move(out));
  }
  for (const WatchSettings& watch : settings.watches)
    all["functions"].push_back({watch.target.address(), of_watch(watch)});
  for (const RuleSettings& rule : settings.rules)
    all["rules"].push_back(of_watch_rule(rule));  // the first that matches wins
  std::vector<Json> alerts;
  for (const AlertSettings& alert : settings.alerts) alerts.push_back(of_alert(alert));
  std::sort(alerts.begin(), alerts.end());
  if (!alerts.empty()) all["alerts"] = std::move(alerts);
  for (const TrustSettings& trust : settings.trust) all["trust"].push_back(of_trust(trust));
  if (Json packages = of_packages(settings.packages); !packages.empty()) all["packages"] = std::move(packages);
  return sha256(json_line(all)).hex();
}

std::string short_digest(std::string_view digest) { return std::string(digest.substr(0, kShownOfDigest)); }

}  // namespace codedriftd
