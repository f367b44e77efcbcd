#include <fmt/format.h>
#include <gtest/gtest.h>

#include <regex>

#include "audit/format/values.h"
#include "audit/report/gather.h"
#include "audit/report/sections.h"
#include "audit/report/writers.h"
#include "audit/report_story.h"
#include "base/json.h"
#include "store/packages/packages.h"

namespace codedriftd {
namespace {

using test::hex;
using test::kHostile;
using test::Recorded;
using test::ReportStory;

WallTime hour(double hours) { return ReportStory::hour(hours); }

/// The story is told once: the tests only read it.
class AuditReportTest : public testing::Test {
 protected:
  static void SetUpTestSuite() { story_ = std::make_unique<ReportStory>(); }
  static void TearDownTestSuite() { story_.reset(); }

  static AuditReport gather(double since = 0, double until = 6, Selection selection = {}) {
    Database db = story_->r.open_reader();
    selection.since = hour(since);
    selection.until = hour(until);
    return gather_audit_report(db, selection, ReportStory::end());
  }
  static std::string address(std::string_view function) { return Recorded::address(function); }

  static std::unique_ptr<ReportStory> story_;
};
std::unique_ptr<ReportStory> AuditReportTest::story_;

TEST(AuditReportOfValues, SaysWhatTheHashesOfLayersAndAliasesStandFor) {
  Recorded r;
  const std::string alias = "prod/ap-guangzhou/default/charge:$ALIAS.live";
  r.ran(test::at(0), test::at(100), true);
  r.watch({alias, "charge"}, test::at(0));
  r.observed("charge", "A", test::at(10));
  for (const auto& [text, second] : {std::pair("version 7", 10), {"version 8, k exact \"<b>\" to version 7", 70}}) {
    Observation observation{Outcome::observed, sha256(text), {}, "", false};
    observation.value = text;
    r.input(alias, observation, test::at(second));
  }
  Selection selection;
  selection.since = test::at(0);
  selection.until = test::at(100);
  const AuditReport report = gather_audit_report(r.db(), selection, test::at(100));
  const Json functions = Json::parse(report_json(report)).at("functions");
  ASSERT_EQ(functions.size(), 2U);
  const Json &moved = functions.at(0), &code = functions.at(1);
  EXPECT_EQ(moved.at("observed_value"), "version 8, k exact \"<b>\" to version 7");
  EXPECT_EQ(moved.at("accepted_value"), "version 7");
  EXPECT_EQ(moved.at("runs").at(0).at("value"), "version 7");
  EXPECT_EQ(moved.at("runs").at(1).at("value"), moved.at("observed_value"));
  EXPECT_EQ(code.at("observed_value"), nullptr);
  EXPECT_EQ(code.at("runs").at(0).at("value"), nullptr);
  const std::string html = report_html(report), now = "version 8, k exact &quot;&lt;b&gt;&quot; to version 7";
  EXPECT_NE(html.find("Live route that nobody accepted. live: " + now + ". accepted: version 7."), std::string::npos);
  EXPECT_NE(html.find(": " + now + "; before: version 7."), std::string::npos);
  EXPECT_NE(html.find("What the hashes stand for: " + alias), std::string::npos);
  EXPECT_NE(report_markdown(report).find("Live route that nobody accepted. live: version 8, k exact \"&lt;b\\>\" to"),
            std::string::npos);
}

TEST_F(AuditReportTest, OfWhatIsMissingNoOpenItemCallsAHashLive) {
  const ReportSection open = open_items(gather());
  ASSERT_FALSE(open.blocks.empty());
  ASSERT_FALSE(open.blocks.front().tables.empty());
  std::map<std::string, std::string> live;  // by function
  for (const auto& row : open.blocks.front().tables.front().rows) live[row.at(0).text] = row.at(4).text;
  EXPECT_EQ(live[address("ledger")], "-");
  EXPECT_EQ(live[address("refund")], hex("X"));
}

TEST_F(AuditReportTest, TellsEveryDriftFromItsDetectionToItsResolution) {
  const AuditReport report = gather();
  struct Wanted {
    const char* function;
    std::vector<std::string> moments;
    std::string resolution, by, reason;
  };
  const Wanted wanted[] = {
      {"ledger", {"drift.detected"}, "", "", ""},
      {"refund", {"drift.detected"}, "", "", ""},
      {"charge", {"drift.detected", "drift.changed", "drift.resolved"}, "approved", "uid:1001(alice)", kHostile}};
  ASSERT_EQ(report.drifts.size(), std::size(wanted));
  for (std::size_t i = 0; i < std::size(wanted); ++i) {
    const DriftStory& drift = report.drifts[i];
    std::vector<std::string> moments;
    for (const LoggedFact& moment : drift.moments) moments.push_back(moment.kind);
    EXPECT_EQ(drift.target, address(wanted[i].function));
    EXPECT_EQ(moments, wanted[i].moments);
    EXPECT_EQ(drift.resolution, wanted[i].resolution);
    EXPECT_EQ(drift.resolved.has_value(), !wanted[i].resolution.empty());
    EXPECT_EQ(drift.resolved_by, wanted[i].by);
    EXPECT_EQ(drift.acceptance ? drift.acceptance->how.reason : "", wanted[i].reason);
    EXPECT_FALSE(drift.began_before);
  }
}

TEST_F(AuditReportTest, KnowsADriftThatBeganBeforeThePeriodOrHadNoEventInIt) {
  const AuditReport later = gather(1.8, 2.15);  // charge is approved in it
  ASSERT_EQ(later.drifts.size(), 1U);
  EXPECT_TRUE(later.drifts[0].began_before);
  EXPECT_EQ(later.drifts[0].moments.size(), 3U) << "those before the period too";
  const AuditReport quiet = gather(1.6, 1.8);
  ASSERT_EQ(quiet.drifts.size(), 1U);
  EXPECT_TRUE(quiet.drifts[0].began_before);
  EXPECT_FALSE(quiet.drifts[0].resolved);
  EXPECT_EQ(quiet.drifts[0].live, Recorded::hash("C"));
  EXPECT_EQ(quiet.drifts[0].moments.size(), 2U);
}

TEST_F(AuditReportTest, KeepsWhoAcceptedApart) {
  const AuditReport report = gather();
  std::map<AcceptedSource, std::vector<const Accepted*>> by;
  for (const Accepted& accepted : report.accepted) by[accepted.how.source].push_back(&accepted);
  EXPECT_EQ(by[AcceptedSource::first_seen].size(), 6U);
  ASSERT_EQ(by[AcceptedSource::approval].size(), 1U);
  const Accepted& approval = *by[AcceptedSource::approval][0];
  EXPECT_EQ(approval.how.sha256, Recorded::hash("C"));
  EXPECT_EQ(approval.previous, Recorded::hash("A"));
  EXPECT_EQ(approval.how.claimed, "bob");
  EXPECT_EQ(approval.how.ticket, "OPS-1");
  ASSERT_EQ(by[AcceptedSource::deploy].size(), 1U);
  EXPECT_EQ(by[AcceptedSource::deploy][0]->how.build, "https://ci.example/7");
  EXPECT_EQ(by[AcceptedSource::pin].size(), 2U);
}

TEST_F(AuditReportTest, HasWhatElseHappenedInThePeriod) {
  const AuditReport report = gather();
  ASSERT_EQ(report.refused.size(), 1U);
  EXPECT_EQ(report.refused[0].actor, "uid:1005(mallory)");
  EXPECT_EQ(report.configurations.size(), 2U);
  EXPECT_EQ(report.daemon.size(), 3U);
  EXPECT_EQ(report.deployments.size(), 2U) << "announced, and arrived";
  EXPECT_FALSE(report.pins.empty());
  ASSERT_EQ(report.dead.size(), 1U);
  EXPECT_EQ(report.holding.size(), 1U);
  std::vector<std::string> removed;
  for (const LoggedFact& fact : report.watching) {
    if (fact.kind == "watch.removed") removed.push_back(fact.target.value_or(""));
  }
  EXPECT_EQ(removed, std::vector<std::string>{address("old")});
  EXPECT_TRUE(report.problems.empty());
  EXPECT_EQ(gather(4, 5).configured_before->text("digest"), sha256("the second configuration").hex());
}

TEST_F(AuditReportTest, CountsWhatWasSeenAndTheGapsWithTheirReasons) {
  const AuditReport report = gather();
  std::map<std::string, std::vector<std::string>> gaps;
  for (const AuditedFunction& function : report.functions) {
    for (const Gap& gap : function.coverage.gaps)
      gaps[function.then.known.row.target.function].emplace_back(gap.reason);
  }
  EXPECT_EQ(gaps["mail"], (std::vector<std::string>{"daemon_not_running", "denied"}));
  EXPECT_EQ(gaps["charge"], std::vector<std::string>{"daemon_not_running"});
}

TEST_F(AuditReportTest, ASelectionNarrowsTheFunctionsAndKeepsWhatConcernsTheDaemon) {
  Selection one;
  one.targets = {"old"};
  const AuditReport report = gather(0, 6, one);
  ASSERT_EQ(report.functions.size(), 1U) << "also what is no longer watched";
  EXPECT_TRUE(report.drifts.empty());
  EXPECT_EQ(report.configurations.size(), 2U);
  EXPECT_EQ(report.selection, "--target 'old'");
  EXPECT_EQ(gather(4, 6, one).functions.size(), 0U) << "it was removed before";
}

TEST_F(AuditReportTest, TheJsonHasTheSameContent) {
  const Json json = Json::parse(report_json(gather()));
  EXPECT_EQ(json.at("schema"), "codedriftd.report.v1");
  EXPECT_EQ(json.at("drifts").size(), 3U);
  EXPECT_EQ(json.at("accepted").at("approval").size(), 1U);
  EXPECT_EQ(json.at("accepted").at("approval")[0].at("reason"), kHostile);
  EXPECT_EQ(json.at("accepted").at("first_seen").size(), 6U);
  EXPECT_EQ(json.at("functions").size(), 7U);
  EXPECT_EQ(json.at("open"), (Json{address("ledger"), address("refund"), address("held")}));
  EXPECT_EQ(json.at("dead_alerts").size(), 1U);
  const Json& run = json.at("functions")[0].at("runs")[0];
  EXPECT_EQ(run.at("claim"),
            "At 20 instants, never more than 3m apart, from 2026-11-24T00:01:00.000Z to "
            "2026-11-24T00:58:00.000Z, the live hash was " +
                hex("A") + "; what lay between two is not known.");
}

TEST_F(AuditReportTest, ForeignTextIsHarmlessInEveryFormat) {
  const AuditReport report = gather();
  const std::string html = report_html(report);
  const std::string markdown = report_markdown(report);
  for (const std::string& text : {html, markdown, report_json(report)}) {
    EXPECT_EQ(text.find("\u202E"), std::string::npos);
    EXPECT_TRUE(text.find("mallory") != std::string::npos);
  }
  for (const std::string& text : {html, markdown}) {
    EXPECT_EQ(text.find("<script"), std::string::npos);
    EXPECT_EQ(text.find("<i>now"), std::string::npos);
    EXPECT_EQ(text.find("<b>410"), std::string::npos);
  }
  EXPECT_NE(html.find("&lt;script&gt;alert(1)&lt;/script&gt; | `x` \\u{202e}evil ]]&gt; &quot; &#39; &amp;"),
            std::string::npos);
  EXPECT_NE(markdown.find("&lt;script\\>alert(1)&lt;/script\\> \\| \\`x\\`"), std::string::npos);
  EXPECT_NE(html.find("default-src 'none'; style-src 'unsafe-inline'"), std::string::npos);
  EXPECT_EQ(html.find("http://www"), std::string::npos);
}

TEST_F(AuditReportTest, ABareAddressBecomesNoLinkInMarkdown) {
  const std::string markdown = report_markdown(gather());
  EXPECT_NE(markdown.find("https\\://ci.example/7"), std::string::npos) << "the build of the announced deployment";
  for (std::size_t at = markdown.find("://"); at != std::string::npos; at = markdown.find("://", at + 1))
    EXPECT_EQ(markdown[at - 1], '\\') << markdown.substr(at < 20 ? 0 : at - 20, 60);
}

// What a browser does with it on paper is looked at in tests/e2e/browser; here, that nothing of it was lost.
TEST_F(AuditReportTest, OnPaperItHasPageNumbersAndHeadingsStayWithWhatFollows) {
  const std::string html = report_html(gather());
  const std::size_t begin = html.find("@media print{"), end = html.find("</style>");
  ASSERT_LT(begin, end);
  const std::string print = html.substr(begin, end - begin);
  EXPECT_NE(print.find("counter(page) \" / \" counter(pages)"), std::string::npos);
  const auto has = [&](const std::string& selector, const std::string& declaration) {
    return std::regex_search(print, std::regex("[},\n]" + selector + R"((,[^{}]*)?\{[^}]*)" + declaration + "[;}]"));
  };
  for (const char* kept : {"h2", "h3", "caption", "thead tr"}) EXPECT_TRUE(has(kept, "break-after:avoid")) << kept;
  for (const char* whole : {"tr", R"(\.timeline)"}) EXPECT_TRUE(has(whole, "break-inside:avoid")) << whole;
  EXPECT_TRUE(has("thead", "display:table-header-group")) << "a table that goes on has its headings again";
  EXPECT_TRUE(has("#overview", "break-after:page")) << "the overview has a page of its own";
  EXPECT_TRUE(has(R"(\.skip)", "display:none")) << "nothing is on paper that can only be clicked";
  EXPECT_FALSE(has("h2", "display:none"));
}

TEST_F(AuditReportTest, SaysTheClaimInItsExactWords) {
  const AuditReport report = gather();
  for (const std::string& text : {report_html(report), report_markdown(report), report_json(report)})
    EXPECT_NE(
        text.find("at N instants, never more than G apart, the live hash was H; what lay between two is not known"),
        std::string::npos);
  EXPECT_NE(report_html(report).find("Trusted on first sight, not reviewed"), std::string::npos);
}

TEST_F(AuditReportTest, BeginsWithALineForEachFunction) {
  const std::string html = report_html(gather());
  const auto overview = html.find("id=\"overview\"");
  ASSERT_NE(overview, std::string::npos);
  EXPECT_LT(overview, html.find("id=\"open\""));
  const std::string section = html.substr(overview, html.find("</section>", overview) - overview);
  for (const char* function : {"charge", "refund", "ledger", "mail", "old", "pinned", "held"})
    EXPECT_NE(section.find(std::string("<wbr>") + function + ":"), std::string::npos) << function;
  EXPECT_NE(section.find("(removed)"), std::string::npos);
}

TEST_F(AuditReportTest, ATimelineBeginsWhereSomethingWasWatched) {
  Selection month;
  month.until = ReportStory::end();
  Database db = story_->r.open_reader();
  const AuditReport report = gather_audit_report(db, month, ReportStory::end());
  EXPECT_EQ(report.drawn_since, hour(0));
  EXPECT_LT(report.since, hour(-24 * 29));
  EXPECT_EQ(gather(2, 4).drawn_since, hour(2));
}

TEST_F(AuditReportTest, CoverageIsAPercentageThatIsRoundedDown) {
  const std::string html = report_html(gather());
  EXPECT_NE(html.find(" %</b><span>coverage"), std::string::npos);
  EXPECT_EQ(percent(0.966215), "96.62 %");
  EXPECT_EQ(percent(0.999999), "99.99 %");
  EXPECT_EQ(percent(1), "100.00 %");
}

/// What lies in the package of `code`, in the record.
void put_package(Recorded& r, std::string_view code, Manifest files, double at, std::string ambiguous = {}) {
  r.write([&](Tx& tx) {
    Examination found;
    found.files = std::move(files);
    found.ambiguous = std::move(ambiguous);
    packages::save(tx.db, Recorded::hash(code), found, hour(at));
    r.ledger().examined(tx, Recorded::hash(code), hour(at));
  });
}

const Manifest kFilesOfA{{"index.py", 0644, 1, sha256("1")}, {"lib.py", 0644, 1, sha256("2")}};
const Manifest kFilesOfB{{"<script>x\x1b</script>.py", 0644, 1, sha256("3")},
                         {"index.py", 0755, 1, sha256("4")},
                         {"lib.py", 0755, 1, sha256("2")}};

TEST(AuditReport, ADriftHasTheFilesThatChangedFoldedWhetherItsEventKnewThemOrOnlyTheRecord) {
  for (const bool known_before : {true, false}) {
    SCOPED_TRACE(known_before);
    Recorded r;
    r.watch({"f"}, hour(0));
    r.observed("f", "A", hour(0.1));
    if (known_before) put_package(r, "B", kFilesOfB, 0.15);
    put_package(r, "A", kFilesOfA, 0.15);
    r.observed("f", "B", hour(0.2));
    if (!known_before) put_package(r, "B", kFilesOfB, 0.21);
    const AuditReport report = gather_audit_report(r.db(), {}, hour(1));
    ASSERT_EQ(report.drifts.size(), 1U);
    ASSERT_EQ(report.drifts[0].moments.size(), 1U);
    const LoggedFact& detected = report.drifts[0].moments[0];
    EXPECT_EQ(detected.data.contains("changes"), known_before);

    const std::string html = report_html(report);
    EXPECT_NE(html.find(fmt::format("<details><summary>What changed inside, event {}: 1 changed, 1 added, 1 with "
                                    "another mode</summary>",
                                    detected.seq)),
              std::string::npos)
        << html;
    EXPECT_NE(html.find("&lt;script&gt;x\\u{1b}&lt;/<wbr>script&gt;.py"), std::string::npos) << html;
    EXPECT_EQ(html.find("<script"), std::string::npos);
    const std::string markdown = report_markdown(report);
    EXPECT_NE(markdown.find("| index.py | changed |"), std::string::npos) << markdown;
    EXPECT_NE(markdown.find("| lib.py | mode |"), std::string::npos) << markdown;
    EXPECT_EQ(markdown.find("<script"), std::string::npos);
    const Json changes = Json::parse(report_json(report)).at("drifts")[0].at("timeline")[0].at("changes");
    EXPECT_EQ(changes.at("added"), 1);
    EXPECT_EQ(changes.at("files").size(), 3U);
    EXPECT_EQ(changes.at("same_content"), false);
  }
}

TEST(AuditReport, SaysWhyWhatChangedInsideIsNotKnown) {
  Recorded r;
  r.watch({"f"}, hour(0));
  r.observed("f", "A", hour(0.1));
  put_package(r, "A", kFilesOfA, 0.1);
  put_package(r, "B", {}, 0.1, "two entries have the name <b>");
  r.observed("f", "B", hour(0.2));
  const std::string html = report_html(gather_audit_report(r.db(), {}, hour(1)));
  EXPECT_NE(html.find("is not known: the package was ambiguous: two entries have the name &lt;b&gt;."),
            std::string::npos)
      << html;
  EXPECT_EQ(html.find("<details>"), std::string::npos);
}

TEST(AuditReport, WhatWasPackedAnewIsAcceptedByItsContentAndAnAnnouncedContentIsShown) {
  Recorded r;
  r.ran(hour(0), hour(1));
  r.watch({"f", "g"}, hour(0));
  for (const char* function : {"f", "g"}) r.observed(function, "A", hour(0.95));
  put_package(r, "A", kFilesOfA, 0.95);
  put_package(r, "C", kFilesOfA, 0.95);
  r.observed("g", "C", hour(0.99));
  Expected announced{std::nullopt, hour(2), "", "", "uid:1002(ci)"};
  announced.content = ContentDigest{Recorded::hash("content")};
  r.input("g", announced, hour(0.99));
  const AuditReport report = gather_audit_report(r.db(), {}, hour(1));
  const std::string html = report_html(report);
  EXPECT_NE(html.find("The accepted content, packed anew"), std::string::npos);
  const Json json = Json::parse(report_json(report));
  EXPECT_EQ(json.at("open"), Json::array({Recorded::address("g")}));
  EXPECT_EQ(json.at("functions")[1].at("expected_content"), announced.content->text());
  const std::string open = html.substr(html.find("id=\"open\""), html.find("id=\"drift\"") - html.find("id=\"open\""));
  EXPECT_NE(open.find(announced.content->text()), std::string::npos) << open;
  ASSERT_EQ(json.at("accepted").at("content").size(), 1U) << json.at("accepted");
  EXPECT_EQ(json.at("accepted").at("content")[0].at("accepted_sha256"), hex("C"));
  EXPECT_FALSE(json.at("seeing").empty()) << "package.examined";
}

TEST(AuditReport, TextOfSeveralLinesIsOneAndAnAlertIsNoFunction) {
  Recorded r;
  r.watch({"f"}, hour(0));
  r.write([&](Tx& tx) {
    NewEvent event;
    event.kind = "control.denied";
    event.severity = Severity::warning;
    event.data = Json{{"verb", "alerts.replay"}, {"target", "ops"}, {"reason", "a: no\nb: no\n\tc"}, {"uid", 7}};
    r.ledger().append(tx, event, hour(0.1));
  });
  const AuditReport report = gather_audit_report(r.db(), {}, hour(1));
  for (const std::string& text : {report_html(report), report_markdown(report)}) {
    EXPECT_NE(text.find("a: no b: no c"), std::string::npos);
    EXPECT_NE(text.find("alert ops"), std::string::npos);
    EXPECT_EQ(text.find("\\u{a}"), std::string::npos);
  }
}

TEST(AuditReport, DriftOfARenamedAccountIsOneUnderItsPresentLabel) {
  Recorded r;
  r.watch({"f", "g"}, hour(0));
  for (const char* function : {"f", "g"}) {
    r.observed(function, "A", hour(0.1));
    r.observed(function, "B", hour(0.2));
  }
  r.observed("g", "A", hour(0.3));
  WatchList list;
  list.digest = "renamed";
  list.renamed_accounts = {{"prod", "shop"}};
  for (const char* function : {"f", "g"})
    list.entries.push_back({Target{"shop", "ap-guangzhou", "default", function, "$LATEST"}, Recorded::minutely()});
  r.write([&](Tx& tx) { sync_watch_list(tx, r.ledger(), list, hour(0.5)); });
  r.observed("shop/ap-guangzhou/default/f:$LATEST", "C", hour(0.6));
  Selection old;
  old.accounts = {"prod"};
  for (const Selection& selection : {Selection{}, old}) {
    const AuditReport report = gather_audit_report(r.db(), selection, hour(1));
    EXPECT_TRUE(report.problems.empty());
    ASSERT_EQ(report.functions.size(), 2U);
    ASSERT_EQ(report.drifts.size(), 2U);
    EXPECT_EQ(report.drifts[0].target, "shop/ap-guangzhou/default/f:$LATEST");
    EXPECT_FALSE(report.drifts[0].resolved);
    EXPECT_EQ(report.drifts[0].moments.size(), 2U) << "detected under the old label, changed under the new one";
    EXPECT_TRUE(report.drifts[1].resolved);
    EXPECT_EQ(report.drifts[1].target, "shop/ap-guangzhou/default/g:$LATEST");
    ASSERT_EQ(report.daemon.size(), 1U);
    EXPECT_EQ(report.daemon[0].kind, "account.renamed");
  }
}

TEST(AuditReport, AfterAClockThatWasAheadItTellsAllOfIt) {
  Recorded r;
  constexpr double kAhead = 5 * 24;
  const int64_t stay = daemon_runs::begin(r.db(), 1, hour(kAhead));
  r.watch({"f"}, hour(kAhead));
  r.observed("f", "A", hour(kAhead));
  r.observed("f", "B", hour(kAhead + 0.01));
  r.clock_set_back(hour(0.1), std::chrono::hours(24 * 5));
  daemon_runs::alive(r.db(), stay, hour(0.15));
  r.observed("f", "B", hour(0.15));
  const AuditReport report = gather_audit_report(r.db(), {}, hour(0.2));
  ASSERT_EQ(report.functions.size(), 1U);
  EXPECT_EQ(report.functions[0].status().status, Status::drifted);
  ASSERT_EQ(report.drifts.size(), 1U);
  EXPECT_EQ(report.drifts[0].moments.size(), 1U);
  EXPECT_EQ(report.polls, 3);
  EXPECT_TRUE(report.problems.empty());
}

TEST(AuditReport, WhatAClockThatWasAheadWroteComesBeforeThePeriodToo) {
  Recorded r;
  constexpr double kAhead = 5 * 24;
  r.ran(hour(kAhead), hour(kAhead + 0.02));
  r.watch({"f"}, hour(kAhead));
  r.observed("f", "A", hour(kAhead));
  r.observed("f", "B", hour(kAhead + 0.01));
  r.clock_set_back(hour(0.1), std::chrono::hours(24 * 5));
  r.observed("f", "C", hour(0.15));
  Selection selection;
  selection.since = hour(0.12);
  const AuditReport report = gather_audit_report(r.db(), selection, hour(0.2));
  EXPECT_TRUE(report.configured_before);
  ASSERT_EQ(report.drifts.size(), 1U);
  EXPECT_TRUE(report.drifts[0].began_before);
  EXPECT_EQ(report.drifts[0].moments.size(), 2U) << "detected by the clock that was ahead, and changed";
}

TEST(AuditReport, NamesMissingEventsFirstOfAll) {
  Recorded r;
  r.watch({"f", "g", "h"}, hour(0));
  test::unlock_events(r.db());
  r.db().execute("DELETE FROM event WHERE seq = 1");
  const AuditReport report = gather_audit_report(r.db(), {}, hour(1));
  ASSERT_EQ(report.problems.size(), 1U);
  const std::string html = report_html(report);
  EXPECT_NE(html.find("event 1 is missing"), std::string::npos);
  EXPECT_LT(html.find("The record itself"), html.find("Overview</h2>"));
}

TEST(AuditReport, SaysFirstOfAllThatAnEventContradictsItself) {
  Recorded r;
  r.ran(hour(0), hour(1));
  r.watch({"f"}, hour(0));
  r.observed("f", "A", hour(0.1));
  r.observed("f", "B", hour(0.2));
  test::unlock_events(r.db());
  r.db().execute("UPDATE event SET actor = 'nobody' WHERE kind = 'drift.detected'");
  Database db = r.open_reader();
  const AuditReport report = gather_audit_report(db, {}, hour(1));
  ASSERT_EQ(report.problems.size(), 1U);
  const std::string html = report_html(report);
  EXPECT_LT(html.find("The record itself"), html.find("Open items"));
  EXPECT_NE(html.find("differs from the column"), std::string::npos);
  EXPECT_NE(report_markdown(report).find("differs from the column"), std::string::npos);
  EXPECT_EQ(Json::parse(report_json(report)).at("problems").size(), 1U);
}

}  // namespace
}  // namespace codedriftd
