/// The built plugin jsonl, in its own process. With JSONL_PLUGIN it is another build of it (tests/plugins/outside).
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>

#include "base/json.h"
#include "sinks/process.h"
#include "support/temp_dir.h"

namespace codedriftd {
namespace {

constexpr Millis kPlenty{30'000};

class Jsonl : public testing::Test {
 protected:
  Result<PluginInfo, StartFailure> start(const std::string& path, bool sync = false) {
    const char* other = std::getenv("JSONL_PLUGIN");
    SinkSpec spec{"file",
                  CODEDRIFTD_BINARY_DIR "/codedriftd-sinkhost",
                  other != nullptr ? other : CODEDRIFTD_BINARY_DIR "/plugins/jsonl.so",
                  {},
                  {}};
    spec.options["path"] = {path, {}};
    if (sync) spec.options["sync"] = {true, {}};
    sink_ = std::make_unique<SinkProcess>(std::move(spec));
    return sink_->start();
  }
  DeliveryAnswer deliver(const std::string& json) { return sink_->deliver("id", json, 1, kPlenty); }
  static std::string contents(const std::string& file) {
    std::ifstream in(file, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }

  const test::TempDir folder_;
  std::unique_ptr<SinkProcess> sink_;
};

TEST_F(Jsonl, AppendsEachAlertAsALine) {
  const std::string file = folder_ / "alerts.jsonl";
  const auto plugin = start(file, true);
  ASSERT_TRUE(plugin) << plugin.error().message;
  EXPECT_EQ(plugin->name, "jsonl");
  EXPECT_EQ(sink_->probe(kPlenty).result, DeliveryResult::delivered);
  EXPECT_EQ(deliver(R"({"a":1})").result, DeliveryResult::delivered);
  EXPECT_EQ(deliver("{\"b\":\n\r 2}").result, DeliveryResult::delivered);
  EXPECT_EQ(contents(file), "{\"a\":1}\n{\"b\":   2}\n");
  struct stat info {};
  ASSERT_EQ(::stat(file.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07, 0U) << "not for everybody";
}

TEST_F(Jsonl, TheLongestAlertIsOneLine) {
  const std::string file = folder_ / "alerts.jsonl";
  ASSERT_TRUE(start(file));
  const std::string longest = "{\"a\":\"" + std::string(kMaxAlertBytes - 8, 'x') + "\"}";
  EXPECT_EQ(deliver(longest).result, DeliveryResult::delivered);
  EXPECT_EQ(contents(file), longest + "\n");
}

TEST_F(Jsonl, AFileThatWasMovedAwayIsBegunAnew) {
  const std::string file = folder_ / "alerts.jsonl";
  ASSERT_TRUE(start(file));
  deliver("{\"a\":1}");
  std::filesystem::rename(file, file + ".1");
  EXPECT_EQ(deliver("{\"a\":2}").result, DeliveryResult::delivered);
  EXPECT_EQ(contents(file), "{\"a\":2}\n");
}

TEST_F(Jsonl, HalfALineThatWasLeftThereStaysALineOfItsOwn) {
  const std::string file = folder_.write("alerts.jsonl", "{\"a\":1}\n{\"half");
  ASSERT_TRUE(start(file));
  EXPECT_EQ(deliver("{\"b\":2}").result, DeliveryResult::delivered);
  EXPECT_EQ(contents(file), "{\"a\":1}\n{\"half\n{\"b\":2}\n");
}

TEST_F(Jsonl, ReadsAPathWithEveryCharacterThatJsonEscapes) {
  for (const std::string name :
       {"a \"quoted\" one", "back\\slash", "{,[:]}", "path\":\"x", "\u00e9\u6f22\U0001F600", "[\"sync\"]"}) {
    ASSERT_TRUE(start(folder_ / name)) << name;
    EXPECT_EQ(deliver("{}").result, DeliveryResult::delivered) << name;
    EXPECT_EQ(contents(folder_ / name), "{}\n") << name;
  }
}

TEST_F(Jsonl, HalfALineIsTakenBackWhenThereIsNoSpaceForTheRest) {
  const std::string before(1000, '\n');
  const std::string file = folder_.write("alerts.jsonl", before);
  rlimit usual{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &usual), 0);
  const rlimit full{1005, usual.rlim_max};  // the host inherits it
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &full), 0);
  const auto plugin = start(file);
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &usual), 0);
  ASSERT_TRUE(plugin) << plugin.error().message;
  const DeliveryAnswer answer = deliver("{\"a\":12345}");
  EXPECT_EQ(answer.result, DeliveryResult::retry);
  EXPECT_NE(answer.text.find("no space for a whole line"), std::string::npos) << answer.text;
  EXPECT_EQ(contents(file), before);
  EXPECT_EQ(deliver("{}").result, DeliveryResult::delivered) << "a shorter one fits";
}

TEST_F(Jsonl, RefusesAPathItCannotUse) {
  for (const std::string path : {"relative.jsonl", "/tmp/new\nline"}) {
    const auto plugin = start(path);
    ASSERT_FALSE(plugin) << path;
    EXPECT_EQ(plugin.error().kind, StartFailure::Kind::refused);
    EXPECT_NE(plugin.error().message.find("not an absolute path"), std::string::npos) << plugin.error().message;
  }
  EXPECT_FALSE(start("/" + std::string(4096, 'x'))) << "longer than a path can be";
}

TEST_F(Jsonl, AFolderThatIsMissingForAMomentIsTriedAgain) {
  ASSERT_TRUE(start(folder_ / "mount/alerts.jsonl"));
  for (const DeliveryAnswer& answer : {deliver("{}"), sink_->probe(kPlenty)}) {
    EXPECT_EQ(answer.result, DeliveryResult::retry);
    EXPECT_NE(answer.text.find("No such file or directory"), std::string::npos) << answer.text;
  }
  std::filesystem::create_directory(folder_ / "mount");
  EXPECT_EQ(deliver("{}").result, DeliveryResult::delivered);
  EXPECT_EQ(contents(folder_ / "mount/alerts.jsonl"), "{}\n");
}

TEST_F(Jsonl, WhatSomebodyHasToMendIsRefused) {
  folder_.write("file", "");
  ASSERT_EQ(::mkfifo((folder_ / "fifo").c_str(), 0600), 0);
  const std::pair<std::string, const char*> cases[] = {{folder_ / "file/alerts.jsonl", "Not a directory"},
                                                       {folder_.path().string(), "Is a directory"},
                                                       {folder_ / "fifo", "No such device"},
                                                       {"/dev/null", "No such device"},
                                                       {"/" + std::string(4095, 'x'), "File name too long"}};
  for (const auto& [path, text] : cases) {
    ASSERT_TRUE(start(path)) << path;
    for (const DeliveryAnswer& answer : {deliver("{}"), sink_->probe(kPlenty)}) {
      EXPECT_EQ(answer.result, DeliveryResult::refused) << path;
      EXPECT_NE(answer.text.find(text), std::string::npos) << answer.text;
    }
  }
  if (::geteuid() == 0) return;  // root may write everywhere
  std::filesystem::create_directory(folder_ / "shut");
  ASSERT_EQ(::chmod((folder_ / "shut").c_str(), 0500), 0);
  ASSERT_TRUE(start(folder_ / "shut/alerts.jsonl"));
  EXPECT_EQ(deliver("{}").result, DeliveryResult::refused);
}

}  // namespace
}  // namespace codedriftd
