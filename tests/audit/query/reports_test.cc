#include "audit/query/reports.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>

#include "audit/format/render.h"
#include "audit/format/values.h"
#include "audit/query/reported.h"
#include "audit/story/stored_event.h"
#include "base/json.h"
#include "store/fleet/generations.h"
#include "store/fleet/lanes.h"
#include "store/fleet/membership.h"
#include "store/ledger/suspensions.h"
#include "store/outbox/outbox.h"
#include "store/record/attributions.h"
#include "support/recorded.h"

namespace codedriftd {
namespace {

using test::at;
using test::hex;
using test::Recorded;
using test::report;
using test::Reported;
using test::select;

/// The report as a table.
std::string table(Recorded& r, const Report& what, WallTime now, const Selection& selection = {}) {
  std::string text;
  const auto renderer = make_renderer(Format::table, what, now, false, text);
  renderer->end(what.run(r.db(), selection, now, [&](const Row& row) { renderer->row(row); }));
  return text;
}

Route route(std::string name) {
  Route made;
  made.subscription.name = std::move(name);
  made.subscription.targets = {"*"};
  made.give_up_after = Millis{72 * 3'600'000};
  return made;
}

TEST(StatusReport, HasTheContractsFieldsAndWhatNeedsAttentionFirst) {
  Recorded r;
  r.ran(at(0), at(100), true);
  r.watch({"good", "drifts", "never"}, at(0));
  r.observed("good", "A", at(10));
  r.observed("drifts", "A", at(10));
  r.observed("drifts", "B", at(70));
  const Reported status = report(r, kStatusReport, at(100));

  EXPECT_EQ(status.column("status"), (std::vector<std::string>{"drifted", "unobserved", "in_sync"}));
  const OrderedJson expected = {{"target", Recorded::address("drifts")},
                                {"account", "prod"},
                                {"region", "ap-guangzhou"},
                                {"namespace", "default"},
                                {"function", "drifts"},
                                {"qualifier", "$LATEST"},
                                {"status", "drifted"},
                                {"reason", ""},
                                {"observed_sha256", hex("B")},
                                {"accepted_sha256", hex("A")},
                                {"accepted_source", "first_seen"},
                                {"accepted_at", "2026-11-24T00:00:10.000Z"},
                                {"expected_sha256", nullptr},
                                {"drift_since", "2026-11-24T00:01:10.000Z"},
                                {"since", "2026-11-24T00:01:10.000Z"},
                                {"last_polled_at", "2026-11-24T00:01:10.000Z"},
                                {"last_success_at", "2026-11-24T00:01:10.000Z"},
                                {"consecutive_failures", 0},
                                {"last_error", nullptr},
                                {"observed_content", nullptr},
                                {"accepted_content", nullptr},
                                {"expected_content", nullptr},
                                {"changes", nullptr},
                                {"who", nullptr},
                                {"observed_value", nullptr},
                                {"accepted_value", nullptr},
                                {"watched", true},
                                {"suspended_until", nullptr},
                                {"suspended_by", nullptr}};
  EXPECT_EQ(status.rows.front().dump(), expected.dump());
  EXPECT_EQ(status.of(Recorded::address("never"))["reason"], "never_polled");
  EXPECT_EQ(status.of(Recorded::address("never"))["accepted_source"], nullptr);
  EXPECT_EQ(
      status.end.summary.dump(),
      R"({"missing":0,"drifted":1,"unobserved":1,"examining":0,"unreviewed":0,"pending_deploy":0,"in_sync":1,"selected":3})");
  EXPECT_EQ(status.end.remarks.back(), "1 drifted, 1 not observed, 1 in sync");
  EXPECT_EQ(status.end.remarks.front(),
            "2 of the accepted hashes are the first ones seen: trusted on first sight, not reviewed.");
}

const std::string kAlias = "prod/ap-guangzhou/default/charge:$ALIAS.live",
                  kLayers = "prod/ap-guangzhou/default/charge:$LAYERS";

/// A value that is no code (model/value.h).
void see_value(Recorded& r, std::string_view address, const std::string& text, WallTime now) {
  Observation observation;
  observation.outcome = Outcome::observed;
  observation.sha256 = sha256(text);
  observation.value = text;
  r.input(address, observation, now);
}

/// The layers of charge are as accepted; its alias was moved.
void record_values(Recorded& r) {
  r.ran(at(0), at(100), true);
  r.watch({kAlias, kLayers, "charge"}, at(0));
  r.observed("charge", "A", at(10));
  see_value(r, kLayers, "deps:2 sha256:" + hex("deps 2"), at(10));
  see_value(r, kAlias, "version 7", at(10));
  see_value(r, kAlias, "version 8, k exact \"\xE2\x80\xAE\" to version 7", at(70));
}

TEST(StatusReport, SaysWhatTheHashesOfLayersAndAliasesStandFor) {
  Recorded r;
  record_values(r);
  for (const auto& moment : {std::optional<WallTime>(), std::optional(at(90))}) {
    Selection selection;
    selection.at = moment;
    const Reported status = report(r, kStatusReport, at(100), selection);
    EXPECT_EQ(status.of(kAlias)["observed_value"], "version 8, k exact \"\xE2\x80\xAE\" to version 7");
    EXPECT_EQ(status.of(kAlias)["accepted_value"], "version 7");
    EXPECT_EQ(status.of(kLayers)["observed_value"], "deps:2 sha256:" + hex("deps 2"));
    EXPECT_EQ(status.of(kLayers)["accepted_value"], status.of(kLayers)["observed_value"]);
    EXPECT_EQ(status.of(Recorded::address("charge"))["observed_value"], nullptr);
    const std::string shown = table(r, kStatusReport, at(100), selection);
    EXPECT_NE(shown.find("\n    live: version 8, k exact \"\\u{202e}\" to version 7\n    accepted: version 7\n"),
              std::string::npos)
        << shown;
    EXPECT_NE(shown.find("\n    live: deps:2 " + hex("deps 2").substr(0, 12) + "\n"), std::string::npos) << shown;
    EXPECT_EQ(shown.find("accepted: deps"), std::string::npos) << "it is what is live";
  }
  Selection before;
  before.at = at(20);
  EXPECT_EQ(report(r, kStatusReport, at(100), before).of(kAlias)["observed_value"], "version 7");
}

TEST(StatusReport, SaysWhereWhatAHashStandsForIsNotOnRecord) {
  Recorded r;
  record_values(r);
  r.db().run("DELETE FROM value_text WHERE sha256 = ?", Recorded::hash("version 7"));
  EXPECT_EQ(report(r, kStatusReport, at(100)).of(kAlias)["accepted_value"], nullptr);
  const std::string shown = table(r, kStatusReport, at(100));
  EXPECT_NE(shown.find("\n    accepted: what the hash stands for is not on record\n"), std::string::npos) << shown;
}

TEST(StatusReport, OfAnImageTheDigestIsAllThereIs) {
  Recorded r;
  const std::string image = "prod/ap-guangzhou/default/render:$IMAGE";
  r.ran(at(0), at(100), true);
  r.watch({image}, at(0));
  r.observed(image, "image 1", at(10));
  EXPECT_EQ(report(r, kStatusReport, at(100)).of(image)["observed_value"], "sha256:" + hex("image 1"));
  EXPECT_EQ(table(r, kStatusReport, at(100)).find("live:"), std::string::npos);
}

TEST(HistoryReport, SaysWhatEachHashStoodFor) {
  Recorded r;
  record_values(r);
  const Reported history = report(r, kHistoryReport, at(100), select({kAlias}));
  EXPECT_EQ(history.column("value"),
            (std::vector<std::string>{"version 7", "version 8, k exact \"\xE2\x80\xAE\" to version 7"}));
  EXPECT_EQ(report(r, kHistoryReport, at(100), select({"charge:$LATEST"})).rows.at(0)["value"], nullptr);
  const std::string shown = table(r, kHistoryReport, at(100));
  EXPECT_NE(shown.find("\n    live: version 7\n"), std::string::npos) << shown;
  EXPECT_NE(shown.find("\n    live: version 8, k exact \"\\u{202e}\" to version 7\n"), std::string::npos) << shown;
}

TEST(StatusReport, TellsWhyNothingIsSeen) {
  Recorded r;
  r.ran(at(0), at(1000), true);
  r.watch({"refused"}, at(0));
  r.observed("refused", "A", at(10));
  r.failed("refused", Outcome::denied, "UnauthorizedOperation.CAM", at(400), "you may not", "denied");
  const Reported status = report(r, kStatusReport, at(1000));
  EXPECT_EQ(status.rows[0]["status"], "unobserved");
  EXPECT_EQ(status.rows[0]["reason"], "denied");
  EXPECT_EQ(status.rows[0]["last_error"].dump(),
            R"({"code":"UnauthorizedOperation.CAM","message":"you may not","request_id":"req-1"})");
  EXPECT_EQ(status.rows[0]["since"], rfc3339(at(310)));
  // The daemon went silent at 1000; at 2000 that is longer ago than stale_after.
  EXPECT_EQ(report(r, kStatusReport, at(2000)).rows[0]["reason"], "daemon_not_running");
}

struct DetailedCase {
  std::string name;
  int code;
  void (*fill)(Recorded&);
};

TEST(StatusReport, DetailedExitCodeIsTheWorstOfTheSelected) {
  const DetailedCase cases[] = {
      {"in sync", 0, [](Recorded& r) { r.observed("f", "A", at(10)); }},
      {"drifted", 2, [](Recorded& r) { r.observed("f", "A", at(10)), r.observed("f", "B", at(20)); }},
      {"missing", 2,
       [](Recorded& r) {
         r.failed("f", Outcome::missing, "ResourceNotFound.Function", at(10));
         r.failed("f", Outcome::missing, "ResourceNotFound.Function", at(40));
       }},
      {"never seen", 3, [](Recorded&) {}},
      {"unreviewed", 3,
       [](Recorded& r) {
         Watched watched = Recorded::minutely();
         watched.baseline = Baseline::review;
         r.watch({"f"}, at(5), watched);
         r.observed("f", "A", at(10));
       }},
      {"a new pin is pending", 3,
       [](Recorded& r) {
         r.observed("f", "A", at(10));
         Watched watched = Recorded::minutely();
         watched.pin = Recorded::hash("B");
         watched.pin_where = "codedriftd.toml:7";
         r.watch({"f"}, at(20), watched);
       }},
  };
  for (const DetailedCase& c : cases) {
    Recorded r;
    r.ran(at(0), at(50), true);
    r.watch({"f"}, at(0));
    c.fill(r);
    EXPECT_EQ(report(r, kStatusReport, at(50)).end.detailed_exit, c.code) << c.name;
  }
}

TEST(StatusReport, CountsAllOfThemUnderALimit) {
  Recorded r;
  r.ran(at(0), at(50), true);
  r.watch({"a", "b", "c"}, at(0));
  Selection one;
  one.limit = 1;
  const Reported status = report(r, kStatusReport, at(50), one);
  EXPECT_EQ(status.rows.size(), 1U);
  EXPECT_EQ(status.end.summary["selected"], 3);
  EXPECT_EQ(status.end.summary["unobserved"], 3);
}

TEST(StatusReport, CountsWhatWasTrustedOnFirstSightUnderALimitToo) {
  Recorded r;
  r.ran(at(0), at(50), true);
  r.watch({"a", "b", "c"}, at(0));
  for (const char* function : {"a", "b", "c"}) r.observed(function, "A", at(1));
  Selection one;
  one.limit = 1;
  EXPECT_EQ(report(r, kStatusReport, at(50), one).end.remarks.front(),
            "3 of the accepted hashes are the first ones seen: trusted on first sight, not reviewed.");
}

TEST(StatusReport, LeavesOutWhatStandsBeforeAPageAndCountsItAllTheSame) {
  Recorded r;
  r.watch({"a", "b", "c", "d"}, at(0));
  r.observed("d", "A", at(1));
  Selection page;
  page.limit = 2;
  page.skip = 1;
  const Reported status = report(r, kStatusReport, at(2), page);
  EXPECT_EQ(status.column("function"), (std::vector<std::string>{"b", "c"}));
  EXPECT_EQ(status.end.summary["selected"], 4);
  page.statuses = {"in_sync"};
  page.skip = 0;
  const Reported good = report(r, kStatusReport, at(2), page);
  EXPECT_EQ(good.column("function"), (std::vector<std::string>{"d"}));
  EXPECT_EQ(good.end.summary["selected"], 1);
  EXPECT_EQ(good.end.of_any_status, status.end.summary);
}

TEST(StatusReport, HidesWhatIsNoLongerWatchedUnlessAskedForAll) {
  Recorded r;
  r.ran(at(0), at(50), true);
  r.watch({"stays", "goes"}, at(0));
  r.watch({"stays"}, at(10));
  EXPECT_EQ(report(r, kStatusReport, at(50)).column("function"), std::vector<std::string>{"stays"});
  Selection all;
  all.all = true;
  const Reported status = report(r, kStatusReport, at(50), all);
  ASSERT_EQ(status.rows.size(), 2U);
  EXPECT_EQ(status.rows[0]["watched"], false);
  EXPECT_EQ(status.rows[1]["watched"], true);
  EXPECT_NE(table(r, kStatusReport, at(50), all).find("unobserved (removed)"), std::string::npos);
}

TEST(StatusReport, SaysWhoseAlertsAreHeldInEveryRow) {
  Recorded r;
  r.watch({"held", "told"}, at(0));
  r.write([&](Tx& tx) {
    suspensions::begin(tx, r.ledger(), targets::find(r.db(), Recorded::address("held")).value(),
                       {at(1), at(3600), "uid:1001(alice)", "", "load test"});
  });
  const Reported status = report(r, kStatusReport, at(50));
  EXPECT_EQ(status.rows[0]["suspended_until"], rfc3339(at(3600)));
  EXPECT_EQ(status.rows[0]["suspended_by"], "uid:1001(alice)");
  EXPECT_EQ(status.rows[1]["suspended_until"], nullptr);
}

TEST(StatusReport, OfWhatIsMissingNothingIsLive) {
  Recorded r;
  r.ran(at(0), at(50), true);
  r.watch({"gone"}, at(0));
  r.observed("gone", "A", at(1));
  r.failed("gone", Outcome::missing, "ResourceNotFound.Function", at(20));
  r.failed("gone", Outcome::missing, "ResourceNotFound.Function", at(40));
  const std::string text = table(r, kStatusReport, at(50));
  EXPECT_NE(text.find("LAST ANSWER"), std::string::npos);
  EXPECT_EQ(text.find(hex("A").substr(0, 12)), text.rfind(hex("A").substr(0, 12))) << "only as the accepted one\n"
                                                                                   << text;
  EXPECT_EQ(report(r, kStatusReport, at(50)).rows[0]["observed_sha256"], hex("A")) << "what was live last";
}

/// A member of the fleet of a record on a server, on a connection of its own.
struct FleetHost {
  FleetHost(const Recorded& r, const std::string& name, const std::string& digest = "")
      : db(r.open_writer()), member(name, digest, clock, claims) {
    member.join(db);
  }
  template <typename Work>
  void write(const Work& work) {
    db.begin_write(member, clock);
    work();
    db.commit();
  }
  const SystemClock host{};
  FleetClock clock{host};
  Claims claims{clock};
  Database db;
  Membership member;
};

TEST(StatusReport, NamesTheMembersOfTheFleetAndWhoWorks) {
  Recorded r;
  r.watch({"f"}, at(0));
  if (r.db().engine() != Engine::postgres) {
    EXPECT_TRUE(report(r, kStatusReport, at(1)).end.fleet.is_null()) << "a file has none";
    return;
  }
  EXPECT_EQ(report(r, kStatusReport, at(1)).end.fleet, OrderedJson::array());
  FleetHost one(r, "ops-1", "old"), two(r, "ops-2", "new"), gone(r, "ops-3");
  generations::adopt(r.db(), "old", "ops-1", at(1));
  generations::adopt(r.db(), "new", "ops-2", at(2));
  gone.write([&] { gone.member.leave(gone.db); });
  EXPECT_NE(table(r, kStatusReport, at(1)).find("No member of the fleet holds its work"), std::string::npos);
  two.write([&] { two.member.turn(two.db, {{"alert/ops", "house", "lane/prod"}, true}); });
  const OrderedJson fleet = report(r, kStatusReport, at(1)).end.fleet;
  ASSERT_EQ(fleet.size(), 2U) << fleet;
  EXPECT_EQ(fleet[0].at("host"), "ops-1");
  EXPECT_EQ(fleet[0].at("leases"), OrderedJson::array());
  EXPECT_EQ(fleet[1].at("member"), two.member.id());
  EXPECT_EQ(fleet[1].at("leases"), OrderedJson::array({"alert/ops", "house", "lane/prod"}));
  EXPECT_EQ(fleet[1].at("version"), CODEDRIFTD_VERSION);
  EXPECT_LT(fleet[1].at("silent_s"), 300);
  const std::string text = table(r, kStatusReport, at(1));
  EXPECT_EQ(fleet[0].at("config_outdated"), true);
  EXPECT_EQ(fleet[1].at("config_outdated"), false);
  EXPECT_EQ(fleet[1].at("config_digest"), "new");
  EXPECT_NE(text.find(") stands by, its configuration is outdated; last heard of "), std::string::npos) << text;
  EXPECT_NE(text.find(") holds alert/ops, house, lane/prod; last heard of "), std::string::npos) << text;
  EXPECT_EQ(text.find("No member of the fleet"), std::string::npos) << text;
  two.write([&] { two.member.let_go(two.db, "house"); });
  EXPECT_NE(table(r, kStatusReport, at(1)).find("No member of the fleet holds house at present"), std::string::npos);
  Selection before;
  before.at = at(1);
  EXPECT_TRUE(report(r, kStatusReport, at(2), before).end.fleet.is_null()) << "who there is now";
}

TEST(StatusReport, OfAFleetSaysThatNoDaemonRunsWhereNobodyWorksForTheAccount) {
  Recorded r;
  r.watch({"f"}, at(0));
  if (r.db().engine() != Engine::postgres) return;
  FleetHost one(r, "ops-1");
  const WallTime now = SystemClock{}.wall();
  const auto reason = [&] { return report(r, kStatusReport, now).column("reason").at(0); };
  one.write([&] {
    one.member.turn(one.db, {{"house", "lane/other", "lane/prod"}, true});
    lanes::keep(one.db, {{"prod", "lane/prod"}, {"other", "lane/other"}});
  });
  EXPECT_EQ(reason(), "never_polled");
  const auto view = [&] {
    auto row = r.db().query_once("SELECT reason FROM v_status");
    return row.step() ? row.string(0) : "";
  };
  EXPECT_EQ(view(), "never_polled");
  one.write([&] { one.member.let_go(one.db, "lane/prod"); });
  r.db().run("UPDATE lease SET since_ms = since_ms - 7200000 WHERE name = 'lane/prod'");
  EXPECT_EQ(reason(), "daemon_not_running") << "though a member is there, and works for another account";
  EXPECT_EQ(view(), "daemon_not_running");
}

TEST(StatusReport, SaysAboveTheRowsWhyTheyMayBeOld) {
  Recorded r;
  r.watch({"f", "g"}, at(0));
  const auto above = [&](double seconds) { return report(r, kStatusReport, at(seconds)).end.above; };
  EXPECT_EQ(above(1), std::vector<std::string>{"No daemon has run on this record yet."});
  const int64_t stay = daemon_runs::begin(r.db(), 1, at(2));
  EXPECT_TRUE(above(30).empty());
  r.write([&](Tx& tx) {
    r.ledger().apply_account(tx, "prod", "ap-guangzhou", {2, 0, true, "denied", {}}, at(40));
    r.ledger().apply_account(tx, "other", "ap-guangzhou", {2, 0, true, "denied", {}}, at(40));
  });
  EXPECT_EQ(above(41), std::vector<std::string>{"Account prod cannot be seen in ap-guangzhou since " + rfc3339(at(40)) +
                                                " (denied): what is shown of its 2 functions here was seen before."});
  EXPECT_EQ(table(r, kStatusReport, at(41)).find("Account prod"), 0U);
  r.db().execute("UPDATE account_state SET failing = 0");
  EXPECT_EQ(above(100), std::vector<std::string>{"No sign of life since " + rfc3339(at(2)) +
                                                 ": no daemon runs, or it cannot write its record."});
  EXPECT_EQ(above(-100),
            std::vector<std::string>{"The last sign of life is of " + rfc3339(at(2)) + ", and it is " +
                                     rfc3339(at(-100)) + " now: this machine's clock is behind the record."});
  EXPECT_TRUE(above(-30).empty()) << "clocks differ by so much";
  daemon_runs::end(r.db(), stay, at(90));
  EXPECT_EQ(above(100), std::vector<std::string>{"No daemon runs: it was stopped at " + rfc3339(at(90)) +
                                                 ". Nothing was polled since."});
}

TEST(HistoryReport, IsRunsWithTheirClaim) {
  Recorded r;
  r.ran(at(0), at(1000), true);
  r.watch({"f"}, at(0));
  r.observed("f", "A", at(0));
  r.observed("f", "A", at(60));
  r.observed("f", "A", at(121.5));
  r.failed("f", Outcome::failed, "InternalError", at(180));
  r.observed("f", "B", at(240));
  const Reported history = report(r, kHistoryReport, at(250));
  ASSERT_EQ(history.rows.size(), 3U);
  const OrderedJson first = {{"target", Recorded::address("f")},
                             {"outcome", "observed"},
                             {"code", nullptr},
                             {"sha256", hex("A")},
                             {"first_seen_at", rfc3339(at(0))},
                             {"last_seen_at", rfc3339(at(121.5))},
                             {"polls", 3},
                             {"longest_gap_s", 61.5},
                             {"accepted_at_end", true},
                             {"content", nullptr},
                             {"who", nullptr},
                             {"value", nullptr}};
  EXPECT_EQ(history.rows[0].dump(), first.dump());
  EXPECT_EQ(history.rows[1]["outcome"], "failed");
  EXPECT_EQ(history.rows[1]["code"], "InternalError");
  EXPECT_EQ(history.rows[1]["accepted_at_end"], nullptr);
  EXPECT_EQ(history.rows[2]["accepted_at_end"], false);
  EXPECT_EQ(
      history.end.remarks,
      (std::vector<std::string>{
          "at 3 instants, never more than 1m 2s apart, from 2026-11-24T00:00:00.000Z to 2026-11-24T00:02:01.500Z, "
          "the live hash was " +
              hex("A") + ".",
          "at 1 instant, 2026-11-24T00:04:00.000Z, the live hash was " + hex("B") + ".",
          "What lay between two of them is not known."}));
}

TEST(HistoryReport, SaysWhatTheAuditLogTellsOfTheChangeThatBeganARun) {
  Recorded r;
  r.ledger().set_audited({"prod"});
  r.watch({"f"}, at(0));
  r.observed("f", "A", at(0));
  r.observed("f", "B", at(60));
  r.observed("f", "B", at(120));
  const auto who = [&] { return report(r, kHistoryReport, at(250)).column("who"); };
  EXPECT_EQ(who(), (std::vector<std::string>{"null", "null"})) << "it was not asked yet";
  r.write([&](Tx& tx) {
    const auto asked = attributions::due(tx.db, at(600), at(600));
    ASSERT_EQ(asked.size(), 1U);
    attributions::save(tx.db, asked[0].event_seq, {Attribution::Grade::one, {}, {}, false, "The only recorded one."},
                       at(240), 1, std::nullopt);
  });
  EXPECT_EQ(who(), (std::vector<std::string>{"null", "The only recorded one."}));
  const auto remarks = report(r, kHistoryReport, at(250)).end.remarks;
  ASSERT_GE(remarks.size(), 2U);
  EXPECT_TRUE(remarks[1].ends_with("was " + hex("B") + ". The only recorded one.")) << remarks[1];
}

TEST(HistoryReport, SaysOfTheFirstRunWhoMadeTheFunction) {
  Recorded r;
  r.ledger().set_audited({"prod"});
  r.watch({"f"}, at(0));
  r.write([&](Tx& tx) {
    const auto row = targets::find(tx.db, r.address("f"));
    ASSERT_TRUE(row);
    NewEvent event;
    event.kind = "function.discovered";
    event.target = r.address("f");
    event.target_id = row->id;
    const LoggedEvent logged = r.ledger().append(tx, event, at(10));
    r.ledger().ask_who(tx, logged, row->target, row->id, {at(0), at(10)}, at(10));
    attributions::save(tx.db, logged.seq, {Attribution::Grade::one, {}, {}, false, "Made."}, at(20), 1, std::nullopt);
  });
  r.observed("f", "A", at(30));
  r.observed("f", "B", at(60));
  EXPECT_EQ(report(r, kHistoryReport, at(100)).column("who"), (std::vector<std::string>{"Made.", "null"}));
}

TEST(HistoryReport, AcceptedAtEndOfAnOpenRunIsNow) {
  Recorded r;
  r.watch({"f"}, at(0));
  r.observed("f", "A", at(0));
  r.observed("f", "B", at(60));
  EXPECT_EQ(report(r, kHistoryReport, at(100)).column("accepted_at_end"), (std::vector<std::string>{"true", "false"}));
  r.input("f", Approved{Recorded::hash("B"), "reviewed", "", "uid:0(root)"}, at(120));
  // The run of B is open and B is accepted now; that of A ended while A was accepted.
  EXPECT_EQ(report(r, kHistoryReport, at(130)).column("accepted_at_end"), (std::vector<std::string>{"true", "true"}));
  r.observed("f", "A", at(180));
  EXPECT_EQ(report(r, kHistoryReport, at(190)).column("accepted_at_end"),
            (std::vector<std::string>{"true", "false", "false"}))
      << "the run of B ended with its last poll, at 60: before the approval";
}

TEST(HistoryReport, TheLastAcceptanceIsTheOneRecordedLastWhateverItsTime) {
  Recorded r;
  r.ran(at(0), at(200));
  r.watch({"f"}, at(0));
  r.observed("f", "A", at(10));
  r.observed("f", "B", at(60));
  r.input("f", Approved{Recorded::hash("B"), "reviewed", "", "uid:0(root)"}, at(120));
  // The clock had no time yet: what was accepted with it counts from the acceptance before it on.
  r.db().execute("UPDATE baseline SET at_ms = 1000 WHERE source = 'approval'");
  EXPECT_EQ(report(r, kHistoryReport, at(130)).column("accepted_at_end"), (std::vector<std::string>{"false", "true"}));
  Selection then;
  then.at = at(130);
  EXPECT_EQ(report(r, kStatusReport, at(200), then).column("accepted_sha256"), std::vector<std::string>{hex("B")});
  then.at = at(5);
  EXPECT_EQ(report(r, kStatusReport, at(200), then).column("accepted_sha256"), std::vector<std::string>{"null"});
}

TEST(HistoryReport, ShowsRunsThatOverlapTheWindow) {
  Recorded r;
  r.watch({"f"}, at(0));
  for (int i = 0; i < 3; ++i) {
    r.observed("f", "A", at(1000 * i));
    r.observed("f", "A", at(1000 * i + 100));
  }
  Selection window;
  window.since = at(100);
  window.until = at(1050);
  EXPECT_EQ(report(r, kHistoryReport, at(5000), window).column("first_seen_at"),
            (std::vector<std::string>{rfc3339(at(0)), rfc3339(at(1000))}));
  window.since = at(101);
  window.until = at(999);
  EXPECT_TRUE(report(r, kHistoryReport, at(5000), window).rows.empty());
  Selection newest;
  newest.limit = 2;
  EXPECT_EQ(report(r, kHistoryReport, at(5000), newest).column("first_seen_at"),
            (std::vector<std::string>{rfc3339(at(1000)), rfc3339(at(2000))}));
}

TEST(HistoryReport, KeepsTheNewestOfAllTargetsTogetherWhateverTheLimit) {
  Recorded r;
  const std::vector<std::string> functions{"f", "g", "h", "i"};
  r.watch(functions, at(0));
  for (int i = 0; i < 40; ++i) {
    const std::string& function = functions[static_cast<std::size_t>(i * i % 7 % 4)];
    r.observed(function, std::to_string(i), at(10 + i / 3 * 3));  // some of them at once
  }
  r.observed("i", "x", at(200));
  const std::vector<OrderedJson> all = report(r, kHistoryReport, at(300)).rows;
  ASSERT_GT(all.size(), 30U);
  for (std::size_t limit = 1; limit <= all.size() + 1; ++limit) {
    // The newest by when they began; of those that began at once, the last in the order of the report.
    std::vector<std::size_t> order(all.size());
    std::iota(order.begin(), order.end(), 0U);
    std::stable_sort(order.begin(), order.end(),
                     [&](std::size_t a, std::size_t b) { return all[a]["first_seen_at"] < all[b]["first_seen_at"]; });
    order.erase(order.begin(), order.end() - static_cast<std::ptrdiff_t>(std::min(limit, all.size())));
    std::sort(order.begin(), order.end());
    std::vector<OrderedJson> newest;
    for (const std::size_t place : order) newest.push_back(all[place]);
    Selection selection;
    selection.limit = static_cast<int64_t>(limit);
    const Reported limited = report(r, kHistoryReport, at(300), selection);
    EXPECT_EQ(limited.rows, newest) << "limit " << limit;
    EXPECT_EQ(limited.end.summary["selected"], all.size()) << "limit " << limit;
  }
}

TEST(EventsReport, IsTheLogWithItsDataOldestFirst) {
  Recorded r;
  r.watch({"f", "g"}, at(0));
  r.observed("f", "A", at(10));
  r.observed("f", "B", at(20));
  const Reported events = report(r, kEventsReport, at(30));
  ASSERT_GE(events.rows.size(), 4U);
  for (std::size_t i = 0; i < events.rows.size(); ++i) EXPECT_EQ(events.rows[i]["seq"], i);
  const OrderedJson& last = events.rows.back();
  EXPECT_EQ(last["kind"], "drift.detected");
  EXPECT_EQ(last["severity"], "critical");
  EXPECT_EQ(last["time"], rfc3339(at(20)));
  EXPECT_EQ(last["data"]["observed_sha256"], hex("B"));
  EXPECT_EQ(events.end.problems, 0);

  Selection drift;
  drift.kinds = {"drift.*"};
  EXPECT_EQ(report(r, kEventsReport, at(30), drift).rows.size(), 1U);
  Selection window;
  window.since = at(10);
  window.until = at(19);
  EXPECT_EQ(report(r, kEventsReport, at(30), window).column("kind"), std::vector<std::string>{"baseline.set"});
  for (const OrderedJson& row : report(r, kEventsReport, at(30), select({"g"})).rows)
    EXPECT_EQ(row["target"], Recorded::address("g"));
  Selection newest;
  newest.limit = 2;
  EXPECT_EQ(report(r, kEventsReport, at(30), newest).column("kind"),
            (std::vector<std::string>{"baseline.set", "drift.detected"}));
}

TEST(EventsReport, HasTheNewestBeforeOne) {
  Recorded r;
  r.watch({"a", "b", "c"}, at(0));
  const Reported all = report(r, kEventsReport, at(1));
  const auto seqs = [&](Selection selection, int64_t before) {
    selection.before = before;
    selection.limit = 2;
    return report(r, kEventsReport, at(1), selection).column("seq");
  };
  EXPECT_EQ(seqs({}, 1'000'000), (std::vector<std::string>{all.column("seq").end()[-2], all.column("seq").end()[-1]}));
  EXPECT_EQ(seqs({}, 2), (std::vector<std::string>{"0", "1"}));
  EXPECT_EQ(seqs({}, 0), std::vector<std::string>{});
  Selection since;
  since.since = at(-1);
  EXPECT_EQ(seqs(since, 2), (std::vector<std::string>{"0", "1"}));
  const Reported of_b = report(r, kEventsReport, at(1), select({"b"}));
  ASSERT_EQ(of_b.rows.size(), 1U);
  const auto seq = of_b.rows[0]["seq"].get<int64_t>();
  EXPECT_EQ(seqs(select({"b"}), seq), std::vector<std::string>{});
  EXPECT_EQ(seqs(select({"b"}), seq + 1), std::vector<std::string>{std::to_string(seq)});
}

TEST(EventsReport, HasTheNewestOfAWindow) {
  Recorded r;
  for (int i = 0; i < 5; ++i) r.watch({"f" + std::to_string(i)}, at(10 * i));
  for (const auto& [since, until] :
       {std::pair(at(-5), at(100)), {at(5), at(100)}, {at(5), at(25)}, {at(50), at(60)}, {at(-5), at(25)}}) {
    Selection window;
    window.since = since;
    window.until = until;
    const std::vector<std::string> all = report(r, kEventsReport, at(100), window).column("seq");
    for (const std::size_t limit : {std::size_t{1}, std::size_t{3}, std::size_t{100}}) {
      Selection limited = window;
      limited.limit = static_cast<int64_t>(limit);
      const std::vector<std::string> newest(all.end() - static_cast<std::ptrdiff_t>(std::min(limit, all.size())),
                                            all.end());
      EXPECT_EQ(report(r, kEventsReport, at(100), limited).column("seq"), newest) << rfc3339(since) << " " << limit;
      if (until < at(100)) continue;
      limited.until.reset();
      EXPECT_EQ(report(r, kEventsReport, at(100), limited).column("seq"), newest) << rfc3339(since) << " " << limit;
    }
  }
}

TEST(EventsReport, KeepsEventsOfWhatIsNoLongerWatched) {
  Recorded r;
  r.watch({"f"}, at(0));
  r.watch({}, at(10));
  const auto kinds = report(r, kEventsReport, at(20), select({"f"})).column("kind");
  EXPECT_EQ(kinds.back(), "watch.removed");
}

StoredEvent written() {
  NewEvent event;
  event.kind = "drift.detected";
  event.severity = Severity::critical;
  event.target = Recorded::address("f");
  event.data = Json{{"observed_sha256", hex("B")}};
  StoredEvent stored{7, "abc", at(1), event.kind, "critical", event.actor, 1, "", {}};
  stored.body = event_body(event, "ops-1/codedriftd", 7, "abc", at(1));
  stored.leaf_hash = leaf_hash(stored.body);
  return stored;
}

void rewrite(StoredEvent& event, std::string_view from, std::string_view to) {
  const auto place = event.body.find(from);
  ASSERT_NE(place, std::string::npos);
  event.body.replace(place, from.size(), to);
  event.leaf_hash = leaf_hash(event.body);
}

TEST(StoredEvent, ThatWasNotTouchedAgrees) {
  const CheckedData checked = check_body(written());
  EXPECT_EQ(checked.problem, "");
  EXPECT_EQ(checked.data.dump(), R"({"observed_sha256":")" + hex("B") + "\"}");
}

TEST(StoredEvent, ThatWasTouchedIsFoundOut) {
  struct Tampered {
    std::string says;
    void (*how)(StoredEvent&);
  };
  const Tampered cases[] = {
      {"not JSON", [](StoredEvent& e) { e.body = "{"; }},
      {"not JSON", [](StoredEvent& e) { e.body = std::string("\xff\xfe\0x", 4); }},
      {"not JSON", [](StoredEvent& e) { e.body.clear(); }},
      {"not an object", [](StoredEvent& e) { e.body = "[1]"; }},
      {"not an object", [](StoredEvent& e) { e.body = "3"; }},
      {"has no \"v\"", [](StoredEvent& e) { e.body = "{}"; }},
      {"nested too deep", [](StoredEvent& e) { e.body = std::string(50'000, '['); }},
      {"70000 bytes", [](StoredEvent& e) { e.body = std::string(70'000, ' '); }},
      {"\"kind\" differs", [](StoredEvent& e) { e.kind = "drift.resolved"; }},
      {"\"severity\" differs", [](StoredEvent& e) { e.severity = "info"; }},
      {"\"target\" differs", [](StoredEvent& e) { rewrite(e, "\"" + Recorded::address("f") + "\"", "null"); }},
      {"\"target\" is not text", [](StoredEvent& e) { rewrite(e, "\"" + Recorded::address("f") + "\"", "[]"); }},
      {"\"time\" differs", [](StoredEvent& e) { e.time += Millis{1}; }},
      {"\"seq\" differs", [](StoredEvent& e) { e.seq = 8; }},
      {"\"id\" differs", [](StoredEvent& e) { e.id = "abd"; }},
      {"\"actor\" differs", [](StoredEvent& e) { e.actor = "config"; }},
      {"\"data\" is not an object",
       [](StoredEvent& e) { rewrite(e, "{\"observed", "[{\"observed"), rewrite(e, "\"},", "\"}],"); }},
      {"do not belong", [](StoredEvent& e) { rewrite(e, "\"v\":1", "\"v\":1,\"w\":1"); }},
      {"not canonical", [](StoredEvent& e) { rewrite(e, "\"v\":1", "\"v\": 1"); }},
      {"not canonical", [](StoredEvent& e) { rewrite(e, "\"v\":1", "\"v\":2,\"v\":1"); }},
      {"floating point", [](StoredEvent& e) { rewrite(e, "{\"observed", "{\"a\":1.5,\"observed"); }},
      {"leaf hash is another", [](StoredEvent& e) { e.leaf_hash->bytes[0] ^= 1U; }},
      {"leaf hash is another", [](StoredEvent& e) { e.leaf_hash.reset(); }},
  };
  for (const Tampered& c : cases) {
    StoredEvent event = written();
    c.how(event);
    EXPECT_NE(check_body(event).problem.find(c.says), std::string::npos)
        << c.says << " / " << check_body(event).problem;
  }
}

/// `prod` watches f, which drifts; then the account is called `shop`, and f drifts on.
void rename(Recorded& r, WallTime now) {
  WatchList list;
  list.entries.push_back({Target{"shop", "ap-guangzhou", "default", "f", "$LATEST"}, Recorded::minutely()});
  list.renamed_accounts = {{"prod", "shop"}};
  list.digest = "renamed";
  r.write([&](Tx& tx) { sync_watch_list(tx, r.ledger(), list, now); });
}

TEST(StoredEvent, TakenFromItsTargetIsFoundOut) {
  Recorded r;
  r.watch({"f", "g"}, at(0));
  r.observed("f", "A", at(1));
  r.observed("f", "B", at(2));
  rename(r, at(3));
  EXPECT_TRUE(report(r, kEventsReport, at(10)).problems.empty());
  test::unlock_events(r.db());
  r.db().execute("UPDATE event SET target_id = NULL WHERE kind = 'drift.detected'");
  const Reported events = report(r, kEventsReport, at(10));
  ASSERT_EQ(events.problems.size(), 1U);
  EXPECT_NE(events.problems[0].find("its \"target\" is not in the column"), std::string::npos) << events.problems[0];
}

TEST(StoredEvent, OfAnotherTargetIsFoundOut) {
  Recorded r;
  r.watch({"f", "g"}, at(0));
  test::unlock_events(r.db());
  r.db().execute("UPDATE event SET target_id = (SELECT max(id) FROM target) WHERE seq = 0");
  const Reported events = report(r, kEventsReport, at(10));
  ASSERT_EQ(events.problems.size(), 1U);
  EXPECT_NE(events.problems[0].find("its \"target\" was never that of the column"), std::string::npos);
}

TEST(EventsReport, NamesEventsThatAreMissing) {
  Recorded r;
  r.watch({"a", "b", "c"}, at(0));
  test::unlock_events(r.db());
  r.db().execute("DELETE FROM event WHERE seq = 1");
  for (const bool narrowed : {false, true}) {
    const Reported events = report(r, kEventsReport, at(10), narrowed ? select({"c"}) : Selection{});
    EXPECT_EQ(events.end.problems, 1);
    EXPECT_NE(events.end.remarks[0].find("event 1 is missing"), std::string::npos);
  }
}

TEST(EventsReport, ReadsNothingOutsideOfTheWindow) {
  Recorded r;
  r.watch({"f"}, at(0));
  for (int i = 0; i < 6; ++i) r.observed("f", i % 2 == 0 ? "A" : "B", at(10 * i));
  // Whoever reads these cannot go on.
  test::unlock_events(r.db());
  r.db().execute("UPDATE event SET time_ms = -90000000000000000 WHERE seq = 0");
  r.db().execute("UPDATE event SET time_ms = 90000000000000000 WHERE seq = (SELECT max(seq) FROM event)");
  Selection window;
  EXPECT_THROW(report(r, kEventsReport, at(100), window), std::exception);
  window.since = at(15);
  window.until = at(45);
  const std::vector<std::string> times = report(r, kEventsReport, at(100), window).column("time");
  EXPECT_EQ(times, (std::vector<std::string>{rfc3339(at(20)), rfc3339(at(30)), rfc3339(at(40))}));
  window.limit = 100;
  EXPECT_EQ(report(r, kEventsReport, at(100), window).column("time"), times);
  window.limit = 2;
  EXPECT_EQ(report(r, kEventsReport, at(100), window).column("time"),
            (std::vector<std::string>{rfc3339(at(30)), rfc3339(at(40))}));
  r.db().execute("UPDATE event SET time_ms = 1795478450000 WHERE time_ms > 80000000000000000");
  window.until.reset();
  window.limit = 100;
  EXPECT_EQ(report(r, kEventsReport, at(100), window).rows.size(), 4U);
}

TEST(EventsReport, ATimeAheadOfNowIsThatOfTheCorrection) {
  Recorded r;
  constexpr double kAhead = 5 * 86'400;
  r.watch({"f"}, at(kAhead));
  r.clock_set_back(at(60), std::chrono::hours(24 * 5));
  r.observed("f", "A", at(90));
  Selection early;
  early.until = at(70);
  EXPECT_EQ(report(r, kEventsReport, at(100), early).column("kind"),
            (std::vector<std::string>{"watch.added", "config.loaded", "clock.stepped"}));
  EXPECT_EQ(report(r, kEventsReport, at(100)).column("kind").back(), "baseline.set") << "as they were written";
}

TEST(Renamed, BothNamesFindWhatHappened) {
  Recorded r({route("ops")});
  r.ran(at(0), at(150), true);
  r.watch({"f"}, at(0));
  r.observed("f", "A", at(1));
  r.observed("f", "B", at(61));
  rename(r, at(100));
  const std::string now = "shop/ap-guangzhou/default/f:$LATEST";
  r.observed(now, "C", at(121));
  Selection by_old, by_new;
  by_old.accounts = {"prod"};
  by_new.accounts = {"shop"};
  for (const Selection& selection :
       {by_old, by_new, select({Recorded::address("f")}), select({now}), select({"prod/*"}), select({"f"})}) {
    EXPECT_EQ(report(r, kStatusReport, at(150), selection).column("target"), std::vector<std::string>{now});
    EXPECT_EQ(report(r, kHistoryReport, at(150), selection).rows.size(), 3U);
    EXPECT_EQ(report(r, kEventsReport, at(150), selection).column("kind"),
              (std::vector<std::string>{"watch.added", "baseline.set", "drift.detected", "drift.changed"}));
    EXPECT_EQ(report(r, kAlertsReport, at(150), selection).column("kind"),
              (std::vector<std::string>{"drift.detected", "drift.changed"}));
    EXPECT_EQ(report(r, kCoverageReport, at(150), selection).rows.size(), 1U);
  }
  const Reported events = report(r, kEventsReport, at(150), by_new);
  EXPECT_EQ(events.rows[2]["target"], Recorded::address("f")) << "as it was called then";
  EXPECT_TRUE(events.problems.empty());
}

TEST(Renamed, ALabelThatIsUsedAgainIsThatOfItsNewTargets) {
  Recorded r;
  r.watch({"f"}, at(0));
  rename(r, at(100));
  r.watch({"f", "shop/ap-guangzhou/default/f:$LATEST"}, at(200));
  Selection old;
  old.accounts = {"prod"};
  EXPECT_EQ(report(r, kStatusReport, at(250), old).column("target"), std::vector<std::string>{Recorded::address("f")});
}

TEST(EventsReport, ShowsATamperedRowWithItsProblem) {
  Recorded r;
  r.watch({"f"}, at(0));
  test::unlock_events(r.db());
  r.db().run("UPDATE event SET body = ? WHERE seq = 0", Blob{"{}"});
  const Reported events = report(r, kEventsReport, at(10));
  EXPECT_EQ(events.rows[0]["data"], nullptr);
  EXPECT_EQ(events.end.problems, 1);
  ASSERT_EQ(events.problems.size(), 1U);
  EXPECT_NE(events.problems[0].find("event 0"), std::string::npos);
}

TEST(AlertsReport, SaysWhatBecameOfEachAlert) {
  Recorded r({route("ops"), route("pager")});
  r.watch({"f"}, at(0));
  r.observed("f", "A", at(10));
  r.observed("f", "B", at(20));
  Database& db = r.db();
  auto first = outbox::begin_attempt(db, "ops", at(21));
  ASSERT_TRUE(first);
  outbox::postponed(db, *first, {"retry", 503, "busy \x1b[31m", Millis{250}}, at(21), at(30));
  auto second = outbox::begin_attempt(db, "ops", at(31));
  ASSERT_TRUE(second);
  outbox::delivered(db, *second, {"delivered", 204, "", Millis{100}}, at(31));
  DestinationState held;
  held.kind = DestinationState::Kind::held;
  held.until = at(900);
  held.reason = "410";
  outbox::set_destination(db, "pager", held);

  const Reported alerts = report(r, kAlertAttemptsReport, at(40));
  ASSERT_EQ(alerts.rows.size(), 2U);
  const OrderedJson& ops = alerts.rows[0]["alert"] == "ops" ? alerts.rows[0] : alerts.rows[1];
  const OrderedJson& pager = alerts.rows[0]["alert"] == "ops" ? alerts.rows[1] : alerts.rows[0];
  EXPECT_EQ(ops["kind"], "drift.detected");
  EXPECT_EQ(ops["event_ids"], OrderedJson::array({ops["id"]}));
  EXPECT_EQ(ops["state"], "delivered");
  EXPECT_EQ(ops["attempts"], 2);
  EXPECT_EQ(ops["created_at"], rfc3339(at(20)));
  EXPECT_EQ(ops["next_attempt_at"], nullptr);
  EXPECT_EQ(ops["delivered_at"], rfc3339(at(31)));
  EXPECT_EQ(ops["last_status"], 204);
  EXPECT_EQ(ops["last_error"], nullptr);
  EXPECT_EQ(ops["attempt_log"].size(), 2U);
  EXPECT_EQ(ops["attempt_log"][0].dump(),
            R"({"n":1,"at":")" + rfc3339(at(21)) +
                R"(","took_s":0.25,"result":"retry","status":503,"words":"busy \u001b[31m"})");
  EXPECT_EQ(pager["state"], "held");
  EXPECT_EQ(pager["next_attempt_at"], rfc3339(at(900)));
  EXPECT_EQ(alerts.end.remarks.back(), "1 held, 1 delivered");

  const Reported plain = report(r, kAlertsReport, at(40));
  EXPECT_FALSE(plain.rows[0].contains("attempt_log"));
  Selection none;
  none.kinds = {"poll.*"};
  EXPECT_TRUE(report(r, kAlertsReport, at(40), none).rows.empty());
  Selection one;
  one.limit = 1;
  EXPECT_EQ(report(r, kAlertsReport, at(40), one).rows.size(), 1U);
}

TEST(AlertsReport, ShowsThoseOfAStateAndADestinationPageByPage) {
  Recorded r;
  r.watch({"charge", "refund"}, at(0));
  const auto target = [&](const char* function) { return targets::find(r.db(), Recorded::address(function))->id; };
  for (const auto& [id, destination, state, function] : {std::tuple("a1", "ops", "dead", "charge"),
                                                         {"a2", "ops", "delivered", "refund"},
                                                         {"a3", "pager", "dead", "refund"},
                                                         {"a4", "ops", "dead", "refund"}})
    r.db().run(
        "INSERT INTO outbox (alert_id, destination, kind, target, target_id, body, state, created_at_ms, attempts, "
        "next_attempt_at_ms, give_up_at_ms) VALUES (?, ?, 'drift.detected', ?, ?, ?, ?, 1, 1, 0, 0)",
        std::string_view(id), std::string_view(destination), Recorded::address(function), target(function), Blob{"{}"},
        std::string_view(state));
  const auto ids = [&](const Selection& selection) { return report(r, kAlertsReport, at(1), selection).column("id"); };
  Selection dead;
  dead.states = {"dead"};
  EXPECT_EQ(ids(dead), (std::vector<std::string>{"a1", "a3", "a4"}));
  dead.limit = 1;
  dead.skip = 1;
  EXPECT_EQ(ids(dead), (std::vector<std::string>{"a3"})) << "the newest but one";
  Selection ops;
  ops.destinations = {"ops"};
  EXPECT_EQ(ids(ops), (std::vector<std::string>{"a1", "a2", "a4"}));
  EXPECT_EQ(ids(select({"refund"})), (std::vector<std::string>{"a2", "a3", "a4"}));
}

TEST(AlertsReport, NamesTheMessageThatAnAlertWentIntoAndAllItsEvents) {
  Recorded r({route("ops")});
  r.watch({"f"}, at(0));
  r.observed("f", "A", at(10));
  r.observed("f", "B", at(20));
  r.observed("f", "A", at(30));
  Database& db = r.db();
  const Reported before = report(r, kAlertsReport, at(35));
  EXPECT_NE(before.rows[0]["id"], before.rows[1]["id"]);
  const auto message = outbox::begin_attempt(db, "ops", at(40));
  ASSERT_TRUE(message);
  outbox::delivered(db, *message, {"delivered", 204, "", Millis{100}}, at(40));
  const Reported alerts = report(r, kAlertAttemptsReport, at(50));
  EXPECT_EQ(alerts.column("kind"), (std::vector<std::string>{"drift.detected", "drift.resolved"}))
      << "nothing is summarised away";
  for (const OrderedJson& row : alerts.rows) {
    EXPECT_EQ(row["id"], message->alert_id);
    EXPECT_EQ(row["event_ids"], OrderedJson::array({before.rows[0]["id"], before.rows[1]["id"]}));
    EXPECT_EQ(row["state"], "delivered");
    EXPECT_EQ(row["attempt_log"].size(), 1U);
  }
}

TEST(AlertsReport, WhatIsHeldForFlappingSaysSo) {
  Recorded r({route("ops")});
  r.watch({"f"}, at(0));
  for (int i = 0; i < 8; ++i) r.observed("f", i % 2 == 0 ? "A" : "B", at(10 + i));
  EXPECT_EQ(report(r, kAlertsReport, at(40)).rows.back()["state"], "pending") << "that holding begins is told at once";
  outbox::delivered(r.db(), *outbox::begin_attempt(r.db(), "ops", at(17)), {"delivered", 204, "", Millis{1}}, at(17));
  r.observed("f", "A", at(18));
  const Reported alerts = report(r, kAlertsReport, at(40));
  EXPECT_EQ(alerts.rows.back()["state"], "held");
  EXPECT_EQ(alerts.rows.back()["next_attempt_at"], rfc3339(at(18 + 1800)));
}

TEST(AlertsReport, ADamagedAlertIsARowWithoutEvents) {
  Recorded r({route("ops")});
  r.watch({"f"}, at(0));
  r.observed("f", "A", at(10));
  r.observed("f", "B", at(20));
  r.db().run("UPDATE outbox SET body = ?", Blob{"\xff"});
  EXPECT_EQ(report(r, kAlertsReport, at(40)).rows.at(0)["event_ids"], OrderedJson::array());
}

TEST(CoverageReport, CountsWhatTheStoreRecorded) {
  Recorded r;
  r.ran(at(0), at(3600), true);
  r.watch({"f", "never"}, at(0));
  // A poll a minute from 60 to 600; denied from 660 to 1140; seen again at 1200, and until 1800.
  for (int t = 60; t <= 600; t += 60) r.observed("f", "A", at(t));
  for (int t = 660; t <= 1140; t += 60)
    r.failed("f", Outcome::denied, "UnauthorizedOperation.CAM", at(t), "no", "denied");
  for (int t = 1200; t <= 1800; t += 60) r.observed("f", "A", at(t));
  const Reported coverage = report(r, kCoverageReport, at(1830));
  const OrderedJson expected = {
      {"target", Recorded::address("f")},
      {"from", rfc3339(at(0))},
      {"until", rfc3339(at(1830))},
      {"polls", 21},
      {"observed_s", 1230},
      {"unobserved_s", 600},
      {"coverage", 0.672131},
      {"longest_gap_s", 600},
      {"gaps", OrderedJson::array({{{"from", rfc3339(at(600))}, {"until", rfc3339(at(1200))}, {"reason", "denied"}}})}};
  EXPECT_EQ(coverage.of(Recorded::address("f")).dump(), expected.dump());
  EXPECT_EQ(coverage.of(Recorded::address("never"))["gaps"][0]["reason"], "never_polled");
  EXPECT_EQ(coverage.end.summary["overall"], 0.336066);  // 1230 of 3660 seconds
  EXPECT_NE(report(r, kCoverageReport, at(1830), select({"f"}))
                .end.remarks.back()
                .find("at 21 instants, never more than 10m apart"),
            std::string::npos);
}

TEST(CoverageReport, KnowsWhenTheDaemonWasAway) {
  Recorded r;
  r.ran(at(0), at(600));
  r.ran(at(4200), at(4800), true);
  r.watch({"f"}, at(0));
  for (int t = 0; t <= 600; t += 60) r.observed("f", "A", at(t));
  for (int t = 4200; t <= 4800; t += 60) r.observed("f", "A", at(t));
  const Reported coverage = report(r, kCoverageReport, at(4830));
  ASSERT_EQ(coverage.rows[0]["gaps"].size(), 1U);
  EXPECT_EQ(coverage.rows[0]["gaps"][0].dump(), R"({"from":")" + rfc3339(at(600)) + R"(","until":")" +
                                                    rfc3339(at(4200)) + R"(","reason":"daemon_not_running"})");
  EXPECT_EQ(coverage.rows[0]["unobserved_s"], 3600);
  const std::string gap = "gap: " + rfc3339(at(600)) + " to " + rfc3339(at(4200)) + ", 1h: daemon_not_running";
  const std::vector<std::string>& remarks = coverage.end.remarks;
  EXPECT_NE(std::find(remarks.begin(), remarks.end(), gap), remarks.end()) << "in words, for who reads the table";
}

TEST(CoverageReport, ClaimsNothingForATimeWithoutAnAnswer) {
  Recorded r;
  r.watch({"f"}, at(0));
  r.observed("f", "A", at(0));
  r.observed("f", "A", at(4200));
  Selection within;
  within.since = at(1000);
  within.until = at(1030);
  const Reported coverage = report(r, kCoverageReport, at(4830), within);
  EXPECT_EQ(coverage.rows[0]["polls"], 0);
  EXPECT_EQ(coverage.end.remarks.back(),
            "No answer lies in this time: whatever the coverage, nothing is known of what was live in it.");
}

TEST(CoverageReport, OfAnEmptyPeriodIsNull) {
  Recorded r;
  r.watch({"f"}, at(1000));
  Selection before;
  before.until = at(500);
  const Reported coverage = report(r, kCoverageReport, at(2000), before);
  EXPECT_EQ(coverage.rows[0]["coverage"], nullptr);
  EXPECT_EQ(coverage.rows[0]["from"], nullptr);
  EXPECT_EQ(coverage.end.summary["overall"], nullptr);
}

TEST(Values, SpellNeverUnderstates) {
  EXPECT_EQ(spell(Millis{0}), "0s");
  EXPECT_EQ(spell(Millis{1}), "1s");
  EXPECT_EQ(spell(Millis{60'000}), "1m");
  EXPECT_EQ(spell(Millis{3'600'001}), "1h 1s");
  EXPECT_EQ(spell(Millis{90'061'000}), "1d 1h 1m 1s");
  EXPECT_EQ(seconds(Millis{1500}).dump(), "1.5");
  EXPECT_EQ(seconds(Millis{60'000}).dump(), "60");
}

}  // namespace
}  // namespace codedriftd
