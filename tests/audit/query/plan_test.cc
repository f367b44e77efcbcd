#include "audit/query/plan.h"

#include <gtest/gtest.h>

#include "support/recorded.h"

namespace codedriftd::test {
namespace {

/// One target with this status.
Plan::Item item(std::string_view function, Status status, bool answered = true) {
  Plan::Item made{{{}, {status, {}, Recorded::at(0)}}, answered};
  made.selected.row.target = {"prod", "ap-guangzhou", "default", std::string(function), "$LATEST"};
  TargetState& state = made.selected.row.state;
  if (status != Status::missing && status != Status::unobserved) state.live = sha256("live");
  if (status == Status::drifted) state.accepted = sha256("accepted");
  return made;
}
Plan plan_of(std::vector<Plan::Item> items) {
  Plan plan;
  plan.items = std::move(items);
  sort_plan(plan);
  return plan;
}
std::string table(const Plan& plan, bool colour = false) {
  return render_plan(plan, Format::table, Recorded::at(0), colour);
}

TEST(Plan, MarksEachStatusAndEndsAsItSays) {
  struct Case {
    Status status;
    bool answered;
    std::string_view begins;  ///< empty: not shown
    int exit;
    std::string_view sums_up;
  };
  const Case cases[] = {{Status::missing, true, "- ", 2, "1 missing\n"},
                        {Status::drifted, true, "~ ", 2, "1 drifted\n"},
                        {Status::drifted, false, "~ ", 2, "1 drifted\n"},
                        {Status::unobserved, false, "? ", 3, "1 not observed\n"},
                        {Status::unreviewed, true, "+ ", 3, "1 not reviewed\n"},
                        {Status::pending_deploy, true, "+ ", 3, "1 pending a deployment\n"},
                        {Status::in_sync, true, "", 0, "1 in sync\n"},
                        {Status::in_sync, false, "? ", 3, "1 in sync\n"}};
  for (const Case& c : cases) {
    const Plan plan = plan_of({item("charge", c.status, c.answered)});
    const std::string text = table(plan);
    EXPECT_EQ(plan.detailed_exit(), c.exit) << text;
    EXPECT_TRUE(text.ends_with(c.sums_up)) << text;
    const std::string row = std::string(c.begins) + "prod/ap-guangzhou/default/charge:$LATEST";
    EXPECT_EQ(text.find("\n" + row) != std::string::npos, !c.begins.empty()) << text;
  }
}

TEST(Plan, SumsUpWhatDiffersThenWhatDoesNotThenWhatWasNotSeen) {
  const Plan plan = plan_of({item("a", Status::in_sync), item("b", Status::unobserved, false),
                             item("c", Status::in_sync), item("d", Status::drifted)});
  EXPECT_TRUE(table(plan).ends_with("\n1 drifted, 2 in sync, 1 not observed\n")) << table(plan);
  EXPECT_EQ(plan.items.front().selected.row.target.function, "d");
}

TEST(Plan, GivesTheCommandThatAcceptsUnlessAPinDecides) {
  Plan plan = plan_of({item("charge", Status::drifted)});
  EXPECT_NE(table(plan).find("codedriftd approve 'prod/ap-guangzhou/default/charge:$LATEST' --sha256 " +
                             sha256("live").hex() + " --reason"),
            std::string::npos);
  plan.items[0].selected.row.state.pin = sha256("accepted");
  plan.items[0].selected.row.state.pin_where = "codedriftd.toml:7";
  EXPECT_EQ(table(plan).find("approve"), std::string::npos);
  EXPECT_NE(table(plan).find("pinned at codedriftd.toml:7"), std::string::npos);
}

TEST(Plan, SaysWhatTheAuditLogTellsOfTheChange) {
  Plan plan = plan_of({item("charge", Status::drifted)});
  plan.items[0].selected.who = "The only recorded code change of charge: \x1b.";
  EXPECT_NE(table(plan).find("      The only recorded code change of charge: \\u{1b}.\n"), std::string::npos)
      << table(plan);
}

/// The alias "live" of charge, moved.
Plan::Item moved_alias() {
  Plan::Item made = item("charge", Status::drifted);
  made.selected.row.target.qualifier = "$ALIAS.live";
  made.selected.observed_value = "version 8, k exact \"\x1b[2J\" to version 7";
  made.selected.accepted_value = "version 7";
  return made;
}

TEST(Plan, SaysWhatLayersAndAliasesAreBeforeTheCommandThatAcceptsThem) {
  Plan plan = plan_of({moved_alias()});
  const std::string text = table(plan);
  EXPECT_NE(text.find("      live: version 8, k exact \"\\u{1b}[2J\" to version 7\n      accepted: version 7\n      "
                      "codedriftd approve '"),
            std::string::npos)
      << text;
  const Json row = Json::parse(render_plan(plan, Format::json, Recorded::at(0), false)).at("rows").at(0);
  EXPECT_EQ(row.at("observed_value"), plan.items[0].selected.observed_value);
  EXPECT_EQ(row.at("accepted_value"), "version 7");
  const std::string markdown = render_plan(plan, Format::markdown, Recorded::at(0), false);
  EXPECT_NE(markdown.find("<br>live: version 8, k exact \"\\\\u\\{1b\\}\\[2J\" to version 7<br>accepted: version 7 |"),
            std::string::npos)
      << markdown;
  const std::string csv = render_plan(plan, Format::csv, Recorded::at(0), false);
  EXPECT_NE(csv.find("observed_value,accepted_value\r\n"), std::string::npos) << csv;
  EXPECT_TRUE(csv.ends_with(",\"version 8, k exact \"\"\\u{1b}[2J\"\" to version 7\",version 7\r\n")) << csv;
  EXPECT_EQ(table(plan_of({item("charge", Status::drifted)})).find("live:"), std::string::npos);
}

TEST(Plan, OfWhatIsMissingNothingIsLiveAndFieldsSayWhatWasSeenLast) {
  Plan::Item gone = item("charge", Status::missing);
  gone.selected.row.state.live = sha256("live");
  const Plan plan = plan_of({std::move(gone)});
  const std::string start = sha256("live").hex().substr(0, 12);
  EXPECT_EQ(table(plan).find(start), std::string::npos) << table(plan);
  const std::string markdown = render_plan(plan, Format::markdown, Recorded::at(0), false);
  EXPECT_EQ(markdown.find(start), std::string::npos) << markdown;
  const Json json = Json::parse(render_plan(plan, Format::json, Recorded::at(0), false));
  EXPECT_EQ(json.at("rows").at(0).at("observed_sha256"), sha256("live").hex());
}

TEST(Plan, ALayerIsNamedWithItsVersionAndHash) {
  Plan::Item layers = item("charge", Status::unreviewed);
  layers.selected.row.target.qualifier = "$LAYERS";
  layers.selected.observed_value =
      "deps:2 sha256:" + std::string(64, 'a') + "\nagent:11 sha256:" + std::string(64, 'b');
  const Plan plan = plan_of({std::move(layers)});
  EXPECT_NE(table(plan).find("      live: deps:2 aaaaaaaaaaaa, agent:11 bbbbbbbbbbbb\n"), std::string::npos)
      << table(plan);
  const std::string markdown = render_plan(plan, Format::markdown, Recorded::at(0), false);
  EXPECT_NE(markdown.find("<br>live: deps:2 " + std::string(64, 'a') + ", agent:11 " + std::string(64, 'b')),
            std::string::npos)
      << markdown;
}

TEST(Plan, ForeignWordsAreHarmlessAndColourIsAskedFor) {
  Plan plan = plan_of({item("charge", Status::unobserved, false)});
  plan.items[0].selected.row.state.last_error = PollError{"Client.Network", "\x1b[2J", ""};
  EXPECT_EQ(table(plan).find('\x1b'), std::string::npos);
  EXPECT_NE(table(plan, true).find("\x1b[33m?\x1b[0m"), std::string::npos);
}

TEST(Plan, JsonHasEveryTargetAndALimitShortensOnlyTheRows) {
  const Plan plan = plan_of({item("a", Status::in_sync), item("b", Status::drifted)});
  const Json json = Json::parse(render_plan(plan, Format::json, Recorded::at(0), false));
  EXPECT_EQ(json.at("schema"), "codedriftd.plan.v1");
  EXPECT_EQ(json.at("rows").size(), 2U);
  EXPECT_EQ(json.at("rows").at(0).size(), status_fields().size());
  const Json first = Json::parse(render_plan(plan, Format::json, Recorded::at(0), false, 1));
  EXPECT_EQ(first.at("rows").size(), 1U);
  EXPECT_EQ(first.at("rows").at(0).at("function"), "b");
  EXPECT_EQ(first.at("summary").at("selected"), 2);
  EXPECT_EQ(first.at("summary").at("in_sync"), 1);
}

}  // namespace
}  // namespace codedriftd::test
