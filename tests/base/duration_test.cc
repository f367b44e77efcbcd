#include "base/duration.h"

#include <gtest/gtest.h>

namespace codedriftd {
namespace {

TEST(Duration, IsANumberAndAUnit) {
  struct Row {
    std::string_view text;
    int64_t ms;
  };
  for (const Row& row :
       {Row{"500ms", 500}, Row{"90s", 90'000}, Row{"15m", 900'000}, Row{"24h", 86'400'000}, Row{"7d", 604'800'000},
        Row{"0", 0}, Row{"0s", 0}, Row{"3660d", 316'224'000'000}, Row{"1w", 604'800'000}, Row{"1h30m", 5'400'000},
        Row{"1d12h", 129'600'000}, Row{"1s500ms", 1'500}}) {
    EXPECT_EQ(parse_duration(row.text), Millis{row.ms}) << row.text;
  }
}

TEST(Duration, IsNothingElse) {
  for (const std::string_view text : {"",
                                      "5",
                                      "s",
                                      "-5s",
                                      "-0",
                                      "-0s",
                                      "+5s",
                                      "5 s",
                                      " 5s",
                                      "5s ",
                                      "1.5h",
                                      "5S",
                                      "5sec",
                                      "30s5m",
                                      "5m5m",
                                      "1h30",
                                      "1h-30m",
                                      "3661d",
                                      "99999999999999999999s",
                                      "9223372036854775807d",
                                      "0x5s"}) {
    EXPECT_EQ(parse_duration(text), std::nullopt) << text;
  }
}

TEST(Duration, IsWrittenInTheShortestExactForm) {
  struct Row {
    int64_t ms;
    std::string_view text;
  };
  for (const Row& row : {Row{0, "0"}, Row{1, "1ms"}, Row{1'500, "1500ms"}, Row{90'000, "90s"}, Row{300'000, "5m"},
                         Row{3'600'000, "1h"}, Row{86'400'000, "1d"}, Row{90'000'000, "25h"}}) {
    EXPECT_EQ(format_duration(Millis{row.ms}), row.text);
    EXPECT_EQ(parse_duration(format_duration(Millis{row.ms})), Millis{row.ms});
  }
}

}  // namespace
}  // namespace codedriftd
