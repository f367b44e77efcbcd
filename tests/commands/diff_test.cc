#include "commands/diff.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <sstream>

#include "base/json.h"
#include "commands/options/usage.h"
#include "package/zip_reader.h"
#include "store/db/migrate.h"
#include "store/db/sqlite.h"
#include "store/ledger/ledger.h"
#include "store/ledger/watch_list.h"
#include "support/kept_package.h"
#include "support/manual_clock.h"
#include "support/temp_dir.h"

namespace codedriftd::test {
namespace {

using namespace std::chrono_literals;
using Strings = std::vector<std::string>;

const Files kReviewed{{"index.py", "print('pay')\n"}, {"lib/pay.py", "PAY = 1\n"}};
const Files kHurried{{"index.py", "print('pay')\nsteal()\n"}, {"steal.py", "def steal(): pass\n"}};

class DiffTest : public testing::Test {
 protected:
  DiffTest() {
    settings.state_dir = dir / "state";
    settings.runtime_dir = dir / "run";
    std::filesystem::create_directory(settings.state_dir);
    Database db = sqlite::open_writer(settings.database());
    EXPECT_TRUE(migrate(db, embedded_migrations(), clock.wall()).ok());
    WatchList list;
    list.digest = "d";
    const Watched watched{{}, "f.toml:7", Baseline::first_seen, 5min, 20min, 1h};
    for (const char* name : {"charge", "refund"})
      list.entries.push_back({{"prod", "ap-guangzhou", "default", name, "$LATEST"}, watched});
    for (const char* value : {"$LAYERS", "$ALIAS.live", "$IMAGE"})
      list.entries.push_back({{"prod", "ap-guangzhou", "default", "charge", value}, watched});
    Tx tx(db);
    sync_watch_list(tx, ledger, list, clock.wall());
  }
  void see(const Sha256& code, const std::string& function = "charge") {
    Database db = sqlite::open_writer(settings.database());
    Tx tx(db);
    ledger.apply(tx, targets::find(db, address(function))->id, Observation{Outcome::observed, code, {}, "", false},
                 clock.wall());
    clock.advance(1min);
  }
  Sha256 deploy(const Files& files, const std::string& function = "charge") {
    Sha256 code;
    {
      Database db = sqlite::open_writer(settings.database());
      code = add_package(db, files, clock.wall(),
                         settings.packages.keep == PackageSettings::Keep::files ? settings.packages_folder() : "");
    }
    see(code, function);
    return code;
  }
  /// A value that is no code; its hash.
  Sha256 see_value(const std::string& qualifier, const std::string& text) {
    Observation seen{Outcome::observed, sha256(text), {}, "", false};
    seen.value = text;
    Database db = sqlite::open_writer(settings.database());
    Tx tx(db);
    ledger.apply(tx, targets::find(db, "prod/ap-guangzhou/default/charge:" + qualifier)->id, seen, clock.wall());
    clock.advance(1min);
    return *seen.sha256;
  }
  template <typename Work>
  void in_record(Work work) {
    Database db = sqlite::open_writer(settings.database());
    work(db);
  }
  static std::string address(const std::string& function) {
    return "prod/ap-guangzhou/default/" + function + ":$LATEST";
  }
  int diff(const Strings& args) {
    out.str("");
    err.str("");
    try {
      return run_diff(args, {[this] {
                               ++loaded;
                               return settings;
                             },
                             clock,
                             [](int package_fd, const PackageLimits& limits) -> Result<Examination> {
                               return read_package(package_fd, limits);
                             },
                             terminal, out, err});
    } catch (const UsageError& error) {
      err << error.what();
      return kExitUsage;
    }
  }
  bool said(std::string_view text) const { return err.str().find(text) != std::string::npos; }

  TempDir dir;
  Settings settings;
  ManualClock clock;
  Ledger ledger{"test", "test/codedriftd"};
  std::ostringstream out, err;
  bool terminal = false;
  int loaded = 0;
};

TEST_F(DiffTest, WrongUsageIs64AndSaysWhatWouldBeRightBeforeAnythingIsRead) {
  const struct {
    Strings args;
    const char* message;
  } cases[] = {
      {{}, "diff takes one TARGET"},
      {{"charge", "refund"}, "diff takes one TARGET"},
      {{"--from", "a.zip"}, "with two files or folders none is needed"},
      {{"charge", "--from", ""}, "--from is empty"},
      {{"charge", "--stat", "--patch"}, "do not go together"},
      {{"charge", "--patch", "--json"}, "do not go together"},
      {{"charge", "--name-satus"}, "did you mean --name-status?"},
  };
  for (const auto& each : cases) {
    EXPECT_EQ(diff(each.args), kExitUsage) << each.message;
    EXPECT_TRUE(said(each.message)) << err.str();
  }
  EXPECT_EQ(loaded, 0);
}

TEST_F(DiffTest, OfLayersItShowsWhichOnesChanged) {
  const std::string one(64, '1'), two(64, '2'), agent = "agent:3 sha256:" + std::string(64, 'a');
  const Sha256 before = see_value("$LAYERS", "deps:1 sha256:" + one + "\n" + agent),
               after = see_value("$LAYERS", "deps:2 sha256:" + two + "\n" + agent);
  const std::string change = "-deps:1 sha256:" + one + "\n+deps:2 sha256:" + two + "\n " + agent + "\n";
  for (const Strings& form : {Strings{}, Strings{"--stat"}, Strings{"--name-status"}, Strings{"--patch"}}) {
    Strings args{"charge:$LAYERS", "--detailed-exitcode"};
    args.insert(args.end(), form.begin(), form.end());
    EXPECT_EQ(diff(args), 2) << err.str();
    EXPECT_EQ(out.str(), "prod/ap-guangzhou/default/charge:$LAYERS: from accepted " + before.hex().substr(0, 12) +
                             " to live " + after.hex().substr(0, 12) + "\n" + change);
  }
  EXPECT_EQ(diff({"charge:$LAYERS", "--json"}), 0) << err.str();
  const Json json = Json::parse(out.str());
  EXPECT_EQ(json.at("from").at("value"), "deps:1 sha256:" + one + "\n" + agent);
  EXPECT_EQ(json.at("from").at("sha256"), before.hex());
  EXPECT_EQ(json.at("from").at("content"), nullptr);
  EXPECT_EQ(json.at("to").at("value"), "deps:2 sha256:" + two + "\n" + agent);
  EXPECT_EQ(json.at("same_content"), false);
  EXPECT_EQ(json.at("files"), Json::array());
}

TEST_F(DiffTest, OfAnAliasItShowsWhereItLedHarmlessly) {
  see_value("$ALIAS.live", "version 7");
  EXPECT_EQ(diff({"charge:$ALIAS.live", "--detailed-exitcode"}), 0) << err.str();
  EXPECT_TRUE(out.str().ends_with(": the same hash, nothing changed\n")) << out.str();
  see_value("$ALIAS.live", "version 8, k exact \"\xE2\x80\xAE\" to version 7");
  EXPECT_EQ(diff({"charge:$ALIAS.live"}), 0) << err.str();
  EXPECT_TRUE(out.str().ends_with("\n-version 7\n+version 8, k exact \"\\u{202e}\" to version 7\n")) << out.str();
  in_record([](Database& db) { db.run("DELETE FROM value_text WHERE sha256 = ?", sha256("version 7")); });
  EXPECT_EQ(diff({"charge:$ALIAS.live"}), 0) << err.str();
  EXPECT_NE(out.str().find("\n-" + sha256("version 7").hex() + ", what it stands for is not on record\n+version 8"),
            std::string::npos)
      << out.str();
}

TEST_F(DiffTest, WhatIsNoCodeIsNotComparedWithAFolder) {
  see_value("$LAYERS", "no layers");
  EXPECT_EQ(diff({"charge:$LAYERS", "--to", dir.path()}), kExitUsage);
  EXPECT_TRUE(said("is no code: it is not to be compared with a package or a folder")) << err.str();
}

TEST_F(DiffTest, ShowsByDefaultWhatIsLiveAgainstWhatIsAccepted) {
  const Sha256 reviewed = deploy(kReviewed), hurried = deploy(kHurried);
  EXPECT_EQ(diff({"charge"}), 0) << err.str();
  EXPECT_TRUE(out.str().starts_with(address("charge") + ": from accepted " + reviewed.hex().substr(0, 12) +
                                    " to live " + hurried.hex().substr(0, 12) + "\n"))
      << out.str();
  EXPECT_NE(out.str().find("steal.py"), std::string::npos) << out.str();
  EXPECT_EQ(err.str(), "") << "a list of files needs no contents: no note about them";
  EXPECT_EQ(diff({"charge", "--name-status"}), 0);
  EXPECT_EQ(out.str(), "M\tindex.py\nD\tlib/pay.py\nA\tsteal.py\n");
  EXPECT_EQ(diff({"charge", "--name-status", "--detailed-exitcode"}), 2);
  EXPECT_EQ(diff({"charge", "--from", "live", "--to", "accepted", "--name-status"}), 0);
  EXPECT_EQ(out.str(), "M\tindex.py\nA\tlib/pay.py\nD\tsteal.py\n");
}

TEST_F(DiffTest, AnySideMayBeNamedByWhatItWasByItsHashOrByAFile) {
  const Sha256 first = deploy(kReviewed), second = deploy(kHurried);
  deploy({{"index.py", "third\n"}});
  const std::string zip = dir.write("charge.zip", zip_of_files(kReviewed));
  dir.write("folder/index.py", kReviewed.at("index.py"), std::filesystem::perms(0644));
  dir.write("folder/lib/pay.py", kReviewed.at("lib/pay.py"), std::filesystem::perms(0644));
  const std::string from_second = "M\tindex.py\nA\tlib/pay.py\nD\tsteal.py\n";
  const struct {
    Strings args;
    std::string shown;
  } cases[] = {
      {{"--from", "previous", "--to", "accepted"}, from_second},
      {{"--from", second.hex(), "--to", first.hex()}, from_second},
      {{"--from", second.hex().substr(0, 8), "--to", first.hex().substr(0, 9)}, from_second},
      {{"--from", "previous", "--to", zip}, from_second},
      {{"--from", second.hex(), "--to", dir / "folder"}, from_second},
      {{"--from", "accepted", "--to", zip}, ""},
      {{"--from", zip, "--to", dir / "folder"}, ""},
  };
  for (const auto& each : cases) {
    Strings args{"charge", "--name-status", "--detailed-exitcode"};
    args.insert(args.end(), each.args.begin(), each.args.end());
    EXPECT_EQ(diff(args), each.shown.empty() ? 0 : 2) << each.args[1] << ' ' << each.args[3] << err.str();
    EXPECT_EQ(out.str(), each.shown) << each.args[1] << ' ' << each.args[3];
  }
}

TEST_F(DiffTest, TwoFilesNeedNeitherTargetNorConfiguration) {
  const std::string before = dir.write("before.zip", zip_of_files(kReviewed));
  const std::string after = dir.write("after.zip", zip_of_files(kHurried));
  EXPECT_EQ(diff({"--from", before, "--to", after, "--name-status"}), 0) << err.str();
  EXPECT_EQ(out.str(), "M\tindex.py\nD\tlib/pay.py\nA\tsteal.py\n");
  EXPECT_EQ(diff({"--from", before, "--to", before}), 0);
  EXPECT_NE(out.str().find("the same files, contents and modes"), std::string::npos) << out.str();
  EXPECT_EQ(loaded, 0);
}

TEST_F(DiffTest, TheSameHashHasNotChangedThoughNobodyLookedInside) {
  see(sha256("never looked into"));
  EXPECT_EQ(diff({"charge", "--detailed-exitcode"}), 0) << err.str();
  EXPECT_NE(out.str().find("the same hash, nothing changed"), std::string::npos) << out.str();
}

TEST_F(DiffTest, WhyNothingIsKnownIsSaidWithWhatWouldHelp) {
  const Sha256 accepted = deploy(kReviewed), live = sha256("live");
  see(live);
  EXPECT_EQ(diff({"charge"}), 1);
  EXPECT_TRUE(said("the live code of " + address("charge") + ", " + live.hex() + ", was not looked into so far"))
      << err.str();
  EXPECT_TRUE(said("codedriftd packages fetch '" + address("charge") + "'")) << err.str();
  settings.packages.keep = PackageSettings::Keep::off;
  EXPECT_EQ(diff({"charge"}), 1);
  EXPECT_TRUE(said("[packages] keep is \"off\"")) << err.str();
  settings.packages.keep = PackageSettings::Keep::manifest;
  in_record([&](Database& db) { packages::save_unavailable(db, live, "no route to host", false, clock.wall()); });
  EXPECT_EQ(diff({"charge"}), 1);
  EXPECT_TRUE(said("could not be examined: no route to host; \"codedriftd packages fetch")) << err.str();
  in_record([&](Database& db) { packages::save_unavailable(db, live, "the hash is X", true, clock.wall()); });
  EXPECT_EQ(diff({"charge"}), 1);
  EXPECT_TRUE(said("other bytes came than its hash's: the hash is X")) << err.str();
  in_record([&](Database& db) {
    Examination found;
    found.ambiguous = "a.py stands in it twice";
    packages::save(db, live, found, clock.wall());
  });
  EXPECT_EQ(diff({"charge"}), 1);
  EXPECT_TRUE(said("is ambiguous, readers could see different things in it: a.py stands in it twice")) << err.str();
  const Sha256 gone = live;
  see(accepted);
  EXPECT_EQ(diff({"charge", "--from", gone.hex()}), 1);
  EXPECT_TRUE(said("is ambiguous")) << err.str();
  see(sha256("in between"));
  see(accepted);
  EXPECT_EQ(diff({"charge", "--from", "previous"}), 1);
  EXPECT_TRUE(said("was not looked into while it was live, and is not live any more; name its package or folder"))
      << err.str();
  EXPECT_EQ(out.str(), "");
}

TEST_F(DiffTest, ANameOrAHashThatIsNotThereIsNearWhatIs) {
  const Sha256 code = deploy(kReviewed);
  EXPECT_EQ(diff({"chrage"}), 1);
  EXPECT_TRUE(said("charge")) << err.str();
  EXPECT_EQ(diff({"char*"}), kExitUsage);
  EXPECT_EQ(diff({"charge", "--from", "previous"}), 1);
  EXPECT_TRUE(said("only one hash was ever seen live, " + code.hex())) << err.str();
  EXPECT_EQ(diff({"charge", "--from", "00000000"}), 1);
  EXPECT_TRUE(said("codedriftd query history")) << err.str();
  EXPECT_EQ(diff({"charge", "--from", code.hex().substr(0, 7)}), 1) << "seven digits are a file's name";
  EXPECT_TRUE(said("the first 8 or more")) << err.str();
  EXPECT_EQ(diff({"charge", "--from", "acepted"}), 1);
  EXPECT_TRUE(said("A side is accepted, previous, live")) << err.str();
  EXPECT_EQ(diff({"refund"}), 1);
  EXPECT_TRUE(said("nothing is accepted so far")) << err.str();
  EXPECT_EQ(diff({"refund", "--from", "live"}), 1);
  EXPECT_TRUE(said("no code of it was ever seen")) << err.str();
}

TEST_F(DiffTest, APackageThatReadersSeeDifferentlyIsNoSide) {
  deploy(kReviewed);
  const std::string twice =
      dir.write("twice.zip", zip_of({{.name = "a", .content = "1"}, {.name = "a", .content = "2"}}));
  EXPECT_EQ(diff({"charge", "--to", twice}), 1);
  EXPECT_TRUE(said("is ambiguous")) << err.str();
  EXPECT_EQ(diff({"charge", "--to", dir / "nosuch.zip"}), 1);
  EXPECT_TRUE(said("No such file")) << err.str();
}

TEST_F(DiffTest, APatchOfWhatIsNotKeptHasHashesAndOneNoteThatSaysWhatWouldHelp) {
  deploy(kReviewed);
  deploy(kHurried);
  EXPECT_EQ(diff({"charge", "--patch"}), 0);
  EXPECT_NE(out.str().find(sha256(kHurried.at("index.py")).hex().substr(0, 12)), std::string::npos) << out.str();
  EXPECT_EQ(out.str().find("steal()"), std::string::npos);
  EXPECT_TRUE(said("set [packages] keep = \"files\"")) << err.str();
  const std::string notes = err.str();
  EXPECT_EQ(std::count(notes.begin(), notes.end(), '\n'), 1) << notes;
}

TEST_F(DiffTest, AFolderOfThisMachineHasItsContentsAtHand) {
  dir.write("a/index.py", "one\n");
  dir.write("b/index.py", "two\n");
  EXPECT_EQ(diff({"--from", dir / "a", "--to", dir / "b", "--patch"}), 0);
  EXPECT_NE(out.str().find("-one\n+two\n"), std::string::npos) << out.str();
  EXPECT_EQ(err.str(), "");
  dir.write("a/\x1b[31m.py", "x\n");
  terminal = true;
  EXPECT_EQ(diff({"--from", dir / "a", "--to", dir / "b", "--patch"}), 0);
  EXPECT_EQ(out.str().find('\x1b'), std::string::npos) << "a terminal does not get names as they are";
}

TEST_F(DiffTest, JsonHasEveryFileAndWhichSidesTheyAre) {
  const Sha256 reviewed = deploy(kReviewed), hurried = deploy(kHurried);
  EXPECT_EQ(diff({"charge", "--json", "--detailed-exitcode"}), 2);
  const Json json = Json::parse(out.str());
  EXPECT_EQ(json["schema"], "codedriftd.diff.v1");
  EXPECT_EQ(json["target"], address("charge"));
  EXPECT_EQ(json["from"], (Json{{"name", "accepted"},
                                {"sha256", reviewed.hex()},
                                {"content", content_of(manifest_of(kReviewed)).text()},
                                {"files", 2},
                                {"value", nullptr}}));
  EXPECT_EQ(json["to"]["sha256"], hurried.hex());
  EXPECT_EQ(json["added"], 1);
  EXPECT_EQ(json["removed"], 1);
  EXPECT_EQ(json["changed"], 1);
  EXPECT_EQ(json["modes"], 0);
  EXPECT_EQ(json["same_content"], false);
  EXPECT_EQ(json["files"][0],
            (Json{{"name", "index.py"}, {"change", "changed"}, {"mode_before", "0644"}, {"mode_after", "0644"}}));
  EXPECT_EQ(json["files"][1]["mode_after"], Json());
}

}  // namespace
}  // namespace codedriftd::test
