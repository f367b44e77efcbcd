#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "base/json.h"
#include "model/value.h"
#include "scf/action_server.h"
#include "scf/curl_api.h"
#include "support/manual_clock.h"

namespace codedriftd::test {
namespace {

Target value_target(const std::string& qualifier, const std::string& function = "charge") {
  return {"prod", "ap-guangzhou", "default", function, qualifier};
}
std::string used_layers(const std::vector<std::pair<std::string, int>>& layers, const std::string& status = "Active") {
  std::string list;
  for (const auto& [name, version] : layers) {
    list += fmt::format(R"({}{{"LayerName":"{}","LayerVersion":{}}})", list.empty() ? "" : ",", name, version);
  }
  return fmt::format(R"("FunctionId":"lam-1","Status":"{}","CodeSize":7,"Layers":[{}],)"
                     R"("Environment":{{"Variables":[{{"Key":"TOKEN","Value":"FAKE-ENVIRONMENT-VALUE"}}]}})",
                     status, list);
}
std::string image_function(const std::string& uri) {
  return R"("FunctionId":"lam-1","Status":"Active","CodeSize":0,"ImageConfig":{"ImageUri":")" + uri + "\"}";
}
/// Of a layer, the digest of what it is called.
std::string layer_digest(const std::string& name, int64_t version) {
  return sha256(fmt::format("{}:{}", name, version)).hex();
}
std::string layer_answer(const HttpRequest& request) {
  const Json body = parse_json(request.body);
  return fmt::format(R"("CodeSha256":"{}","Status":"Active","Location":"https://cos.example/?sign=FAKE")",
                     layer_digest(text_at(body, "LayerName"), body.at("LayerVersion").get<int64_t>()));
}

class CurlValuesTest : public testing::Test {
 protected:
  CurlValuesTest() {
    server.answer("GetLayerVersion", layer_answer);
    api.set_accounts({credentials.account(server.endpoint())});
  }
  ApiAnswer poll(const std::string& qualifier, const std::string& account = "prod") {
    Target target = value_target(qualifier);
    target.account = account;
    std::optional<ApiAnswer> answer;
    api.start({target}, [&](ApiAnswer a) { answer = std::move(a); });
    EXPECT_FALSE(answer) << "never inside start";
    while (!answer) {
      EXPECT_EQ(api.in_flight(), 1U);
      api.turn(Millis{1000});
    }
    EXPECT_EQ(api.in_flight(), 0U);
    EXPECT_EQ(answer->observation.error.message.find("FAKE"), std::string::npos);
    return *std::move(answer);
  }

  SystemClock clock;
  FileCredentials credentials{clock};
  ActionServer server;
  CurlApi api{clock};
};

TEST_F(CurlValuesTest, LayersAreTheDigestOfTheirTextInOrder) {
  server.answer("GetFunction", used_layers({{"deps", 3}, {"agent", 12}}));
  const ApiAnswer answer = poll("$LAYERS");
  const std::string text =
      "deps:3 sha256:" + layer_digest("deps", 3) + "\nagent:12 sha256:" + layer_digest("agent", 12);
  EXPECT_EQ(answer.observation.outcome, Outcome::observed) << answer.observation.error.message;
  EXPECT_EQ(answer.observation.value, text);
  EXPECT_EQ(answer.observation.sha256, sha256(text));
  EXPECT_EQ(answer.observation.error, (PollError{"", "", "req-5"}));
  EXPECT_TRUE(answer.proves_account);
  EXPECT_TRUE(answer.url.empty());
  EXPECT_EQ(server.actions(), "GetFunction GetLayerVersion GetLayerVersion");
  const auto requests = server.requests();
  EXPECT_EQ(requests[0].body,
            R"({"FunctionName":"charge","Namespace":"default","Qualifier":"$LATEST","ShowCode":"FALSE"})");
  EXPECT_EQ(requests[1].body, R"({"LayerName":"deps","LayerVersion":3})");
}

TEST_F(CurlValuesTest, AFunctionWithoutLayersHasAValueToo) {
  server.answer("GetFunction", used_layers({}));
  const ApiAnswer answer = poll("$LAYERS");
  EXPECT_EQ(answer.observation.value, "no layers");
  EXPECT_EQ(answer.observation.sha256, sha256("no layers"));
  EXPECT_EQ(server.actions(), "GetFunction");
}

TEST_F(CurlValuesTest, AVersionOfALayerIsAskedForOnce) {
  server.answer("GetFunction", used_layers({{"deps", 3}, {"deps", 3}}));
  const ApiAnswer answer = poll("$LAYERS");
  EXPECT_EQ(std::count(answer.observation.value.begin(), answer.observation.value.end(), '\n'), 1);
  EXPECT_EQ(server.actions(), "GetFunction GetLayerVersion");
  server.answer("GetFunction", used_layers({{"deps", 3}, {"deps", 4}}));
  server.forget();
  EXPECT_NE(poll("$LAYERS").observation.sha256, answer.observation.sha256);
  EXPECT_EQ(server.actions(), "GetFunction GetLayerVersion");
  EXPECT_EQ(server.requests()[1].body, R"({"LayerName":"deps","LayerVersion":4})");
  server.forget();
  api.set_accounts({credentials.account(server.endpoint())});
  poll("$LAYERS");
  EXPECT_EQ(server.requests().size(), 3U) << "after a reload the label may stand for another account";
}

TEST_F(CurlValuesTest, AVersionOfALayerThatIsSwappedIsSeenWithinAnHour) {
  ManualClock manual;
  CurlApi slow(manual);
  slow.set_accounts({credentials.account(server.endpoint())});
  const auto poll_now = [&] {
    std::optional<ApiAnswer> answer;
    slow.start({value_target("$LAYERS")}, [&](ApiAnswer a) { answer = std::move(a); });
    while (!answer) slow.turn(Millis{1000});
    return answer->observation.value;
  };
  const auto deps_are = [](const std::string& code) { return "deps:3 sha256:" + sha256(code).hex(); };
  const auto swap = [&](const std::string& code) {
    server.answer("GetLayerVersion", fmt::format(R"("CodeSha256":"{}","Status":"Active")", sha256(code).hex()));
  };
  server.answer("GetFunction", used_layers({{"deps", 3}}));
  swap("reviewed");
  EXPECT_EQ(poll_now(), deps_are("reviewed"));
  swap("stolen");
  manual.advance(std::chrono::minutes(59));
  EXPECT_EQ(poll_now(), deps_are("reviewed")) << "one hour is the price of not asking each time";
  manual.advance(std::chrono::minutes(1));
  EXPECT_EQ(poll_now(), deps_are("stolen"));
}

TEST_F(CurlValuesTest, AnAliasIsWhereItLeads) {
  server.answer("GetAlias", R"("Name":"live","FunctionVersion":"7","RoutingConfig":{"AdditionalVersionWeights":[)"
                            R"({"Version":"8","Weight":0.25}]})");
  const ApiAnswer answer = poll("$ALIAS.live");
  EXPECT_EQ(answer.observation.value, "version 7, 25% to version 8");
  EXPECT_EQ(answer.observation.sha256, sha256("version 7, 25% to version 8"));
  EXPECT_EQ(server.actions(), "GetAlias");
  EXPECT_EQ(server.requests()[0].body, R"({"FunctionName":"charge","Name":"live","Namespace":"default"})");
  server.fail("GetAlias", "ResourceNotFound.Alias");
  EXPECT_EQ(poll("$ALIAS.live").observation.outcome, Outcome::missing);
}

TEST_F(CurlValuesTest, AnImageIsItsDigest) {
  const std::string hex(64, 'd');
  server.answer("GetFunction", image_function("ccr.example/pay/charge:v7@sha256:" + hex));
  const ApiAnswer answer = poll("$IMAGE");
  EXPECT_EQ(answer.observation.value, "sha256:" + hex);
  EXPECT_EQ(answer.observation.sha256, Sha256::from_hex(hex));
  EXPECT_EQ(server.actions(), "GetFunction");
}

TEST_F(CurlValuesTest, AnImageWithoutADigestIsSaidToHaveNone) {
  struct Case {
    const char* uri;
    const char* words;
  };
  for (const Case& c :
       {Case{"ccr.example/pay/charge:v7", "ccr.example/pay/charge:v7"}, Case{"", "no container image"}}) {
    server.answer("GetFunction", image_function(c.uri) + R"(,"Layers":[])");
    const ApiAnswer answer = poll("$IMAGE");
    EXPECT_EQ(answer.observation.outcome, Outcome::failed);
    EXPECT_EQ(answer.observation.error.code, "Client.NoDigest");
    EXPECT_NE(answer.observation.error.message.find(c.words), std::string::npos) << answer.observation.error.message;
    EXPECT_EQ(answer.observation.error.request_id, "req-5");
    EXPECT_TRUE(answer.proves_account);
    EXPECT_FALSE(answer.retry_soon);
    EXPECT_FALSE(answer.observation.sha256);
    EXPECT_EQ(answer.observation.value, "");
  }
}

TEST_F(CurlValuesTest, AFunctionThatIsBeingDeployedIsUpdating) {
  for (const char* status : {"Updating", "Publishing", "Creating"}) {
    server.answer("GetFunction", used_layers({{"deps", 3}}, status));
    for (const char* qualifier : {"$LAYERS", "$IMAGE"}) {
      const ApiAnswer answer = poll(qualifier);
      EXPECT_EQ(answer.observation.outcome, Outcome::updating) << status;
      EXPECT_EQ(answer.observation.reason, "updating");
      EXPECT_EQ(answer.observation.error.code, "Client.Updating");
      EXPECT_FALSE(answer.retry_soon);
    }
  }
  server.answer("GetFunction", used_layers({}, "UpdateFailed"));
  EXPECT_EQ(poll("$LAYERS").observation.outcome, Outcome::observed);
}

TEST_F(CurlValuesTest, TheFirstCallsErrorsAreThoseOfAPoll) {
  struct Case {
    const char* code;
    Outcome outcome;
    bool slow_down;
  };
  for (const Case& c : {Case{"ResourceNotFound.Function", Outcome::missing, false},
                        Case{"UnauthorizedOperation.CAM", Outcome::denied, false},
                        Case{"RequestLimitExceeded", Outcome::failed, true}}) {
    server.fail("GetFunction", c.code);
    const ApiAnswer answer = poll("$LAYERS");
    EXPECT_EQ(answer.observation.error, (PollError{c.code, "why", "req-5"}));
    EXPECT_EQ(answer.observation.outcome, c.outcome) << c.code;
    EXPECT_EQ(answer.slow_down, c.slow_down) << c.code;
  }
  EXPECT_EQ(poll("$LAYERS", "nobody").observation.error.code, "Client.NoCredentials");
}

TEST_F(CurlValuesTest, ALayersErrorsNameItAndAreNotTheFunctions) {
  struct Case {
    const char* code;
    Outcome outcome;
    bool retry_soon;
  };
  server.answer("GetFunction", used_layers({{"deps", 3}}));
  for (const Case& c : {Case{"ResourceNotFound.LayerVersion", Outcome::failed, false},
                        Case{"UnauthorizedOperation.CAM", Outcome::denied, false},
                        Case{"RequestLimitExceeded", Outcome::failed, true}}) {
    server.fail("GetLayerVersion", c.code);
    const ApiAnswer answer = poll("$LAYERS");
    EXPECT_EQ(answer.observation.error, (PollError{c.code, "layer deps:3: why", "req-5"}));
    EXPECT_EQ(answer.observation.outcome, c.outcome) << c.code;
    EXPECT_EQ(answer.observation.reason, c.outcome == Outcome::denied ? "denied" : "failed");
    EXPECT_FALSE(answer.slow_down) << "the first call's pace was not at fault";
    EXPECT_EQ(answer.retry_soon, c.retry_soon) << c.code;
  }
}

TEST_F(CurlValuesTest, AllCallsOfAPollHaveTheTimeOfOneAttempt) {
  api.set_accounts({credentials.account(server.endpoint(), Millis{400})});
  server.answer("GetFunction", used_layers({{"deps", 3}, {"agent", 1}}));
  server.hang("GetLayerVersion");
  const ApiAnswer answer = poll("$LAYERS");
  EXPECT_EQ(answer.observation.error.code, "Client.Timeout");
  EXPECT_TRUE(answer.retry_soon);
  EXPECT_GE(answer.took, Millis{350});
  EXPECT_LT(answer.took, Millis{1500});
}

TEST_F(CurlValuesTest, LayersAreAskedForAtTheirOwnPaceWhoeverAsks) {
  constexpr int kPolls = 3;
  server.answer("GetFunction", [](const HttpRequest& request) {
    const std::string function = text_at(parse_json(request.body), "FunctionName");
    return used_layers({{function + "-a", 1}, {function + "-b", 1}});
  });
  const MonoTime began = clock.mono();
  int over = 0;
  for (int i = 0; i < kPolls; ++i) {
    api.start({value_target("$LAYERS", fmt::format("f{}", i))}, [&](ApiAnswer answer) {
      EXPECT_EQ(answer.observation.outcome, Outcome::observed) << answer.observation.error.message;
      ++over;
    });
  }
  while (over < kPolls) api.turn(Millis{1000});
  // Three quarters of 20 a second, less what a pace begins with: six calls take five times 66 ms and more.
  EXPECT_GE(clock.mono() - began, Millis{330});
  EXPECT_EQ(server.requests().size(), 3U * kPolls);
}

TEST_F(CurlValuesTest, APollThatCannotHaveItsTurnInTimeEndsAndTheNextGoesOn) {
  api.set_accounts({credentials.account(server.endpoint(), Millis{250})});
  server.answer("GetFunction", used_layers({{"a", 1}, {"b", 1}, {"c", 1}, {"d", 1}, {"e", 1}}));
  const ApiAnswer first = poll("$LAYERS");
  EXPECT_EQ(first.observation.error.code, "Client.Timeout");
  EXPECT_NE(first.observation.error.message.find("GetLayerVersion"), std::string::npos)
      << first.observation.error.message;
  EXPECT_TRUE(first.retry_soon);
  ApiAnswer answer = poll("$LAYERS");
  for (int i = 0; i < 5 && answer.observation.outcome != Outcome::observed; ++i) answer = poll("$LAYERS");
  EXPECT_EQ(answer.observation.outcome, Outcome::observed) << "what was learned is kept";
}

}  // namespace
}  // namespace codedriftd::test
