/// What codedriftd-sinkhost refuses to load, and growth of the tables in both directions (sinks/plugin.h).
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "sinks/plugin.h"
#include "support/temp_dir.h"

extern "C" int layout_has_probe(uint32_t struct_size);
bool header_cxx20_has_probe();

namespace codedriftd {
namespace {

codedriftd_result open_nothing(const codedriftd_host*, const char*, size_t, codedriftd_sink**,
                               codedriftd_report*) noexcept {
  return CODEDRIFTD_REJECTED;
}
codedriftd_result deliver_nothing(codedriftd_sink*, const codedriftd_alert*, codedriftd_report*) noexcept {
  return CODEDRIFTD_RETRY;
}
void close_nothing(codedriftd_sink*) noexcept {}

const codedriftd_option kOptions[] = {
    {"url", "where to", nullptr, CODEDRIFTD_OPT_STRING, CODEDRIFTD_OPT_REQUIRED, 0, 0, nullptr},
    {"count", "how many", "3", CODEDRIFTD_OPT_INT, 0, 1, 5, nullptr},
};

codedriftd_sink_api good_table() {
  return {sizeof(codedriftd_sink_api),
          0,
          1,
          0,
          "good",
          "1.0",
          kOptions,
          2,
          sizeof(codedriftd_option),
          0,
          0,
          open_nothing,
          deliver_nothing,
          close_nothing,
          nullptr};
}

TEST(CheckTable, TakesAGoodTable) {
  const codedriftd_sink_api table = good_table();
  const auto info = check_table(&table);
  ASSERT_TRUE(info) << info.error().message;
  EXPECT_EQ(info->name, "good");
  EXPECT_FALSE(info->can_probe);
  ASSERT_EQ(info->options.size(), 2U);
  EXPECT_TRUE(info->options[0].required);
  EXPECT_EQ(info->options[0].max, std::numeric_limits<int64_t>::max()) << "both 0: no limit";
  EXPECT_EQ(info->options[1].min, 1);
  EXPECT_EQ(info->options[1].default_value, "3");
}

TEST(CheckTable, NamesTheFirstRuleATableBreaks) {
  struct Case {
    std::function<void(codedriftd_sink_api&)> spoil;
    const char* message;
  };
  static const std::string kLong(100, 'x');
  const Case cases[] = {
      {[](auto& t) { t.struct_size = 8; }, "struct_size is 8"},
      {[](auto& t) { t.struct_size = sizeof(codedriftd_sink_api) - 1; }, "struct_size is 87"},
      {[](auto& t) { t.struct_size = 1u << 30; }, "struct_size is"},
      {[](auto& t) { t.name = nullptr; }, "the plugin's name is missing"},
      {[](auto& t) { t.name = "Two Words"; }, "is not a name for a plugin"},
      {[](auto& t) { t.name = kLong.c_str(); }, "longer than 32 bytes"},
      {[](auto& t) { t.version = nullptr; }, "version is missing"},
      {[](auto& t) { t.alert_schema = 0; }, "alert_schema is 0"},
      {[](auto& t) { t.open = nullptr; }, "open, deliver or close is missing"},
      {[](auto& t) { t.deliver = nullptr; }, "open, deliver or close is missing"},
      {[](auto& t) { t.close = nullptr; }, "open, deliver or close is missing"},
      {[](auto& t) { t.options = nullptr; }, "it counts options but has none"},
      {[](auto& t) { t.option_count = 65; }, "65 options; 64 are allowed"},
      {[](auto& t) { t.option_size = 48; }, "option_size is 48"},
      {[](auto& t) { t.option_size = 57; }, "option_size is 57"},
      {[](auto& t) { t.option_size = 1u << 20; }, "option_size is"},
  };
  for (const Case& c : cases) {
    codedriftd_sink_api table = good_table();
    c.spoil(table);
    const auto info = check_table(&table);
    ASSERT_FALSE(info) << c.message;
    EXPECT_NE(info.error().message.find(c.message), std::string::npos) << info.error().message;
  }
  const auto unwilling = check_table(nullptr);
  ASSERT_FALSE(unwilling);
  EXPECT_NE(unwilling.error().message.find("cannot work with version 1.0"), std::string::npos);
}

TEST(CheckTable, NamesTheFirstRuleAnOptionBreaks) {
  struct Case {
    std::function<void(codedriftd_option&)> spoil;
    const char* message;
  };
  static const std::string kLong(2000, 'x');
  const Case cases[] = {
      {[](auto& o) { o.name = nullptr; }, "an option's name is missing"},
      {[](auto& o) { o.name = "Url"; }, "is not a name for an option"},
      {[](auto& o) { o.name = "1st"; }, "is not a name for an option"},
      {[](auto& o) { o.name = ""; }, "is not a name for an option"},
      {[](auto& o) { o.name = "url"; }, "two options are called url"},
      {[](auto& o) { o.help = kLong.c_str(); }, "help text is longer"},
      {[](auto& o) { o.type = 9; }, "its type 9 is not known here"},
      {[](auto& o) { o.type = 0; }, "its type 0 is not known here"},
      {[](auto& o) { o.flags = CODEDRIFTD_OPT_SECRET; }, "only a string can be read from a file"},
      {[](auto& o) { o.flags = CODEDRIFTD_OPT_FILE; }, "only a string can be read from a file"},
      {[](auto& o) { o.type = CODEDRIFTD_OPT_STRING, o.flags = CODEDRIFTD_OPT_SECRET; }, "a secret has no default"},
      {[](auto& o) {
         o.name = "url_file", o.type = CODEDRIFTD_OPT_STRING, o.default_value = nullptr, o.min = o.max = 0;
       },
       "can be given as url_file, which is another option's name"},
      {[](auto& o) { o.min = 6; }, "its least value is above its greatest"},
      {[](auto& o) { o.default_value = "9"; }, "the default: count is 9; it should be 1 to 5"},
      {[](auto& o) { o.default_value = "x"; }, "is not an integer"},
      {[](auto& o) { o.choices = kLong.c_str(); }, "list of choices is longer"},
  };
  for (const Case& c : cases) {
    codedriftd_option options[] = {kOptions[0], kOptions[1]};
    options[0].flags |= CODEDRIFTD_OPT_FILE;
    c.spoil(options[1]);
    codedriftd_sink_api table = good_table();
    table.options = options;
    const auto info = check_table(&table);
    ASSERT_FALSE(info) << c.message;
    EXPECT_NE(info.error().message.find(c.message), std::string::npos) << info.error().message;
  }
}

TEST(CheckTable, APluginOfALaterMinorVersionWorksHere) {
  // Longer option, longer table, unknown flags: what 1.1 may bring.
  struct LaterOption {
    codedriftd_option option;
    const char* unit;
  };
  struct LaterTable {
    codedriftd_sink_api api;
    void (*flush)(codedriftd_sink*);
  };
  const LaterOption options[] = {{kOptions[0], "m"}, {kOptions[1], "s"}};
  LaterTable later{good_table(), nullptr};
  later.api.struct_size = sizeof later;
  later.api.abi_minor = 1;
  later.api.flags = 0x80;
  later.api.options = &options[0].option;
  later.api.option_size = sizeof(LaterOption);
  const auto info = check_table(&later.api);
  ASSERT_TRUE(info) << info.error().message;
  EXPECT_EQ(info->abi_minor, 1U);
  EXPECT_EQ(info->options.at(1).name, "count");
}

TEST(SinkHeader, AMemberIsThereOnlyIfAllOfItIs) {
  EXPECT_FALSE(layout_has_probe(87));
  EXPECT_TRUE(layout_has_probe(88));
  EXPECT_TRUE(header_cxx20_has_probe());
}

class LoadPlugin : public testing::Test {
 protected:
  std::string copied(const std::string& name) {
    const std::string to = folder_ / name;
    std::filesystem::copy_file(CODEDRIFTD_BINARY_DIR "/tests/plugins/" + name, to);
    ::chmod(to.c_str(), 0755);
    return to;
  }
  void expect_refused(const std::string& path, const std::string& message) {
    const auto plugin = load_plugin(path);
    ASSERT_FALSE(plugin) << message;
    EXPECT_NE(plugin.error().message.find(message), std::string::npos) << plugin.error().message;
  }
  const test::TempDir folder_;
};

TEST_F(LoadPlugin, LoadsAGoodOneAlsoThroughALink) {
  const std::string path = copied("faulty.so");
  const auto plugin = load_plugin(path);
  ASSERT_TRUE(plugin) << plugin.error().message;
  EXPECT_EQ(plugin->info.name, "faulty");
  ASSERT_EQ(::symlink(path.c_str(), (folder_ / "link.so").c_str()), 0);
  EXPECT_TRUE(load_plugin(folder_ / "link.so"));
}

TEST_F(LoadPlugin, RefusesWhatIsNoFileOrNoPlugin) {
  expect_refused("faulty.so", "must be absolute");
  expect_refused(folder_ / "none.so", "No such file");
  std::filesystem::create_directory(folder_ / "folder.so");
  expect_refused(folder_ / "folder.so", "is not a regular file");
  ASSERT_EQ(::mkfifo((folder_ / "fifo.so").c_str(), 0600), 0);
  expect_refused(folder_ / "fifo.so", "is not a regular file");
  expect_refused(folder_.write("text.so", "not a shared object"), "text.so: cannot be loaded: ");
  expect_refused(copied("no_entry.so"), "does not define codedriftd_sink_v1");
  expect_refused(copied("faulty_table.so"), "struct_size is 8");
}

TEST_F(LoadPlugin, RefusesWhatOthersCouldChange) {
  const std::string path = copied("faulty.so");
  for (const mode_t mode : {0775U, 0757U, 0777U}) {
    ::chmod(path.c_str(), mode);
    expect_refused(path, "lets others change it; chmod go-w " + path);
  }
  ::chmod(path.c_str(), 0755);
  ::chmod(folder_.path().c_str(), 0777);
  expect_refused(path, "lets others change it; chmod go-w " + folder_.path().string());
  ::chmod(folder_.path().c_str(), 0700);
  EXPECT_TRUE(load_plugin(path));
  const std::string deeper = folder_ / "above/plugins/faulty.so";
  std::filesystem::create_directories(folder_ / "above/plugins");
  std::filesystem::copy_file(path, deeper);
  EXPECT_TRUE(load_plugin(deeper));
  ::chmod((folder_ / "above").c_str(), 0777);
  expect_refused(deeper, "lets others change it; chmod go-w " + (folder_ / "above"));
  ::chmod((folder_ / "above").c_str(), 01777);
  EXPECT_TRUE(load_plugin(deeper)) << "nobody may rename another's folder there";
  if (::geteuid() == 0) {  // only root can give files away
    ASSERT_EQ(::chown(path.c_str(), 12345, 0), 0);
    expect_refused(path, "belongs to user 12345");
  }
}

}  // namespace
}  // namespace codedriftd
