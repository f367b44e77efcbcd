#pragma once
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "attest/trust.h"
#include "settings/settings.h"

namespace codedriftd {

struct LoadedTrust {
  std::vector<TrustKey> keys;      ///< those that can be used, in the order of the settings
  std::vector<Mistake> mistakes;   ///< of the others, at their public_key_file
  std::vector<Mistake> forbidden;  ///< the same of those that this user may not read; another may
};

/// Reads the key files of [trust]. Two may have the same key: each says what it counts for.
LoadedTrust load_trust(const Settings& settings);

/// What the configuration says about attestations. Immutable: who holds one has what was loaded then.
struct Trust {
  std::vector<TrustKey> keys;
  std::set<std::string> attested_only;  ///< addresses of the functions with require = "attested"
};
/// Of settings.watches.
std::set<std::string> attested_only(const Settings& settings);
/// Keys that cannot be used are left out, and that is logged. Reads settings.watches.
std::shared_ptr<const Trust> trust_of(const Settings& settings);

}  // namespace codedriftd
