#include "cloud/tc3.h"

#include <gtest/gtest.h>

#include <fstream>
#include <string>

#include "base/json.h"

namespace codedriftd::test {
namespace {

Json load_vectors() {
  std::ifstream in(CODEDRIFTD_SOURCE_DIR "/tests/cloud/data/tc3-hmac-sha256.json");
  return Json::parse(in);
}

std::string from_hex(const std::string& digits) {
  std::string bytes;
  for (std::size_t i = 0; i + 1 < digits.size(); i += 2) {
    bytes += static_cast<char>(std::stoi(digits.substr(i, 2), nullptr, 16));
  }
  return bytes;
}

struct Vector {
  explicit Vector(const Json& vector)
      : inputs(vector.at("inputs")),
        id(inputs.at("secret_id")),
        key(inputs.at("secret_key")),
        service(inputs.at("service")),
        timestamp(inputs.at("timestamp")),
        method(inputs.at("method")),
        content_type(inputs.at("content_type")),
        host(inputs.at("signed_host")),
        body(from_hex(inputs.at("body_hex"))) {
    const std::string url = inputs.at("url");
    if (const auto mark = url.find('?'); mark != std::string::npos) query = url.substr(mark + 1);
  }
  Tc3Request request() const { return {method, query, content_type, host, body}; }

  Json inputs;
  std::string id, key, service;
  int64_t timestamp;
  std::string method, query, content_type, host, body;
};

void expect_signature(const Json& vector) {
  SCOPED_TRACE(vector.at("name").get<std::string>());
  const Vector v(vector);
  const std::string date = tc3_date(v.timestamp);
  EXPECT_EQ(date, v.inputs.at("date_utc"));
  const std::string canonical = tc3_canonical_request(v.request());
  EXPECT_EQ(canonical, vector.at("canonical_request"));
  EXPECT_EQ(tc3_string_to_sign(v.timestamp, date, v.service, canonical), vector.at("string_to_sign"));
  const Sha256 signing_key = tc3_signing_key(v.key, date, v.service);
  EXPECT_EQ(signing_key.hex(), vector.at("k_signing_hex"));
  const std::string authorization = tc3_authorization(v.id, signing_key, v.timestamp, date, v.service, v.request());
  EXPECT_EQ(authorization, vector.at("authorization"));
  EXPECT_TRUE(authorization.ends_with("Signature=" + vector.at("signature").get<std::string>()));
}

TEST(Tc3, SignsLikeTheOfficialSdks) {
  const Json vectors = load_vectors();
  ASSERT_EQ(vectors.at("requests").size(), 19U);
  ASSERT_EQ(vectors.at("signatures").size(), 6U);
  for (const Json& vector : vectors.at("requests")) expect_signature(vector);
  for (const Json& vector : vectors.at("signatures")) expect_signature(vector);
}

TEST(Tc3, SignerSignsForEveryServiceAndKeepsUpWithDaysAndKeys) {
  Tc3Signer signer;
  const Json vectors = load_vectors();
  uint64_t generation = 0;
  // Every vector through one signer: its kept key must never be that of another day, secret or service.
  for (int round = 0; round < 2; ++round) {
    for (const Json& vector : vectors.at("requests")) {
      const Vector v(vector);
      SCOPED_TRACE(vector.at("name").get<std::string>());
      ++generation;
      const Secret key(v.key);
      for (int again = 0; again < 2; ++again) {
        EXPECT_EQ(signer.sign(v.service, generation, v.id, key, v.timestamp, v.request()), vector.at("authorization"));
      }
    }
  }
  EXPECT_EQ(generation, 38U) << "two rounds of the 19 vectors";
}

TEST(Tc3, SignerTakesANewKeyAtMidnightUtc) {
  Tc3Signer signer;
  const Secret key("FAKE-SECRET-KEY");
  const int64_t last_second = 1'795'564'799;  // 2026-11-24T23:59:59Z
  EXPECT_EQ(tc3_date(last_second), "2026-11-24");
  EXPECT_EQ(tc3_date(last_second + 1), "2026-11-25");
  Tc3Request request;
  request.host = "scf.example";
  request.body = "{}";
  for (const int64_t at : {last_second, last_second + 1, last_second}) {
    const std::string date = tc3_date(at);
    for (const char* service : {"scf", "cloudaudit", "scf"}) {
      EXPECT_EQ(
          signer.sign(service, 1, "FAKE-ID", key, at, request),
          tc3_authorization("FAKE-ID", tc3_signing_key("FAKE-SECRET-KEY", date, service), at, date, service, request));
    }
  }
}

}  // namespace
}  // namespace codedriftd::test
