#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <stdexcept>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/secret.h"
#include "base/sha256.h"
#include "scf/read_api.h"
#include "support/process_memory.h"

namespace codedriftd::test {
namespace {

std::string function_with_environment(const std::string& secret, const std::string& status = "\"Active\"") {
  return R"({"Response":{"FunctionId":"lam-1","CodeSize":1,"Layers":[{"LayerName":"deps","LayerVersion":3}],)"
         R"("CodeInfo":"code )" +
         secret + R"(","Environment":{"Variables":[{"Key":"TOKEN","Value":")" + secret + R"("}]},"Description":")" +
         secret + R"(","Status":)" + status + R"(,"RequestId":"req-7"}})";
}

TEST(ReadSecrecy, LetsNothingOfTheEnvironmentOut) {
  const std::string secret = "FAKE-ENVIRONMENT-VALUE";
  const ReadAnswer answer = read_content(Action::get_function, function_with_environment(secret));
  ASSERT_TRUE(std::holds_alternative<FunctionDetail>(answer.content)) << answer.error.message;
  const auto& detail = std::get<FunctionDetail>(answer.content);
  for (const std::string& text : {answer.error.code, answer.error.message, answer.error.request_id, detail.status,
                                  detail.image_uri, detail.layers.at(0).name}) {
    EXPECT_EQ(text.find("FAKE"), std::string::npos) << text;
  }
  // Nor where a member beside it is wrong.
  const ReadAnswer bad = read_content(Action::get_function, function_with_environment(secret, "{}"));
  EXPECT_EQ(bad.error.message, "the answer's Status is not a string");
}

#ifndef CODEDRIFTD_SANITIZED  // a sanitizer keeps copies of its own
std::string record_with_environment(const std::string& secret, bool as_string) {
  const std::string parameters =
      R"({"FunctionName":"charge","Environment":{"Variables":[{"Key":"TOKEN","Value":")" + secret + R"("}]}})";
  const Json call{{"userIdentity", {{"userName", "alice"}, {"sessionContext", {{"token", secret}}}}},
                  {"requestParameters", as_string ? Json(parameters) : parse_json(parameters)}};
  const Json event{{"EventId", "1"},
                   {"EventName", "UpdateFunctionConfiguration"},
                   {"EventTime", "1795478400"},
                   {"SecretId", secret},
                   {"CloudAuditEvent", call.dump()}};
  return Json{{"Response", {{"Events", {event}}, {"ListOver", true}}}}.dump();
}

/// Reads answers that come through a pipe, each behind a letter for its action, and says what became of it. Never
/// returns.
[[noreturn]] void read_for_ever(int bodies, int outcomes) {
  for (;;) {
    std::string body(4'000, '\0');
    const ssize_t got = ::read(bodies, body.data(), body.size());
    if (got <= 0) ::_exit(0);
    body.resize(static_cast<std::size_t>(got));
    const Action action = body.front() == 'f'   ? Action::get_function
                          : body.front() == 'a' ? Action::describe_events
                                                : Action::get_function_address;  // which throws
    bool ok = false;
    try {
      ok = read_content(action, std::string_view(body).substr(1)).error.code.empty();
    } catch (const std::logic_error&) {
    }
    wipe(body);
    const char outcome = ok ? 'k' : 'x';
    if (::write(outcomes, &outcome, 1) != 1) ::_exit(1);
  }
}

// Looked for in a child, because this process has made the answers.
TEST(ReadSecrecy, LeavesNothingOfTheEnvironmentInMemory) {
  int bodies[2];
  int outcomes[2];
  ASSERT_EQ(::pipe(bodies) + ::pipe(outcomes), 0);
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    ::close(bodies[1]);
    ::close(outcomes[0]);
    read_for_ever(bodies[0], outcomes[1]);
  }
  ::close(bodies[0]);
  ::close(outcomes[1]);
  for (int kind = 0; kind < 5; ++kind) {
    SCOPED_TRACE(kind);
    const std::string secret = random_id();
    const std::string body = kind == 0   ? "f" + function_with_environment(secret)
                             : kind == 1 ? "f" + function_with_environment(secret, "[]")
                             : kind == 4 ? "t" + function_with_environment(secret)
                                         : "a" + record_with_environment(secret, kind == 2);
    ASSERT_EQ(::write(bodies[1], body.data(), body.size()), static_cast<ssize_t>(body.size()));
    char outcome = 0;
    ASSERT_EQ(::read(outcomes[0], &outcome, 1), 1);
    EXPECT_EQ(outcome, kind == 1 || kind == 4 ? 'x' : 'k');
    EXPECT_EQ(places_in_memory(child, secret), std::vector<std::string>{});
  }
  ::close(bodies[1]);
  ::close(outcomes[0]);
  int status = 0;
  ::waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
}
#endif

}  // namespace
}  // namespace codedriftd::test
