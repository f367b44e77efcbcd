#include "support/tc3_check.h"

#include <fmt/format.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <ctime>

namespace codedriftd::test {
namespace {

constexpr std::string_view kAlgorithm = "TC3-HMAC-SHA256";
constexpr int64_t kMaxSkew = 300;  // seconds

std::string mac(std::string_view key, std::string_view data) {
  unsigned char out[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), reinterpret_cast<const unsigned char*>(data.data()),
       data.size(), out, &size);
  return {reinterpret_cast<const char*>(out), size};
}

std::string to_hex(std::string_view bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string out;
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    out += kDigits[byte >> 4];
    out += kDigits[byte & 15];
  }
  return out;
}

std::string hash(std::string_view data) {
  unsigned char out[SHA256_DIGEST_LENGTH];
  SHA256(reinterpret_cast<const unsigned char*>(data.data()), data.size(), out);
  return to_hex({reinterpret_cast<const char*>(out), sizeof out});
}

std::string utc_date(int64_t seconds) {
  const std::time_t time = seconds;
  std::tm parts{};
  ::gmtime_r(&time, &parts);
  char text[16];
  return {text, std::strftime(text, sizeof text, "%Y-%m-%d", &parts)};
}

/// Takes "name=" off the front and gives what stands up to `end` (or to the end).
std::optional<std::string> take(std::string_view& text, std::string_view prefix, std::string_view end) {
  if (!text.starts_with(prefix)) return std::nullopt;
  text.remove_prefix(prefix.size());
  const std::size_t stop = end.empty() ? text.size() : text.find(end);
  if (stop == std::string_view::npos || stop == 0) return std::nullopt;
  std::string out(text.substr(0, stop));
  text.remove_prefix(std::min(stop + end.size(), text.size()));
  return out;
}

struct Authorization {
  std::string id, date, service, terminator, signed_headers, signature;
};

/// Exactly "TC3-HMAC-SHA256 Credential=ID/DATE/SERVICE/tc3_request, SignedHeaders=A;B, Signature=HEX".
std::optional<Authorization> parse_authorization(std::string_view text) {
  Authorization out;
  const auto part = [&](std::string& into, std::string_view prefix, std::string_view end) {
    auto value = take(text, prefix, end);
    if (value) into = *value;
    return value.has_value();
  };
  if (!part(out.id, fmt::format("{} Credential=", kAlgorithm), "/") || !part(out.date, "", "/") ||
      !part(out.service, "", "/") || !part(out.terminator, "", ", ") ||
      !part(out.signed_headers, "SignedHeaders=", ", ") || !part(out.signature, "Signature=", ""))
    return std::nullopt;
  const bool hex =
      out.signature.size() == 64 && out.signature.find_first_not_of("0123456789abcdef") == std::string::npos;
  if (out.terminator != "tc3_request" || !hex) return std::nullopt;
  return out;
}

std::string canonical_headers(const HttpRequest& request, bool with_action) {
  std::string out = fmt::format("content-type:{}\nhost:{}\n", request.header("content-type"), request.header("host"));
  if (!with_action) return out;
  std::string action(request.header("x-tc-action"));
  for (char& c : action) c = (c >= 'A' && c <= 'Z') ? static_cast<char>(c - 'A' + 'a') : c;
  return out + fmt::format("x-tc-action:{}\n", action);
}

std::size_t count_header(const HttpRequest& request, std::string_view name) {
  return static_cast<std::size_t>(std::count_if(request.headers.begin(), request.headers.end(),
                                                [&](const auto& header) { return header.first == name; }));
}

}  // namespace

const std::string& Tc3Check::signing_key(const ScfCredential& credential, const std::string& date,
                                         std::string_view service) {
  const std::string wanted = fmt::format("{}\n{}\n{}", credential.secret_key, date, service);
  if (wanted != key_of_) {
    key_ = mac(mac(mac("TC3" + credential.secret_key, date), service), "tc3_request");
    key_of_ = wanted;
  }
  return key_;
}

std::optional<ScfRefusal> Tc3Check::operator()(const HttpRequest& request, const std::vector<ScfCredential>& known,
                                               int64_t now, std::string_view service) {
  for (const std::string_view name : {"authorization", "content-type", "host", "x-tc-timestamp", "x-tc-action",
                                      "x-tc-version", "x-tc-region", "x-tc-token"})
    if (count_header(request, name) > 1)
      return ScfRefusal{"AuthFailure.InvalidAuthorization", fmt::format("header {} stands there more than once", name)};

  const auto authorization = parse_authorization(request.header("authorization"));
  if (!authorization) return ScfRefusal{"AuthFailure.InvalidAuthorization", "Authorization is missing or misformed"};
  const bool with_action = authorization->signed_headers == "content-type;host;x-tc-action";
  if (!with_action && authorization->signed_headers != "content-type;host")
    return ScfRefusal{"AuthFailure.InvalidAuthorization", "SignedHeaders must be content-type;host[;x-tc-action]"};

  const std::string_view text = request.header("x-tc-timestamp");
  int64_t timestamp = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), timestamp);
  if (text.empty()) return ScfRefusal{"MissingParameter", "X-TC-Timestamp is missing"};
  if (error != std::errc{} || end != text.data() + text.size())
    return ScfRefusal{"InvalidParameterValue", "X-TC-Timestamp is not a number"};
  if (std::abs(timestamp - now) > kMaxSkew)
    return ScfRefusal{"AuthFailure.SignatureExpire",
                      fmt::format("X-TC-Timestamp is {} s from the server's clock", timestamp - now)};

  const auto credential = std::find_if(known.begin(), known.end(),
                                       [&](const ScfCredential& one) { return one.secret_id == authorization->id; });
  if (credential == known.end()) return ScfRefusal{"AuthFailure.SecretIdNotFound", "the SecretId is not known"};
  if (request.header("x-tc-token") != credential->token)
    return ScfRefusal{"AuthFailure.TokenFailure", "X-TC-Token does not belong to the SecretId"};
  if (authorization->date != utc_date(timestamp))
    return ScfRefusal{"AuthFailure.SignatureFailure", "the date of the scope is not the timestamp's in UTC"};
  if (authorization->service != service)
    return ScfRefusal{"AuthFailure.SignatureFailure", fmt::format("the service of the scope is not {}", service)};

  const std::string canonical =
      fmt::format("{}\n{}\n\n{}\n{}\n{}", request.method, request.path, canonical_headers(request, with_action),
                  authorization->signed_headers, hash(request.body));
  const std::string to_sign = fmt::format("{}\n{}\n{}/{}/tc3_request\n{}", kAlgorithm, timestamp, authorization->date,
                                          service, hash(canonical));
  if (to_hex(mac(signing_key(*credential, authorization->date, service), to_sign)) != authorization->signature)
    return ScfRefusal{"AuthFailure.SignatureFailure", "the signature does not match"};
  return std::nullopt;
}

}  // namespace codedriftd::test
