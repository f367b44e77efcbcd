/// A made-up host of version 1.1, and plugins of 1.0 and 1.1 under it. Compiled against the made-up header; has nothing
/// of the daemon in it, which is of version 1.0.
#include <dlfcn.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <string>
#include <vector>

#include "codedriftd/sink.h"

static_assert(CODEDRIFTD_SINK_ABI_MINOR == 1);
static_assert(sizeof(codedriftd_option) == 64 && sizeof(codedriftd_sink_api) == 96);

namespace {

const codedriftd_sink_api* load(const std::string& name) {
  void* library = ::dlopen((CODEDRIFTD_BINARY_DIR "/tests/plugins/" + name).c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) throw std::runtime_error(::dlerror());
  return reinterpret_cast<codedriftd_sink_entry_fn>(::dlsym(library, CODEDRIFTD_SINK_ENTRY_NAME))(1);
}

std::vector<codedriftd_option> options_of(const codedriftd_sink_api& api) {
  std::vector<codedriftd_option> options(api.option_count);
  for (std::size_t i = 0; i < options.size(); ++i) {
    const char* at = reinterpret_cast<const char*>(api.options) + i * api.option_size;
    std::memcpy(&options[i], at, std::min<std::size_t>(api.option_size, sizeof options[i]));
  }
  return options;
}

struct Seen {
  std::vector<std::string> lines;
  int64_t counted = 0;
};
void log_line(void* ctx, codedriftd_log_level, const char* text, size_t length) noexcept {
  static_cast<Seen*>(ctx)->lines.emplace_back(text, length);
}
void count(void* ctx, const char*, int64_t value) noexcept { static_cast<Seen*>(ctx)->counted += value; }

struct Delivery {
  codedriftd_result result = -1;
  std::string text;
  int64_t parts = 0;
  Seen seen;
};

Delivery deliver(const codedriftd_sink_api& api) {
  Delivery delivery;
  const codedriftd_host host{sizeof(codedriftd_host), 1, &delivery.seen, log_line, count};
  char text[512] = {};
  codedriftd_report report{sizeof(codedriftd_report), 0, text, sizeof text, 0, 0, 0};
  codedriftd_sink* sink = nullptr;
  EXPECT_EQ(api.open(&host, "{}", 2, &sink, &report), CODEDRIFTD_DELIVERED);
  const codedriftd_alert alert{sizeof(codedriftd_alert), 1, "id", 2, "{\"a\":1}", 7, 0, -1, 0, "drift.detected"};
  delivery.result = api.deliver(sink, &alert, &report);
  delivery.text = text;
  delivery.parts = report.parts;
  EXPECT_EQ(report.status, 200);
  api.close(sink);
  return delivery;
}

TEST(Host11, RunsAnOldPluginAndMissesNothingOfIt) {
  const codedriftd_sink_api* api = load("versioned_1_0.so");
  ASSERT_NE(api, nullptr);
  EXPECT_EQ(api->abi_minor, 0U);
  EXPECT_EQ(api->struct_size, 88U);
  EXPECT_TRUE(CODEDRIFTD_HAS(api, probe));
  EXPECT_FALSE(CODEDRIFTD_HAS(api, flush));
  EXPECT_EQ(api->option_size, 56U);
  const auto options = options_of(*api);
  ASSERT_EQ(options.size(), 3U);
  EXPECT_STREQ(options[1].name, "second");
  EXPECT_EQ(options[1].max, 9);
  EXPECT_STREQ(options[2].name, "third");
  EXPECT_STREQ(options[2].choices, "x|y");
  EXPECT_EQ(options[2].unit, nullptr) << "not there, and not the next option's bytes";
  const Delivery delivery = deliver(*api);
  EXPECT_EQ(delivery.result, CODEDRIFTD_DELIVERED);
  EXPECT_EQ(delivery.text, R"(plugin 1.0, host 1.1, kind none, alert {"a":1}, options {})");
  EXPECT_EQ(delivery.parts, 0);
  EXPECT_EQ(delivery.seen.counted, 0);
  EXPECT_EQ(delivery.seen.lines, std::vector<std::string>{"delivering"});
}

TEST(Host11, RunsItsOwnKindOfPluginWithAllThatIsNew) {
  const codedriftd_sink_api* api = load("versioned_1_1.so");
  ASSERT_NE(api, nullptr);
  EXPECT_EQ(api->abi_minor, 1U);
  ASSERT_TRUE(CODEDRIFTD_HAS(api, flush));
  EXPECT_EQ(api->flush(nullptr, nullptr), CODEDRIFTD_RETRY);
  const auto options = options_of(*api);
  ASSERT_EQ(options.size(), 3U);
  EXPECT_STREQ(options[2].unit, "metres");
  const Delivery delivery = deliver(*api);
  EXPECT_EQ(delivery.text, R"(plugin 1.1, host 1.1, kind drift.detected, alert {"a":1}, options {})");
  EXPECT_EQ(delivery.parts, 3);
  EXPECT_EQ(delivery.seen.counted, 1);
}

}  // namespace
