#include "support/simulated_scf.h"

#include <gtest/gtest.h>

#include <thread>

#include "base/json.h"
#include "support/process.h"
#include "support/scf_client.h"
#include "support/tls_files.h"

namespace codedriftd::test {
namespace {

const std::string kSha(64, 'a');

std::string host_of(const SimulatedScf& scf) { return "127.0.0.1:" + std::to_string(scf.port()); }

/// One request over a connection of its own.
RawReply exchange(const SimulatedScf& scf, ScfClientRequest request) {
  Headers headers = signed_headers(request, host_of(scf));
  headers.emplace_back("Connection", "close");
  return raw_exchange(scf.port(), http_post(headers, request.body));
}

Json response_of(const RawReply& reply) {
  const std::size_t body = reply.bytes.find("\r\n\r\n");
  if (body == std::string::npos) return {};
  const Json parsed = Json::parse(reply.bytes.substr(body + 4), nullptr, false);
  return parsed.is_object() ? parsed.value("Response", Json()) : Json();
}

std::string answered_code(const SimulatedScf& scf, ScfClientRequest request) {
  const Json response = response_of(exchange(scf, std::move(request)));
  if (!response.is_object()) return "no answer";
  return response.contains("Error") ? response["Error"].value("Code", "") : "ok";
}

TEST(SimulatedScf, AnswersAKnownFunctionWithItsHashAndASecretUrl) {
  SimulatedScf scf;
  scf.set(kChargeKey, kSha);
  const RawReply reply = exchange(scf, {.body = kChargeBody});
  EXPECT_TRUE(reply.bytes.starts_with("HTTP/1.1 200 OK\r\n"));
  EXPECT_NE(reply.bytes.find("\r\nDate: "), std::string::npos);
  const Json response = response_of(reply);
  EXPECT_EQ(response.value("CodeSha256", ""), kSha);
  EXPECT_NE(response.value("Url", "").find(kUrlSecret), std::string::npos);
  EXPECT_EQ(response.value("RequestId", "").size(), 36u);
}

TEST(SimulatedScf, TellsNamespacesQualifiersAndRegionsApart) {
  SimulatedScf scf;
  scf.set("ap-beijing/shop/charge:3", kSha);
  const std::string body = R"({"FunctionName":"charge","Namespace":"shop","Qualifier":"3"})";
  EXPECT_EQ(answered_code(scf, {.region = "ap-beijing", .body = body}), "ok");
  EXPECT_EQ(answered_code(scf, {.region = "ap-shanghai", .body = body}), "ResourceNotFound.Namespace");
  EXPECT_EQ(answered_code(scf, {.region = "ap-beijing", .body = kChargeBody}), "ResourceNotFound.Function");
  scf.remove("ap-beijing/shop/charge:3");
  EXPECT_EQ(answered_code(scf, {.region = "ap-beijing", .body = body}), "ResourceNotFound.Function");
}

TEST(SimulatedScf, NamesEachMistakeInARequest) {
  SimulatedScf scf;
  scf.set(kChargeKey, kSha);
  const struct {
    const char* code;
    ScfClientRequest request;
  } cases[] = {
      {"UnknownParameter", {.body = R"({"FunctionName":"charge","Qualifer":"1"})"}},
      {"MissingParameter", {.body = "{}"}},
      {"InvalidParameter", {.body = R"({"FunctionName":7})"}},
      {"InvalidParameterValue", {.body = R"({"FunctionName":"charge","Namespace":""})"}},
      {"InvalidParameter.Payload", {.body = "[]"}},
      {"InvalidParameter.Payload", {.body = "{"}},
      {"InvalidAction", {.action = "UpdateFunctionCode", .body = kChargeBody}},
      {"NoSuchVersion", {.version = "2017-03-12", .body = kChargeBody}},
      {"UnsupportedRegion", {.region = "mars", .body = kChargeBody}},
      {"MissingParameter", {.region = "", .body = kChargeBody}},
      {"InvalidRequest", {.content_type = "text/plain", .body = kChargeBody}},
      {"AuthFailure.SecretIdNotFound", {.body = kChargeBody, .credential = {"OTHER", "KEY", ""}}},
  };
  for (const auto& one : cases) EXPECT_EQ(answered_code(scf, one.request), one.code) << one.request.body;
  EXPECT_EQ(scf.statistics().rejected, std::size(cases));
  EXPECT_EQ(scf.statistics().accepted, 0u);
}

TEST(SimulatedScf, CarriesManyRequestsOverOneConnection) {
  SimulatedScf scf;
  scf.set(kChargeKey, kSha);
  const std::string one = http_post(signed_headers({.body = kChargeBody}, host_of(scf)), kChargeBody);
  ScfClientRequest last{.body = kChargeBody};
  Headers closing = signed_headers(last, host_of(scf));
  closing.emplace_back("Connection", "close");
  const RawReply reply = raw_exchange(scf.port(), one + one + http_post(closing, kChargeBody));
  EXPECT_TRUE(reply.closed);
  EXPECT_EQ(scf.statistics().accepted, 3u);
  EXPECT_EQ(scf.statistics().connections, 1u);
  EXPECT_EQ(scf.statistics().by_target.at(kChargeKey), 3u);
}

TEST(SimulatedScf, RefusesWhatIsOverTheLimitOfASecondAndCountsOnlyTheRest) {
  SimulatedScf scf({.requests_per_second = 3});
  scf.set(kChargeKey, kSha);
  int refused = 0;
  for (int i = 0; i < 5; ++i)
    refused += answered_code(scf, {.body = kChargeBody}) == "RequestLimitExceeded.UinLimitExceeded";
  const ScfStatistics statistics = scf.statistics();
  EXPECT_EQ(refused, 2);
  EXPECT_EQ(statistics.refused, 2u);
  EXPECT_EQ(statistics.accepted, 3u);
  EXPECT_EQ(statistics.busiest_second, 3u);
  EXPECT_EQ(statistics.busiest_second_sent, 5u);
  EXPECT_EQ(answered_code(scf, {.region = "ap-beijing", .body = kChargeBody}), "ResourceNotFound.Function")
      << "another region has a limit of its own";
  scf.set_rate(0);
  EXPECT_EQ(answered_code(scf, {.body = kChargeBody}), "ok");
}

TEST(SimulatedScf, AnswersWithScriptedErrorsAsOftenAsTold) {
  SimulatedScf scf;
  scf.set(kChargeKey, kSha);
  scf.set_error("*", "InternalError.System");
  scf.set_error(kChargeKey, "FailedOperation.FunctionStatusError", "deploying", 1);
  EXPECT_EQ(answered_code(scf, {.body = kChargeBody}), "FailedOperation.FunctionStatusError");
  EXPECT_EQ(answered_code(scf, {.body = kChargeBody}), "InternalError.System");
  EXPECT_EQ(answered_code(scf, {.body = kChargeBody}), "InternalError.System");
  scf.set_error("*", "");
  EXPECT_EQ(answered_code(scf, {.body = kChargeBody}), "ok");
}

TEST(SimulatedScf, WaitsBeforeAndAfterCounting) {
  SimulatedScf scf;
  scf.set(kChargeKey, kSha);
  scf.set_latency({.before = {Millis{30}, Millis{30}}, .after = {Millis{40}, Millis{40}}, .split = {}});
  const SystemClock clock;
  const MonoTime start = clock.mono();
  exchange(scf, {.body = kChargeBody});
  const MonoTime end = clock.mono();
  const MonoTime counted = *scf.statistics().first_arrival;
  EXPECT_GE(counted - start, Millis{30});
  EXPECT_GE(end - counted, Millis{40});
}

TEST(SimulatedScf, JudgesByItsOwnClock) {
  SimulatedScf scf;
  scf.set(kChargeKey, kSha);
  scf.set_clock_offset(std::chrono::seconds(400));
  EXPECT_EQ(answered_code(scf, {.body = kChargeBody}), "AuthFailure.SignatureExpire");
}

TEST(SimulatedScf, TakesNewCredentials) {
  SimulatedScf scf;
  scf.set(kChargeKey, kSha);
  const ScfCredential temporary{"FAKE-TMP", "FAKE-TMP-KEY", "FAKE-TOKEN"};
  scf.set_credentials({temporary});
  EXPECT_EQ(answered_code(scf, {.body = kChargeBody}), "AuthFailure.SecretIdNotFound");
  EXPECT_EQ(answered_code(scf, {.body = kChargeBody, .credential = temporary}), "ok");
}

TEST(SimulatedScf, RemembersTheLastRequests) {
  SimulatedScf scf({.keep_requests = 2});
  scf.set(kChargeKey, kSha);
  for (const char* body : {"{}", R"({"FunctionName":"charge"})", R"({"FunctionName":"refund"})"})
    exchange(scf, {.body = body});
  const auto requests = scf.requests();
  ASSERT_EQ(requests.size(), 2u);
  EXPECT_EQ(requests[0].target, kChargeKey);
  EXPECT_EQ(requests[0].answer, "ok");
  EXPECT_EQ(find_header(requests[0].headers, "x-tc-region"), "ap-guangzhou");
  EXPECT_EQ(requests[1].answer, "ResourceNotFound.Function");
  scf.reset_statistics();
  EXPECT_TRUE(scf.requests().empty());
  EXPECT_EQ(scf.statistics().requests, 0u);
}

TEST(SimulatedScf, StopsWhileConnectionsHang) {
  SimulatedScf scf;
  scf.set_fault("*", Fault::never_answer);
  std::thread client([&] { exchange(scf, {.body = kChargeBody}); });
  EXPECT_TRUE(wait_until([&] { return scf.statistics().accepted == 1; }, Millis{5000}));
  scf.stop();
  client.join();
}

TEST(SimulatedScf, ObeysItsControlPort) {
  SimulatedScf scf({.control_port = 0});
  const auto control = [&](const std::string& action, const std::string& body) {
    const RawReply reply = raw_exchange(
        scf.control_port(), http_post({{"Host", "c"}, {"Connection", "close"}}, body, "/_control/" + action));
    return reply.bytes;
  };
  EXPECT_NE(control("set", R"({"target":")" + kChargeKey + R"(","sha256":")" + kSha + "\"}").find(" 200 "),
            std::string::npos);
  EXPECT_EQ(answered_code(scf, {.body = kChargeBody}), "ok");
  control("error", R"({"target":"*","code":"InternalError","times":1})");
  EXPECT_EQ(answered_code(scf, {.body = kChargeBody}), "InternalError");
  control("fault", R"({"target":"*","fault":"garbage","times":1})");
  EXPECT_EQ(answered_code(scf, {.body = kChargeBody}), "no answer");
  control("rate", R"({"per_second":1})");
  EXPECT_EQ(answered_code(scf, {.body = kChargeBody}), "RequestLimitExceeded.UinLimitExceeded");
  control("rate", R"({"per_second":0})");
  control("clock", R"({"offset_seconds":-1000})");
  EXPECT_EQ(answered_code(scf, {.body = kChargeBody}), "AuthFailure.SignatureExpire");
  EXPECT_NE(control("statistics", "").find(R"("refused":1)"), std::string::npos);
  EXPECT_NE(control("requests", "").find(R"("answer":"InternalError")"), std::string::npos);
  control("reset", "");
  EXPECT_EQ(scf.statistics().requests, 0u);
  EXPECT_NE(control("fault", R"({"target":"*","fault":"typo"})").find(" 400 "), std::string::npos);
  EXPECT_NE(control("set", "{").find(" 400 "), std::string::npos);
  EXPECT_NE(control("nonsense", "").find(" 404 "), std::string::npos);
}

}  // namespace
}  // namespace codedriftd::test
