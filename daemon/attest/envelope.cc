#include "attest/envelope.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "attest/strict_json.h"
#include "base/json.h"
#include "base/sha256.h"
#include "base/text.h"

namespace codedriftd {
namespace {

using Object = simdjson::dom::object;

constexpr std::string_view kBundleType = "application/vnd.dev.sigstore.bundle";
constexpr std::size_t kLongestSignature = 1024;  // the longest that is supported has 72 bytes

Error wrong(std::string_view what) { return Error{fmt::format("the attestation {}", what)}; }

Result<EnvelopeSignature> read_signature(const simdjson::dom::element& element, std::size_t number) {
  Object object;
  std::string_view text;
  if (element.get_object().get(object) != simdjson::SUCCESS ||
      object["sig"].get_string().get(text) != simdjson::SUCCESS)
    return wrong(fmt::format("has no text 'sig' in signature {}", number));
  std::optional<std::string> bytes = any_base64_decode(text);
  if (!bytes || bytes->empty() || bytes->size() > kLongestSignature)
    return wrong(
        fmt::format("has a 'sig' in signature {} that is not 1 to {} bytes in base64", number, kLongestSignature));
  return EnvelopeSignature{clean_utf8(text_in(object, "keyid"), 200), *std::move(bytes)};
}

/// The object in which the members of the envelope stand.
Result<Object> envelope_in(const Object& root) {
  const bool bundle = has_member(root, "dsseEnvelope");
  const bool alone = has_member(root, "payload") || has_member(root, "payloadType") || has_member(root, "signatures");
  if (bundle && alone) return wrong("is an envelope and a bundle with another one at the same time");
  if (alone) return root;
  if (has_member(root, "messageSignature"))
    return wrong("is a Sigstore bundle of a bare signature, without a statement; sign an in-toto statement instead");
  if (!bundle) {
    return wrong(
        "is neither a DSSE envelope ('payload', 'payloadType', 'signatures') nor a Sigstore bundle with one "
        "('dsseEnvelope')");
  }
  const std::string_view type = text_in(root, "mediaType");
  if (!type.starts_with(kBundleType))
    return wrong(
        fmt::format("has a 'dsseEnvelope', but its 'mediaType' is {}, not {}…", quote_foreign(type), kBundleType));
  Object envelope;
  if (root["dsseEnvelope"].get_object().get(envelope) != simdjson::SUCCESS)
    return wrong("has a 'dsseEnvelope' that is no object");
  return envelope;
}

}  // namespace

Result<Envelope> read_envelope(std::string_view bytes) {
  static_assert(kMostEnvelopeBytes == StrictJson::kMostBytes);
  StrictJson json;
  const Result<Object> root = json.parse(bytes);
  if (!root) return wrong(root.error().message);
  const Result<Object> found = envelope_in(*root);
  if (!found) return found.error();

  std::string_view type, payload;
  if (found->at_key("payloadType").get_string().get(type) != simdjson::SUCCESS)
    return wrong("has no text 'payloadType'");
  if (type != kInTotoType)
    return wrong(fmt::format("is of type {}; only {} is taken", quote_foreign(type), quote_foreign(kInTotoType)));
  if (found->at_key("payload").get_string().get(payload) != simdjson::SUCCESS) return wrong("has no text 'payload'");
  std::optional<std::string> decoded = any_base64_decode(payload);
  if (!decoded) return wrong("has a 'payload' that is not base64");

  simdjson::dom::array signatures;
  if (found->at_key("signatures").get_array().get(signatures) != simdjson::SUCCESS)
    return wrong("has no list 'signatures'");
  Envelope envelope{*std::move(decoded), {}};
  for (const simdjson::dom::element element : signatures) {
    if (envelope.signatures.size() == kMostSignatures)
      return wrong(fmt::format("has more than {} signatures", kMostSignatures));
    Result<EnvelopeSignature> signature = read_signature(element, envelope.signatures.size() + 1);
    if (!signature) return signature.error();
    envelope.signatures.push_back(std::move(signature).value());
  }
  if (envelope.signatures.empty()) return wrong("has no signature");
  return envelope;
}

std::string write_envelope(std::string_view payload, std::string_view signature) {
  return json_line(OrderedJson{
      {"payloadType", kInTotoType}, {"payload", base64(payload)}, {"signatures", {{{"sig", base64(signature)}}}}});
}

std::string pre_authentication_encoding(std::string_view type, std::string_view body) {
  return fmt::format("DSSEv1 {} {} {} {}", type.size(), type, body.size(), body);
}

std::optional<std::string> any_base64_decode(std::string_view text) {
  std::string standard(text);
  if (text.find_first_of("-_") != text.npos) {
    if (text.find_first_of("+/") != text.npos) return std::nullopt;
    std::replace(standard.begin(), standard.end(), '-', '+');
    std::replace(standard.begin(), standard.end(), '_', '/');
  }
  if (text.find('=') == text.npos) standard.append((4 - standard.size() % 4) % 4, '=');
  std::optional<std::string> bytes = base64_decode(standard);
  if (!bytes) return std::nullopt;
  // OpenSSL drops the bits that are left over in the last digit, whatever they are.
  if (base64(*bytes) != standard) return std::nullopt;
  return bytes;
}

}  // namespace codedriftd
