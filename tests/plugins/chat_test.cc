#include "http_sink/chat.h"

#include <gtest/gtest.h>

#include <numeric>

#include "alert_samples.h"
#include "base/text.h"

namespace codedriftd::http_sink {
namespace {

using test::alert_json;
using test::alert_of;

std::string braced(std::string_view text) { return text.empty() ? "" : "{" + std::string(text) + "}"; }
std::string angled(std::string_view text) { return text.empty() ? "" : "<" + std::string(text) + ">"; }
constexpr Markup kMarkup = {braced, angled};

std::size_t bytes(const std::vector<std::string>& lines) {
  return std::accumulate(lines.begin(), lines.end(), std::size_t{0},
                         [](std::size_t sum, const std::string& line) { return sum + line.size() + 1; });
}

TEST(Shortened, CutsBetweenCharactersAndSaysSo) {
  EXPECT_EQ(shortened("charge", 6), "charge");
  EXPECT_EQ(shortened("charges", 6), "cha…");
  EXPECT_EQ(shortened("数据数据数据", 10), "数据…");
  EXPECT_EQ(shortened("charges", 2), "");
  EXPECT_EQ(shortened("a\nb\x1b[31m", 100), "a\\u{a}b\\u{1b}[31m");
  EXPECT_EQ(shortened("\xff\xfe", 100), "\uFFFD\uFFFD");
  for (std::size_t limit = 0; limit < 40; ++limit) {
    const std::string cut = shortened("aé数\U0001F600aé数\U0001F600aé数\U0001F600", limit);
    EXPECT_LE(cut.size(), limit);
    EXPECT_TRUE(valid_utf8(cut)) << limit;
  }
}

TEST(SummaryLine, WritesTheTargetAsCode) {
  const auto line = summary_line(alert_of(alert_json("drift.detected")).own, 500, kMarkup);
  EXPECT_TRUE(line.starts_with("<prod/ap-guangzhou/default/charge:$LATEST>{ runs code")) << line;
  Json daemon = alert_json("daemon.started");
  daemon["target"] = nullptr;
  daemon["summary"] = "It started.";
  EXPECT_EQ(summary_line(alert_of(daemon).own, 500, kMarkup), "{It started.}");
}

TEST(FactLines, TellWhatTheAlertHasAndNothingElse) {
  const auto lines = fact_lines(alert_of(alert_json("drift.detected")), kMarkup);
  const std::vector<std::string> expected = {
      "target: <prod/ap-guangzhou/default/charge:$LATEST>", "observed: <" + test::kObserved + ">",
      "accepted: <" + test::kAccepted + ">", "drift since: {2026-11-24T03:00:00.000Z}",
      "time: {2026-11-24T03:04:05.678Z}"};
  EXPECT_EQ(lines, expected);
  Json more = alert_json("drift.resolved");
  more["event_ids"] = {"e1", "e2", "e3"};
  more["actor"] = "uid:1001(alice)";
  more["next_step"] = "codedriftd plan";
  more["link"] = "https://console.example/charge";
  more["error"] = {{"code", "Client.Timeout"}, {"message", "no answer"}, {"request_id", nullptr}};
  const auto longer = fact_lines(alert_of(more), kMarkup);
  EXPECT_NE(std::find(longer.begin(), longer.end(), "error: {Client.Timeout: no answer}"), longer.end());
  EXPECT_NE(std::find(longer.begin(), longer.end(), "next: <codedriftd plan>"), longer.end());
  EXPECT_NE(std::find(longer.begin(), longer.end(), "see: {https://console.example/charge}"), longer.end());
  EXPECT_NE(std::find(longer.begin(), longer.end(), "by: {uid:1001(alice)}"), longer.end());
  EXPECT_NE(std::find(longer.begin(), longer.end(), "stands for: {3 events}"), longer.end());
}

TEST(ItemLines, NameEveryTargetAndShortenTheLinesBeforeTheNames) {
  const Alert alert = alert_of(test::digest_json(50));
  struct Case {
    std::size_t limit;
    const char* first;  ///< the beginning of the first line
  };
  constexpr Case kCases[] = {{100'000, "<prod/ap-guangzhou/default/charge-0:$LATEST> {drift.detected}: {runs code"},
                             {4'000, "<prod/ap-guangzhou/default/charge-0:$LATEST> {drift.detected}"},
                             {3'000, "<prod/ap-guangzhou/default/charge-0:$LATEST>"},
                             {1'200, "<charge-0:$LATEST>"},
                             {700, "<charge-0>"}};
  std::size_t longest = 1'000'000;
  for (const Case& c : kCases) {
    const auto lines = item_lines(alert, c.limit, kMarkup);
    ASSERT_EQ(lines.size(), 50U) << c.limit;
    EXPECT_LE(bytes(lines), c.limit);
    EXPECT_TRUE(lines[0].starts_with(c.first)) << lines[0];
    EXPECT_LT(lines[0].size(), longest);
    longest = lines[0].size();
  }
}

TEST(ItemLines, FiftyOfTheLongestNamesFitIntoWhatTheSmallestReceiverTakes) {
  const Alert alert = alert_of(test::digest_json(50, std::string(62, 'x')));
  const auto lines = item_lines(alert, 3'700, kMarkup);
  EXPECT_EQ(lines.size(), 50U);
  EXPECT_LE(bytes(lines), 3'700U);
  EXPECT_TRUE(lines[0].starts_with("<xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx")) << lines[0];
  EXPECT_LE(bytes(item_lines(alert, 900, kMarkup)), 900U);
}

TEST(ItemLines, SayHowManyMoreThereAre) {
  const auto lines = item_lines(alert_of(test::digest_json(73)), 100'000, kMarkup);
  ASSERT_EQ(lines.size(), 51U);
  EXPECT_EQ(lines.back(), "and 23 more");
}

TEST(ItemLines, WhatHasNoTargetGoesByItsKind) {
  Json json = test::digest_json(1);
  json["items"][0]["target"] = nullptr;
  json["items"][0]["summary"] = "It went.";
  EXPECT_EQ(item_lines(alert_of(json), 1000, kMarkup).at(0), "{drift.detected}: {It went.}");
  EXPECT_EQ(item_lines(alert_of(json), 20, kMarkup).at(0), "{drift.detected}");
}

TEST(Joined, KeepsWholeLinesWithinTheLimit) {
  EXPECT_EQ(joined({"aaa", "bbb", "c"}, 7), "aaa\nbbb");
  EXPECT_EQ(joined({"aaa", "bbbbbb", "c"}, 7), "aaa\nc");
  EXPECT_EQ(joined({}, 7), "");
}

TEST(ReadAlert, RefusesWhatIsNoAlert) {
  for (const char* json : {"", "[]", "{", "{}", R"({"id":"i","kind":"k","time":"t"})"}) EXPECT_FALSE(read_alert(json));
  EXPECT_TRUE(read_alert(R"({"id":"i","kind":"k","time":"t","instance":"o","target":7,"items":{},"heartbeat":[],)"
                         R"("error":"x","summary":1,"event_ids":null})"));
}

}  // namespace
}  // namespace codedriftd::http_sink
