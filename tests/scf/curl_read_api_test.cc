#include "scf/curl_read_api.h"

#include <gtest/gtest.h>

#include <stdexcept>

#include "cloud/tc3.h"
#include "scf/action_server.h"
#include "scf/requests.h"

namespace codedriftd::test {
namespace {

class CurlReadApiTest : public testing::Test {
 protected:
  ReadAnswer call(Action action, std::string body = "{}", const std::string& account = "prod") {
    std::optional<ReadAnswer> answer;
    api.start({action, account, "ap-guangzhou", std::move(body)}, [&](ReadAnswer a) { answer = std::move(a); });
    EXPECT_FALSE(answer) << "never inside start";
    EXPECT_EQ(api.in_flight(), 1U);
    while (!answer) api.turn(Millis{1000});
    EXPECT_EQ(api.in_flight(), 0U);
    return *std::move(answer);
  }

  SystemClock clock;
  FileCredentials credentials{clock};
  ActionServer server;
  CurlReadApi api{clock};
};

/// What the Authorization header has to be, from the request as it came.
std::string authorization_of(const HttpRequest& request, std::string_view service) {
  const int64_t timestamp = std::stoll(std::string(request.header("x-tc-timestamp")));
  const std::string date = tc3_date(timestamp);
  Tc3Request parts;
  parts.host = request.header("host");
  parts.body = request.body;
  return tc3_authorization(kFakeCredential.secret_id, tc3_signing_key(kFakeCredential.secret_key, date, service),
                           timestamp, date, service, parts);
}

TEST_F(CurlReadApiTest, SendsEveryActionSignedForItsService) {
  api.set_accounts({credentials.account(server.endpoint())});
  for (const Action action : kAllActions) {
    if (action == Action::get_function_address) continue;
    SCOPED_TRACE(traits(action).name);
    server.forget();
    const std::string body = R"({"A":")" + std::string(traits(action).name) + "\"}";
    call(action, body);
    ASSERT_EQ(server.requests().size(), 1U);
    const HttpRequest request = server.requests()[0];
    EXPECT_EQ(request.method, "POST");
    EXPECT_EQ(request.path, "/");
    EXPECT_EQ(request.body, body);
    EXPECT_EQ(request.header("content-type"), "application/json");
    EXPECT_EQ(request.header("x-tc-action"), traits(action).name);
    EXPECT_EQ(request.header("x-tc-version"), traits(action).version);
    EXPECT_EQ(request.header("x-tc-region"), "ap-guangzhou");
    EXPECT_EQ(request.header("x-tc-language"), "en-US");
    EXPECT_EQ(request.header("authorization"), authorization_of(request, traits(action).service));
  }
}

TEST_F(CurlReadApiTest, AsksCloudAuditWhereTheAccountHasIt) {
  ActionServer audit;
  audit.answer("DescribeEvents", R"("Events":[],"ListOver":true)");
  server.answer("GetAccount", R"("AccountUsage":{"Namespace":[]})");
  ApiAccount account = credentials.account(server.endpoint());
  account.audit_endpoint = audit.endpoint() + "/";
  api.set_accounts({account});
  EXPECT_TRUE(std::holds_alternative<AuditPage>(call(Action::describe_events).content));
  EXPECT_TRUE(std::holds_alternative<AccountUsage>(call(Action::get_account).content));
  EXPECT_EQ(audit.actions(), "DescribeEvents");
  EXPECT_EQ(server.actions(), "GetAccount");
  EXPECT_EQ(audit.requests()[0].header("host"), audit.endpoint().substr(7));
}

TEST(AuditEndpoint, IsCloudAuditsBesideThatOfScf) {
  struct Case {
    const char* endpoint;
    const char* audit;
  };
  for (const Case& c :
       {Case{"https://scf.intl.tencentcloudapi.com", "https://cloudaudit.intl.tencentcloudapi.com"},
        Case{"https://scf.tencentcloudapi.com", "https://cloudaudit.tencentcloudapi.com"},
        Case{"https://scf.ap-guangzhou.tencentcloudapi.com:443/",
             "https://cloudaudit.ap-guangzhou.tencentcloudapi.com:443/"},
        Case{"http://127.0.0.1:8080", "http://127.0.0.1:8080"}, Case{"http://localhost:8080", "http://localhost:8080"},
        Case{"https://gateway.example", "https://gateway.example"},
        Case{"https://my.scf.example", "https://my.scf.example"},
        Case{"https://a://scf.example", "https://a://scf.example"}, Case{"", ""}}) {
    EXPECT_EQ(audit_endpoint_beside(c.endpoint), c.audit) << c.endpoint;
  }
}

TEST_F(CurlReadApiTest, ReadsAWholePageOfFunctionsHoweverLongTheirWords) {
  std::string functions;
  for (int i = 0; i < 100; ++i) {
    functions += (i > 0 ? "," : "") + std::string(R"({"FunctionName":"f)") + std::to_string(i) +
                 R"(","FunctionId":"lam","Namespace":"default","Description":")" + std::string(2000, 'd') + "\"}";
  }
  server.answer("ListFunctions", R"("Functions":[)" + functions + R"(],"TotalCount":100)");
  api.set_accounts({credentials.account(server.endpoint())});
  const ReadAnswer answer =
      call(Action::list_functions, requests::list_functions("default", requests::Order::by_name, 0));
  ASSERT_TRUE(std::holds_alternative<FunctionPage>(answer.content)) << answer.error.message;
  EXPECT_EQ(std::get<FunctionPage>(answer.content).functions.size(), 100U);
  EXPECT_EQ(answer.error.request_id, "req-5");
}

TEST_F(CurlReadApiTest, TellsErrorsAndSilenceByTheirNames) {
  api.set_accounts({credentials.account(server.endpoint(), Millis{300})});
  server.fail("ListNamespaces", "UnauthorizedOperation.CAM");
  EXPECT_EQ(call(Action::list_namespaces).error, (PollError{"UnauthorizedOperation.CAM", "why", "req-5"}));
  server.answer("ListNamespaces", R"("Namespaces":7)");
  EXPECT_EQ(call(Action::list_namespaces).error.code, "Client.BadAnswer");
  server.hang("ListNamespaces");
  const ReadAnswer late = call(Action::list_namespaces);
  EXPECT_EQ(late.error.code, "Client.Timeout");
  EXPECT_TRUE(late.meaning.retry_soon);
  EXPECT_LT(late.took, Millis{1500});
  EXPECT_EQ(call(Action::list_namespaces, "{}", "nobody").error.code, "Client.NoCredentials");
}

TEST_F(CurlReadApiTest, RefusesEndpointsThatAreNotAllowedAndKeepsTheOldTable) {
  server.answer("GetAccount", R"("AccountUsage":{"Namespace":[]})");
  api.set_accounts({credentials.account(server.endpoint())});
  for (const char* endpoint : {"http://cloudaudit.example", "https://cloudaudit.example/v1", "cloudaudit.example"}) {
    ApiAccount account = credentials.account(server.endpoint());
    account.audit_endpoint = endpoint;
    EXPECT_THROW(api.set_accounts({account}), std::runtime_error) << endpoint;
  }
  EXPECT_EQ(call(Action::get_account).error.code, "");
}

TEST_F(CurlReadApiTest, ACallThatIsNotForItIsABug) {
  api.set_accounts({credentials.account(server.endpoint())});
  EXPECT_THROW(api.start({Action::get_function_address, "prod", "ap-guangzhou", "{}"}, [](ReadAnswer) {}),
               std::logic_error);
  EXPECT_THROW(api.start({Action::get_account, "prod", "r\r\nX: y", "{}"}, [](ReadAnswer) {}), std::logic_error);
}

}  // namespace
}  // namespace codedriftd::test
