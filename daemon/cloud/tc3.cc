#include "cloud/tc3.h"

#include <fmt/format.h>
#include <openssl/crypto.h>

#include <chrono>

namespace codedriftd {
namespace {

constexpr int64_t kSecondsPerDay = 86'400;

std::string_view as_text(const Sha256& digest) {
  return {reinterpret_cast<const char*>(digest.bytes.data()), digest.bytes.size()};
}

void erase(Sha256& key) { OPENSSL_cleanse(key.bytes.data(), key.bytes.size()); }

}  // namespace

std::string tc3_date(int64_t timestamp) {
  const auto day = std::chrono::floor<std::chrono::days>(std::chrono::sys_seconds(std::chrono::seconds(timestamp)));
  const std::chrono::year_month_day date(day);
  return fmt::format("{:04}-{:02}-{:02}", static_cast<int>(date.year()), static_cast<unsigned>(date.month()),
                     static_cast<unsigned>(date.day()));
}

Sha256 tc3_signing_key(std::string_view secret_key, std::string_view date, std::string_view service) {
  std::string start("TC3");
  start.reserve(start.size() + secret_key.size());  // so that no half-filled copy is left behind
  start += secret_key;
  Sha256 day_key = hmac_sha256(start, date);
  wipe(start);
  Sha256 service_key = hmac_sha256(as_text(day_key), service);
  const Sha256 key = hmac_sha256(as_text(service_key), "tc3_request");
  erase(day_key);
  erase(service_key);
  return key;
}

std::string tc3_canonical_request(const Tc3Request& request) {
  return fmt::format("{}\n/\n{}\ncontent-type:{}\nhost:{}\n\ncontent-type;host\n{}", request.method, request.query,
                     request.content_type, request.host, sha256(request.body).hex());
}

std::string tc3_string_to_sign(int64_t timestamp, std::string_view date, std::string_view service,
                               std::string_view canonical_request) {
  return fmt::format("TC3-HMAC-SHA256\n{}\n{}/{}/tc3_request\n{}", timestamp, date, service,
                     sha256(canonical_request).hex());
}

std::string tc3_authorization(std::string_view secret_id, const Sha256& signing_key, int64_t timestamp,
                              std::string_view date, std::string_view service, const Tc3Request& request) {
  const std::string text = tc3_string_to_sign(timestamp, date, service, tc3_canonical_request(request));
  return fmt::format("TC3-HMAC-SHA256 Credential={}/{}/{}/tc3_request, SignedHeaders=content-type;host, Signature={}",
                     secret_id, date, service, hmac_sha256(as_text(signing_key), text).hex());
}

Tc3Signer::~Tc3Signer() {
  for (auto& [service, kept] : keys_) erase(kept.key);
}

std::string Tc3Signer::sign(std::string_view service, uint64_t generation, std::string_view secret_id,
                            const Secret& secret_key, int64_t timestamp, const Tc3Request& request) {
  const int64_t day = timestamp / kSecondsPerDay;
  auto found = keys_.find(service);
  if (found == keys_.end()) found = keys_.emplace(service, DayKey{}).first;
  DayKey& kept = found->second;
  if (day != kept.day || generation != kept.generation) {
    kept.date = tc3_date(timestamp);
    kept.key = tc3_signing_key(secret_key.reveal(), kept.date, service);
    kept.day = day;
    kept.generation = generation;
  }
  return tc3_authorization(secret_id, kept.key, timestamp, kept.date, service, request);
}

}  // namespace codedriftd
