#include <fmt/format.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <regex>
#include <string>

#include "model/event.h"
#include "model/kinds.h"
#include "status/metrics.h"
#include "support/process.h"
#include "support/temp_dir.h"

namespace codedriftd::test {
namespace {

const std::filesystem::path kRules = CODEDRIFTD_SOURCE_DIR "/config/prometheus/codedriftd.rules.yml";
const std::filesystem::path kDashboard = CODEDRIFTD_SOURCE_DIR "/config/grafana/codedriftd.json";

std::string text_at_path(const std::filesystem::path& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

TEST(PrometheusRules, FireWhenTheyShouldAndAreSilentForRestarts) {
  if (run({.argv = {"sh", "-c", "command -v promtool"}}).status != (ExitStatus{0, 0}))
    GTEST_SKIP() << "SKIPPED: there is no promtool; scripts/install-deps --test installs it";
  const TempDir folder;
  for (const std::filesystem::path& from :
       {kRules, std::filesystem::path(CODEDRIFTD_SOURCE_DIR "/tests/status/rules.test.yml")})
    std::filesystem::copy_file(from, folder.path() / from.filename());
  const RunResult result = run({.argv = {"promtool", "test", "rules", folder.path() / "rules.test.yml"}});
  EXPECT_EQ(result.status, (ExitStatus{0, 0})) << result.out << result.err;
}

TEST(PrometheusRules, AreAllTested) {
  const std::string rules = text_at_path(kRules);
  const std::string tests = text_at_path(CODEDRIFTD_SOURCE_DIR "/tests/status/rules.test.yml");
  const std::regex alert("- alert: (\\w+)");
  int found = 0;
  for (std::sregex_iterator it(rules.begin(), rules.end(), alert), end; it != end; ++it, ++found) {
    const std::string name = (*it)[1];
    if (name != "CodedriftdAbsent") {  // that one is silent as soon as anything is scraped
      EXPECT_NE(tests.find(fmt::format("alertname: {}, exp_alerts: []", name)), std::string::npos)
          << name << " is never silent there";
    }
    EXPECT_NE(tests.find(fmt::format("alertname=\"{}\"", name)), std::string::npos) << name << " never fires there";
  }
  EXPECT_GE(found, 14);
}

// A metric that was renamed would leave a rule or a panel that is silent for ever.
TEST(OperationsManual, SaysOfEachAlertWhatItMeans) {
  const std::string manual = text_at_path(CODEDRIFTD_SOURCE_DIR "/docs/operations.md");
  for (const std::string_view kind : kEventKinds) {
    NewEvent event;
    event.kind = kind;
    event.severity = Severity::warning;
    if (!alerts_by_default(event)) continue;
    EXPECT_NE(manual.find(fmt::format("`{}`", kind)), std::string::npos) << kind;
  }
}

TEST(PrometheusRules, AndTheDashboardNameOnlyMetricsThatThereAre) {
  StatusSnapshot snapshot;
  snapshot.destinations.emplace_back();
  snapshot.fleet = StatusSnapshot::Fleet{};
  const std::string metrics = metrics_text(snapshot, ExpositionFormat::prometheus, ProcessMetrics::with);
  for (const std::filesystem::path& path : {kRules, kDashboard}) {
    const std::string text = text_at_path(path);
    const std::regex name("\\b(codedriftd|process)_[a-z_]+\\b");
    int found = 0;
    for (std::sregex_iterator it(text.begin(), text.end(), name), end; it != end; ++it, ++found) {
      std::string family = it->str();
      if (family.ends_with("_bucket")) family.resize(family.size() - 7);
      EXPECT_NE(metrics.find(fmt::format("# TYPE {} ", family)), std::string::npos) << path << ": " << family;
    }
    EXPECT_GT(found, 10) << path;
  }
}

}  // namespace
}  // namespace codedriftd::test
