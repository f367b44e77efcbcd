/// diff and packages of the built program, with a daemon that looks into what the simulated cloud serves.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "e2e/daemon.h"
#include "support/kept_package.h"

namespace codedriftd::test {
namespace {

const Files kKeptReviewed{{"index.py", "print('pay')\n"}, {"lib/pay.py", "PAY = 1\n"}};
const Files kHurried{
    {"index.py", "print('pay')\nsteal()\n"}, {"lib/pay.py", "PAY = 1\n"}, {"steal.py", "def steal(): pass\n"}};

class PackagesEndToEnd : public testing::Test {
 protected:
  void deploy(const Files& files) { daemon.cloud().deploy(Daemon::key("charge"), files); }
  std::string live() { return daemon.cloud().code_sha256(Daemon::key("charge")); }
  /// The row of `packages list` of what is live; null: there is none.
  Json listed() {
    const RunResult ran = daemon.command({"packages", "list", "--json"});
    if (ran.status != ExitStatus{0, 0}) return nullptr;
    const Json printed = Json::parse(ran.out);
    for (const Json& row : printed.at("rows")) {
      if (row.at("sha256") == live()) return row;
    }
    return nullptr;
  }
  bool wait_for_state(const std::string& state, bool kept) {
    return eventually([&] {
      const Json row = listed();
      return row.is_object() && row.at("state") == state && row.at("kept") == kept;
    });
  }
  /// The reviewed package was live and is accepted; the hurried one is live.
  void drift(const std::string& keep) {
    daemon.config.more = fmt::format("[packages]\nkeep = \"{}\"\n", keep);
    deploy(kKeptReviewed);
    daemon.start();
    ASSERT_TRUE(wait_for_state("examined", keep == "files")) << daemon.log();
    deploy(kHurried);
    ASSERT_TRUE(daemon.wait_for_status("charge", "drifted")) << daemon.log();
    ASSERT_TRUE(wait_for_state("examined", keep == "files")) << daemon.log();
  }
  static std::string bytes_at(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }

  Daemon daemon;
};

TEST_F(PackagesEndToEnd, ADiffTellsWhichFilesChangedAndAPatchMakesTheOneOfTheOther) {
  drift("files");
  RunResult ran = daemon.command({"diff", "charge", "--name-status"});
  EXPECT_EQ(ran.status, (ExitStatus{0, 0})) << ran.err;
  EXPECT_EQ(ran.out, "M\tindex.py\nA\tsteal.py\n");
  ran = daemon.command({"diff", "charge", "--detailed-exitcode"});
  EXPECT_EQ(ran.status, (ExitStatus{2, 0}));
  EXPECT_NE(ran.out.find("index.py"), std::string::npos) << ran.out;
  const RunResult patch = daemon.command({"diff", "charge", "--patch"});
  EXPECT_EQ(patch.status, (ExitStatus{0, 0})) << patch.err;
  EXPECT_EQ(patch.err, "") << "both contents are at hand";
  EXPECT_NE(patch.out.find("+steal()"), std::string::npos) << patch.out;
  for (const auto& [name, content] : kKeptReviewed)
    daemon.dir().write("tree/" + name, content, std::filesystem::perms(0644));
  const std::string file = daemon.dir().write("charge.patch", patch.out);
  const RunResult applied = run({.argv = {"git", "-C", daemon.dir() / "tree", "apply", file}});
  EXPECT_EQ(applied.status, (ExitStatus{0, 0})) << applied.err << patch.out;
  ran = daemon.command({"diff", "charge", "--from", daemon.dir() / "tree", "--detailed-exitcode"});
  EXPECT_EQ(ran.status, (ExitStatus{0, 0})) << "what was patched is what is live: " << ran.out << ran.err;
}

TEST_F(PackagesEndToEnd, WithManifestsAloneFilesAreToldAndContentsAreNot) {
  drift("manifest");
  const RunResult ran = daemon.command({"diff", "charge", "--patch"});
  EXPECT_EQ(ran.status, (ExitStatus{0, 0})) << ran.err;
  EXPECT_EQ(ran.out.find("steal()"), std::string::npos) << ran.out;
  EXPECT_NE(ran.out.find("steal.py"), std::string::npos) << ran.out;
  EXPECT_NE(ran.err.find("keep = \"files\""), std::string::npos) << ran.err;
  EXPECT_EQ(daemon.command({"packages", "export", "charge", daemon.dir() / "live.zip"}).status, (ExitStatus{1, 0}));
}

TEST_F(PackagesEndToEnd, AnExportIsWhatTheCloudHasAndPruningTakesItFromTheDaemonsFolder) {
  drift("files");
  const std::string path = daemon.dir() / "live.zip";
  RunResult ran = daemon.command({"packages", "export", "charge", path});
  EXPECT_EQ(ran.status, (ExitStatus{0, 0})) << ran.err;
  EXPECT_EQ(bytes_at(path), daemon.cloud().package(Daemon::key("charge")));
  ran = daemon.command({"packages", "prune", "--all", "--reason", "moving", "--json"});
  EXPECT_EQ(ran.status, (ExitStatus{0, 0})) << ran.err;
  EXPECT_EQ(Json::parse(ran.out).at("count"), 2);
  EXPECT_TRUE(std::filesystem::is_empty(daemon.state_dir() + "/packages"));
  EXPECT_EQ(count_kind(daemon.kinds(), "package.pruned"), 1);
  EXPECT_EQ(daemon.command({"packages", "export", "charge", path, "--force"}).status, (ExitStatus{1, 0}));
  ran = daemon.command({"diff", "charge", "--name-status"});
  EXPECT_EQ(ran.out, "M\tindex.py\nA\tsteal.py\n") << "what was inside stays on record";
}

TEST_F(PackagesEndToEnd, AFetchLooksAgainIntoWhatWasGivenUp) {
  deploy(kKeptReviewed);
  daemon.cloud().set_package_fault(Daemon::key("charge"), PackageFault::refused);
  daemon.start();
  ASSERT_TRUE(wait_for_state("unavailable", false)) << daemon.log();
  RunResult ran = daemon.command({"packages", "fetch", "charge"});
  EXPECT_EQ(ran.status, (ExitStatus{1, 0})) << ran.out << ran.err;
  EXPECT_NE(ran.out.find("unavailable: "), std::string::npos) << ran.out;
  daemon.cloud().set_package_fault(Daemon::key("charge"), PackageFault::none);
  ran = daemon.command({"packages", "fetch", "charge"});
  EXPECT_EQ(ran.status, (ExitStatus{0, 0})) << ran.out << ran.err;
  EXPECT_NE(ran.out.find("examined: 2 files, h1:"), std::string::npos) << ran.out;
  EXPECT_EQ(daemon.command({"diff", "charge"}).status, (ExitStatus{0, 0}));
}

TEST_F(PackagesEndToEnd, OtherUsersSeeContentsThroughTheDaemonWhereTheConfigurationNamesThem) {
  if (::geteuid() != 0) GTEST_SKIP() << "SKIPPED: needs root, to run as other users; CI runs it as root";
  const std::pair<uid_t, gid_t> owner{64'103, 64'103};
  daemon.run_as(owner);
  drift("files");
  const std::pair<uid_t, gid_t> other{65'534, owner.second};  // nobody, in the daemon's group
  RunResult ran = daemon.command({"diff", "charge", "--name-status"}, other);
  EXPECT_EQ(ran.out, "M\tindex.py\nA\tsteal.py\n") << ran.err;
  EXPECT_EQ(count_kind(daemon.kinds(), "control.denied"), 0) << "a list of files asks nobody";
  ran = daemon.command({"diff", "charge", "--patch"}, other);
  EXPECT_EQ(ran.status, (ExitStatus{0, 0})) << ran.err;
  EXPECT_EQ(ran.out.find("steal()"), std::string::npos);
  EXPECT_NE(ran.err.find("permission denied"), std::string::npos) << ran.err;
  EXPECT_EQ(daemon.command({"packages", "export", "charge", "/tmp/never.zip"}, other).status, (ExitStatus{1, 0}));

  daemon.config.more += "[control]\ndiff = [\"nobody\"]\n";
  daemon.write_config();
  daemon.hangup();
  const RunResult asked = daemon.command({"diff", "charge", "--patch"}, other);
  EXPECT_EQ(asked.err, "");
  EXPECT_NE(asked.out.find("+steal()"), std::string::npos) << asked.out;
  EXPECT_EQ(daemon.command({"diff", "charge", "--patch"}).out, asked.out) << "root reads the files itself";
  EXPECT_EQ(daemon.command({"diff", "charge", "--patch"}, owner).out, asked.out) << "and so does the owner";
}

}  // namespace
}  // namespace codedriftd::test
