#include "base/clock.h"

#include <gtest/gtest.h>

namespace codedriftd {
namespace {

TEST(Clock, WritesRfc3339InUtcWithThreeDecimals) {
  EXPECT_EQ(rfc3339(from_ms(0)), "1970-01-01T00:00:00.000Z");
  EXPECT_EQ(rfc3339(from_ms(1'800'000'000'123)), "2027-01-15T08:00:00.123Z");
  EXPECT_EQ(rfc3339(from_ms(-1)), "1969-12-31T23:59:59.999Z");
  EXPECT_EQ(rfc3339(from_ms(951'782'400'000)), "2000-02-29T00:00:00.000Z");
}

TEST(Clock, ReadsRfc3339WithAnyOffset) {
  struct Row {
    std::string_view text;
    int64_t ms;
  };
  for (const Row& row :
       {Row{"2027-01-15T08:00:00.123Z", 1'800'000'000'123}, Row{"2027-01-15T08:00:00Z", 1'800'000'000'000},
        Row{"2027-01-15t08:00:00z", 1'800'000'000'000}, Row{"2027-01-15 08:00:00Z", 1'800'000'000'000},
        Row{"2027-01-15T16:00:00+08:00", 1'800'000'000'000}, Row{"2027-01-15T02:30:00-05:30", 1'800'000'000'000},
        Row{"2027-01-15T08:00:00-00:00", 1'800'000'000'000}, Row{"2027-01-15T08:00:00.1Z", 1'800'000'000'100},
        Row{"2027-01-15T08:00:00.123456789Z", 1'800'000'000'123}, Row{"2016-12-31T23:59:60Z", 1'483'228'800'000}}) {
    const auto time = parse_rfc3339(row.text);
    ASSERT_TRUE(time.has_value()) << row.text;
    EXPECT_EQ(to_ms(*time), row.ms) << row.text;
  }
}

TEST(Clock, RefusesWhatIsNotRfc3339) {
  for (const std::string_view text : {"",
                                      "2027",
                                      "2027-01-15",
                                      "2027-01-15T08:00Z",
                                      "2027-01-15T08:00:00",
                                      "2027-01-15T08:00:00.Z",
                                      "2027-01-15T08:00:00.1234567890Z",
                                      "2027-13-15T08:00:00Z",
                                      "2027-00-15T08:00:00Z",
                                      "2027-02-29T08:00:00Z",
                                      "2027-01-15T24:00:00Z",
                                      "2027-01-15T08:60:00Z",
                                      "2027-01-15T08:00:61Z",
                                      "2027-01-15T08:00:00Zx",
                                      "2027-01-15T08:00:00+8:00",
                                      "2027-01-15T08:00:00+0800",
                                      "2027-01-15T08:00:00+24:00",
                                      "2027-01-15T08:00:00+08:00 ",
                                      " 2027-01-15T08:00:00Z",
                                      "+027-01-15T08:00:00Z",
                                      "2027-1-15T08:00:00Z",
                                      "2027/01/15T08:00:00Z"}) {
    EXPECT_FALSE(parse_rfc3339(text).has_value()) << text;
  }
}

TEST(Clock, ReadsHttpDates) {
  EXPECT_EQ(parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT"), from_ms(784'111'777'000));
  EXPECT_EQ(parse_http_date("Fri, 15 Jan 2027 08:00:00 GMT"), from_ms(1'800'000'000'000));
  for (const std::string_view text :
       {"", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994", "Sun, 06 Nov 1994 08:49:37 UTC",
        "Sun, 06 Nop 1994 08:49:37 GMT", "Sun, 31 Feb 1994 08:49:37 GMT", "Sun, 00 Nov 1994 08:49:37 GMT",
        "Sun, 06 Nov 1994 25:49:37 GMT", "Sun, 06 Nov 1994 08-49-37 GMT", "Sun, 06 Nov 1994 08:49:3x GMT",
        "Sun, 06 Nov 1994 08:49:37 GMT "}) {
    EXPECT_EQ(parse_http_date(text), std::nullopt) << text;
  }
}

TEST(Clock, TheSystemsClockGoesForwardAndIsOfThisCentury) {
  const SystemClock clock;
  const MonoTime first = clock.mono();
  EXPECT_GE(clock.mono(), first);
  EXPECT_GT(clock.wall(), from_ms(1'600'000'000'000));
}

TEST(Clock, MillisecondsGoBothWays) { EXPECT_EQ(to_ms(from_ms(-123)), -123); }

}  // namespace
}  // namespace codedriftd
