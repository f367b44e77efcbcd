/// The plugin interface does not change under a plugin: the kept header is what it was, and our host of version 1.0
/// runs plugins of 1.0 and of a made-up 1.1. (tests/plugins/abi-1.1 has the host of 1.1, layout.c the sizes and
/// offsets.)
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <string>

#include "base/sha256.h"
#include "sinks/process.h"
#include "support/process.h"

namespace codedriftd {
namespace {

const std::string kHost = CODEDRIFTD_BINARY_DIR "/codedriftd-sinkhost";
const std::string kPlugins = CODEDRIFTD_BINARY_DIR "/tests/plugins/";
constexpr Millis kPlenty{30'000};

std::string contents(const std::string& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

TEST(SinkHeader, TheKeptCopyOfVersion10IsWhatItWas) {
  EXPECT_EQ(sha256(contents(CODEDRIFTD_SOURCE_DIR "/tests/plugins/abi-1.0/codedriftd/sink.h")).hex(),
            "8b500155e6235fbcf8a4987191d212868d4a50ade5faaba44cac5a90ac8e98f7")
      << "version 1.0 is published; what changes is a later version, and this copy stays";
}

class AbiGrowth : public testing::TestWithParam<const char*> {};

TEST_P(AbiGrowth, OurHostRunsThePlugin) {
  const std::string minor = GetParam();
  SinkSpec spec{"ops", kHost, kPlugins + "versioned_1_" + minor + ".so", {}, {}};
  spec.options["third"] = {"y", {}};
  SinkProcess sink(std::move(spec));
  const auto plugin = sink.start();
  ASSERT_TRUE(plugin) << plugin.error().message;
  EXPECT_EQ(plugin->abi_minor, minor == "1" ? 1U : 0U);
  EXPECT_EQ(plugin->per_minute, 30U);
  EXPECT_EQ(plugin->burst, 4U);
  EXPECT_TRUE(plugin->can_probe);
  ASSERT_EQ(plugin->options.size(), 3U);
  EXPECT_EQ(plugin->options[1].max, 9);
  EXPECT_EQ(plugin->options[2].choices, (std::vector<std::string>{"x", "y"}));
  const DeliveryAnswer answer = sink.deliver("id", "{\"a\":1}", 1, kPlenty);
  EXPECT_EQ(answer.result, DeliveryResult::delivered);
  EXPECT_EQ(answer.text, "plugin 1." + minor +
                             ", host 1.0, kind none, alert {\"a\":1}, options "
                             "{\"first\":[\"a\",\"b\"],\"second\":2,\"third\":\"y\"}");
  EXPECT_EQ(sink.probe(kPlenty).text, "probed");
}

TEST_P(AbiGrowth, OurHostDescribesThePlugin) {
  const std::string minor = GetParam();
  const auto result = test::run({.argv = {kHost, "--describe", kPlugins + "versioned_1_" + minor + ".so"}});
  EXPECT_EQ(result.status, (test::ExitStatus{0, 0}));
  EXPECT_NE(result.out.find("versioned 7 (plugin interface 1." + minor + ","), std::string::npos) << result.out;
  EXPECT_NE(result.out.find("takes 30 alerts a minute, 4 at once"), std::string::npos) << result.out;
  EXPECT_NE(result.out.find("one of x y"), std::string::npos) << result.out;
}
INSTANTIATE_TEST_SUITE_P(Version, AbiGrowth, testing::Values("0", "1"),
                         [](const auto& version) { return std::string("1_") + version.param; });

}  // namespace
}  // namespace codedriftd
