#include "actions/reconcile_actions.h"

#include <gtest/gtest.h>

#include "base/json.h"
#include "store/ledger/suspensions.h"
#include "store/ledger/watch_list.h"
#include "store/outbox/outbox.h"
#include "support/temp_dir.h"
#include "support/test_record.h"
#include "support/test_sql.h"

namespace codedriftd::test {
namespace {

using namespace std::chrono_literals;

constexpr WallTime kStart{Millis{1'795'478'400'000}};  // 2026-11-24T00:00:00Z
const Caller kAlice{1001, "uid:1001(alice)", "bob"};

Sha256 code(std::string_view name) { return sha256(name); }
std::string address(const std::string& name) { return "prod/ap-guangzhou/default/" + name + ":$LATEST"; }

struct ReconcileActions : testing::Test {
  ReconcileActions() {
    WatchList list;
    list.digest = "d";
    for (const char* name : {"charge", "refund", "pinned"}) {
      Watched watched{{}, "f.toml:7", Baseline::first_seen, 5min, 20min, 1h};
      if (std::string_view(name) == "pinned") watched.pin = code("pin");
      list.entries.push_back({{"prod", "ap-guangzhou", "default", name, "$LATEST"}, watched});
    }
    sync_watch_list(tx, ledger, list, kStart);
    ledger.set_routes({{{"ops", {}, {}}, 72h, ""}, {{"watch", {"watch.*"}, {}}, 72h, ""}});
  }
  TargetRow row(const std::string& name) { return *targets::find(db, address(name)); }
  void see(const std::string& name, std::string_view hash, Millis after) {
    ledger.apply(tx, row(name).id, Observation{Outcome::observed, code(hash), {}, "", false}, kStart + after);
  }
  void gone(const std::string& name, Millis after) {
    ledger.apply(tx, row(name).id, Observation{Outcome::missing, {}, {"ResourceNotFound.Function", "", ""}, "", false},
                 kStart + after);
  }
  /// "done", or the code and words of why not.
  template <typename Request>
  std::string ask(const Request& request, Millis after = 10min) {
    const auto result = perform(tx, ledger, request, kAlice, kStart + after);
    if (!result) return result.error().code + ": " + result.error().message;
    done = **result;
    return "done";
  }
  std::string kinds(int64_t from) {
    std::string all;
    auto q = db.query_once("SELECT kind FROM event WHERE seq >= ? ORDER BY seq", from);
    while (q.step()) all += (all.empty() ? "" : " ") + q.string(0);
    return all;
  }
  int64_t events() {
    auto q = db.query_once("SELECT count(*) FROM event");
    q.step();
    return q.integer(0);
  }
  Json last_data() { return event_data(db, "ORDER BY seq DESC"); }
  static ApproveRequest approve(const std::string& name, std::string_view hash) {
    ApproveRequest request;
    request.items.push_back({name, code(hash), false, {}});
    request.reason = "reviewed";
    request.ticket = "OPS-1";
    return request;
  }
  static ExpectRequest expect(const std::string& name, std::string_view hash, std::optional<Millis> valid = {}) {
    ExpectRequest request;
    request.items.push_back({name, code(hash), valid, "https://ci.example/7", "c0ffee"});
    return request;
  }
  static SuspendRequest suspend(const std::string& name, std::optional<WallTime> until = {}) {
    return {false, name, until, "a release is being tried"};
  }

  TempDir dir;
  TestRecord record{dir / "codedriftd.db"};
  Database db = record.open_writer();
  Ledger ledger{"test", "test/codedriftd"};
  Tx tx{db};
  Json done;
};

TEST_F(ReconcileActions, ApprovingWhatIsLiveEndsTheDriftInTheNameOfWhoDidIt) {
  see("charge", "a", 0ms);
  see("charge", "b", 1min);
  const int64_t from = events();
  ASSERT_EQ(ask(approve("charge", "b")), "done");
  EXPECT_EQ(done, (Json{{"count", 1},
                        {"targets",
                         {{{"target", address("charge")},
                           {"sha256", code("b").hex()},
                           {"previous_sha256", code("a").hex()},
                           {"value", nullptr},
                           {"previous_value", nullptr}}}}}));
  EXPECT_EQ(kinds(from), "baseline.set drift.resolved");
  auto q = db.query_once("SELECT actor, reason, ticket, claimed, source FROM baseline ORDER BY id DESC LIMIT 1");
  ASSERT_TRUE(q.step());
  EXPECT_EQ(q.string(0) + q.string(1) + q.string(2) + q.string(3) + q.string(4),
            "uid:1001(alice)reviewedOPS-1bobapproval");
}

TEST_F(ReconcileActions, AMereMistakeIsRefusedWithoutAnEvent) {
  see("charge", "a", 0ms);
  see("charge", "b", 1min);
  const int64_t before = events();
  ApproveRequest wrong_count = approve("charge", "b");
  wrong_count.count = 2;
  EXPECT_EQ(ask(wrong_count), "refused: the plan has 1 row to accept, not 2: nothing was accepted");
  EXPECT_NE(ask(SuspendRequest{true, "charge", {}, "why"}).find("its alerts are not held"), std::string::npos);
  EXPECT_EQ(events(), before);
}

TEST_F(ReconcileActions, WhatIsRefusedChangesNothingAndIsAnEvent) {
  see("charge", "a", 0ms);
  see("charge", "b", 1min);
  see("pinned", "pin", 1min);
  see("refund", "r", 1min);
  gone("refund", 2min);
  gone("refund", 3min);
  ApproveRequest moved = approve("charge", "b");
  moved.items[0].planned = true;
  moved.items[0].accepted = code("z");
  ApproveRequest stale = approve("charge", "b");
  stale.items.push_back({address("pinned"), code("pin"), true, code("pin")});
  const struct {
    std::string answer, words, verb;
  } cases[] = {
      {ask(approve("charge", "a")), "that hash is not live: it runs code " + code("b").hex() + ", since", "approve"},
      {ask(approve("pinned", "pin")), "pinned at f.toml:7, change it there", "approve"},
      {ask(approve("refund", "r")), "the function is missing since", "approve"},
      {ask(moved), "changed after the plan was made: code " + code("a").hex() + " was accepted", "approve"},
      {ask(stale), "nothing was done for the others either", "approve"},
      {ask(expect("pinned", "x")), "pinned at f.toml:7", "expect"},
      {ask(expect("charge", "b")), "only approve accepts what is already live", "expect"},
  };
  for (const auto& each : cases) {
    EXPECT_EQ(each.answer.substr(0, 9), "refused: ") << each.answer;
    EXPECT_NE(each.answer.find(each.words), std::string::npos) << each.answer;
  }
  EXPECT_EQ(row("charge").state.accepted, code("a"));
  EXPECT_TRUE(row("charge").state.drift_open);
  auto q = db.query_once("SELECT body FROM event WHERE kind = 'control.denied' ORDER BY seq");
  for (const auto& each : cases) {
    ASSERT_TRUE(q.step());
    const Json event = Json::parse(q.text(0));
    EXPECT_EQ(event.at("actor"), "uid:1001(alice)");
    EXPECT_EQ(event.at("data").at("verb"), each.verb);
    EXPECT_EQ(event.at("data").at("claimed"), "bob");
    EXPECT_EQ("refused: " + event.at("data").at("reason").get<std::string>(), each.answer);
  }
  EXPECT_FALSE(q.step());
}

TEST_F(ReconcileActions, WhatIsWrongAsItStandsLeavesNoTrace) {
  see("charge", "a", 0ms);
  ApproveRequest no_reason = approve("charge", "a");
  no_reason.reason = " ";
  ApproveRequest twice = approve("charge", "a");
  twice.items.push_back({address("charge"), code("b"), false, {}});
  const int64_t before = events();
  const struct {
    std::string answer, starts, words;
  } cases[] = {
      {ask(approve("char*", "a")), "usage", "patterns match where a command reads, never where it writes"},
      {ask(approve("", "a")), "usage", "name the target"},
      {ask(no_reason), "usage", "approve needs a --reason"},
      {ask(twice), "usage", address("charge") + " is named twice"},
      {ask(approve("chrage", "a")), "nothing", "charge"},
      {ask(ApproveRequest{}), "usage", "nothing to approve"},
      {ask(expect("charge", "h", 1s)), "usage", "valid for 1m to 30d"},
      {ask(suspend("charge", kStart)), "usage", "not within the next 90d"},
      {ask(suspend("charge", kStart + 24h * 365)), "usage", "not within the next 90d"},
  };
  for (const auto& each : cases) {
    EXPECT_TRUE(each.answer.starts_with(each.starts)) << each.answer;
    EXPECT_NE(each.answer.find(each.words), std::string::npos) << each.answer;
  }
  EXPECT_EQ(events(), before);
}

TEST_F(ReconcileActions, AReleaseIsAnnouncedWholeAndArrivesSilently) {
  see("charge", "a", 0ms);
  see("refund", "r", 0ms);
  ExpectRequest release = expect("charge", "a2", 2h);
  release.items.push_back({"refund", code("r2"), {}, "", ""});
  const int64_t from = events();
  ASSERT_EQ(ask(release), "done");
  EXPECT_EQ(done.at("count"), 2);
  EXPECT_EQ(done.at("targets").at(0).at("valid_until"), "2026-11-24T02:10:00.000Z");
  EXPECT_EQ(done.at("targets").at(1).at("valid_until"), "2026-11-24T01:10:00.000Z") << "deploy_grace";
  see("charge", "a2", 20min);
  see("refund", "r2", 20min);
  EXPECT_EQ(kinds(from), "deploy.expected deploy.expected deploy.arrived deploy.arrived");
  auto q = db.query_once("SELECT count(*) FROM outbox");
  q.step();
  EXPECT_EQ(q.integer(0), 0);

  // One line of a release cannot be announced: none is.
  ExpectRequest half = expect("charge", "a3");
  half.items.push_back({"pinned", code("x"), {}, "", ""});
  EXPECT_TRUE(ask(half, 30min).starts_with("refused"));
  EXPECT_TRUE(row("charge").state.announced.empty());
  // What is live and accepted already has nothing to wait for.
  ASSERT_EQ(ask(expect("charge", "a2"), 40min), "done");
  EXPECT_EQ(done.at("targets").at(0).at("arrived"), true);
}

TEST_F(ReconcileActions, ASuspendedTargetIsRecordedAndItsAlertsWaitUntilTheEnd) {
  see("charge", "a", 0ms);
  see("refund", "r", 0ms);
  see("charge", "b", 1min);  // waits for its first attempt
  ASSERT_EQ(ask(suspend("charge"), 2min), "done");
  EXPECT_EQ(done, (Json{{"count", 1},
                        {"targets", {{{"target", address("charge")}, {"until", "2026-11-25T00:02:00.000Z"}}}}}));
  EXPECT_EQ(last_data(),
            (Json{{"until", "2026-11-25T00:02:00.000Z"}, {"reason", "a release is being tried"}, {"claimed", "bob"}}));
  see("charge", "c", 3min);
  see("refund", "s", 3min);
  EXPECT_TRUE(row("charge").state.drift_open);
  const auto next = [&](const char* destination, Millis after) {
    const auto alert = outbox::begin_attempt(db, destination, kStart + after);
    if (alert) outbox::delivered(db, *alert, {"delivered", 200, "", 1ms}, kStart + after);
    return alert ? alert->kind + " " + alert->target.value_or("-") : std::string("nothing");
  };
  // Others are not held, and who subscribed to it hears that silence begins.
  EXPECT_EQ(next("ops", 4min), "drift.detected " + address("refund"));
  EXPECT_EQ(next("ops", 5min), "nothing");
  EXPECT_EQ(next("watch", 5min), "watch.suspended " + address("charge"));
  EXPECT_EQ(outbox::next_due_at(db, "ops"), std::nullopt);
  // Held for longer than it would be tried: it is not given up.
  EXPECT_TRUE(outbox::expire(db, "ops", kStart + 100h).empty());
  suspensions::end_over(tx, ledger, kStart + 23h);
  EXPECT_EQ(next("ops", 23h), "nothing");
  suspensions::end_over(tx, ledger, kStart + 25h);
  EXPECT_EQ(last_data().at("reason"), "the time that was set for it is over");
  EXPECT_EQ(next("ops", 25h), "drift.changed " + address("charge")) << "both as one message";
  EXPECT_EQ(next("ops", 25h), "nothing");
  EXPECT_TRUE(suspensions::all(db).empty());
}

TEST_F(ReconcileActions, ResumeLetsThemGoAndSuspendingAgainSetsAnotherEnd) {
  see("charge", "a", 0ms);
  ASSERT_EQ(ask(suspend("charge"), 1min), "done");
  ASSERT_EQ(ask(suspend("charge", kStart + 2h), 2min), "done");
  EXPECT_EQ(done.at("targets").at(0).at("previous_until"), "2026-11-25T00:01:00.000Z")
      << "it is shorter, and that is said";
  const auto held = suspensions::find(db, row("charge").id);
  ASSERT_TRUE(held);
  EXPECT_EQ(held->until, kStart + 2h);
  EXPECT_EQ(held->since, kStart + 1min);
  see("charge", "b", 3min);
  EXPECT_FALSE(outbox::begin_attempt(db, "ops", kStart + 4min));
  ASSERT_EQ(ask(SuspendRequest{true, "charge", {}, "done with it"}, 5min), "done");
  EXPECT_TRUE(outbox::begin_attempt(db, "ops", kStart + 5min));
}

TEST_F(ReconcileActions, OfARenamedAccountOnlyThePresentLabelIsWrittenTo) {
  see("charge", "a", 0ms);
  see("charge", "b", 1min);
  const std::string old = address("charge");
  targets::rename_account(db, "prod", "shop");
  for (const std::string& name : {old, std::string("prod/ap-guangzhou/default/charge")}) {
    ApproveRequest request = approve("charge", "b");
    request.items[0].target = name;
    EXPECT_EQ(ask(request), "nothing: there is no function " + name +
                                ": its account got another label, and it is called "
                                "shop/ap-guangzhou/default/charge:$LATEST now");
  }
}

TEST_F(ReconcileActions, APatternSuspendsAsManyAsItsNumberSaysOrNone) {
  const auto pattern = [](bool resume, std::optional<int64_t> count) {
    return SuspendRequest{resume, "*e*", {}, "a move", count};
  };
  EXPECT_TRUE(ask(pattern(false, {})).starts_with("usage: '*e*': patterns match where a command reads")) << "no number";
  EXPECT_TRUE(ask(pattern(true, 1)).starts_with("nothing: '*e*' matches no function whose alerts are held"));
  EXPECT_EQ(ask(pattern(false, 2)), "refused: '*e*' is 3 functions, not 2: nothing was suspended");
  EXPECT_TRUE(suspensions::all(db).empty());
  ASSERT_EQ(ask(pattern(false, 3)), "done");
  EXPECT_EQ(done.at("count"), 3);
  EXPECT_EQ(suspensions::all(db).size(), 3U);
  ASSERT_EQ(ask(SuspendRequest{true, "charge", {}, "back"}), "done");
  EXPECT_EQ(ask(pattern(true, 3)), "refused: '*e*' is 2 functions, not 3: nothing was resumed") << "of what is held";
  ASSERT_EQ(ask(pattern(true, 2)), "done");
  EXPECT_TRUE(suspensions::all(db).empty());
  SuspendRequest unknown{false, "zz*", {}, "why", 1};
  EXPECT_TRUE(ask(unknown).starts_with("nothing: no function matches --target 'zz*'"));
}

TEST_F(ReconcileActions, AnAnnouncementIsWithdrawnAndItsHashIsDriftThen) {
  see("charge", "a", 0ms);
  ASSERT_EQ(ask(expect("charge", "b", 2h)), "done");
  ASSERT_EQ(ask(expect("charge", "c", 2h)), "done");
  const int64_t from = events();
  ASSERT_EQ(ask(WithdrawRequest{"charge", code("b"), "called off"}), "done");
  EXPECT_EQ(done.at("targets"), (Json{{{"target", address("charge")}, {"sha256", code("b").hex()}}}));
  EXPECT_EQ(last_data().at("reason"), "called off");
  EXPECT_EQ(last_data().at("claimed"), "bob");
  ASSERT_EQ(row("charge").state.announced.size(), 1U);
  see("charge", "b", 20min);
  EXPECT_EQ(kinds(from), "deploy.withdrawn drift.detected");
  ASSERT_EQ(ask(WithdrawRequest{"charge", {}, "all of it"}, 30min), "done");
  EXPECT_TRUE(row("charge").state.announced.empty());
  EXPECT_EQ(ask(WithdrawRequest{"charge", {}, "again"}, 30min),
            "refused: " + address("charge") + ": no deployment is announced");
  EXPECT_TRUE(ask(WithdrawRequest{"charge", {}, " "}).starts_with("usage: expect --withdraw needs a --reason"));
}

TEST_F(ReconcileActions, AnnouncingAgainForAShorterTimeIsSaid) {
  see("charge", "a", 0ms);
  ASSERT_EQ(ask(expect("charge", "b", 2h)), "done");
  ASSERT_EQ(ask(expect("charge", "b", 30min)), "done");
  EXPECT_EQ(done.at("targets").at(0).at("previous_until"), "2026-11-24T02:10:00.000Z");
  ASSERT_EQ(ask(expect("charge", "b", 3h)), "done");
  EXPECT_FALSE(done.at("targets").at(0).contains("previous_until"));
}

TEST(ReconcileRequests, SurviveTheWayThroughTheSocket) {
  ApproveRequest approve;
  approve.items = {{"a", code("1"), true, code("2")}, {"b", code("3"), false, {}}};
  approve.count = 2;
  approve.reason = "why";
  approve.ticket = "T";
  const auto read = read_approve_request(arguments_of(approve));
  ASSERT_TRUE(read.ok());
  EXPECT_EQ(*arguments_of(*read), *arguments_of(approve));
  EXPECT_EQ(read->items[0].accepted, code("2"));
  ExpectRequest expect;
  expect.items = {{"a", code("1"), 2h, "build", "commit"}, {"b", code("2"), {}, "", ""}};
  EXPECT_EQ(*arguments_of(*read_expect_request(arguments_of(expect))), *arguments_of(expect));
  const SuspendRequest suspend{false, "a*", kStart, "why", 7};
  const WithdrawRequest withdraw{"a", code("1"), "why"};
  EXPECT_EQ(*arguments_of(*read_withdraw_request(arguments_of(withdraw))), *arguments_of(withdraw));
  EXPECT_EQ(*arguments_of(*read_suspend_request(false, arguments_of(suspend))), *arguments_of(suspend));
  for (const Json& wrong : {Json{{"items", 1}}, Json{{"items", {1}}}, Json{{"items", {{{"target", 1}}}}},
                            Json{{"items", {{{"target", "a"}, {"sha256", "xyz"}}}}}, Json{{"count", 1.5}}, Json(1)}) {
    EXPECT_FALSE(read_approve_request(wrong).ok()) << wrong;
  }
}

}  // namespace
}  // namespace codedriftd::test
