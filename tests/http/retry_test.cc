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
           Case{"1.5", std::nullopt},
           Case{"5 s", std::nullopt},
       }) {
    EXPECT_EQ(parse_retry_after(c.value, kNow), c.wait) << '"' << c.value << '"';
  }
}

}  // namespace
}  // namespace codedriftd::test
