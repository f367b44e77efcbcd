#include "model/observation.h"

#include <gtest/gtest.h>

namespace codedriftd {
namespace {

TEST(Outcome, NamesGoBothWays) {
  struct Row {
    Outcome outcome;
    std::string_view name;
  };
  for (const Row& row :
       {Row{Outcome::observed, "observed"}, Row{Outcome::missing, "missing"}, Row{Outcome::updating, "updating"},
        Row{Outcome::denied, "denied"}, Row{Outcome::failed, "failed"}}) {
    EXPECT_EQ(to_string(row.outcome), row.name);
    EXPECT_EQ(parse_outcome(row.name), row.outcome);
  }
  EXPECT_EQ(parse_outcome("Observed"), std::nullopt);
  EXPECT_EQ(parse_outcome(""), std::nullopt);
}

}  // namespace
}  // namespace codedriftd
