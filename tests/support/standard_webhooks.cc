#include "support/standard_webhooks.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <charconv>
#include <cstdlib>
#include <optional>
#include <string>
#include <vector>

namespace codedriftd::test {
namespace {

constexpr int64_t kMaxAge = 300;  // seconds, either way

std::optional<std::string> decode(std::string_view text) {
  std::vector<unsigned char> out(text.size() + 4);
  if (text.empty() || text.size() % 4 != 0) return std::nullopt;
  const int size =
      EVP_DecodeBlock(out.data(), reinterpret_cast<const unsigned char*>(text.data()), static_cast<int>(text.size()));
  if (size < 0) return std::nullopt;
  const std::size_t padding = text.ends_with("==") ? 2 : text.ends_with("=") ? 1 : 0;
  return std::string(out.begin(), out.begin() + size - static_cast<std::ptrdiff_t>(padding));
}

std::string encoded_mac(const std::string& key, const std::string& data) {
  unsigned char mac[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), reinterpret_cast<const unsigned char*>(data.data()),
       data.size(), mac, &size);
  unsigned char text[2 * EVP_MAX_MD_SIZE];
  const int length = EVP_EncodeBlock(text, mac, static_cast<int>(size));
  return {reinterpret_cast<const char*>(text), static_cast<std::size_t>(length)};
}

}  // namespace

WebhookVerdict check_webhook(std::string_view secret, std::string_view id, std::string_view timestamp,
                             std::string_view signatures, std::string_view body, int64_t now) {
  constexpr std::string_view kPrefix = "whsec_";
  if (id.empty() || timestamp.empty() || signatures.empty()) return WebhookVerdict::no_headers;
  if (!secret.starts_with(kPrefix)) return WebhookVerdict::bad_secret;
  const auto key = decode(secret.substr(kPrefix.size()));
  if (!key) return WebhookVerdict::bad_secret;
  int64_t sent = 0;
  const auto [end, error] = std::from_chars(timestamp.data(), timestamp.data() + timestamp.size(), sent);
  if (error != std::errc{} || end != timestamp.data() + timestamp.size()) return WebhookVerdict::no_headers;
  if (std::abs(now - sent) > kMaxAge) return WebhookVerdict::too_old;

  std::string data(id);
  data.append(".").append(timestamp).append(".").append(body);
  const std::string right = "v1," + encoded_mac(*key, data);
  while (!signatures.empty()) {
    const std::size_t space = signatures.find(' ');
    if (signatures.substr(0, space) == right) return WebhookVerdict::good;
    signatures.remove_prefix(space == std::string_view::npos ? signatures.size() : space + 1);
  }
  return WebhookVerdict::wrong_signature;
}

std::string_view describe(WebhookVerdict verdict) {
  switch (verdict) {
    case WebhookVerdict::good:
      return "signature good";
    case WebhookVerdict::no_headers:
      return "NOT SIGNED: a webhook header is missing or misformed";
    case WebhookVerdict::bad_secret:
      return "CANNOT CHECK the signature: the secret is not whsec_BASE64";
    case WebhookVerdict::too_old:
      return "NOT ACCEPTED: signed more than five minutes from now";
    case WebhookVerdict::wrong_signature:
      return "WRONG SIGNATURE";
  }
  return "?";
}

}  // namespace codedriftd::test
