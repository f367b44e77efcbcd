#include "scf/answer.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <string>

namespace codedriftd::test {
namespace {

const std::string kAnsweredHash = "5077f5203547b225b532434dd6fcf7c9897025d7581a9f3d474a7afee88bc696";
const std::string kSignedUrl = "https://cos.example/code.zip?sign=SIMULATED-URL-SECRET";

std::string success(const std::string& sha256_field) {
  return R"({"Response":{"Url":")" + kSignedUrl + R"(",)" + sha256_field + R"("RequestId":"req-1"}})";
}
std::string api_error(const std::string& code, const std::string& message = "no") {
  return R"({"Response":{"Error":{"Code":")" + code + R"(","Message":")" + message + R"("},"RequestId":"req-2"}})";
}

TEST(ReadAnswer, TakesTheHashOfEitherCase) {
  for (std::string hash :
       {kAnsweredHash, std::string("5077F5203547B225B532434DD6FCF7C9897025D7581A9F3D474A7AFEE88BC696")}) {
    const ApiAnswer answer = read_answer(success(R"("CodeSha256":")" + hash + R"(",)"));
    EXPECT_EQ(answer.observation.outcome, Outcome::observed);
    ASSERT_TRUE(answer.observation.sha256);
    EXPECT_EQ(answer.observation.sha256->hex(), kAnsweredHash);
    EXPECT_EQ(answer.observation.error, (PollError{"", "", "req-1"}));
    EXPECT_EQ(answer.observation.reason, "");
    EXPECT_FALSE(answer.retry_soon || answer.slow_down || answer.refresh_credentials);
  }
}

TEST(ReadAnswer, TakesTheLinkIfItMayBeCalledAndTheHashInAnyCase) {
  struct Case {
    const char* member;  ///< of the answer, with its comma
    const char* url;     ///< what is taken
  };
  for (const Case& c : {
           Case{R"("Url":"https://b.cos.example/f_LATEST.zip?q-signature=SIMULATED-URL-SECRET&q-key-time=1;2",)",
                "https://b.cos.example/f_LATEST.zip?q-signature=SIMULATED-URL-SECRET&q-key-time=1;2"},
           Case{R"("Url":"https:\/\/b.cos.example\/f.zip?a=\u0062",)", "https://b.cos.example/f.zip?a=b"},
           Case{R"("Url":"http://127.0.0.1:8080/f.zip?s=1",)", "http://127.0.0.1:8080/f.zip?s=1"},
           Case{"", ""},
           Case{R"("Url":"",)", ""},
           Case{R"("Url":null,)", ""},
           Case{R"("Url":7,)", ""},
           Case{R"("Url":["https://b.cos.example/f.zip"],)", ""},
           Case{R"("Url":"http://b.cos.example/f.zip?s=1",)", ""},
           Case{R"("Url":"ftp://b.cos.example/f.zip",)", ""},
           Case{R"("Url":"file:///etc/passwd",)", ""},
           Case{R"("Url":"https://me:pass@b.cos.example/f.zip",)", ""},
           Case{R"("Url":"https://b.cos.example/f.zip?a=\u0000",)", ""},
           Case{R"("Url":"https://b.cos.example/f.zip\r\nHost: x",)", ""},
           Case{R"("Url":"b.cos.example/f.zip",)", ""},
       }) {
    SCOPED_TRACE(c.member);
    const ApiAnswer answer = read_answer(
        fmt::format(R"({{"Response":{{{}"CodeSha256":"{}","RequestId":"req-1"}}}})", c.member, kAnsweredHash));
    EXPECT_EQ(answer.observation.outcome, Outcome::observed);
    EXPECT_EQ(answer.observation.sha256, Sha256::from_hex(kAnsweredHash));
    EXPECT_EQ(answer.url.reveal(), c.url);
  }
}

TEST(ReadAnswer, TakesNoLinkWithoutAHash) {
  EXPECT_TRUE(read_answer(success("")).url.empty());
  EXPECT_TRUE(read_answer(success(R"("Error":{"Code":"InternalError","Message":"m"},)")).url.empty());
  EXPECT_TRUE(read_answer(success(R"("CodeSha256":")" + kAnsweredHash + R"(",)"), 500).url.empty());
}

TEST(ReadAnswer, CallsEverythingElseABadAnswer) {
  const std::string bad[] = {
      "",
      "{}",
      "[]",
      "null",
      "\"Response\"",
      "<html>",
      R"({"Response":null})",
      R"({"Response":[]})",
      R"({"Response":{"RequestId":"x"}})",
      R"({"Response":{"RequestId":"x"}} trailing)",
      R"({"Response":{"RequestId":"x")",
      success(""),
      success(R"("CodeSha256":"",)"),
      success(R"("CodeSha256":null,)"),
      success(R"("CodeSha256":7,)"),
      success(R"("CodeSha256":["a"],)"),
      success(R"("CodeSha256":")" + kAnsweredHash.substr(1) + R"(",)"),
      success(R"("CodeSha256":")" + kAnsweredHash + R"(0",)"),
      success(R"("CodeSha256":"g)" + kAnsweredHash.substr(1) + R"(",)"),
      success(R"("CodeSha256":" )" + kAnsweredHash.substr(1) + R"(",)"),
      success(R"("CodeSha256":")" + kAnsweredHash + R"(","Other":"\xff",)"),
      success(R"("CodeSha256":"\uD800",)"),
      success(R"("CodeSha256":")" + kAnsweredHash + R"(","Deep":)" + std::string(2000, '[') + std::string(2000, ']') +
              ","),
      R"({"Response":{"Error":{},"RequestId":"x"}})",
      R"({"Response":{"Error":null,"CodeSha256":")" + kAnsweredHash + R"("}})",
      R"({"Response":{"Error":{"Code":""}}})",
      R"({"Response":{"Error":{"Code":7}}})",
      api_error("Client.Clock"),
      api_error("two words"),
      api_error(std::string(200, 'A')),
      std::string("\0", 1),
  };
  for (const std::string& body : bad) {
    SCOPED_TRACE(body.substr(0, 200));
    const ApiAnswer answer = read_answer(body);
    EXPECT_EQ(answer.observation.outcome, Outcome::failed);
    EXPECT_EQ(answer.observation.error.code, "Client.BadAnswer");
    EXPECT_EQ(answer.observation.reason, "failed");
    EXPECT_FALSE(answer.observation.sha256);
    EXPECT_FALSE(answer.observation.error.message.empty());
    EXPECT_EQ(answer.observation.error.message.find("SIMULATED-URL-SECRET"), std::string::npos);
  }
}

TEST(ReadAnswer, TakesTheErrorWhereThereIsBothAnErrorAndAHash) {
  const ApiAnswer answer = read_answer(R"({"Response":{"CodeSha256":")" + kAnsweredHash +
                                       R"(","Error":{"Code":"InternalError","Message":"m"},"RequestId":"r"}})");
  EXPECT_EQ(answer.observation.error, (PollError{"InternalError", "m", "r"}));
  EXPECT_FALSE(answer.observation.sha256);
}

TEST(ReadAnswer, CleansForeignText) {
  const ApiAnswer answer = read_answer(api_error("InternalError", std::string(5000, 'x') + "\\u001b[31m"));
  EXPECT_EQ(answer.observation.error.message, std::string(1000, 'x'));
  EXPECT_EQ(answer.observation.error.request_id, "req-2");
}

TEST(ReadAnswer, BelievesTheApisErrorUnderAnyHttpStatus) {
  const ApiAnswer answer = read_answer(api_error("ResourceNotFound.Function"), 404);
  EXPECT_EQ(answer.observation.outcome, Outcome::missing);
  EXPECT_EQ(answer.observation.error.code, "ResourceNotFound.Function");
}

TEST(ReadAnswer, NamesTheHttpStatusWhereThereIsNoReadableError) {
  struct Case {
    int status;
    bool retry_soon, slow_down;
  };
  for (const Case& c :
       {Case{302, false, false}, Case{403, false, false}, Case{408, true, false}, Case{429, true, true},
        Case{500, true, false}, Case{502, true, false}, Case{503, true, false}, Case{201, false, false}}) {
    SCOPED_TRACE(c.status);
    const ApiAnswer answer = read_answer(success(R"("CodeSha256":")" + kAnsweredHash + R"(",)"), c.status);
    EXPECT_EQ(answer.observation.outcome, Outcome::failed);
    EXPECT_EQ(answer.observation.error.code, "Client.HttpStatus");
    EXPECT_NE(answer.observation.error.message.find(std::to_string(c.status)), std::string::npos);
    EXPECT_EQ(answer.retry_soon, c.retry_soon);
    EXPECT_EQ(answer.slow_down, c.slow_down);
    EXPECT_FALSE(answer.observation.sha256) << "a hash counts only with status 200";
  }
}

constexpr WallTime kNow{Millis{1'795'478'400'000}};  // 2026-11-24T00:00:00Z

HttpResponse response_of(std::string body, std::string date) {
  HttpResponse response;
  response.status = 200;
  response.body = std::move(body);
  response.headers = {{"date", std::move(date)}};
  response.took = Millis{1000};
  return response;
}

TEST(AnswerOf, ReportsTheClocksErrorFromTheDate) {
  const std::string body = success(R"("CodeSha256":")" + kAnsweredHash + R"(",)");
  // Written half a second before; a Date is cut to whole seconds, half a second on average.
  EXPECT_EQ(answer_of(response_of(body, "Mon, 23 Nov 2026 23:59:59 GMT"), kNow).clock_error, Millis{0});
  EXPECT_EQ(answer_of(response_of(body, "Tue, 24 Nov 2026 01:00:00 GMT"), kNow).clock_error, Millis{-3'601'000});
  EXPECT_EQ(answer_of(response_of(body, "yesterday"), kNow).clock_error, std::nullopt);
  EXPECT_EQ(answer_of(response_of(body, "Tue, 24 Nov 2026 01:00:00 GMT"), kNow).observation.outcome, Outcome::observed);
  EXPECT_EQ(answer_of(response_of(body, ""), kNow).took, Millis{1000});
}

TEST(AnswerOf, BlamesTheClockOnlyWhereTheDateShowsIt) {
  const std::string expired = api_error("AuthFailure.SignatureExpire");
  const ApiAnswer ahead = answer_of(response_of(expired, "Mon, 23 Nov 2026 23:50:00 GMT"), kNow);
  EXPECT_EQ(ahead.observation.error.code, "Client.Clock");
  EXPECT_EQ(ahead.observation.outcome, Outcome::denied);
  EXPECT_EQ(ahead.observation.reason, "clock");
  EXPECT_TRUE(ahead.observation.account_cause);
  EXPECT_NE(ahead.observation.error.message.find("599 s ahead of"), std::string::npos)
      << ahead.observation.error.message;
  EXPECT_EQ(ahead.observation.error.request_id, "req-2");
  EXPECT_EQ(ahead.took, Millis{1000});
  EXPECT_TRUE(ahead.clock_error);

  const ApiAnswer behind = answer_of(response_of(expired, "Tue, 24 Nov 2026 01:00:00 GMT"), kNow);
  EXPECT_NE(behind.observation.error.message.find("3601 s behind"), std::string::npos)
      << behind.observation.error.message;

  for (const char* date : {"Tue, 24 Nov 2026 00:04:00 GMT", "", "nonsense"}) {
    const ApiAnswer unproven = answer_of(response_of(expired, date), kNow);
    EXPECT_EQ(unproven.observation.error.code, "AuthFailure.SignatureExpire") << date;
    EXPECT_EQ(unproven.observation.outcome, Outcome::denied) << date;
  }
}

TEST(AnswerOf, NamesWhatWentWrongOnTheWay) {
  struct Case {
    HttpFailure failure;
    const char* code;
    bool retry_soon;
  };
  for (const Case& c :
       {Case{HttpFailure::timeout, "Client.Timeout", true}, Case{HttpFailure::network, "Client.Network", true},
        Case{HttpFailure::protocol, "Client.Network", true}, Case{HttpFailure::tls, "Client.Tls", false},
        Case{HttpFailure::unusable, "Client.Tls", false}, Case{HttpFailure::too_large, "Client.TooLarge", false},
        Case{HttpFailure::refused, "Client.Network", false}}) {
    HttpResponse response;
    response.failure = c.failure;
    response.failure_text = "https://scf.example: why";
    const ApiAnswer answer = answer_of(response, kNow);
    EXPECT_EQ(answer.observation.error, (PollError{c.code, "https://scf.example: why", ""}));
    EXPECT_EQ(answer.observation.outcome, Outcome::failed) << c.code;
    EXPECT_EQ(answer.retry_soon, c.retry_soon) << c.code;
    EXPECT_EQ(answer.clock_error, std::nullopt);
  }
}

}  // namespace
}  // namespace codedriftd::test
