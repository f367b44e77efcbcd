#pragma once
/// Every key a configuration file may hold: what "unknown key" means, and what config/codedriftd.toml has to explain.
#include <span>
#include <string>
#include <string_view>

namespace codedriftd {

struct KnownSection {
  std::string_view title;                  ///< as it is written: "[daemon]", "[[function]]"; empty: the file itself
  std::span<const std::string_view> keys;  ///< in the order of the sample
};

extern const KnownSection kFileKeys, kDaemonKeys, kLogKeys, kHttpKeys, kControlKeys, kPackagesKeys, kDefaultsKeys,
    kAccountKeys, kCredentialKeys, kDiscoveryKeys, kAuditKeys, kFunctionKeys, kWatchKeys, kAlertKeys, kTrustKeys,
    kStoreKeys;

/// All of the above.
std::span<const KnownSection* const> known_sections();

/// What is wrong with the key `key` in `section`, and what would be right: the nearest known key, the section where it
/// belongs, or the keys that there are. REQUIRES: it is not one of them.
std::string unknown_key(const KnownSection& section, std::string_view key);

}  // namespace codedriftd
