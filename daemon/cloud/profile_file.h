#pragma once
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/secret.h"

namespace codedriftd {

/// What a section of a profile file says; what it does not is empty.
struct ProfileKeys {
  std::string secret_id;
  Secret secret_key;
  Secret token;
};

/// Reads section `name` as Python's configparser does, which the official SDK uses: comment lines begin with `#` or
/// `;`, what follows a section's `]` is ignored, keys may be in any case and end at the first `=` or `:`, values are
/// trimmed, and [DEFAULT] holds for every section. The error, which repeats no value, says which sections there are
/// where that one is not, and that quotes would belong to a value. Pure.
Result<ProfileKeys> read_profile_section(std::string_view text, std::string_view name);

}  // namespace codedriftd
