#include "support/simulated_metadata.h"

#include <gtest/gtest.h>

#include "base/json.h"
#include "support/scf_client.h"

namespace codedriftd::test {
namespace {

const std::string kRoot = "/latest/meta-data/cam/security-credentials/";

RawReply fetch(const SimulatedMetadata& metadata, const std::string& path, Millis at_most = Millis{2000}) {
  return raw_exchange(metadata.port(), "GET " + path + " HTTP/1.1\r\nHost: m\r\nConnection: close\r\n\r\n", at_most);
}

Json keys_of(const RawReply& reply) {
  return Json::parse(reply.bytes.substr(reply.bytes.find("\r\n\r\n") + 4), nullptr, false);
}

TEST(SimulatedMetadata, NamesTheRoleAndHandsOutItsKeys) {
  SimulatedMetadata metadata("reader");
  EXPECT_TRUE(fetch(metadata, kRoot).bytes.ends_with("\r\n\r\nreader"));
  metadata.set_keys({.secret_id = "I", .secret_key = "K", .token = "T", .expires = WallTime{Millis{1795478400000}}});
  const Json keys = keys_of(fetch(metadata, kRoot + "reader"));
  EXPECT_EQ(keys, (Json{{"Code", "Success"},
                        {"TmpSecretId", "I"},
                        {"TmpSecretKey", "K"},
                        {"Token", "T"},
                        {"ExpiredTime", 1795478400},
                        {"Expiration", "2026-11-24T00:00:00.000Z"}}));
  EXPECT_TRUE(fetch(metadata, kRoot + "other").bytes.starts_with("HTTP/1.1 404 "));
  EXPECT_EQ(metadata.requests(), 3u);
  EXPECT_EQ(metadata.key_requests(), 1u);
}

TEST(SimulatedMetadata, FailsInEveryWayItIsTold) {
  using Mode = SimulatedMetadata::Mode;
  SimulatedMetadata metadata("reader");
  const auto keys = [&](Mode mode) {
    metadata.set_mode(mode);
    return fetch(metadata, kRoot + "reader", Millis{100});
  };
  EXPECT_TRUE(keys(Mode::no_role).bytes.starts_with("HTTP/1.1 404 "));
  EXPECT_TRUE(keys(Mode::http_500).bytes.starts_with("HTTP/1.1 500 "));
  EXPECT_EQ(keys_of(keys(Mode::not_success)), (Json{{"Code", "Failed"}}));
  EXPECT_FALSE(keys_of(keys(Mode::missing_key)).contains("TmpSecretKey"));
  EXPECT_TRUE(keys_of(keys(Mode::garbage)).is_discarded());
  EXPECT_EQ(keys(Mode::silent).bytes, "");
  EXPECT_NE(keys(Mode::redirect).bytes.find("Location: /elsewhere"), std::string::npos);
  EXPECT_EQ(metadata.elsewhere_requests(), 0u);
  EXPECT_TRUE(keys_of(fetch(metadata, "/elsewhere" + kRoot + "reader")).contains("TmpSecretKey"));
  EXPECT_EQ(metadata.elsewhere_requests(), 1u);
}

}  // namespace
}  // namespace codedriftd::test
