/// The daemon's socket with its verbs behind it, and what they do to the record.
#include "control/verbs.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <future>

#include "actions/alert_actions.h"
#include "base/json.h"
#include "control/client.h"
#include "store/ledger/watch_list.h"
#include "store/outbox/outbox.h"
#include "support/as_user.h"
#include "support/manual_clock.h"
#include "support/process.h"
#include "support/temp_dir.h"
#include "support/test_record.h"
#include "support/test_signer.h"

namespace codedriftd::test {
namespace {

using namespace std::chrono_literals;
using Strings = std::vector<std::string>;

class ControlVerbsTest : public testing::Test {
 protected:
  ControlVerbsTest() {
    writer = std::make_unique<Writer>(record.open_writer(), clock, Writer::Options{});
    Ledger::Hooks hooks;
    hooks.queued = [this](const std::string& name) { rung.push_back(name); };
    ledger = std::make_unique<Ledger>("test", "test/codedriftd", std::move(hooks));
    writer->run([&](Tx&) {
      ledger->set_routes({{{"ops", {}, {}}, 72h, "pager"}, {{"pager", {"none.*"}, {}}, 72h, ""}});
    });
  }
  void open() {
    *permissions.lock() = std::make_shared<const Permissions>(control, self);
    ControlParts parts{
        dir / "run", dir.path().string(), [this] { return record.open_reader(); }, permissions, *writer, *ledger, clock,
        trust};
    parts.poll_now = [this](const std::vector<PollWish>& wishes, std::function<void(PollEnd)> over) {
      std::vector<TargetId> ids;
      for (const PollWish& wish : wishes) ids.push_back(wish.id);
      polls.push_back({std::move(ids), std::move(over)});
    };
    parts.reload = [](const std::shared_ptr<Ticket>& ticket) { ticket->finish(Json{{"loaded", "all of it"}}); };
    auto opened = open_control(parts);
    ASSERT_TRUE(opened.ok()) << opened.error().message;
    server = std::move(*opened);
    // Whoever may reach the socket; what they may ask for is another matter.
    ::chmod(dir.path().c_str(), 0755);
    ::chmod((dir / "run").c_str(), 0755);
    ::chmod((dir / "run/control.sock").c_str(), 0666);
  }
  void believe(const TestSigner& signer) {
    auto trusted = std::make_shared<Trust>();
    trusted->keys.push_back(
        {"ci", PublicKey::from_pem(signer.public_pem(), "ci.pub").value(), {"prod/*"}, "", "", "f.toml:1"});
    *trust.lock() = std::move(trusted);
  }
  Json ask(const std::string& verb, const Json& arguments, std::optional<std::string> state = std::nullopt) {
    Json request{{"verb", verb}, {"args", arguments}, {"claimed", "alice"}};
    if (state) request["state"] = *state;
    auto reply = ask_daemon(dir / "run", request, 20s);
    return reply ? **reply : Json(reply.error().message);
  }
  Json ask_as(uid_t user, const std::vector<gid_t>& groups, const std::string& verb, const Json& arguments) {
    Json reply;
    as_user(user, groups, [&] { reply = ask(verb, arguments); });
    return reply;
  }
  /// An alert about `function` for ops that came to `state`; its id.
  std::string add(const std::string& function, const std::string& state) {
    std::string id;
    writer->run([&](Tx& tx) {
      NewEvent event;
      event.kind = "drift.detected";
      event.severity = Severity::critical;
      event.target = "prod/ap-guangzhou/default/" + function + ":$LATEST";
      if (!targets::find(tx.db, *event.target)) targets::insert(tx.db, Target::parse(*event.target).value());
      id = ledger->append(tx, event, clock.wall()).id;
      tx.db.run("UPDATE outbox SET state = ? WHERE alert_id = ?", state, id);
    });
    rung.clear();
    return id;
  }
  Strings column(std::string_view sql) {
    Strings values;
    writer->run([&](Tx& tx) {
      auto q = tx.db.query_once(sql);
      while (q.step()) values.push_back(q.string(0));
    });
    return values;
  }
  std::string state(const std::string& id, const std::string& destination = "ops") {
    const Strings states =
        column("SELECT state FROM outbox WHERE alert_id = '" + id + "' AND destination = '" + destination + "'");
    return states.empty() ? "(no row)" : states.front();
  }
  Strings kinds() { return column("SELECT kind FROM event WHERE kind NOT LIKE 'drift.%' ORDER BY seq"); }
  Json last_event() {
    return Json::parse(column("SELECT CAST(body AS TEXT) FROM event ORDER BY seq DESC LIMIT 1").at(0));
  }

  /// Watches these functions of account prod.
  void watch(const Strings& functions) {
    WatchList list;
    Watched watched{};
    watched.interval = watched.stale_after = watched.deploy_grace = 1h;
    for (const std::string& function : functions)
      list.entries.push_back({{"prod", "ap-guangzhou", "default", function, "$LATEST"}, watched});
    writer->run([&](Tx& tx) { sync_watch_list(tx, *ledger, list, clock.wall()); });
  }

  struct Asked {
    std::vector<TargetId> ids;
    std::function<void(PollEnd)> over;
  };
  std::vector<Asked> polls;  ///< by the server's thread, which has done so when it answered
  ControlSettings control;
  uid_t self = ::geteuid();  ///< the daemon's own user, who may ask for everything
  Guarded<std::shared_ptr<const Permissions>> permissions;
  Guarded<std::shared_ptr<const Trust>> trust{std::make_shared<const Trust>()};
  TempDir dir;
  TestRecord record{dir / "codedriftd.db"};
  ManualClock clock;
  Strings rung;  ///< by the writer's thread, which has done so when run() returns
  std::unique_ptr<Ledger> ledger;
  std::unique_ptr<Writer> writer;
  std::unique_ptr<ControlServer> server;
  const std::string me = actor_of(::geteuid());
};

TEST_F(ControlVerbsTest, AReplayMakesPendingRecordsWhoAndWhyAndRingsTheRunner) {
  const std::string id = add("charge", "dead");
  open();
  const Json reply = ask("alerts.replay", {{"ids", {id}}, {"reason", "the receiver is back"}});
  ASSERT_TRUE(reply.contains("done")) << reply;
  EXPECT_EQ(reply["done"]["count"], 1);
  EXPECT_EQ(reply["done"]["alerts"][0], (Json{{"id", id},
                                              {"alert", "ops"},
                                              {"kind", "drift.detected"},
                                              {"target", "prod/ap-guangzhou/default/charge:$LATEST"}}));
  EXPECT_EQ(reply["done"]["waiting"], Json::array());
  EXPECT_EQ(state(id), "pending");
  const Json event = last_event();
  EXPECT_EQ(event["kind"], "alert.replayed");
  EXPECT_EQ(event["severity"], "info");
  EXPECT_EQ(event["actor"], me);
  EXPECT_EQ(event["target"], "prod/ap-guangzhou/default/charge:$LATEST");
  EXPECT_EQ(event["data"],
            (Json{{"alert", "ops"}, {"id", id}, {"reason", "the receiver is back"}, {"claimed", "alice"}}));
  // Who hears of what ops cannot deliver hears of this; nobody is told by subscription.
  EXPECT_EQ(rung, (Strings{"pager", "ops"}));
  EXPECT_EQ(column("SELECT destination FROM outbox WHERE kind = 'alert.replayed'"), Strings{"pager"});
}

TEST_F(ControlVerbsTest, AlertsOfARenamedAccountAreFoundByBothLabelsAndTheirEventsStayWithTheFunction) {
  const std::string one = add("charge", "dead"), two = add("refund", "dead");
  writer->run([](Tx& tx) { targets::rename_account(tx.db, "prod", "shop"); });
  open();
  const Json by_new = ask("alerts.replay", {{"targets", {"shop/ap-guangzhou/default/charge:$LATEST"}}});
  ASSERT_TRUE(by_new.contains("done")) << by_new;
  EXPECT_EQ(by_new["done"]["alerts"][0]["id"], one);
  const Json by_old = ask("alerts.replay", {{"targets", {"prod/ap-guangzhou/default/refund:$LATEST"}}});
  ASSERT_TRUE(by_old.contains("done")) << by_old;
  EXPECT_EQ(by_old["done"]["alerts"][0]["id"], two);
  EXPECT_EQ(column("SELECT address FROM event JOIN target ON target.id = target_id WHERE kind = 'alert.replayed' ORDER "
                   "BY seq"),
            (Strings{"shop/ap-guangzhou/default/charge:$LATEST", "shop/ap-guangzhou/default/refund:$LATEST"}));
}

TEST_F(ControlVerbsTest, AReplayToAnotherDestinationSaysWhatWasThereAlready) {
  const std::string one = add("one", "dead"), two = add("two", "dead");
  open();
  EXPECT_EQ(ask("alerts.replay", {{"ids", {one}}, {"to", "pager"}})["done"]["count"], 1);
  const Json reply = ask("alerts.replay", {{"alert", "ops"}, {"to", "pager"}})["done"];
  EXPECT_EQ(reply["count"], 1);
  EXPECT_EQ(reply["there"], 1);
  EXPECT_EQ(reply["alerts"][0]["id"], two);
  EXPECT_EQ(reply["alerts"][0]["alert"], "pager");
  EXPECT_EQ(state(two, "pager"), "pending");
  EXPECT_EQ(state(two), "dead");
  const std::size_t events = kinds().size();
  const Json none = ask("alerts.replay", {{"alert", "ops"}, {"to", "pager"}});
  EXPECT_EQ(none["error"], "nothing");
  EXPECT_NE(none["message"].get<std::string>().find("pager has all of them already"), std::string::npos);
  EXPECT_EQ(kinds().size(), events);
}

TEST_F(ControlVerbsTest, WhatComesBackAsOneMessageIsCountedAndRecordedAlertByAlert) {
  const std::string one = add("one", "dead"), two = add("two", "dead"), other = add("other", "dead");
  writer->run([&](Tx& tx) {
    tx.db.run(
        "INSERT INTO outbox (alert_id, destination, event_seq, kind, target, body, state, attempts, created_at_ms, "
        "next_attempt_at_ms, give_up_at_ms) SELECT alert_id, 'pager', event_seq, kind, target, body, 'dead', 1, 1, 1, "
        "2 FROM outbox WHERE destination = 'ops' ORDER BY id");
    tx.db.run(
        "UPDATE outbox SET message = (SELECT min(id) FROM outbox WHERE destination = 'pager') WHERE destination = "
        "'pager'");
    tx.db.run("UPDATE outbox SET message_id = 'DIGEST' WHERE id = message AND destination = 'pager'");
  });
  open();
  // The third comes back too: its message has its bytes.
  const Json reply = ask("alerts.replay", {{"ids", {one, two}}, {"alert", "ops"}, {"to", "pager"}})["done"];
  EXPECT_EQ(reply["count"], 3) << reply;
  EXPECT_EQ(reply["there"], 0);
  EXPECT_EQ(reply["alerts"][2]["id"], "DIGEST");
  for (const std::string& id : {one, two, other}) EXPECT_EQ(state(id, "pager"), "pending");
  EXPECT_EQ(kinds(), Strings(3, "alert.replayed"));
  EXPECT_EQ(column("SELECT target_id FROM event WHERE kind = 'alert.replayed' ORDER BY seq"),
            column("SELECT target_id FROM event WHERE kind = 'drift.detected' ORDER BY seq"));
}

TEST_F(ControlVerbsTest, AnAlertThatIsChosenForTwoDestinationsIsReplayedOnceToOneOfThem) {
  const std::string id = add("charge", "dead");
  writer->run([&](Tx& tx) {
    tx.db.run(
        "INSERT INTO outbox (alert_id, destination, event_seq, kind, target, body, state, attempts, created_at_ms, "
        "next_attempt_at_ms, give_up_at_ms) SELECT alert_id, 'pager', event_seq, kind, target, body, 'dead', 1, 1, 1, "
        "2 FROM outbox");
  });
  open();
  const Json reply = ask("alerts.replay", {{"ids", {id}}, {"to", "pager"}})["done"];
  EXPECT_EQ(reply["count"], 1) << reply;
  EXPECT_EQ(reply["there"], 0);
  EXPECT_EQ(kinds(), Strings{"alert.replayed"});
}

TEST_F(ControlVerbsTest, AHeartbeatIsNotReplayedAndSaidToBeOne) {
  const std::string beat = add("charge", "dead");
  writer->run([&](Tx& tx) { tx.db.run("UPDATE outbox SET kind = 'heartbeat'"); });
  const std::string drift = add("refund", "dead");
  open();
  const Json one = ask("alerts.replay", {{"ids", {beat}}});
  EXPECT_EQ(one["error"], "nothing");
  EXPECT_EQ(one["message"],
            "alert " + beat + " is a heartbeat, which is not delivered again: a sign of life is of no use later");
  const Json both = ask("alerts.replay", {{"ids", {drift, beat}}});
  EXPECT_NE(both["message"].get<std::string>().find("nothing was done for the others either"), std::string::npos);
  EXPECT_EQ(state(drift), "dead");
  EXPECT_EQ(ask("alerts.replay", {{"alert", "ops"}})["done"]["count"], 1);
  EXPECT_EQ(state(beat), "dead");
}

TEST_F(ControlVerbsTest, ADropGivesUpAndRecordsWhoAndWhy) {
  const std::string dead = add("charge", "dead"), pending = add("charge", "pending"), sent = add("charge", "delivered");
  open();
  const Json reply = ask("alerts.drop", {{"targets", {"charge"}}, {"reason", "seen"}});
  EXPECT_EQ(reply["done"]["count"], 2) << reply;
  EXPECT_EQ(state(dead), "dropped");
  EXPECT_EQ(state(pending), "dropped");
  EXPECT_EQ(state(sent), "delivered");
  EXPECT_EQ(kinds(), (Strings{"alert.dropped", "alert.dropped"}));
  EXPECT_EQ(last_event()["data"]["reason"], "seen");
  EXPECT_NE(std::find(rung.begin(), rung.end(), "ops"), rung.end());
}

TEST_F(ControlVerbsTest, ADestinationThatTakesNothingIsNamed) {
  const std::string id = add("charge", "dead");
  writer->run([&](Tx& tx) {
    outbox::set_destination(tx.db, "ops", {DestinationState::Kind::held, clock.wall() + 15min, 3, "status 401"});
  });
  open();
  const Json reply = ask("alerts.replay", {{"ids", {id}}});
  EXPECT_EQ(
      reply["done"]["waiting"][0],
      (Json{{"alert", "ops"}, {"state", "held"}, {"until", rfc3339(clock.wall() + 15min)}, {"reason", "status 401"}}));
}

TEST_F(ControlVerbsTest, WhatIsWrongIsSaidAndChangesNothing) {
  const std::string dead = add("charge", "dead"), gone = add("refund", "dead");
  writer->run([&](Tx& tx) { tx.db.run("UPDATE outbox SET destination = 'old-chat' WHERE alert_id = ?", gone); });
  open();
  const struct {
    const char* verb;
    Json arguments;
    const char *error, *message;
  } cases[] = {
      {"alerts.replay", Json::object(), "usage", "say which alerts"},
      {"alerts.replay", Json::array(), "usage", "no object"},
      {"alerts.replay", {{"ids", "x"}}, "usage", "\"ids\" is not a list"},
      {"alerts.replay", {{"ids", {1}}}, "usage", "\"ids\" is not a list of texts"},
      {"alerts.replay", {{"alert", 1}}, "usage", "\"alert\" is not a text"},
      {"alerts.replay", {{"alert", "ops"}, {"since", "yesterday"}}, "usage", "\"since\" is not a time"},
      {"alerts.replay", {{"open", 1}}, "usage", "\"open\" is not true or false"},
      {"alerts.replay", {{"alert", "ops"}, {"force", true}}, "usage", "no argument \"force\""},
      {"alerts.replay", {{"open", true}}, "usage", "--to NAME"},
      {"alerts.replay", {{"open", true}, {"to", "pager"}, {"alert", "ops"}}, "usage", "leave the rest"},
      {"alerts.replay", {{"open", true}, {"to", "pager"}}, "nothing", "no drift is open now that pager"},
      {"alerts.replay", {{"alert", "ops"}, {"to", "pagr"}}, "usage", "did you mean pager?"},
      {"alerts.replay", {{"alert", "old-chat"}}, "usage", "--to NAME"},
      {"alerts.replay", {{"alert", "pager"}}, "nothing", "no dead or dropped alert matches --alert pager"},
      {"alerts.replay", {{"alert", "oops"}}, "nothing", "did you mean ops?"},
      {"alerts.replay", {{"targets", {"charged"}}}, "nothing", "--target 'charged'"},
      {"alerts.replay", {{"ids", {"NOSUCH"}}}, "nothing", "no dead or dropped alert NOSUCH"},
      {"alerts.replay", {{"ids", {dead, "NOSUCH"}}}, "nothing", "nothing was done for the others either"},
      {"alerts.replay", {{"ids", Strings(1001, "x")}}, "usage", "1000 ids at most"},
      {"alerts.replay",
       {{"since", "2026-11-24T00:00:00Z"}, {"until", "2026-11-23T00:00:00Z"}},
       "usage",
       "is later than"},
      {"alerts.drop", {{"ids", {dead}}}, "usage", "needs a --reason"},
      {"alerts.drop", {{"ids", {dead}}, {"reason", "  "}}, "usage", "needs a --reason"},
      {"alerts.drop", {{"ids", {dead}}, {"reason", "x"}, {"to", "pager"}}, "usage", "for replay"},
      {"alerts.drop", {{"reason", "x"}}, "usage", "say which alerts"},
      {"alerts.test", Json::object(), "usage", "needs the name"},
      {"alerts.test", {{"to", "pager"}, {"alert", "ops"}}, "usage", "no more"},
      {"alerts.test", {{"to", "chat"}}, "usage", "there are ops, pager"},
      {"alerts.list", Json::object(), "unknown_verb", "alerts.replay, alerts.drop, alerts.test"},
      {"reboot", Json::object(), "unknown_verb", "there is no verb \"reboot\""},
      {"approve", Json::object(), "usage", "nothing to approve"},
      {"approve", {{"item", 1}}, "usage", "there is no argument \"item\""},
      {"expect", {{"items", {{{"target", "charge"}}}}}, "usage", "charge: there is not a hash"},
      {"suspend", {{"target", "char*"}, {"reason", "x"}}, "usage", "patterns match where a command reads"},
  };
  for (const auto& each : cases) {
    const Json reply = ask(each.verb, each.arguments);
    ASSERT_TRUE(reply.contains("error")) << reply;
    EXPECT_EQ(reply["error"], each.error) << reply;
    EXPECT_NE(reply["message"].get<std::string>().find(each.message), std::string::npos) << reply;
  }
  EXPECT_EQ(kinds(), Strings{});
  EXPECT_EQ(state(dead), "dead");
}

TEST_F(ControlVerbsTest, ACommandThatMeansAnotherRecordIsRefused) {
  const std::string id = add("charge", "dead");
  open();
  EXPECT_EQ(ask("alerts.replay", {{"ids", {id}}}, "1:2")["error"], "other_state");
  EXPECT_EQ(state(id), "dead");
  EXPECT_TRUE(ask("alerts.replay", {{"ids", {id}}}, folder_identity(dir.path().string())).contains("done"));
}

TEST_F(ControlVerbsTest, AnAttestationCountsWhoeverSendsIt) {
  if (::geteuid() != 0) GTEST_SKIP() << "SKIPPED: needs root, to ask as another user; CI runs it as root";
  watch({"charge"});
  open();
  const TestSigner signer = TestSigner::ed25519(), stranger = TestSigner::ed25519();
  const auto about_charge = [](const TestSigner& who) {
    const std::string payload = statement_about("charge").dump();
    return Json{
        {"items", {{{"target", "charge"}, {"attestation", envelope_with(payload, {who.signature(payload)}).dump()}}}}};
  };
  const Json plain{{"items", {{{"target", "charge"}, {"sha256", std::string(64, 'a')}}}}};
  EXPECT_EQ(ask_as(64'101, {}, "expect", about_charge(signer))["error"], "denied") << "no key is trusted";
  believe(signer);
  EXPECT_EQ(ask_as(64'101, {}, "expect", plain)["error"], "denied");
  const Json refused = ask_as(64'101, {}, "expect", about_charge(stranger));
  EXPECT_EQ(refused["error"], "refused") << refused;
  EXPECT_EQ(last_event()["kind"], "control.denied");
  EXPECT_EQ(last_event()["actor"], "uid:64101");
  const Json done = ask_as(64'101, {}, "expect", about_charge(signer));
  ASSERT_TRUE(done.contains("done")) << done;
  EXPECT_EQ(last_event()["kind"], "deploy.expected");
  EXPECT_EQ(last_event()["actor"], "key:ci");
  EXPECT_EQ(last_event()["data"]["attestation"]["sent_by"], "uid:64101");
  for (const Json& member : {Json{{"attestation", ""}}, Json{{"attestation", nullptr}}, Json{{"attestation", 1}}}) {
    Json empty = plain;
    empty["items"][0].update(member);
    EXPECT_EQ(ask_as(64'101, {}, "expect", empty)["error"], "denied") << empty;
  }
  for (const Json& member :
       {Json{{"sha256", std::string(64, 'a')}}, Json{{"valid_ms", 60'000}}, Json{{"build", "x"}}}) {
    Json more = about_charge(signer);
    more["items"][0].update(member);
    EXPECT_EQ(ask_as(64'101, {}, "expect", more)["error"], "denied") << "nothing beside it: " << member;
  }
  Json several = about_charge(signer);
  several["items"].push_back(plain["items"][0]);
  EXPECT_EQ(ask_as(64'101, {}, "expect", several)["error"], "denied") << "nothing slips in beside one";
}

TEST_F(ControlVerbsTest, WhoBringsAttestationsWithoutAPermissionHasToWaitBetweenThem) {
  if (::geteuid() != 0) GTEST_SKIP() << "SKIPPED: needs root, to ask as another user; CI runs it as root";
  watch({"charge"});
  open();
  believe(TestSigner::ed25519());
  const Json nothing{{"items", {{{"target", "charge"}, {"attestation", "{}"}}}}};
  int answered = 0;
  while (answered < 100 && ask_as(64'101, {}, "expect", nothing)["error"] == "refused") ++answered;
  EXPECT_EQ(answered, 5) << "each refusal is an event: nobody fills the record with them";
}

TEST_F(ControlVerbsTest, WhoMayNotAskIsRecordedOnceAMinuteAndChangesNothing) {
  if (::geteuid() != 0) GTEST_SKIP() << "SKIPPED: needs root, to ask as another user; CI runs it as root";
  const std::string id = add("charge", "dead");
  open();
  const Json drop{{"alert", "ops"}, {"reason", "quietly"}};
  for (int i = 0; i < 5; ++i) EXPECT_EQ(ask_as(64'101, {}, "alerts.drop", drop)["error"], "denied");
  EXPECT_EQ(ask_as(64'101, {}, "alerts.drop", drop)["message"],
            "permission denied: the daemon sees you as uid:64101; [control] drop in its configuration allows root");
  EXPECT_EQ(state(id), "dead");
  EXPECT_EQ(kinds(), Strings{"control.denied"});
  const Json event = last_event();
  EXPECT_EQ(event["severity"], "warning");
  EXPECT_EQ(event["actor"], "uid:64101");
  EXPECT_EQ(event["data"], (Json{{"uid", 64'101},
                                 {"verb", "alerts.drop"},
                                 {"target", "ops"},
                                 {"reason", "not permitted by [control]"},
                                 {"claimed", "alice"}}));
  clock.advance(61s);
  EXPECT_EQ(ask_as(64'101, {}, "reboot", Json::object())["error"], "denied");
  EXPECT_EQ(kinds(), (Strings{"control.denied", "control.denied"}));
  EXPECT_EQ(last_event()["data"]["target"], nullptr);
  EXPECT_EQ(last_event()["data"]["unrecorded"], 5);
}

TEST_F(ControlVerbsTest, ThousandsAreDoneAtOnceAndNotAllListed) {
#ifdef CODEDRIFTD_SANITIZED
  constexpr int kMany = 1'000;  // thirty times as slow, and the client waits only so long
#else
  constexpr int kMany = 3'000;
#endif
  writer->run([&](Tx& tx) {
    for (int i = 0; i < kMany; ++i) {
      NewEvent event;
      event.kind = "drift.detected";
      event.target = "prod/ap-guangzhou/default/f" + std::to_string(i) + ":$LATEST";
      ledger->append(tx, event, clock.wall());
    }
    tx.db.run("UPDATE outbox SET state = 'dead'");
  });
  open();
  const Json reply = ask("alerts.replay", {{"alert", "ops"}});
  ASSERT_TRUE(reply.contains("done")) << reply.dump().substr(0, 1000);
  EXPECT_EQ(reply["done"]["count"], kMany);
  EXPECT_EQ(reply["done"]["alerts"].size(), kAlertsListed);
  EXPECT_EQ(column("SELECT count(*) FROM outbox WHERE destination = 'ops' AND state = 'pending'"),
            Strings{std::to_string(kMany)});
}

TEST(AlertRequests, SurviveTheWayThroughTheSocket) {
  AlertRequest request;
  request.verb = AlertRequest::Verb::replay;
  request.ids = {"a", "b"};
  request.alert = "ops";
  request.targets = {"*", "prod/*"};
  request.since = from_ms(1'795'478'400'123);
  request.until = from_ms(1'795'478'400'124);
  request.to = "pager";
  request.open = true;
  request.reason = "why";
  const auto read = read_alert_request("replay", arguments_of(request));
  ASSERT_TRUE(read.ok());
  EXPECT_EQ(read->ids, request.ids);
  EXPECT_EQ(read->alert, request.alert);
  EXPECT_EQ(read->targets, request.targets);
  EXPECT_EQ(read->since, request.since);
  EXPECT_EQ(read->until, request.until);
  EXPECT_EQ(read->to, request.to);
  EXPECT_EQ(read->open, request.open);
  EXPECT_EQ(read->reason, request.reason);
  EXPECT_EQ(*arguments_of(AlertRequest{}), Json::object());
}

TEST(Callers, AreWhatTheKernelSays) {
  EXPECT_EQ(actor_of(0), "uid:0(root)");
  EXPECT_EQ(actor_of(64'999), "uid:64999");
  EXPECT_EQ(clean_claim("a\nb"), "a\\u{a}b");
  EXPECT_EQ(clean_claim(std::string(100, 'x')).size(), 64U);
}

TEST_F(ControlVerbsTest, PlanAndPollAnswerAtOnceAndProgressSaysHowFarTheyAre) {
  watch({"charge", "refund", "ship"});
  open();
  const Json plan = ask("plan", {{"functions", {"*r*"}}});
  ASSERT_TRUE(plan.contains("done")) << plan;
  EXPECT_EQ(plan["done"]["targets"], 2);
  ASSERT_EQ(polls.size(), 1U);
  EXPECT_EQ(polls[0].ids.size(), 2U);
  const Json ticket{{"ticket", plan["done"]["ticket"]}};
  EXPECT_EQ(ask("progress", ticket)["done"]["left"], 2);
  polls[0].over(PollEnd::answered);
  polls[0].over(PollEnd::unanswered);
  const Json over = ask("progress", ticket)["done"];
  EXPECT_EQ(over["left"], 0);
  EXPECT_EQ(over["answered"], 1);
  EXPECT_EQ(over["unanswered"], 1);

  const Json poll = ask("poll", {{"targets", {"ship"}}});
  EXPECT_EQ(poll["done"]["addresses"], Json::array({"prod/ap-guangzhou/default/ship:$LATEST"}));
  EXPECT_EQ(polls.at(1).ids.size(), 1U);
  const Json reload = ask("reload", Json::object());
  EXPECT_EQ(ask("progress", {{"ticket", reload["done"]["ticket"]}})["done"]["loaded"], "all of it");
}

TEST_F(ControlVerbsTest, APollThatNamesNothingOrAPatternIsRefused) {
  watch({"charge"});
  open();
  EXPECT_EQ(ask("poll", {{"targets", {"ch*"}}})["error"], "usage");
  EXPECT_EQ(ask("poll", Json::object())["error"], "usage");
  EXPECT_EQ(ask("poll", {{"targets", {"chrage"}}})["error"], "nothing");
  EXPECT_EQ(ask("plan", {{"targets", {"chrage"}}})["error"], "nothing");
  EXPECT_EQ(ask("plan", {{"nosuch", {"charge"}}})["error"], "usage");
  EXPECT_EQ(ask("progress", {{"ticket", "nosuch"}})["error"], "nothing");
  EXPECT_EQ(ask("reload", {{"file", "/etc/passwd"}})["error"], "usage");
  EXPECT_TRUE(polls.empty());
}

TEST_F(ControlVerbsTest, WhatCouldNotBeBegunInTimeIsToldToHaveFailedAndNeverHappens) {
  watch({"charge"});
  open();
  std::promise<void> started, go;
  auto may_go = go.get_future();
  writer->post([&](Tx&) {
    started.set_value();
    may_go.wait();
  });
  started.get_future().wait();
  const Json arguments{{"target", "charge"}, {"reason", "load test"}, {"until", rfc3339(clock.wall() + 30h)}};
  auto asked = std::async(std::launch::async, [&] { return ask("suspend", arguments); });
  ASSERT_TRUE(wait_until([&] { return writer->queued() == 1; }, 20s));
  clock.advance(1h);  // its client has given up long ago
  go.set_value();
  EXPECT_EQ(asked.get().value("error", ""), "failed");
  EXPECT_EQ(column("SELECT count(*) FROM suspension"), (Strings{"0"}));
  EXPECT_EQ(ask("suspend", arguments).count("done"), 1U);
  EXPECT_EQ(column("SELECT count(*) FROM suspension"), (Strings{"1"}));
}

TEST_F(ControlVerbsTest, OneUserActsOnlySoOftenAndRootAsOftenAsItLikes) {
  if (::geteuid() != 0) GTEST_SKIP() << "SKIPPED: needs root, to ask as another user; CI runs it as root";
  control.allowed["test"] = {"%daemon"};
  control.allowed["suspend"] = {"%daemon"};
  const gid_t daemon_group = 1;
  open();
  const auto failed = [](const Json& reply) {
    return reply.value("message", "").find("too often") != std::string::npos;
  };
  int tests = 0, acts = 0;
  while (tests < 100 && !failed(ask_as(64'101, {daemon_group}, "alerts.test", {{"to", "ops"}}))) ++tests;
  EXPECT_EQ(tests, 5);
  while (acts < 1'000 && !failed(ask_as(64'101, {daemon_group}, "suspend", {{"target", "none"}}))) ++acts;
  EXPECT_EQ(acts, 120);
  EXPECT_FALSE(failed(ask_as(64'102, {daemon_group}, "alerts.test", {{"to", "ops"}}))) << "another user";
  for (int i = 0; i < 10; ++i) EXPECT_EQ(ask("alerts.test", {{"to", "ops"}}).count("done"), 1U);
  clock.advance(10s);
  EXPECT_FALSE(failed(ask_as(64'101, {daemon_group}, "alerts.test", {{"to", "ops"}})));
  EXPECT_TRUE(failed(ask_as(64'101, {daemon_group}, "alerts.test", {{"to", "ops"}})));
}

}  // namespace
}  // namespace codedriftd::test
