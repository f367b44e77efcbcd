#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "support/http_message.h"
#include "support/scf_credential.h"

namespace codedriftd::test {

/// TC3-HMAC-SHA256 from the cloud's side, written from the documentation and apart from the daemon's signer, on
/// OpenSSL alone. One thread owns an object; it remembers the day's signing key.
class Tc3Check {
 public:
  /// Nullopt if the request is one of a known credential, signed for `service` and `now` (Unix seconds, the cloud's
  /// clock).
  std::optional<ScfRefusal> operator()(const HttpRequest& request, const std::vector<ScfCredential>& known, int64_t now,
                                       std::string_view service = "scf");

 private:
  const std::string& signing_key(const ScfCredential& credential, const std::string& date, std::string_view service);

  std::string key_of_;  ///< secret key, date and service that key_ belongs to
  std::string key_;
};

}  // namespace codedriftd::test
