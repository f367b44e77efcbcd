#include "scf/curl_api.h"

#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "support/manual_clock.h"
#include "support/raw_server.h"
#include "support/simulated_scf.h"
#include "support/temp_dir.h"
#include "support/test_ca.h"

namespace codedriftd::test {
namespace {

const std::string kHash = "5077f5203547b225b532434dd6fcf7c9897025d7581a9f3d474a7afee88bc696";
const Target kTarget{"prod", "ap-guangzhou", "default", "charge", "$LATEST"};

class CurlApiTest : public testing::Test {
 protected:
  void write_keys(const ScfCredential& keys) {
    dir.write("id", keys.secret_id);
    dir.write("key", keys.secret_key);
    if (!keys.token.empty()) dir.write("token", keys.token);
  }
  std::shared_ptr<CredentialProvider> provider(const ScfCredential& keys = kFakeCredential) {
    write_keys(keys);
    CredentialSpec spec;
    spec.source = CredentialSpec::Source::files;
    spec.secret_id_file = dir / "id";
    spec.secret_key_file = dir / "key";
    if (!keys.token.empty()) spec.token_file = dir / "token";
    auto made = std::make_shared<CredentialProvider>("prod", spec, clock);
    EXPECT_TRUE(made->load());
    return made;
  }
  ApiAccount account(const std::string& endpoint, Millis timeout = Millis{5000}) {
    return {"prod", endpoint, timeout, "", credentials == nullptr ? credentials = provider() : credentials};
  }
  ApiAnswer call(const Target& target = kTarget) {
    std::optional<ApiAnswer> answer;
    api.start({target}, [&](ApiAnswer a) { answer = std::move(a); });
    EXPECT_FALSE(answer) << "never inside start";
    while (!answer) api.turn(Millis{1000});
    EXPECT_EQ(api.in_flight(), 0U);
    EXPECT_EQ(answer->observation.error.message.find(kUrlSecret), std::string::npos);
    return *std::move(answer);
  }

  TempDir dir;
  SystemClock clock;
  std::shared_ptr<CredentialProvider> credentials;
  CurlApi api{clock};
};

TEST_F(CurlApiTest, AsksForTheFunctionWithEveryDocumentedHeader) {
  SimulatedScf scf;
  scf.set(SimulatedScf::key(kTarget), kHash);
  api.set_accounts({account(scf.endpoint() + "/")});
  const ApiAnswer answer = call();
  EXPECT_EQ(answer.observation.outcome, Outcome::observed) << answer.observation.error.message;
  EXPECT_EQ(answer.observation.sha256->hex(), kHash);
  EXPECT_FALSE(answer.observation.error.request_id.empty());
  EXPECT_NE(answer.url.reveal().find(kUrlSecret), std::string_view::npos);
  ASSERT_TRUE(answer.clock_error);
  EXPECT_LT(std::chrono::abs(*answer.clock_error), Millis{3000});
  const ScfRequest request = scf.requests().at(0);
  EXPECT_EQ(request.method, "POST");
  EXPECT_EQ(request.path, "/");
  EXPECT_EQ(request.body, R"({"FunctionName":"charge","Namespace":"default","Qualifier":"$LATEST"})");
  const std::map<std::string, std::string> headers(request.headers.begin(), request.headers.end());
  EXPECT_EQ(headers.at("content-type"), "application/json");
  EXPECT_EQ(headers.at("host"), "127.0.0.1:" + std::to_string(scf.port()));
  EXPECT_EQ(headers.at("x-tc-action"), "GetFunctionAddress");
  EXPECT_EQ(headers.at("x-tc-version"), "2018-04-16");
  EXPECT_EQ(headers.at("x-tc-region"), "ap-guangzhou");
  EXPECT_EQ(headers.at("x-tc-language"), "en-US");
  EXPECT_EQ(headers.at("x-tc-requestclient"), "codedriftd_" CODEDRIFTD_VERSION);
  EXPECT_EQ(headers.count("x-tc-token"), 0U);
  EXPECT_TRUE(headers.at("authorization").starts_with("TC3-HMAC-SHA256 Credential=" + kFakeCredential.secret_id));
}

TEST_F(CurlApiTest, SendsTheTokenOfTemporaryKeys) {
  const ScfCredential temporary{"FAKE-TMP-ID", "FAKE-TMP-KEY", "FAKE-TOKEN"};
  SimulatedScf scf;
  scf.set(SimulatedScf::key(kTarget), kHash);
  scf.set_credentials({temporary});
  credentials = provider(temporary);
  api.set_accounts({account(scf.endpoint())});
  EXPECT_EQ(call().observation.outcome, Outcome::observed);
}

TEST_F(CurlApiTest, CallsOverTlsWithTheAccountsCa) {
  TestCa ca(dir.path().string());
  ScfOptions options;
  options.tls = ca.server();
  SimulatedScf scf(options);
  scf.set(SimulatedScf::key(kTarget), kHash);
  ApiAccount trusting = account(scf.endpoint());
  trusting.ca_file = ca.certificate_file();
  api.set_accounts({trusting});
  EXPECT_EQ(call().observation.outcome, Outcome::observed);
  api.set_accounts({account(scf.endpoint())});
  EXPECT_EQ(call().observation.error.code, "Client.Tls") << "a connection that another CA vouched for is not reused";
}

TEST_F(CurlApiTest, AReloadTakesOverACaFileThatWasRewritten) {
  TestCa first(dir.path().string(), "first"), renewed(dir.path().string(), "renewed");
  ScfOptions options;
  options.tls = renewed.server();
  SimulatedScf scf(options);
  scf.set(SimulatedScf::key(kTarget), kHash);
  ApiAccount trusting = account(scf.endpoint());
  trusting.ca_file = dir / "trusted.pem";
  const auto trust = [&](const TestCa& ca) {
    std::filesystem::copy_file(ca.certificate_file(), trusting.ca_file,
                               std::filesystem::copy_options::overwrite_existing);
  };
  trust(first);
  api.set_accounts({trusting});
  EXPECT_EQ(call().observation.error.code, "Client.Tls");
  trust(renewed);
  api.set_accounts({trusting});
  EXPECT_EQ(call().observation.outcome, Outcome::observed);
}

TEST_F(CurlApiTest, ARetryLeavesAConnectionWhoseBackendIsBroken) {
  std::atomic<int> connections{0};
  RawServer server(0, std::nullopt, [&](Connection& connection) {
    const bool broken = ++connections == 1;
    while (connection.wait_readable() && connection.read_request()) {
      const std::string body = broken
                                   ? R"({"Response":{"Error":{"Code":"InternalError","Message":"x"},"RequestId":"r"}})"
                                   : R"({"Response":{"CodeSha256":")" + kHash + R"(","RequestId":"r"}})";
      if (!connection.send(http_response(200, {}, body))) return;
    }
  });
  api.set_accounts({account("http://127.0.0.1:" + std::to_string(server.port()))});
  EXPECT_EQ(call().observation.error.code, "InternalError");
  EXPECT_EQ(call().observation.error.code, "InternalError") << "the connection is kept";
  std::optional<ApiAnswer> retried;
  api.start({kTarget, true}, [&](ApiAnswer a) { retried = std::move(a); });
  while (!retried) api.turn(Millis{1000});
  EXPECT_EQ(retried->observation.outcome, Outcome::observed);
  EXPECT_EQ(connections, 2);
}

TEST_F(CurlApiTest, ReadsEveryErrorTheApiSends) {
  SimulatedScf scf;
  api.set_accounts({account(scf.endpoint())});
  for (const char* code :
       {"ResourceNotFound.Function", "FailedOperation.FunctionStatusError", "UnauthorizedOperation.CodeSecret",
        "RequestLimitExceeded", "InternalError", "Undocumented.Code"}) {
    scf.set_error("*", code, "why");
    const ApiAnswer answer = call();
    EXPECT_EQ(answer.observation.error.code, code);
    EXPECT_EQ(answer.observation.error.message, "why");
    EXPECT_EQ(answer.observation.outcome, meaning_of(code).outcome);
    EXPECT_EQ(answer.slow_down, std::string_view(code) == "RequestLimitExceeded");
  }
}

struct FaultCase {
  Fault fault;
  const char* code;  ///< empty: observed
};
constexpr FaultCase kFaults[] = {
    {Fault::reset_before_reading, "Client.Network"},
    {Fault::reset_after_reading, "Client.Network"},
    {Fault::close_without_answer, "Client.Network"},
    {Fault::never_answer, "Client.Timeout"},
    {Fault::drip_headers, "Client.Timeout"},
    {Fault::flood_headers, "Client.TooLarge"},
    {Fault::long_status_line, "Client.TooLarge"},
    {Fault::endless_body, "Client.TooLarge"},
    {Fault::huge_content_length, "Client.TooLarge"},
    {Fault::huge_body, "Client.TooLarge"},
    {Fault::garbage, "Client.Network"},
    {Fault::short_content_length, "Client.BadAnswer"},
    {Fault::long_content_length, "Client.Network"},
    {Fault::gzip_header, "Client.BadAnswer"},
    {Fault::truncated_json, "Client.BadAnswer"},
    {Fault::invalid_utf8, "Client.BadAnswer"},
    {Fault::wrong_date, ""},
    {Fault::http_500, "Client.HttpStatus"},
    {Fault::http_502, "Client.HttpStatus"},
    {Fault::http_503, "Client.HttpStatus"},
    {Fault::redirect, "Client.HttpStatus"},
    {Fault::sha_missing, "Client.BadAnswer"},
    {Fault::sha_empty, "Client.BadAnswer"},
    {Fault::sha_not_hex, "Client.BadAnswer"},
    {Fault::sha_upper_case, ""},
    {Fault::sha_null, "Client.BadAnswer"},
};

TEST_F(CurlApiTest, EveryHostileAnswerEndsWithinTheDeadlineUnderItsName) {
  SimulatedScf scf;
  scf.set(SimulatedScf::key(kTarget), kHash);
  api.set_accounts({account(scf.endpoint(), Millis{400})});
  for (const FaultCase& c : kFaults) {
    SCOPED_TRACE(fault_name(c.fault));
    scf.clear();
    scf.set_fault("*", c.fault);
    const ApiAnswer answer = call();
    EXPECT_EQ(answer.observation.error.code, c.code) << answer.observation.error.message;
    EXPECT_EQ(answer.observation.outcome, *c.code == '\0' ? Outcome::observed : Outcome::failed);
    EXPECT_LT(answer.took, Millis{1500});
    EXPECT_EQ(answer.observation.sha256.has_value(), *c.code == '\0');
  }
  // Named by what comes first: the length announced, the size read so far, or the depth of the nesting.
  for (const Fault fault : {Fault::drip_body, Fault::deep_nesting}) {
    SCOPED_TRACE(fault_name(fault));
    scf.clear();
    scf.set_fault("*", fault);
    const ApiAnswer answer = call();
    EXPECT_EQ(answer.observation.outcome, Outcome::failed);
    EXPECT_TRUE(answer.observation.error.code.starts_with("Client.")) << answer.observation.error.code;
    EXPECT_LT(answer.took, Millis{1500});
  }
  scf.clear();
  EXPECT_EQ(call().observation.outcome, Outcome::observed) << "usable after all that";
}

TEST_F(CurlApiTest, ADrippedBodyEndsAtTheDeadline) {
  RawServer server(0, std::nullopt, [](Connection& connection) {
    if (!connection.read_request()) return;
    bool open = connection.send("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n");
    while (open) open = connection.send(" ") && connection.pause(std::chrono::milliseconds(20));
  });
  api.set_accounts({account("http://127.0.0.1:" + std::to_string(server.port()), Millis{300})});
  const ApiAnswer answer = call();
  EXPECT_EQ(answer.observation.error.code, "Client.Timeout");
  EXPECT_GE(answer.took, Millis{250});
  EXPECT_LT(answer.took, Millis{1500});
}

TEST_F(CurlApiTest, StoresForeignTextWholeAsValidUtf8) {
  SimulatedScf scf;
  api.set_accounts({account(scf.endpoint())});
  scf.set_fault("*", Fault::terminal_escapes);
  // Whoever prints it makes it harmless. Only what no database has to keep is gone.
  std::string stored(kTerminalEscapes);
  const auto zero = stored.find('\0');
  ASSERT_NE(zero, std::string::npos);
  EXPECT_EQ(call().observation.error.message, stored.replace(zero, 1, "\xEF\xBF\xBD"));
}

TEST_F(CurlApiTest, NamesAWrongClockInSeconds) {
  SimulatedScf scf;
  scf.set(SimulatedScf::key(kTarget), kHash);
  api.set_accounts({account(scf.endpoint())});
  scf.set_clock_offset(std::chrono::seconds(-900));
  const ApiAnswer answer = call();
  EXPECT_EQ(answer.observation.error.code, "Client.Clock") << answer.observation.error.message;
  ASSERT_TRUE(answer.clock_error);
  EXPECT_NEAR(static_cast<double>(answer.clock_error->count()), 900'000, 3000);
  EXPECT_NE(answer.observation.error.message.find("ahead of"), std::string::npos);
  scf.set_clock_offset(std::chrono::seconds(200));
  const ApiAnswer tolerated = call();
  EXPECT_EQ(tolerated.observation.outcome, Outcome::observed);
  EXPECT_NEAR(static_cast<double>(tolerated.clock_error->count()), -200'000, 3000);
}

TEST_F(CurlApiTest, HasTheCredentialsReadAgainWhenTheCloudRefusesThem) {
  SimulatedScf scf;
  scf.set(SimulatedScf::key(kTarget), kHash);
  const ScfCredential rotated{"FAKE-ROTATED-ID", "FAKE-ROTATED-KEY", ""};
  api.set_accounts({account(scf.endpoint())});
  EXPECT_EQ(call().observation.outcome, Outcome::observed);
  scf.set_credentials({rotated});
  write_keys(rotated);
  const ApiAnswer refused = call();
  EXPECT_EQ(refused.observation.outcome, Outcome::denied);
  EXPECT_TRUE(refused.refresh_credentials);
  const MonoTime give_up = clock.mono() + Millis{10'000};
  ApiAnswer answer = call();
  while (answer.observation.outcome != Outcome::observed && clock.mono() < give_up) answer = call();
  EXPECT_EQ(answer.observation.outcome, Outcome::observed) << answer.observation.error.message;
}

TEST_F(CurlApiTest, WithoutCredentialsItSaysSoAndSendsNothing) {
  SimulatedScf scf;
  CredentialSpec spec;
  spec.source = CredentialSpec::Source::files;
  spec.secret_id_file = spec.secret_key_file = dir / "absent";
  credentials = std::make_shared<CredentialProvider>("prod", spec, clock);
  EXPECT_FALSE(credentials->load());
  api.set_accounts({account(scf.endpoint())});
  const ApiAnswer answer = call();
  EXPECT_EQ(answer.observation.error.code, "Client.NoCredentials");
  EXPECT_EQ(answer.observation.reason, "credentials");
  EXPECT_NE(answer.observation.error.message.find("absent"), std::string::npos);
  EXPECT_EQ(call({"nobody", "r", "n", "f", "1"}).observation.error.code, "Client.NoCredentials");
  EXPECT_EQ(scf.statistics().requests, 0U);
}

TEST_F(CurlApiTest, NobodyListeningIsANetworkError) {
  SimulatedScf scf;
  const std::string endpoint = scf.endpoint();
  scf.stop();
  api.set_accounts({account(endpoint)});
  const ApiAnswer answer = call();
  EXPECT_EQ(answer.observation.error.code, "Client.Network");
  EXPECT_TRUE(answer.retry_soon);
  EXPECT_EQ(answer.clock_error, std::nullopt);
}

TEST_F(CurlApiTest, RefusesEndpointsThatAreNotAllowedAndKeepsTheOldTable) {
  SimulatedScf scf;
  scf.set(SimulatedScf::key(kTarget), kHash);
  api.set_accounts({account(scf.endpoint())});
  for (const char* endpoint : {"http://scf.example", "scf.example", "https://user:pw@scf.example",
                               "https://scf.example/v1", "https://scf.example?x", ""}) {
    EXPECT_THROW(api.set_accounts({account(endpoint)}), std::runtime_error) << endpoint;
  }
  EXPECT_EQ(call().observation.outcome, Outcome::observed);
}

TEST_F(CurlApiTest, CallsInFlightOutliveAReload) {
  ScfOptions options;
  options.latency.before = {Millis{100}, Millis{100}};
  SimulatedScf scf(options);
  scf.set(SimulatedScf::key(kTarget), kHash);
  api.set_accounts({account(scf.endpoint())});
  std::vector<Outcome> outcomes;
  for (int i = 0; i < 20; ++i) api.start({kTarget}, [&](ApiAnswer a) { outcomes.push_back(a.observation.outcome); });
  api.set_accounts({});
  while (api.in_flight() > 0) api.turn(Millis{1000});
  EXPECT_EQ(outcomes, std::vector<Outcome>(20, Outcome::observed));
}

TEST_F(CurlApiTest, ATargetThatCouldBreakTheRequestIsABug) {
  SimulatedScf scf;
  api.set_accounts({account(scf.endpoint())});
  Target bad = kTarget;
  bad.function = "a\"b";
  EXPECT_THROW(api.start({bad}, [](ApiAnswer) {}), std::logic_error);
  bad = kTarget;
  bad.region = "r\r\nX: y";
  EXPECT_THROW(api.start({bad}, [](ApiAnswer) {}), std::logic_error);
}

}  // namespace
}  // namespace codedriftd::test
