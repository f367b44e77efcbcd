#include "commands/options/plan_options.h"

#include <gtest/gtest.h>

namespace codedriftd {
namespace {

using Args = std::vector<std::string>;

TEST(PlanOptions, AreReadAsWritten) {
  const auto plan = parse_plan({"charge", "--target", "prod/*", "--status=drifted", "--refresh=false", "--out",
                                "a.plan", "-o", "a.txt", "--format", "markdown", "--limit", "3", "--detailed-exitcode"},
                               WallTime{});
  ASSERT_TRUE(plan.ok()) << plan.error().message;
  EXPECT_EQ(plan->selection.names, Args{"charge"});
  EXPECT_EQ(plan->selection.targets, Args{"prod/*"});
  EXPECT_EQ(plan->selection.statuses, Args{"drifted"});
  EXPECT_EQ(plan->selection.limit, 3);
  EXPECT_FALSE(plan->refresh);
  EXPECT_EQ(plan->out_file, "a.plan");
  EXPECT_EQ(plan->file, "a.txt");
  EXPECT_EQ(plan->format, Format::markdown);
  EXPECT_TRUE(plan->detailed_exit_code);
  EXPECT_TRUE(parse_plan({}, WallTime{})->refresh);
  EXPECT_TRUE(parse_plan({"--format", "csv", "--bom"}, WallTime{})->bom);
  EXPECT_FALSE(parse_plan({"--format", "csv"}, WallTime{})->bom);
  EXPECT_NE(parse_plan({"--help"}, WallTime{})->help.find("codedriftd plan --refresh=false"), std::string::npos);
}

TEST(PlanOptions, MistakesSayWhatWouldBeRight) {
  struct Case {
    Args args;
    std::string_view says;
  };
  const Case cases[] = {{{"--refresh=maybe"}, "--refresh=true or --refresh=false"},
                        {{"--out="}, "--out"},
                        {{"--al"}, "no option --al"},
                        {{"--all"}, "no longer watched"},
                        {{"--kind", "drift.*"}, "targets have no kinds"},
                        {{"--detailed-exitcod"}, "did you mean --detailed-exitcode?"},
                        {{"--status", "drifting"}, "there is no status"},
                        {{"--json", "--format", "csv"}, "contradict"},
                        {{"--bom"}, "--bom is for --format csv alone"},
                        {{"--bom", "--json"}, "--bom is for --format csv alone"},
                        {{"--format", "html"}, "is for \"query report\" alone"}};
  for (const Case& c : cases) {
    const auto plan = parse_plan(c.args, WallTime{});
    ASSERT_FALSE(plan.ok()) << c.says;
    EXPECT_NE(plan.error().message.find(c.says), std::string::npos) << plan.error().message;
  }
}

}  // namespace
}  // namespace codedriftd
