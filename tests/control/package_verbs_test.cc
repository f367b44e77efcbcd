/// What the daemon does about packages when it is asked through its socket.
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "actions/package_actions.h"
#include "base/json.h"
#include "control/client.h"
#include "control/package_file.h"
#include "control/verbs.h"
#include "store/ledger/watch_list.h"
#include "support/as_user.h"
#include "support/kept_package.h"
#include "support/manual_clock.h"
#include "support/temp_dir.h"
#include "support/test_record.h"

namespace codedriftd::test {
namespace {

using namespace std::chrono_literals;

class PackageVerbsTest : public testing::Test {
 protected:
  PackageVerbsTest() {
    writer = std::make_unique<Writer>(record.open_writer(), clock, Writer::Options{});
    WatchList list;
    list.digest = "d";
    for (const char* name : {"charge", "refund"})
      list.entries.push_back({{"prod", "ap-guangzhou", "default", name, "$LATEST"},
                              Watched{{}, "f.toml:7", Baseline::first_seen, 5min, 20min, 1h}});
    writer->run([&](Tx& tx) { sync_watch_list(tx, ledger, list, clock.wall()); });
  }
  void open() {
    *permissions.lock() = std::make_shared<const Permissions>(control, ::geteuid());
    ControlParts parts{
        dir / "run", dir.path().string(), [this] { return record.open_reader(); }, permissions, *writer, ledger, clock,
        trust};
    parts.poll_now = [this](const std::vector<PollWish>& ids, const std::function<void(PollEnd)>& over) {
      steps.push_back("poll " + std::to_string(ids.size()));
      for (std::size_t i = 0; i < ids.size(); ++i) over(PollEnd::answered);
    };
    parts.forget_failure = [this](const Sha256& code) { steps.push_back("forget " + code.hex()); };
    parts.packages_folder = folder;
    parts.package_content = [this](const Sha256& code, const PackageFile& file,
                                   const PackageLimits& limits) -> Result<std::string> {
      asked = {code, file.name, limits};
      if (trouble.empty()) return contents.at(file.name);
      return Error{trouble};
    };
    auto opened = open_control(parts);
    ASSERT_TRUE(opened.ok()) << opened.error().message;
    server = std::move(*opened);
    ::chmod(dir.path().c_str(), 0755);
    ::chmod((dir / "run").c_str(), 0755);
    ::chmod((dir / "run/control.sock").c_str(), 0666);
  }
  Json ask(const std::string& verb, const Json& arguments) {
    auto reply = ask_daemon(dir / "run", Json{{"verb", verb}, {"args", arguments}}, 20s);
    return reply ? **reply : Json(reply.error().message);
  }
  Json ask_as(uid_t user, const std::string& verb, const Json& arguments) {
    Json reply;
    as_user(user, {user}, [&] { reply = ask(verb, arguments); });
    return reply;
  }
  Sha256 add(const Files& files, bool kept = true) {
    Sha256 code;
    contents.insert(files.begin(), files.end());
    writer->run([&](Tx& tx) { code = add_package(tx.db, files, clock.wall(), kept ? folder : ""); });
    return code;
  }
  void live(const std::string& function, const Sha256& code) {
    writer->run([&](Tx& tx) {
      const auto row = targets::find(tx.db, "prod/ap-guangzhou/default/" + function + ":$LATEST");
      ledger.apply(tx, row->id, Observation{Outcome::observed, code, {}, "", false}, clock.wall());
    });
  }

  struct AskedFor {
    Sha256 code;
    std::string name;
    PackageLimits limits;
  };
  TempDir dir;
  TestRecord record{dir / "codedriftd.db"};
  std::string folder = dir / "packages";
  ManualClock clock;
  ControlSettings control;
  Files contents;
  std::string trouble;             ///< of reading a package
  std::vector<std::string> steps;  ///< by a thread of the server, which has done so when it answered
  std::optional<AskedFor> asked;   ///< by the same
  Guarded<std::shared_ptr<const Permissions>> permissions;
  Guarded<std::shared_ptr<const Trust>> trust{std::make_shared<const Trust>()};
  Ledger ledger{"test", "test/codedriftd"};
  std::unique_ptr<Writer> writer;
  std::unique_ptr<ControlServer> server;
};

TEST_F(PackageVerbsTest, AFetchForgetsTheFailureOfWhatIsLiveAndThenPolls) {
  const Sha256 code = sha256("live");
  live("charge", code);
  open();
  const Json reply = ask("packages.fetch", {{"targets", {"charge", "refund"}}});
  ASSERT_TRUE(reply.contains("done")) << reply;
  EXPECT_EQ(reply["done"]["addresses"],
            (Json{"prod/ap-guangzhou/default/charge:$LATEST", "prod/ap-guangzhou/default/refund:$LATEST"}));
  EXPECT_EQ(steps, (std::vector<std::string>{"forget " + code.hex(), "poll 2"})) << "of refund nothing was ever seen";
  const Json progress = ask("progress", {{"ticket", reply["done"]["ticket"]}});
  EXPECT_EQ(progress["done"]["answered"], 2);
  EXPECT_EQ(ask("packages.fetch", {{"targets", {"chrage"}}})["error"], "nothing");
  EXPECT_EQ(ask("packages.fetch", {{"targets", {"*"}}})["error"], "usage");
  EXPECT_EQ(ask("packages.fetch", Json::object())["error"], "usage");
  EXPECT_EQ(steps.size(), 2U);
}

TEST_F(PackageVerbsTest, PruningRemovesWhatTheDaemonKeepsAndNoOtherFolder) {
  const Sha256 code = add({{"index.py", "print(1)"}});
  open();
  EXPECT_EQ(ask("packages.prune", {{"max_total", 0}, {"reason", "x"}, {"folder", "/"}})["error"], "usage");
  EXPECT_EQ(ask("packages.prune", {{"max_total", 0}})["error"], "usage") << "no reason";
  const Json reply = ask("packages.prune", {{"max_total", 0}, {"reason", "space"}});
  ASSERT_TRUE(reply.contains("done")) << reply;
  EXPECT_EQ(reply["done"]["count"], 1);
  EXPECT_FALSE(file_is_kept(folder, code)) << "it is gone when the answer comes";
  EXPECT_EQ(ask("packages.prune", {{"max_total", 0}, {"reason", "space"}})["error"], "nothing");
}

TEST_F(PackageVerbsTest, AFileIsSentAsItIsToWhomTheConfigurationNames) {
  const std::string bytes("\0\xff\n<?php", 8);
  const Sha256 code = add({{"index.php", bytes}, {"lib/a.php", "a"}});
  open();
  const Json which{{"package", code.hex()}, {"file", sha256(bytes).hex()}};
  const Json reply = ask("packages.file", which);
  ASSERT_TRUE(reply.contains("done")) << reply;
  EXPECT_EQ(base64_decode(reply["done"]["content"].get<std::string>()), bytes);
  ASSERT_TRUE(asked);
  EXPECT_EQ(asked->code, code);
  EXPECT_EQ(asked->name, "index.php");
  EXPECT_EQ(asked->limits.files, 2U);
  EXPECT_EQ(asked->limits.package, zip_of_files({{"index.php", bytes}, {"lib/a.php", "a"}}).size());
  trouble = "the examiner was killed";
  EXPECT_EQ(ask("packages.file", which), (Json{{"error", "failed"}, {"message", trouble}}));
}

TEST_F(PackageVerbsTest, OtherUsersNeedTheirOwnPermissionForContentsAndForPruning) {
  if (::geteuid() != 0) GTEST_SKIP() << "SKIPPED: needs root, to ask as other users; CI runs it as root";
  const Sha256 code = add({{"index.py", "print(1)"}});
  open();
  constexpr uid_t kNobody = 65534;
  const Json which{{"package", code.hex()}, {"file", sha256("print(1)").hex()}};
  for (const auto& [verb, arguments, setting] :
       {std::tuple<const char*, Json, const char*>{"packages.file", which, "[control] diff"},
        {"packages.prune", Json{{"max_total", 0}, {"reason", "x"}}, "[control] prune"},
        {"packages.fetch", Json{{"targets", {"charge"}}}, "[control] poll"}}) {
    const Json reply = ask_as(kNobody, verb, arguments);
    EXPECT_EQ(reply["error"], "denied") << verb << reply;
    // Whoever may ask for nothing at all is told that before the verb counts.
    EXPECT_NE(reply["message"].get<std::string>().find("[control]"), std::string::npos) << reply << setting;
  }
  EXPECT_FALSE(asked);
  EXPECT_TRUE(file_is_kept(folder, code));
  server.reset();
  control.allowed.find("diff")->second = {"root", "nobody"};
  open();
  EXPECT_TRUE(ask_as(kNobody, "packages.file", which).contains("done"));
  const Json prune = ask_as(kNobody, "packages.prune", {{"max_total", 0}, {"reason", "x"}});
  EXPECT_NE(prune["message"].get<std::string>().find("[control] prune in its configuration allows root"),
            std::string::npos)
      << prune;
}

TEST_F(PackageVerbsTest, WhatIsNotThereOrTooLargeIsSaid) {
  const std::string large(kMostPackageFileSent + 1, 'x'), largest(kMostPackageFileSent, 'y');
  const Sha256 code = add({{"large", large}, {"largest", largest}}), listed = add({{"index.py", "listed"}}, false);
  open();
  const auto ask_for = [&](const Sha256& package, std::string_view content) {
    return ask("packages.file", {{"package", package.hex()}, {"file", sha256(content).hex()}});
  };
  EXPECT_EQ(ask_for(code, large)["error"], "refused");
  EXPECT_EQ(ask_for(listed, "listed")["error"], "nothing") << "only the list of its files is kept";
  EXPECT_EQ(ask_for(sha256("nobody's"), "x")["error"], "nothing");
  EXPECT_EQ(ask_for(code, "no such file")["error"], "nothing");
  EXPECT_EQ(ask("packages.file", {{"package", code.hex()}})["error"], "usage");
  EXPECT_EQ(ask("packages.file", {{"package", "abc"}, {"file", "abc"}})["error"], "usage");
  EXPECT_FALSE(asked);
  const Json reply = ask_for(code, largest);
  ASSERT_TRUE(reply.contains("done")) << "the largest fits into a reply: " << reply.dump().substr(0, 200);
  EXPECT_EQ(base64_decode(reply["done"]["content"].get<std::string>()), largest);
}

}  // namespace
}  // namespace codedriftd::test
