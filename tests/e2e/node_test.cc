/// What the webhook plugin sends, verified by npm's standardwebhooks and cloudevents.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/file.h>

#include <filesystem>

#include "base/json.h"
#include "base/sha256.h"
#include "base/unique_fd.h"
#include "sinks/process.h"
#include "support/process.h"
#include "support/program.h"
#include "support/receiver.h"
#include "support/temp_dir.h"

namespace codedriftd::test {
namespace {

namespace fs = std::filesystem;
constexpr const char* kSecret = "whsec_ZmFrZS1mYWtlLWZha2UtZmFrZS1mYWtlLWZha2UtMTI=";  // "fake-fake-…"
const fs::path kSource = fs::path(CODEDRIFTD_SOURCE_DIR) / "tests/e2e/node";
const fs::path kFolder = fs::path(CODEDRIFTD_BINARY_DIR) / "tests/e2e/node";

RunResult run_program(std::vector<std::string> argv, std::string input = {}, Millis at_most = Millis{60'000}) {
  ChildOptions options;
  options.argv = std::move(argv);
  options.folder = kFolder.string();
  options.stdin_text = std::move(input);
  return run(std::move(options), at_most);
}

bool succeeded(const RunResult& result) { return result.status && *result.status == ExitStatus{0, 0}; }

bool there(const char* program) {
  return succeeded(run_program({"/bin/sh", "-c", std::string("command -v ") + program}));
}

/// Puts the pinned packages into the build folder, once. Why it could not be done; empty if it could.
std::string install_packages() {
  fs::create_directories(kFolder);
  if (!there("node") || !there("npm")) return "node or npm is not installed (scripts/install-deps --test)";
  const UniqueFd lock(::open((kFolder / "lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (::flock(lock.get(), LOCK_EX) != 0) return "the folder cannot be locked";
  const fs::path stamp = kFolder / "installed";
  const std::string pinned = read_file((kSource / "package-lock.json").string());
  fs::copy_file(kSource / "verify.js", kFolder / "verify.js", fs::copy_options::overwrite_existing);
  if (fs::exists(stamp) && read_file(stamp.string()) == pinned) return {};
  for (const char* file : {"package.json", "package-lock.json"}) {
    fs::copy_file(kSource / file, kFolder / file, fs::copy_options::overwrite_existing);
  }
  const RunResult ci = run_program({"npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"}, "", Millis{180'000});
  if (!succeeded(ci)) return "npm ci failed; is the registry reachable? " + ci.err.substr(0, 500);
  fs::copy_file(kSource / "package-lock.json", stamp, fs::copy_options::overwrite_existing);
  return {};
}

/// A PKCS #8 Ed25519 key out of 32 bytes that look as fake as they are.
std::string pkcs8() {
  std::string key("\x30\x2e\x02\x01\x00\x30\x05\x06\x03\x2b\x65\x70\x04\x22\x04\x20", 16);
  key += "fake-fake-fake-fake-fake-fake-32";
  return base64({reinterpret_cast<const uint8_t*>(key.data()), key.size()});
}

Json alert() {
  return {{"schema", "codedriftd.alert.v1"},    {"id", "alertid1"},
          {"kind", "drift.detected"},           {"severity", "critical"},
          {"time", "2026-11-24T03:04:05.678Z"}, {"instance", "ops 1 \"é\" 100%"},
          {"summary", "数据 ran other code."},  {"target", {{"address", "prod/ap-guangzhou/default/charge:$LATEST"}}}};
}

TEST(IndependentReceivers, VerifyBothSignaturesAndReadTheCloudEvent) {
  if (const std::string why = install_packages(); !why.empty()) GTEST_SKIP() << why;
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
  const RunResult verified = run_program({"node", "verify.js"}, input.dump());
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
