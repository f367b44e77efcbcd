#pragma once
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "scf/curl_api.h"
#include "settings/settings.h"

namespace codedriftd {

/// The credential providers of the configured accounts, kept over reloads. One thread.
class Accounts {
 public:
  explicit Accounts(const Clock& clock) : clock_(clock) {}

  /// The accounts as configured now, for CurlApi::set_accounts. A provider whose settings did not change stays and
  /// reads its secrets again; a new one reads them here, for a few seconds at most, and says in the log if there are
  /// none.
  std::vector<ApiAccount> apply(const Settings& settings);

 private:
  const Clock& clock_;
  std::map<std::string, std::shared_ptr<CredentialProvider>> providers_;
};

}  // namespace codedriftd
