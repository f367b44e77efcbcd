#include <gtest/gtest.h>

#include "alert_samples.h"
#include "alertmanager/request.h"

namespace codedriftd::alertmanager {
namespace {

std::unique_ptr<http_sink::Destination> opened(const std::string& config) {
  auto destination = open(config);
  EXPECT_TRUE(destination) << destination.error().message;
  return std::move(*destination);
}

TEST(Alertmanager, PostsToTheApiUnderItsAddress) {
  EXPECT_EQ(api_url("https://am.example.com", "alerts"), "https://am.example.com/api/v2/alerts");
  EXPECT_EQ(api_url("https://am.example.com/", "alerts"), "https://am.example.com/api/v2/alerts");
  EXPECT_EQ(api_url("https://example.com/am//", "status"), "https://example.com/am/api/v2/status");
  const auto destination = opened(R"({"url":"https://am.example.com/am","authorization":"Bearer fake-token-1"})");
  const std::string json = test::alert_json("drift.detected").dump();
  const auto request = destination->make_request({"alertid1", json}, 0, WallTime{});
  ASSERT_TRUE(request);
  EXPECT_EQ(request->method, "POST");
  EXPECT_EQ(request->url, "https://am.example.com/am/api/v2/alerts");
  EXPECT_EQ(Json::parse(request->body)[0]["labels"]["alertname"], "CodeDrift");
  EXPECT_EQ(destination->make_probe().method, "GET");
  EXPECT_EQ(destination->make_probe().url, "https://am.example.com/am/api/v2/status");
  EXPECT_FALSE(destination->make_request({"alertid1", "[]"}, 0, WallTime{}));
}

TEST(Alertmanager, HoldsAsLongAsConfigured) {
  const auto destination = opened(R"({"url":"https://am.example.com","hold_h":30,"heartbeat_hold_h":2})");
  const auto ends = [&](const char* kind) {
    const auto request = destination->make_request({"alertid1", test::alert_json(kind).dump()}, 0, WallTime{});
    return Json::parse(request->body)[0]["endsAt"].get<std::string>();
  };
  EXPECT_EQ(ends("drift.detected"), "2026-11-25T09:04:05.678Z");
  EXPECT_EQ(ends("heartbeat"), "2026-11-24T05:04:05.678Z");
}

TEST(Alertmanager, SortsItsAnswers) {
  const auto destination = opened(R"({"url":"https://am.example.com"})");
  const std::pair<int, codedriftd_result> table[] = {{200, CODEDRIFTD_DELIVERED},
                                                     {400, CODEDRIFTD_REJECTED},
                                                     {401, CODEDRIFTD_DESTINATION_REFUSED},
                                                     {404, CODEDRIFTD_DESTINATION_REFUSED},
                                                     {429, CODEDRIFTD_RETRY},
                                                     {500, CODEDRIFTD_RETRY},
                                                     {503, CODEDRIFTD_RETRY}};
  for (const auto& [status, result] : table) {
    HttpResponse response;
    response.status = status;
    EXPECT_EQ(destination->judge(response, WallTime{}).result, result) << status;
  }
}

TEST(Alertmanager, ThePathOfItsAddressIsASecret) {
  const auto destination = opened(R"({"url":"https://am.example.com/t0/fakefake/"})");
  HttpResponse response;
  response.status = 500;
  response.body = "no route for /t0/fakefake/api/v2/alerts";
  EXPECT_EQ(destination->judge(response, WallTime{}).text, "HTTP 500: no route for ***api/v2/alerts");
}

TEST(Alertmanager, RefusesAnAddressThatNothingCanBePutBehind) {
  for (const char* url : {"https://am.example.com/?a=b", "https://am.example.com/#x", "ftp://am.example.com", ""}) {
    EXPECT_FALSE(open(Json{{"url", url}}.dump())) << url;
  }
  EXPECT_FALSE(open("[]"));
}

}  // namespace
}  // namespace codedriftd::alertmanager
