/// What the webhook plugin sends, verified by npm's standardwebhooks and cloudevents.
#include <gtest/gtest.h>

#include "base/json.h"
#include "base/sha256.h"
#include "sinks/process.h"
#include "support/npm.h"
#include "support/receiver.h"
#include "support/temp_dir.h"

namespace codedriftd::test {
namespace {

constexpr const char* kSecret = "whsec_ZmFrZS1mYWtlLWZha2UtZmFrZS1mYWtlLWZha2UtMTI=";  // "fake-fake-…"

/// A PKCS #8 Ed25519 key out of 32 bytes that look as fake as they are.
std::string pkcs8() {
  std::string key("\x30\x2e\x02\x01\x00\x30\x05\x06\x03\x2b\x65\x70\x04\x22\x04\x20", 16);
  key += "fake-fake-fake-fake-fake-fake-32";
  return base64(key);
}

Json alert() {
  return {{"schema", "codedriftd.alert.v1"},    {"id", "alertid1"},
          {"kind", "drift.detected"},           {"severity", "critical"},
          {"time", "2026-11-24T03:04:05.678Z"}, {"instance", "ops 1 \"é\" 100%"},
          {"summary", "数据 ran other code."},  {"target", {{"address", "prod/ap-guangzhou/default/charge:$LATEST"}}}};
}

TEST(IndependentReceivers, VerifyBothSignaturesAndReadTheCloudEvent) {
  const NpmFolder npm("e2e/node", "verify.js");
  if (const std::string why = npm.install(); !why.empty()) GTEST_SKIP() << why;
  const TempDir folder;
  Receiver receiver;
  const std::string formats[] = {"cloudevents", "cloudevents_binary"};
  for (const std::string& format : formats) {
    SinkSpec spec{
        "ops", CODEDRIFTD_BINARY_DIR "/codedriftd-sinkhost", CODEDRIFTD_BINARY_DIR "/plugins/webhook.so", {}, {}};
    spec.options["url"] = {receiver.url(), {}};
    spec.options["format"] = {format, {}};
    spec.options["secret_file"] = {folder.write("secret", std::string(kSecret) + "\nwhsk_" + pkcs8() + "\n"), {}};
    SinkProcess sink(std::move(spec));
    ASSERT_TRUE(sink.start());
    ASSERT_EQ(sink.deliver("alertid1", alert().dump(), 1, Millis{30'000}).result, DeliveryResult::delivered);
  }
  Json input{{"secret", kSecret}, {"pkcs8", pkcs8()}, {"requests", Json::array()}};
  for (const ReceivedRequest& request : receiver.requests()) {
    Json headers = Json::object();
    for (const auto& [name, value] : request.headers) headers[name] = value;
    input["requests"].push_back({{"headers", headers}, {"body", request.body}});
  }
  ASSERT_EQ(input["requests"].size(), std::size(formats));
  const RunResult verified = npm.run_script({}, input.dump());
  ASSERT_TRUE(succeeded(verified)) << verified.err;
  const Json results = Json::parse(verified.out);
  ASSERT_EQ(results.size(), std::size(formats));
  for (std::size_t i = 0; i < results.size(); ++i) {
    const Json& result = results[i];
    EXPECT_TRUE(result["hmac"]) << formats[i];
    EXPECT_TRUE(result["ed25519"]) << formats[i];
    EXPECT_FALSE(result["hmacOfAnother"]) << formats[i];
    EXPECT_FALSE(result["ed25519OfAnother"]) << formats[i];
    ASSERT_TRUE(result["event"].is_object()) << formats[i];
    EXPECT_EQ(result["event"]["specversion"], "1.0");
    EXPECT_EQ(result["event"]["id"], "alertid1");
    EXPECT_EQ(result["event"]["type"], "codedriftd.drift.detected");
    EXPECT_EQ(result["event"]["subject"], "prod/ap-guangzhou/default/charge:$LATEST");
    EXPECT_EQ(result["event"]["time"], "2026-11-24T03:04:05.678Z");
    EXPECT_EQ(result["event"]["data"], alert());
  }
  EXPECT_EQ(results[0]["event"]["source"], "codedriftd/ops%201%20%22%C3%A9%22%20100%25") << "a URI reference";
}

}  // namespace
}  // namespace codedriftd::test
