#pragma once
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "cloud/pace.h"
#include "scf/curl_api.h"
#include "settings/settings.h"

namespace codedriftd {

/// The credential providers of the configured accounts, kept over reloads. One thread.
class Accounts {
 public:
  explicit Accounts(const Clock& clock) : clock_(clock) {}

  /// The accounts as configured now, for CurlApi::set_accounts. A provider whose settings did not change stays and
  /// reads its secrets again. New ones read theirs side by side, and are waited for, five seconds for all of them
  /// together; who has none then is named in the log, and goes on looking.
  std::vector<ApiAccount> apply(const Settings& settings);

  /// How the accounts of the last `apply` are paced. Those with one key and endpoint share a pace; where keys are
  /// temporary or not known, those that take them from the same place.
  Paces paces(const Settings& settings) const;

 private:
  const Clock& clock_;
  std::map<std::string, std::shared_ptr<CredentialProvider>> providers_;
};

}  // namespace codedriftd
