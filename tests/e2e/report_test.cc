/// The audit report as an auditor opens it: the program's own HTML, in a browser.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

#include "audit/report_story.h"
#include "base/json.h"
#include "support/npm.h"

namespace codedriftd::test {
namespace {

// What is looked at is the same under a sanitizer, and the browser is what takes its time.
#ifndef CODEDRIFTD_SANITIZED
TEST(AuditReportInABrowser, IsReadableLoadsNothingAndIsAccessible) {
  const NpmFolder npm("e2e/browser", "look.js");
  if (const std::string why = npm.install(); !why.empty()) GTEST_SKIP() << why;
  if (::access("/usr/bin/chromium", X_OK) != 0)
    GTEST_SKIP() << "chromium is not installed (scripts/install-deps --test)";
  ReportStory story;
  const TempDir folder;
  const std::string config = folder.write(
      "codedriftd.toml",
      fmt::format(
          "[daemon]\nstate_dir = \"{}\"\n[defaults]\naccount = \"prod\"\nregion = \"ap-guangzhou\"\n[account.prod]"
          "\n[[function]]\nname = \"charge\"\n",
          story.r.dir().path().string()),
      std::filesystem::perms(0644));
  const std::string report = folder / "report.html";
  const RunResult made = npm.run({CODEDRIFTD_BINARY_DIR "/codedriftd", "--config", config, "query", "report", "--since",
                                  rfc3339(ReportStory::hour(0)), "--until", rfc3339(ReportStory::end()), "-o", report});
  ASSERT_TRUE(succeeded(made)) << made.err;

  const RunResult looked = npm.run_script({report, npm.path()});
  ASSERT_TRUE(succeeded(looked)) << looked.err;
  const Json found = Json::parse(looked.out);
  EXPECT_EQ(found.at("console"), Json::array()) << "no error, no warning, no dialog";
  EXPECT_EQ(found.at("requests"), Json::array());
  EXPECT_EQ(found.at("violations"), (Json{{"light", Json::array()}, {"dark", Json::array()}}));
  EXPECT_GT(found.at("passes"), 20) << "axe did look";
  EXPECT_EQ(found.at("overflow"), (Json{{"light", 0}, {"dark", 0}, {"narrow", 0}, {"print", 0}}));
  EXPECT_EQ(found.at("firstFocus"), "Skip to the report");
  const auto text = found.at("text").get<std::string>();
  for (const char* words :
       {"prod/ap-guangzhou/default/refund:$LATEST", "Live code that nobody accepted.", "It is not resolved.",
        "a person accepted the live code, by uid:1001(alice), through sudo by bob (not verified)",
        "<script>alert(1)</script>", "the live hash was H; what lay between two is not known", "daemon_not_running"})
    EXPECT_NE(text.find(words), std::string::npos) << words;
  EXPECT_NE(text.find(Recorded::hash("X").hex()), std::string::npos) << "the hash that drifted";
  for (const char* shot : {"light.png", "dark.png", "print.png", "report.pdf"})
    EXPECT_GT(std::filesystem::file_size(std::filesystem::path(npm.path()) / shot), 10'000U) << shot;
}
#endif

}  // namespace
}  // namespace codedriftd::test
