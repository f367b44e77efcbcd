// DSSE envelopes and Sigstore bundles: what is taken for one, and what is refused in which words.
#include "attest/envelope.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "support/test_signer.h"

namespace codedriftd {
namespace {

using test::envelope_with;

const Json kOneSignature{{"keyid", "k"}, {"sig", "c2lnbmF0dXJl"}};  // "signature"

Json small_envelope() { return envelope_with("{}", {kOneSignature}); }

Json small_bundle() {
  return {{"mediaType", "application/vnd.dev.sigstore.bundle.v0.3+json"},
          {"verificationMaterial", {{"publicKey", {{"hint", ""}}}, {"tlogEntries", Json::array()}}},
          {"dsseEnvelope", small_envelope()}};
}

/// The envelope's text with one thing replaced.
std::string replaced(std::string text, const std::string& from, const std::string& to) {
  const std::size_t at = text.find(from);
  if (at == std::string::npos) throw std::logic_error("nothing to replace: " + from);
  return text.replace(at, from.size(), to);
}

std::string refusal_of(const std::string& text) {
  const auto read = read_envelope(text);
  return read ? "taken" : read.error().message;
}

TEST(Envelope, IsReadAloneAndInABundleOfEachVersion) {
  std::vector<Json> forms{small_envelope()};
  for (const char* type :
       {"application/vnd.dev.sigstore.bundle+json;version=0.1", "application/vnd.dev.sigstore.bundle+json;version=0.2",
        "application/vnd.dev.sigstore.bundle+json;version=0.3", "application/vnd.dev.sigstore.bundle.v0.3+json"}) {
    forms.push_back(small_bundle());
    forms.back()["mediaType"] = type;
  }
  for (const Json& form : forms) {
    const auto read = read_envelope(form.dump());
    ASSERT_TRUE(read) << read.error().message;
    EXPECT_EQ(read->payload, "{}");
    ASSERT_EQ(read->signatures.size(), 1U);
    EXPECT_EQ(read->signatures[0].keyid, "k");
    EXPECT_EQ(read->signatures[0].bytes, "signature");
  }
}

TEST(Envelope, IgnoresMembersThatTheProtocolDoesNotKnow) {
  Json envelope = small_envelope();
  envelope["extra"] = {{"deep", {1, 2, 3}}};
  envelope["signatures"][0]["cert"] = "-----BEGIN CERTIFICATE-----";
  envelope["signatures"][0].erase("keyid");
  const auto read = read_envelope(envelope.dump(2) + "\n");
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->signatures[0].keyid, "");
}

TEST(Envelope, IsRefusedInWordsThatSayWhy) {
  struct Case {
    std::string text, expected;
  };
  const std::string alone = small_envelope().dump();
  const std::string bundle = small_bundle().dump();
  const std::vector<Case> cases{
      {"", "the attestation is empty"},
      {"x", "the attestation is not one JSON document"},
      {"[]", "the attestation is JSON, but no object"},
      {"{}", "the attestation is neither a DSSE envelope"},
      {"{\"a\":\"\xff\"}", "the attestation is not UTF-8"},
      {alone + "x", "the attestation is not one JSON document"},
      {alone + "\n" + alone, "the attestation is not one JSON document"},
      {alone.substr(0, alone.size() - 1), "the attestation is not one JSON document"},
      {replaced(alone, "vnd.in-toto", "vnd.IN-toto"),
       "the attestation is of type \"application/vnd.IN-toto+json\"; only \"application/vnd.in-toto+json\" is taken"},
      {replaced(alone, "application/vnd.in-toto+json", "application/json"), "the attestation is of type"},
      {replaced(alone, "\"payloadType\":\"application/vnd.in-toto+json\"", "\"payloadType\":3"),
       "the attestation has no text 'payloadType'"},
      {replaced(alone, "\"payload\":\"e30=\"", "\"payload\":null"), "the attestation has no text 'payload'"},
      {replaced(alone, "e30=", "e30=="), "the attestation has a 'payload' that is not base64"},
      {replaced(alone, "[{\"keyid\":\"k\",\"sig\":\"c2lnbmF0dXJl\"}]", "[]"), "the attestation has no signature"},
      {replaced(alone, "[{\"keyid\":\"k\",\"sig\":\"c2lnbmF0dXJl\"}]", "{}"),
       "the attestation has no list 'signatures'"},
      {replaced(alone, "{\"keyid\":\"k\",\"sig\":\"c2lnbmF0dXJl\"}", "7"),
       "the attestation has no text 'sig' in signature 1"},
      {replaced(alone, "\"sig\"", "\"gis\""), "the attestation has no text 'sig' in signature 1"},
      {replaced(alone, "c2lnbmF0dXJl", ""), "the attestation has a 'sig' in signature 1 that is not"},
      {replaced(alone, "c2lnbmF0dXJl", "c2ln bmF0dXJl"), "the attestation has a 'sig' in signature 1 that is not"},
      {replaced(alone, "c2lnbmF0dXJl", base64(std::string(1025, 's'))), "the attestation has a 'sig' in signature 1"},
      {replaced(bundle, "application/vnd.dev.sigstore.bundle", "application/vnd.dev.other"),
       "the attestation has a 'dsseEnvelope', but its 'mediaType' is \"application/vnd.dev.other.v0.3+json\""},
      {replaced(bundle, "mediaType", "mediatype"), "the attestation has a 'dsseEnvelope', but its 'mediaType' is \"\""},
      {replaced(bundle, "{\"dsseEnvelope\"", "{\"payload\":\"\",\"dsseEnvelope\""),
       "the attestation is an envelope and a bundle with another one"},
      {replaced(bundle, "dsseEnvelope", "messageSignature"),
       "the attestation is a Sigstore bundle of a bare signature"},
      {R"({"mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json","dsseEnvelope":[]})",
       "the attestation has a 'dsseEnvelope' that is no object"},
  };
  for (const Case& c : cases) {
    const std::string refusal = refusal_of(c.text);
    EXPECT_TRUE(refusal.starts_with(c.expected)) << c.text.substr(0, 300) << "\n" << refusal;
  }
}

TEST(Envelope, WithANameTwiceIsRefusedAtEveryLevel) {
  const std::string bundle =
      replaced(small_bundle().dump(), "\"tlogEntries\":[]", "\"tlogEntries\":[[{\"a\":1,\"b\":2}]]");
  ASSERT_EQ(refusal_of(bundle), "taken");
  const std::vector<std::pair<std::string, std::string>> twice{
      {"\"mediaType\"", "\"mediaType\":\"\",\"mediaType\""},         // the bundle
      {"{\"payload\"", "{\"payload\":\"\",\"payload\""},             // the envelope
      {"\"payloadType\"", "\"payloadType\":\"x\",\"payloadType\""},  //
      {"\"signatures\"", "\"signatures\":[],\"signatures\""},        //
      {"{\"keyid\"", "{\"sig\":\"eA==\",\"keyid\""},                 // a signature
      {"{\"keyid\"", "{\"s\\u0069g\":\"eA==\",\"keyid\""},           // the same name in another spelling
      {"\"a\":1", "\"b\":3,\"a\":1"},                                // somewhere that is not looked at
      {"{\"hint\"", "{\"hint\":{},\"hint\""},                        //
  };
  for (const auto& [from, to] : twice) {
    const std::string refusal = refusal_of(replaced(bundle, from, to));
    EXPECT_NE(refusal.find("twice in one object"), std::string::npos) << to << "\n" << refusal;
  }
}

TEST(Envelope, IsBoundedInSizeDepthAndSignatures) {
  Json envelope = small_envelope();
  envelope["pad"] = "";
  envelope["pad"] = std::string(kMostEnvelopeBytes - envelope.dump().size(), 'x');
  EXPECT_EQ(refusal_of(envelope.dump()), "taken");
  EXPECT_EQ(refusal_of(envelope.dump() + " "), "the attestation is larger than 1048576 bytes");

  const auto nested = [](std::size_t depth) {
    return replaced(small_envelope().dump(), "{\"payload\"",
                    "{\"deep\":" + std::string(depth, '[') + std::string(depth, ']') + ",\"payload\"");
  };
  EXPECT_EQ(refusal_of(nested(60)), "taken");
  EXPECT_EQ(refusal_of(nested(64)), "the attestation has lists or objects more than 64 deep in each other");
  EXPECT_EQ(refusal_of(nested(200'000)), "the attestation has lists or objects more than 64 deep in each other");
  EXPECT_EQ(refusal_of(std::string(kMostEnvelopeBytes, '[')).substr(0, 15), "the attestation");

  EXPECT_EQ(refusal_of(envelope_with("{}", std::vector<Json>(kMostSignatures, kOneSignature)).dump()), "taken");
  EXPECT_EQ(refusal_of(envelope_with("{}", std::vector<Json>(kMostSignatures + 1, kOneSignature)).dump()),
            "the attestation has more than 32 signatures");
}

TEST(Base64, OfEitherAlphabetIsReadWithPaddingOrWithout) {
  const std::string bytes = "\xfb\xff\xfe\xfa";  // "+//++g==": digits that the alphabets write differently
  for (const char* text : {"+//++g==", "+//++g", "-__--g==", "-__--g"})
    EXPECT_EQ(any_base64_decode(text), bytes) << text;
  EXPECT_EQ(any_base64_decode(""), "");
  for (const char* text : {"-//++g==", "+/_++g", "+//++g=", "+//++g===", "+//++h==", "+//++h", "+//+ +g==", "A",
                           "A===", "=", "====", "QUJD\n", "QU=D", "Q\0JD"}) {
    EXPECT_FALSE(any_base64_decode(text)) << text;
  }
}

TEST(PreAuthenticationEncoding, IsTheProtocolsOwnExample) {
  EXPECT_EQ(pre_authentication_encoding("http://example.com/HelloWorld", "hello world"),
            "DSSEv1 29 http://example.com/HelloWorld 11 hello world");
  EXPECT_EQ(pre_authentication_encoding("", ""), "DSSEv1 0  0 ");
  EXPECT_EQ(pre_authentication_encoding("ä", std::string("a\0b", 3)), std::string("DSSEv1 2 ä 3 a\0b", 17))
      << "lengths are bytes";
}

}  // namespace
}  // namespace codedriftd
