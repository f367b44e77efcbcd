#include "http/retry.h"

#include <gtest/gtest.h>

namespace codedriftd::test {
namespace {

TEST(ClassifyStatus, IsWhatTheContractSaysOfWebhooks) {
  for (const int status : {200, 201, 202, 204, 299})
    EXPECT_EQ(classify_status(status), StatusClass::delivered) << status;
  for (const int status : {408, 425, 429, 500, 502, 503, 504, 599, 0, 100, 600}) {
    EXPECT_EQ(classify_status(status), StatusClass::retry) << status;
  }
  for (const int status : {400, 413, 415, 422}) EXPECT_EQ(classify_status(status), StatusClass::final) << status;
  for (const int status : {401, 403, 404, 405, 407, 410, 301, 302, 308, 402, 406, 409, 418, 451}) {
    EXPECT_EQ(classify_status(status), StatusClass::refused) << status;
  }
}

TEST(ParseRetryAfter, ReadsSecondsAndDatesWithinBounds) {
  constexpr WallTime kNow{Millis{1'795'478'400'000}};  // 2026-11-24T00:00:00Z
  struct Case {
    const char* value;
    std::optional<Millis> wait;
  };
  constexpr Millis kDay = std::chrono::hours(24);
  for (const Case& c : {
           Case{"120", Millis{120'000}},
           Case{" 5\t", Millis{5'000}},
           Case{"0", Millis{1'000}},
           Case{"86400", kDay},
           Case{"86401", kDay},
           Case{"99999999999999999999999999", kDay},
           Case{"Tue, 24 Nov 2026 00:02:00 GMT", Millis{120'000}},
           Case{"Mon, 23 Nov 2026 00:00:00 GMT", Millis{1'000}},
           Case{"Tue, 24 Nov 2027 00:00:00 GMT", kDay},
           Case{"", std::nullopt},
           Case{"soon", std::nullopt},
           Case{"-5", std::nullopt},
           Case{"1.5", Millis{2'000}},
           Case{"0.001", Millis{1'000}},
           Case{"7.000", Millis{7'000}},
           Case{"86400.1", kDay},
           Case{"1.", std::nullopt},
           Case{".5", std::nullopt},
           Case{"1.5.5", std::nullopt},
           Case{"Tuesday, 24-Nov-26 00:02:00 GMT", Millis{120'000}},
           Case{"Monday, 24-Nov-25 00:02:00 GMT", Millis{1'000}},
           Case{"Tuesday, 24-Nov-77 00:02:00 GMT", Millis{1'000}},
           Case{"Tuesday, 24-Nov-2026 00:02:00 GMT", std::nullopt},
           Case{"Tuesday, 24-Nov-2x 00:02:00 GMT", std::nullopt},
           Case{"Tue Nov 24 00:02:00 2026", Millis{120'000}},
           Case{"Wed Dec  2 00:00:00 2026", kDay},
           Case{"Sun Nov  1 00:00:00 2026", Millis{1'000}},
           Case{"Tue Nov 24 00:02:00 20x6", std::nullopt},
           Case{"1795478520", Millis{120'000}},
           Case{"1795478400", Millis{1'000}},
           Case{"1795470000", Millis{1'000}},
           Case{"1795478520.5", Millis{120'000}},
           Case{"1895478520", kDay},
           Case{"9223372036854775807", kDay},
           Case{"5 s", std::nullopt},
       }) {
    EXPECT_EQ(parse_retry_after(c.value, kNow), c.wait) << '"' << c.value << '"';
  }
}

}  // namespace
}  // namespace codedriftd::test
