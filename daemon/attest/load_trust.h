#pragma once
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

}  // namespace codedriftd
