#include "http_sink/answer.h"

#include <gtest/gtest.h>

#include <string>

namespace codedriftd::http_sink {
namespace {

HttpResponse with_status(int status, std::string body = {}, std::vector<HttpHeader> headers = {}) {
  HttpResponse response;
  response.status = status;
  response.body = std::move(body);
  response.headers = std::move(headers);
  return response;
}

TEST(JudgeStatus, SortsStatusesAsTheContractSays) {
  const std::pair<codedriftd_result, std::vector<int>> table[] = {
      {CODEDRIFTD_DELIVERED, {200, 201, 202, 204, 299}},
      {CODEDRIFTD_RETRY, {408, 425, 429, 500, 501, 502, 503, 504, 599}},
      {CODEDRIFTD_REJECTED, {400, 413, 415, 422}},
      {CODEDRIFTD_DESTINATION_REFUSED, {301, 302, 307, 308, 401, 403, 404, 405, 407, 410}}};
  for (const auto& [result, statuses] : table) {
    for (const int status : statuses) {
      const Outcome outcome = judge_status(with_status(status), {}, {});
      EXPECT_EQ(outcome.result, result) << status;
      EXPECT_EQ(outcome.status, status);
      EXPECT_TRUE(outcome.text.starts_with("HTTP " + std::to_string(status))) << outcome.text;
    }
  }
}

TEST(JudgeStatus, NoAnswerIsARetryWhateverTheReason) {
  for (const HttpFailure failure : {HttpFailure::timeout, HttpFailure::network, HttpFailure::tls,
                                    HttpFailure::too_large, HttpFailure::protocol, HttpFailure::cancelled}) {
    HttpResponse response;
    response.failure = failure;
    response.failure_text = "https://hooks.example.com: it failed";
    const Outcome outcome = judge_status(response, {}, {});
    EXPECT_EQ(outcome.result, CODEDRIFTD_RETRY);
    EXPECT_EQ(outcome.status, 0);
    EXPECT_EQ(outcome.text, std::string(to_string(failure)) + ": https://hooks.example.com: it failed");
  }
  HttpResponse never_sent;
  never_sent.failure = HttpFailure::refused;
  EXPECT_EQ(judge_status(never_sent, {}, {}).result, CODEDRIFTD_DESTINATION_REFUSED);
}

TEST(JudgeStatus, ABodyTooLongToReadLeavesTheStatusAsItWas) {
  HttpResponse response;
  response.failure = HttpFailure::too_large;
  response.failure_text = "the body went over the cap";
  response.status_before_body = 200;
  EXPECT_EQ(judge_status(response, {}, {}).result, CODEDRIFTD_DELIVERED);
  EXPECT_EQ(judge_status(response, {}, {}).status, 200);
  response.status_before_body = 503;
  EXPECT_EQ(judge_status(response, {}, {}).result, CODEDRIFTD_RETRY);
}

TEST(JudgeStatus, RetryAfterIsPassedOnWithRetriesOnly) {
  EXPECT_EQ(judge_status(with_status(429, "", {{"retry-after", "120"}}), {}, {}).retry_after_ms, 120'000U);
  EXPECT_EQ(judge_status(with_status(503, "", {{"retry-after", "99999999999"}}), {}, {}).retry_after_ms, 86'400'000U);
  EXPECT_EQ(judge_status(with_status(429, "", {{"retry-after", "soon"}}), {}, {}).retry_after_ms, 0U);
  EXPECT_EQ(judge_status(with_status(429), {}, {}).retry_after_ms, 0U);
  EXPECT_EQ(judge_status(with_status(404, "", {{"retry-after", "120"}}), {}, {}).retry_after_ms, 0U);
}

TEST(JudgeStatus, ShowsTheBeginningOfTheAnswerClean) {
  EXPECT_EQ(judge_status(with_status(500, "  oh no \r\n"), {}, {}).text, "HTTP 500: oh no");
  EXPECT_EQ(judge_status(with_status(500, " \n "), {}, {}).text, "HTTP 500");
  EXPECT_EQ(judge_status(with_status(500, "\xff!"), {}, {}).text, "HTTP 500: \uFFFD!");
  EXPECT_EQ(judge_status(with_status(500, std::string(60'000, 'x')), {}, {}).text,
            "HTTP 500: " + std::string(512, 'x'));
  EXPECT_EQ(judge_status(with_status(302, ""), {}, {}).text, "HTTP 302, a redirect, which is not followed");
}

TEST(JudgeStatus, MasksSecretsAlsoWhereTheTextIsCut) {
  Mask mask;
  mask.add("fake-secret-token");
  const std::string body = std::string(505, 'x') + "fake-secret-token";
  const std::string text = judge_status(with_status(500, body), mask, {}).text;
  EXPECT_EQ(text.find("fake"), std::string::npos) << text;
  EXPECT_TRUE(text.ends_with("x***")) << text;
  HttpResponse failed;
  failed.failure = HttpFailure::network;
  failed.failure_text = "fake-secret-token: no such host";
  EXPECT_EQ(judge_status(failed, mask, {}).text, "network: ***: no such host");
}

}  // namespace
}  // namespace codedriftd::http_sink
