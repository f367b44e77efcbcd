#pragma once
/// TC3-HMAC-SHA256: how Tencent Cloud's API wants requests signed.
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/secret.h"
#include "base/sha256.h"

namespace codedriftd {

/// What is signed of a request. Each part must be sent exactly as it stands here.
struct Tc3Request {
  std::string_view method = "POST";
  std::string_view query;  ///< without the `?`
  std::string_view content_type = "application/json";
  std::string_view host;  ///< the Host header: HOST or HOST:PORT
  std::string_view body;
};

/// Unix seconds as the UTC day of a signature: "2026-11-24".
std::string tc3_date(int64_t timestamp);
/// The key of one secret, day and service. Good for that whole UTC day.
Sha256 tc3_signing_key(std::string_view secret_key, std::string_view date, std::string_view service);
std::string tc3_canonical_request(const Tc3Request& request);
std::string tc3_string_to_sign(int64_t timestamp, std::string_view date, std::string_view service,
                               std::string_view canonical_request);
/// The value of the Authorization header.
std::string tc3_authorization(std::string_view secret_id, const Sha256& signing_key, int64_t timestamp,
                              std::string_view date, std::string_view service, const Tc3Request& request);

/// Signs, and keeps the day's key of each service. One thread; one object for each account.
class Tc3Signer {
 public:
  Tc3Signer() = default;
  Tc3Signer(const Tc3Signer&) = delete;
  Tc3Signer& operator=(const Tc3Signer&) = delete;
  ~Tc3Signer();

  /// The Authorization header's value. `service`: "scf", "cloudaudit". `generation` names the secret: the same number
  /// means the same id and key.
  std::string sign(std::string_view service, uint64_t generation, std::string_view secret_id, const Secret& secret_key,
                   int64_t timestamp, const Tc3Request& request);

 private:
  struct DayKey {
    uint64_t generation = 0;
    int64_t day = -1;  ///< days since 1970; -1: no key yet
    std::string date;
    Sha256 key;
  };
  std::map<std::string, DayKey, std::less<>> keys_;  ///< by service; nodes stay where they are, so no copies are left
};

}  // namespace codedriftd
