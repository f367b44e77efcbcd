#include "commands/packages.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>

#include "base/json.h"
#include "commands/options/usage.h"
#include "store/db/lock.h"
#include "store/db/migrate.h"
#include "store/db/sqlite.h"
#include "store/ledger/ledger.h"
#include "store/ledger/watch_list.h"
#include "store/record/facts.h"
#include "support/kept_package.h"
#include "support/manual_clock.h"
#include "support/temp_dir.h"

namespace codedriftd::test {
namespace {

using namespace std::chrono_literals;
using Strings = std::vector<std::string>;

class PackagesCommand : public testing::Test {
 protected:
  PackagesCommand() {
    settings.state_dir = dir / "state";
    settings.runtime_dir = dir / "run";
    settings.instance = "test";
    settings.packages.keep = PackageSettings::Keep::files;
    std::filesystem::create_directory(settings.state_dir);
    Database db = sqlite::open_writer(settings.database());
    EXPECT_TRUE(migrate(db, embedded_migrations(), clock.wall()).ok());
    facts::write(db, "log_origin", "test/codedriftd");
    WatchList list;
    list.digest = "d";
    list.entries.push_back({{"prod", "ap-guangzhou", "default", "charge", "$LATEST"},
                            Watched{{}, "f.toml:7", Baseline::first_seen, 5min, 20min, 1h}});
    Tx tx(db);
    sync_watch_list(tx, ledger, list, clock.wall());
  }
  Sha256 add(const std::string& content, bool kept = true, bool live = false) {
    Database db = sqlite::open_writer(settings.database());
    const Sha256 code = add_package(db, {{"index.py", content}}, clock.wall(), kept ? settings.packages_folder() : "");
    Tx tx(db);
    const auto row = targets::find(db, "prod/ap-guangzhou/default/charge:$LATEST");
    if (live) ledger.apply(tx, row->id, Observation{Outcome::observed, code, {}, "", false}, clock.wall());
    clock.advance(1min);
    return code;
  }
  int packages(const Strings& args) {
    out.str("");
    err.str("");
    try {
      return run_packages(args, {.settings =
                                     [this] {
                                       ++loaded;
                                       return settings;
                                     },
                                 .clock = clock,
                                 .out = out,
                                 .err = err,
                                 .patience = {.daemon = 20s, .socket = 300ms}});
    } catch (const UsageError& error) {
      err << error.what();
      return kExitUsage;
    }
  }
  bool said(std::string_view text) const { return err.str().find(text) != std::string::npos; }
  static std::string bytes_at(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }

  TempDir dir;
  Settings settings;
  ManualClock clock;
  Ledger ledger{"test", "test/codedriftd"};
  std::ostringstream out, err;
  int loaded = 0;
};

TEST_F(PackagesCommand, WrongUsageIs64AndSaysWhatWouldBeRightBeforeAnythingIsRead) {
  const struct {
    Strings args;
    const char* message;
  } cases[] = {
      {{}, "packages needs a verb"},
      {{"lsit"}, "did you mean list?"},
      {{"drop"}, "there are list, fetch, export, prune"},
      {{"--json"}, "the verb comes first"},
      {{"list", "--format", "tabel"}, "there is no format"},
      {{"list", "--bom"}, "bom"},
      {{"fetch"}, "packages fetch TARGET…"},
      {{"fetch", "*"}, "patterns match where a command reads"},
      {{"export", "charge"}, "takes a TARGET or a hash, and a FILE"},
      {{"prune"}, "needs a --reason"},
      {{"prune", "--reason", "x", "--max-total", "5GB"}, "is not a size"},
      {{"prune", "--reason", "x", "--max-total", "5GiB", "--all"}, "do not go together"},
      {{"prune", "charge", "--reason", "x"}, "nothing but options is taken here"},
  };
  for (const auto& each : cases) {
    EXPECT_EQ(packages(each.args), kExitUsage) << each.message;
    EXPECT_TRUE(said(each.message)) << err.str();
  }
  EXPECT_EQ(loaded, 0);
  EXPECT_EQ(packages({"--help"}), 0);
  for (const char* verb : {"list", "fetch", "export", "prune"}) {
    EXPECT_NE(out.str().find(std::string("\n  ") + verb + ' '), std::string::npos) << out.str();
  }
}

TEST_F(PackagesCommand, TheListHasWhatIsKnownAndWhatIsKeptTheLatestFirst) {
  const Sha256 live = add("print('live')\n", true, true), other = add("print('other')\n", false);
  {
    Database db = sqlite::open_writer(settings.database());
    packages::save_unavailable(db, sha256("nobody could"), "no route to host", false, clock.wall());
  }
  EXPECT_EQ(packages({"list", "--json"}), 0) << err.str();
  const Json json = Json::parse(out.str());
  EXPECT_EQ(json["schema"], "codedriftd.packages.v1");
  ASSERT_EQ(json["rows"].size(), 3U) << json;
  EXPECT_EQ(json["rows"][0]["state"], "unavailable");
  EXPECT_EQ(json["rows"][0]["why"], "no route to host");
  EXPECT_EQ(json["rows"][0]["files"], Json());
  EXPECT_EQ(json["rows"][1]["sha256"], other.hex());
  EXPECT_EQ(json["rows"][1]["kept"], false);
  const Json& row = json["rows"][2];
  EXPECT_EQ(row["sha256"], live.hex());
  EXPECT_EQ(row["content"], content_of(manifest_of({{"index.py", "print('live')\n"}})).text());
  EXPECT_EQ(row["files"], 1);
  EXPECT_EQ(row["kept"], true);
  EXPECT_EQ(row["live"], Json{"prod/ap-guangzhou/default/charge:$LATEST"});
  EXPECT_EQ(row["accepted"], row["live"]);
  EXPECT_EQ(row["announced"], Json::array());
  EXPECT_EQ(json["summary"]["kept"], 1);
  EXPECT_EQ(packages({"list"}), 0);
  EXPECT_NE(out.str().find("2 examined, 1 unavailable; 1 kept"), std::string::npos) << out.str();
  EXPECT_EQ(packages({"list", "charge", "--format", "csv"}), 0);
  EXPECT_NE(out.str().find(live.hex()), std::string::npos);
  EXPECT_EQ(out.str().find(other.hex()), std::string::npos) << "it is nobody's";
  EXPECT_EQ(packages({"list", "--limit", "1", "--format", "ndjson"}), 0);
  EXPECT_NE(out.str().find("no route to host"), std::string::npos);
  EXPECT_EQ(packages({"list", "chrage"}), 1);
  EXPECT_TRUE(said("charge")) << err.str();
}

TEST_F(PackagesCommand, AnExportIsThePackageByteForByteForItsOwnerAloneAndReplacesNothingUnasked) {
  const Sha256 code = add("print('live')\n", true, true);
  const std::string path = dir / "live.zip";
  EXPECT_EQ(packages({"export", "charge", path}), 0) << err.str();
  EXPECT_EQ(bytes_at(path), zip_of_files({{"index.py", "print('live')\n"}}));
  struct stat info {};
  ASSERT_EQ(::stat(path.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777U, 0600U);
  dir.write("live.zip", "somebody's");
  EXPECT_EQ(packages({"export", code.hex(), path}), 1);
  EXPECT_TRUE(said("is there already") && said("--force")) << err.str();
  EXPECT_EQ(bytes_at(path), "somebody's");
  EXPECT_EQ(packages({"export", code.hex(), path, "--force"}), 0) << err.str();
  EXPECT_EQ(sha256(bytes_at(path)), code);
  EXPECT_EQ(packages({"export", "charge", dir / "no/such/folder.zip"}), 1);
  EXPECT_TRUE(said("no/such/folder.zip")) << err.str();
}

TEST_F(PackagesCommand, WhatIsNotKeptOrWasChangedIsNotExported) {
  const std::string path = dir / "live.zip";
  EXPECT_EQ(packages({"export", "charge", path}), 1);
  EXPECT_TRUE(said("no code of it was ever seen")) << err.str();
  const Sha256 code = add("print('live')\n", true, true), listed = add("listed", false);
  EXPECT_EQ(packages({"export", listed.hex(), path}), 1);
  EXPECT_TRUE(said("is not kept")) << err.str();
  EXPECT_EQ(packages({"export", sha256("nobody's").hex(), path}), 1);
  EXPECT_TRUE(said("never looked into")) << err.str();
  const std::string kept = settings.packages_folder() + "/" + code.hex() + ".zip";
  std::ofstream(kept, std::ios::app) << "more";
  EXPECT_EQ(packages({"export", "charge", path}), 1);
  EXPECT_TRUE(said("its bytes are not those of its hash")) << err.str();
  EXPECT_FALSE(std::filesystem::exists(path));
}

TEST_F(PackagesCommand, PruningWithoutADaemonIsDoneByTheCommandItself) {
  const Sha256 live = add("print('live')\n", true, true), other = add("print('other')\n");
  EXPECT_EQ(packages({"prune", "--reason", "space"}), 1);
  EXPECT_TRUE(said("nothing was removed")) << "max_total of the configuration is far from reached" << err.str();
  settings.packages.max_total = zip_of_files({{"index.py", "print('live')\n"}}).size();
  EXPECT_EQ(packages({"prune", "--reason", "space"}), 0) << err.str();
  EXPECT_TRUE(out.str().starts_with("1 package removed, ")) << out.str();
  EXPECT_FALSE(file_is_kept(settings.packages_folder(), other));
  EXPECT_TRUE(file_is_kept(settings.packages_folder(), live));
  EXPECT_EQ(packages({"prune", "--all", "--reason", "moving", "--json"}), 0) << err.str();
  EXPECT_EQ(Json::parse(out.str())["packages"], Json{live.hex()});
  EXPECT_FALSE(file_is_kept(settings.packages_folder(), live));
  Database db = sqlite::open_reader(settings.database());
  auto q = db.query_once("SELECT count(*) FROM event WHERE kind = 'package.pruned'");
  ASSERT_TRUE(q.step());
  EXPECT_EQ(q.integer(0), 2);
  auto lock = StateLock::take(settings.lock_file());
  EXPECT_TRUE(lock.ok()) << "the lock is given back";
}

TEST_F(PackagesCommand, AFetchNeedsADaemonAndLooking) {
  EXPECT_EQ(packages({"fetch", "charge"}), 1);
  EXPECT_TRUE(said("no daemon runs")) << err.str();
  settings.packages.keep = PackageSettings::Keep::off;
  EXPECT_EQ(packages({"fetch", "charge"}), 1);
  EXPECT_TRUE(said("[packages] keep is \"off\"")) << err.str();
}

}  // namespace
}  // namespace codedriftd::test
