#pragma once
/// Where secret keys come from: each source is read once, here, on the caller's thread.
#include <optional>
#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "base/secret.h"

namespace codedriftd {

/// Which source to ask, as the configuration says (settings/settings.h has the same fields).
struct CredentialSpec {
  enum class Source { chain, env, profile, files, cvm_role };
  Source source = Source::chain;
  std::string profile_file;  ///< profile: empty = $TENCENTCLOUD_CREDENTIALS_FILE, ~/.tencentcloud, /etc/tencentcloud
  std::string profile = "default";
  std::string secret_id_file, secret_key_file, token_file;  ///< files; relative: under $CREDENTIALS_DIRECTORY
  std::string role;                                         ///< cvm-role: empty = ask the metadata service
  std::string metadata_endpoint = "http://metadata.tencentyun.com";

  friend bool operator==(const CredentialSpec&, const CredentialSpec&) = default;
};

struct Credentials {
  std::string secret_id;
  Secret secret_key;
  Secret token;                     ///< empty unless the keys are temporary
  std::optional<WallTime> expires;  ///< of temporary keys
  std::string source;               ///< for people: "environment", "profile default of FILE", "role NAME", …
  uint64_t generation = 0;          ///< given by the provider: another number when anything of the secret changed
};

/// Why a source has nothing.
struct Unavailable {
  std::string message;
  bool broken = false;  ///< it is there but cannot be used (half set, bad mode): worth a warning even in a chain
};

/// Reads the source, for a chain the first that has something: env, profile, cvm-role. Only cvm-role uses the network:
/// each of its two calls takes 2 s at most, together `at_most`, and ends early when `cancel_fd` (-1: none) becomes
/// readable. Broken links of a chain are logged and passed over.
Result<Credentials, Unavailable> read_credentials(const CredentialSpec& spec, Millis at_most, int cancel_fd = -1);

}  // namespace codedriftd
