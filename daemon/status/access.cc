#include "status/access.h"

#include <fmt/format.h>
#include <openssl/crypto.h>

#include <algorithm>
#include <utility>

#include "base/secret.h"

namespace codedriftd {
namespace {

constexpr std::size_t kShortestToken = 16;

Checked check_token(const std::string& path, std::string_view token) {
  constexpr std::string_view kRemedy = "make one with: (umask 077; openssl rand -hex 32 >FILE)";
  if (token.size() < kShortestToken)
    return Error{fmt::format("{}: the token has {} characters, which can be guessed; it must have {} at least; {}",
                             path, token.size(), kShortestToken, kRemedy)};
  if (!std::all_of(token.begin(), token.end(), [](char c) { return c > ' ' && c <= '~'; }))
    return Error{fmt::format("{}: a token is one word of printable ASCII characters; {}", path, kRemedy)};
  return Done{};
}

/// What follows `scheme` (in any case) and white space; nullopt: another scheme.
std::optional<std::string_view> after_scheme(std::string_view header, std::string_view scheme) {
  const bool it = header.size() > scheme.size() && header[scheme.size()] == ' ' &&
                  std::equal(scheme.begin(), scheme.end(), header.begin(),
                             [](char a, char b) { return a == (b >= 'A' && b <= 'Z' ? b - 'A' + 'a' : b); });
  if (!it) return std::nullopt;
  header.remove_prefix(scheme.size());
  header.remove_prefix(std::min(header.find_first_not_of(' '), header.size()));
  return header;
}

std::string shown_token(std::string_view authorization) {
  if (const auto token = after_scheme(authorization, "bearer")) return std::string(*token);
  const auto encoded = after_scheme(authorization, "basic");
  const auto pair = encoded ? base64_decode(*encoded) : std::nullopt;
  if (!pair) return {};
  const std::size_t colon = pair->find(':');
  return colon == std::string::npos ? "" : pair->substr(colon + 1);
}

}  // namespace

Result<std::shared_ptr<const Access>> Access::load(const HttpSettings& settings) {
  auto access = std::make_shared<Access>();
  if (!settings.token_file.empty()) {
    auto token = read_secret_file(settings.token_file);
    if (!token) return Error{"token_file: " + token.error().message};
    if (auto good = check_token(secret_file_path(settings.token_file), token->reveal()); !good)
      return Error{"token_file: " + good.error().message};
    access->with_token_ = true;
    access->token_hash_ = sha256(token->reveal());
  }
  if (!settings.tls_certificate.empty()) {
    auto identity = TlsIdentity::load(secret_file_path(settings.tls_certificate), secret_file_path(settings.tls_key));
    if (!identity) return Error{"tls_certificate, tls_key: " + identity.error().message};
    access->identity_ = std::move(*identity);
  }
  return std::shared_ptr<const Access>(std::move(access));
}

bool Access::allows(std::string_view authorization) const {
  if (!with_token_) return true;
  const Sha256 shown = sha256(shown_token(authorization));
  return CRYPTO_memcmp(shown.bytes.data(), token_hash_.bytes.data(), shown.bytes.size()) == 0;
}

}  // namespace codedriftd
