#include "service/accounts.h"

#include <fmt/format.h>

#include "base/log.h"

namespace codedriftd {
namespace {

CredentialSpec spec_of(const CredentialSettings& s) {
  return {static_cast<CredentialSpec::Source>(s.source),
          s.profile_file,
          s.profile,
          s.secret_id_file,
          s.secret_key_file,
          s.token_file,
          s.role,
          s.metadata_endpoint};
}

}  // namespace

std::vector<ApiAccount> Accounts::apply(const Settings& settings) {
  std::map<std::string, std::shared_ptr<CredentialProvider>> kept;
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
      if (const auto loaded = provider->load(); !loaded) {
        log(LogLevel::error, "credentials.none", fmt::format("account {}: {}", name, loaded.error().message),
            {field("account", name)});
      }
    }
    kept.emplace(name, provider);
    accounts.push_back({name, account.endpoint, account.timeout, account.ca_file, std::move(provider)});
  }
  providers_ = std::move(kept);
  return accounts;
}

}  // namespace codedriftd
