#include "scf/actions.h"

#include <gtest/gtest.h>

#include <set>
#include <vector>

namespace codedriftd::test {
namespace {

struct ActionRow {
  Action action;
  const char* name;
  double limit;
  bool documented;
};

TEST(Actions, HaveTheNamesAndLimitsOfTheDocumentation) {
  const std::vector<ActionRow> rows{
      {Action::get_function_address, "GetFunctionAddress", 20, true},
      {Action::get_account, "GetAccount", 20, true},
      {Action::list_namespaces, "ListNamespaces", 20, false},
      {Action::list_functions, "ListFunctions", 100, true},
      {Action::list_versions, "ListVersionByFunction", 20, true},
      {Action::list_aliases, "ListAliases", 20, true},
      {Action::get_alias, "GetAlias", 20, true},
      {Action::get_function, "GetFunction", 100, true},
      {Action::get_layer_version, "GetLayerVersion", 20, false},
      {Action::describe_events, "DescribeEvents", 20, true},
  };
  ASSERT_EQ(rows.size(), kAllActions.size());
  std::set<Action> seen(kAllActions.begin(), kAllActions.end());
  EXPECT_EQ(seen.size(), kAllActions.size());
  for (const ActionRow& row : rows) {
    SCOPED_TRACE(row.name);
    const ActionTraits& found = traits(row.action);
    EXPECT_EQ(found.name, row.name);
    EXPECT_EQ(found.documented_limit, row.limit);
    EXPECT_EQ(found.documented, row.documented);
    const bool audit = row.action == Action::describe_events;
    EXPECT_EQ(found.service, audit ? "cloudaudit" : "scf");
    EXPECT_EQ(found.version, audit ? "2019-03-19" : "2018-04-16");
    EXPECT_EQ(seen.erase(row.action), 1U);
  }
}

TEST(Actions, OfAPollBeginWithTheOneThatIsMadeOnce) {
  const auto of = [](TargetKind kind) {
    const auto actions = actions_of(kind);
    return std::vector<Action>(actions.begin(), actions.end());
  };
  EXPECT_EQ(of(TargetKind::code), std::vector<Action>{Action::get_function_address});
  EXPECT_EQ(of(TargetKind::layers), (std::vector<Action>{Action::get_function, Action::get_layer_version}));
  EXPECT_EQ(of(TargetKind::image), std::vector<Action>{Action::get_function});
  EXPECT_EQ(of(TargetKind::alias), std::vector<Action>{Action::get_alias});
}

}  // namespace
}  // namespace codedriftd::test
