#include "service/accounts.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/log.h"
#include "base/url.h"
#include "settings/schedule.h"

namespace codedriftd {
namespace {

constexpr Millis kLoadTime{5'000};

// settings/ and cloud/ do not know each other.
static_assert(static_cast<int>(CredentialSettings::Source::chain) == static_cast<int>(CredentialSpec::Source::chain));
static_assert(static_cast<int>(CredentialSettings::Source::env) == static_cast<int>(CredentialSpec::Source::env));
static_assert(static_cast<int>(CredentialSettings::Source::profile) ==
              static_cast<int>(CredentialSpec::Source::profile));
static_assert(static_cast<int>(CredentialSettings::Source::files) == static_cast<int>(CredentialSpec::Source::files));
static_assert(static_cast<int>(CredentialSettings::Source::cvm_role) ==
              static_cast<int>(CredentialSpec::Source::cvm_role));

CredentialSpec spec_of(const CredentialSettings& s) {
  return {.source = static_cast<CredentialSpec::Source>(s.source),
          .profile_file = s.profile_file,
          .profile = s.profile,
          .secret_id_file = s.secret_id_file,
          .secret_key_file = s.secret_key_file,
          .token_file = s.token_file,
          .role = s.role,
          .metadata_endpoint = s.metadata_endpoint};
}

}  // namespace

std::vector<ApiAccount> Accounts::apply(const Settings& settings) {
  std::map<std::string, std::shared_ptr<CredentialProvider>> kept;
  std::map<std::string, std::shared_ptr<CredentialProvider>> fresh;
  std::vector<ApiAccount> accounts;
  for (const auto& [name, account] : settings.accounts) {
    const CredentialSpec spec = spec_of(account.credentials);
    const auto known = providers_.find(name);
    std::shared_ptr<CredentialProvider> provider;
    if (known != providers_.end() && known->second->spec() == spec) {
      provider = known->second;
      provider->read_again();
    } else {
      provider = std::make_shared<CredentialProvider>(name, spec, clock_);
      provider->start(kLoadTime);
      fresh.emplace(name, provider);
    }
    kept.emplace(name, provider);
    accounts.push_back(
        {name, account.endpoint, account.timeout, account.ca_file, std::move(provider), account.audit.endpoint});
  }
  const MonoTime until = clock_.mono() + kLoadTime;
  for (const auto& [name, provider] : fresh) {
    const auto left = std::chrono::ceil<Millis>(until - clock_.mono());
    if (const auto loaded = provider->wait_loaded(std::max(Millis{0}, left)); !loaded) {
      log(LogLevel::error, "credentials.none", fmt::format("account {}: {}", name, loaded.error().message),
          {field("account", name)});
    }
  }
  providers_ = std::move(kept);
  return accounts;
}

Paces Accounts::paces(const Settings& settings) const {
  Paces paces;
  for (const auto& [name, account] : settings.accounts) {
    AccountPace pace{pace_key(account), account.requests_per_second};
    const auto credentials = providers_.at(name)->current();
    if (credentials && (*credentials)->token.empty()) {
      const auto url = parse_url(account.endpoint);
      pace.key = fmt::format("{}\nid {}", url ? url->origin : account.endpoint, (*credentials)->secret_id);
    }
    paces.emplace(name, std::move(pace));
  }
  return paces;
}

}  // namespace codedriftd
