#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "base/json.h"
#include "commands/options/usage.h"
#include "commands/reconcile.h"
#include "store/db/migrate.h"
#include "store/db/sqlite.h"
#include "store/ledger/watch_list.h"
#include "store/record/facts.h"
#include "support/manual_clock.h"
#include "support/temp_dir.h"

namespace codedriftd::test {
namespace {

using namespace std::chrono_literals;

constexpr const char* kAddress = "prod/ap-guangzhou/default/charge:$LATEST";

/// A record without a daemon, of one function "charge" that ignores node_modules/**, and what a package has in it.
struct ExpectContent : testing::Test {
  ExpectContent() {
    settings.state_dir = dir / "state";
    settings.runtime_dir = dir / "run";
    std::filesystem::create_directory(settings.state_dir);
    WatchSettings charge;
    charge.target = *Target::parse(kAddress);
    charge.ignore = {"node_modules/**"};
    settings.watches.push_back(charge);
    Database db = sqlite::open_writer(settings.database());
    EXPECT_TRUE(migrate(db, embedded_migrations(), clock.wall()).ok());
    Tx tx(db);
    facts::write(db, "log_origin", "ops-1/codedriftd");
    Watched watched{{}, "f.toml:7", Baseline::first_seen, Millis{300'000}, Millis{900'000}, Millis{3'600'000}};
    watched.ignore = charge.ignore;
    Ledger ledger("ops-1", "ops-1/codedriftd");
    sync_watch_list(tx, ledger, {{{charge.target, watched}}, {}, "d"}, clock.wall());

    package.files = {{"index.py", 0644, 5, sha256("hello")}, {"node_modules/a/a.js", 0644, 1, sha256("x")}};
    zip = dir.write("charge.zip", "PK");
    dir.write("build/index.py", "hello");
    dir.write("build/node_modules/a/a.js", "another x");
    folder = dir / "build";
  }

  int expect(std::vector<std::string> args) {
    out.str("");
    err.str("");
    std::istringstream in;
    return run_expect(args, {[this] { return settings; }, clock, in, false, out, err, Patience{},
                             [this](int, const PackageLimits& limits) -> Result<Examination> {
                               read_within = limits;
                               return package;
                             }});
  }
  /// Why it is wrong usage.
  std::string wrong(const std::vector<std::string>& args) {
    try {
      const int code = expect(args);
      return "exit code " + std::to_string(code) + ": " + err.str();
    } catch (const UsageError& error) {
      return error.what();
    }
  }
  int64_t announcements() {
    Database db = sqlite::open_reader(settings.database());
    auto q = db.query_once("SELECT count(*) FROM event WHERE kind = 'deploy.expected'");
    q.step();
    return q.integer(0);
  }

  /// By the definition of Hash1, of index.py alone.
  const std::string own = "h1:" + base64(sha256(sha256("hello").hex() + "  index.py\n").bytes);
  TempDir dir;
  ManualClock clock;
  Settings settings;
  Examination package;
  PackageLimits read_within;  ///< the last package
  std::string zip, folder;
  std::ostringstream out, err;
};

TEST_F(ExpectContent, APackageAndItsFolderAnnounceTheSameContentWithoutWhatTheConfigurationIgnores) {
  ASSERT_EQ(expect({"charge", "--zip", zip, "--valid", "2h"}), 0) << err.str();
  EXPECT_EQ(out.str(), std::string(kAddress) + ": content " + own + " is expected until 2026-11-24T02:00:00.000Z\n");
  ASSERT_EQ(expect({"charge:$LATEST", "--dir", folder, "--valid", "2h", "--json"}), 0) << err.str();
  EXPECT_EQ(parse_json(out.str()).at("targets").at(0).at("content"), own) << out.str();
  EXPECT_EQ(announcements(), 2);
}

TEST_F(ExpectContent, AHashIsCalledWhatItIsOf) {
  const struct {
    const char *qualifier, *noun;
  } cases[] = {{"$LATEST", "code"}, {"$LAYERS", "layer list"}, {"$ALIAS.live", "route"}, {"$IMAGE", "image"}};
  WatchList list{{}, {}, "e"};
  for (const auto& c : cases) {
    Target target = *Target::parse(kAddress);
    target.qualifier = c.qualifier;
    list.entries.push_back({target, {{}, "f.toml:7", Baseline::first_seen, 300s, 900s, 1h}});
  }
  {
    Database db = sqlite::open_writer(settings.database());
    Tx tx(db);
    Ledger ledger("ops-1", "ops-1/codedriftd");
    sync_watch_list(tx, ledger, list, clock.wall());
  }
  for (const auto& c : cases) {
    const std::string name = std::string("charge:") + c.qualifier;
    ASSERT_EQ(expect({name, "--sha256", sha256("x").hex(), "--valid", "2h"}), 0) << err.str();
    const std::string words = std::string(c.noun) + " " + sha256("x").hex();
    EXPECT_NE(out.str().find(": " + words + " is expected until "), std::string::npos) << out.str();
    ASSERT_EQ(expect({name, "--withdraw", "--reason", "not today"}), 0) << err.str();
    EXPECT_NE(out.str().find(": " + words + " is not expected any more"), std::string::npos) << out.str();
  }
}

TEST_F(ExpectContent, WhatTheConfigurationIgnoresMayBeSaidAgainAndNothingElse) {
  EXPECT_EQ(expect({"charge", "--zip", zip, "--ignore", "node_modules/**"}), 0) << err.str();
  settings.watches.front().ignore = {"node_modules/**", "*.pyc"};
  EXPECT_EQ(expect({"charge", "--zip", zip, "--ignore", "*.pyc", "--ignore", "node_modules/**"}), 0)
      << "in another order: " << err.str();
  settings.watches.front().ignore = {"node_modules/**"};
  EXPECT_EQ(wrong({"charge", "--zip", zip, "--ignore", "*.pyc"}),
            "--ignore *.pyc is not what the configuration has for charge, which ignores node_modules/**: the content "
            "would never be seen; leave --ignore away");
  EXPECT_EQ(announcements(), 2);
}

TEST_F(ExpectContent, OfATargetThatTheConfigurationDoesNotNameIgnoresWhatIsSaid) {
  settings.watches.clear();  // the record still has it, as a daemon would that was not reloaded
  ASSERT_EQ(expect({"charge", "--zip", zip, "--ignore", "node_modules/*"}), 0) << err.str();
  EXPECT_NE(out.str().find(own), std::string::npos) << out.str();
  ASSERT_EQ(expect({"charge", "--zip", zip}), 0) << err.str();
  EXPECT_EQ(out.str().find(own), std::string::npos) << out.str();
}

TEST_F(ExpectContent, APackageIsReadAsFarAsTheDaemonReadsIt) {
  settings.packages.limits.files = 50'000;
  ASSERT_EQ(expect({"charge", "--zip", zip}), 0) << err.str();
  EXPECT_EQ(read_within, settings.packages.limits);
}

TEST_F(ExpectContent, WhatHoldsNoFileIsRefused) {
  EXPECT_EQ(expect({"charge", "--dir", dir.write("empty/.keep", "").substr(0, (dir / "empty").size())}), 0)
      << "a file of no bytes is one";
  package.files = {{"node_modules/a/a.js", 0644, 1, sha256("x")}};
  EXPECT_EQ(expect({"charge", "--zip", zip}), 1);
  EXPECT_NE(err.str().find("holds no file that is not ignored: nothing could be told from it"), std::string::npos)
      << err.str();
}

TEST_F(ExpectContent, AnAmbiguousPackageIsRefusedWithTheReason) {
  package.files.clear();
  package.ambiguous = "two entries have the name \x1b";
  EXPECT_EQ(expect({"charge", "--zip", zip}), 1);
  EXPECT_EQ(err.str(), "codedriftd expect: " + zip +
                           ": is ambiguous, and has no content digest: two entries have the name \\u{1b}\n");
  EXPECT_EQ(out.str(), "");
  EXPECT_EQ(announcements(), 0);
}

TEST_F(ExpectContent, WhatCannotBeReadIsAFailureThatNamesIt) {
  EXPECT_EQ(expect({"charge", "--zip", dir / "gone.zip"}), 1);
  EXPECT_NE(err.str().find("gone.zip: cannot be read: No such file or directory"), std::string::npos) << err.str();
  std::filesystem::create_directory_symlink(".", folder + "/loop");
  EXPECT_EQ(expect({"charge", "--dir", folder}), 1);
  EXPECT_NE(err.str().find("/loop: is a symbolic link to a folder"), std::string::npos) << err.str();
  EXPECT_EQ(announcements(), 0);
}

TEST_F(ExpectContent, WrongUsageSaysWhatWouldBeRight) {
  const struct {
    std::vector<std::string> args;
    std::string says;
  } cases[] = {
      {{"charge", "--zip", folder}, "--zip " + folder + " is a folder; give it with --dir"},
      {{"charge", "--dir", zip}, "--dir " + zip + " is no folder; a package is given with --zip"},
      {{"charge", "--zip", zip, "--dir", folder}, "expect takes one of --zip FILE, --dir DIR, --content H1"},
      {{"charge", "--content", own, "--ignore", "x"}, "--ignore goes with --zip and --dir"},
      {{"charge", "--withdraw", "--zip", zip, "--reason", "x"}, "--withdraw and --zip do not go together"},
      {{"cha*", "--zip", zip}, "cha*"},
      {{"--zip", zip}, "expect takes one TARGET"},
  };
  for (const auto& c : cases) {
    const std::string said = wrong(c.args);
    EXPECT_NE(said.find(c.says), std::string::npos) << c.says << "\nin " << said;
  }
  EXPECT_EQ(announcements(), 0);
}

TEST_F(ExpectContent, ANameThatSeveralTargetsOfTheConfigurationHaveIsWrong) {
  WatchSettings other = settings.watches.front();
  other.target = *Target::parse("prod/ap-singapore/default/charge:$LATEST");
  settings.watches.push_back(other);
  EXPECT_NE(wrong({"charge", "--zip", zip}).find("ap-singapore"), std::string::npos);
}

}  // namespace
}  // namespace codedriftd::test
