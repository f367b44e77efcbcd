#include <gtest/gtest.h>
#include <signal.h>

#include <sstream>

#include "base/json.h"
#include "support/process.h"
#include "support/program.h"
#include "support/scf_client.h"
#include "support/temp_dir.h"

namespace codedriftd::test {
namespace {

const std::string kScf = CODEDRIFTD_BINARY_DIR "/codedriftd-simulated-scf";
const std::string kReceiver = CODEDRIFTD_BINARY_DIR "/codedriftd-receiver";

/// The ports a program wrote once it was ready.
std::vector<uint16_t> ports(const std::string& file) {
  std::vector<uint16_t> out;
  std::istringstream lines(read_file(file));
  for (std::string line; std::getline(lines, line);) out.push_back(static_cast<uint16_t>(std::stoul(line)));
  return out;
}

TEST(SimulatedScfProgram, ServesWhatItWasGivenUntilSigterm) {
  const TempDir folder;
  const std::string functions =
      folder.write("functions", "# two\nap-beijing/default/b:1=" + std::string(64, 'b') + "\n");
  Child program({.argv = {kScf, "--port-file", folder / "port", "--functions", functions,
                          "--function=ap-guangzhou/default/charge:$LATEST=" + std::string(64, 'a'), "--rate", "100",
                          "--latency", "1-2", "--max-seconds", "60", "--die-with-parent"}});
  ASSERT_TRUE(program.wait_for_output("ready: http://127.0.0.1:", Millis{10000})) << program.err();
  const auto both = ports(folder / "port");
  ASSERT_EQ(both.size(), 2u);
  const std::string body = R"({"FunctionName":"charge"})";
  Headers headers = signed_headers({.body = body}, "127.0.0.1:" + std::to_string(both[0]));
  headers.emplace_back("Connection", "close");
  EXPECT_NE(raw_exchange(both[0], http_post(headers, body)).bytes.find(std::string(64, 'a')), std::string::npos);
  EXPECT_NE(raw_exchange(both[1], "GET /_control/statistics HTTP/1.1\r\nConnection: close\r\n\r\n")
                .bytes.find(R"("accepted":1)"),
            std::string::npos);
  EXPECT_EQ(program.terminate(), (ExitStatus{0, 0}));
}

TEST(SimulatedScfProgram, DeploysAFolder) {
  const TempDir folder;
  folder.write("code/lib/a.py", "print('from a folder')\n");
  folder.write("code/scf_bootstrap", "#!/bin/sh\n", std::filesystem::perms(0755));
  Child program({.argv = {kScf, "--port-file", folder / "port", "--deploy",
                          "ap-guangzhou/default/charge:$LATEST=" + (folder / "code"), "--max-seconds", "60"}});
  ASSERT_TRUE(program.wait_for_output("ready: http://127.0.0.1:", Millis{10000})) << program.err();
  const auto both = ports(folder / "port");
  const std::string body = R"({"FunctionName":"charge"})";
  Headers headers = signed_headers({.body = body}, "127.0.0.1:" + std::to_string(both[0]));
  headers.emplace_back("Connection", "close");
  const std::string answer = raw_exchange(both[0], http_post(headers, body)).bytes;
  const std::size_t path = answer.find("/1253970226/");
  ASSERT_NE(path, std::string::npos) << answer;
  const std::string package = raw_exchange(both[0], "GET " + answer.substr(path, answer.find('"', path) - path) +
                                                        " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
                                  .bytes;
  EXPECT_NE(package.find("lib/a.py"), std::string::npos);
  EXPECT_NE(package.find("scf_bootstrap"), std::string::npos);
  EXPECT_EQ(code_of(run({.argv = {kScf, "--deploy", "ap-guangzhou/default/charge:$LATEST=/no/such/folder"}})), 1);
}

TEST(SimulatedScfProgram, EndsByItselfAfterItsTime) {
  EXPECT_EQ(run({.argv = {kScf, "--max-seconds", "1"}}).status, (ExitStatus{0, 0}));
}

TEST(SimulatedScfProgram, SaysWhatIsWrongWithItsCommandLine) {
  const std::vector<std::vector<std::string>> wrong{{"--no-such"},       {"--port", "70000"},    {"--port"},
                                                    {"stray"},           {"--rate", "many"},     {"--latency", "20-10"},
                                                    {"--function", "x"}, {"--function=a/b/c:d"}, {"--deploy", "x"}};
  for (const auto& arguments : wrong) {
    ChildOptions options{.argv = {kScf}};
    options.argv.insert(options.argv.end(), arguments.begin(), arguments.end());
    const RunResult result = run(options);
    EXPECT_EQ(result.status, (ExitStatus{64, 0})) << arguments[0];
    EXPECT_NE(result.err, "");
  }
  EXPECT_EQ(run({.argv = {kScf, "--functions", "/no/such/file"}}).status, (ExitStatus{1, 0}));
  EXPECT_NE(run({.argv = {kScf, "--help"}}).out.find("--control-port"), std::string::npos);
}

TEST(SimulatedScfProgram, EndsWithTheProcessThatStartedIt) {
  const TempDir folder;
  // The shell is the parent; the program's stdout closes nothing it needs.
  Child shell({.argv = {"sh", "-c", kScf + " --die-with-parent --max-seconds 60 & echo pid=$!.; wait"}});
  ASSERT_TRUE(shell.wait_for_output("ready:", Millis{10000}));
  ASSERT_TRUE(shell.wait_for_output(".\n", Millis{10000}));
  const std::string out = shell.out();
  const pid_t pid = std::stoi(out.substr(out.find("pid=") + 4));
  EXPECT_EQ(::kill(pid, 0), 0);
  shell.signal(SIGKILL);
  EXPECT_TRUE(wait_until(
      [&] {
        return ::kill(pid, 0) != 0 ||
               read_file("/proc/" + std::to_string(pid) + "/stat").find(") Z ") != std::string::npos;
      },
      Millis{5000}));
}

TEST(ReceiverProgram, PrintsAlertsHarmlesslyAndJudgesSignatures) {
  const TempDir folder;
  const std::string secret = folder.write("secret", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n");
  Child program({.argv = {kReceiver, "--port-file", folder / "port", "--secret-file", secret, "--max-seconds", "60"}});
  ASSERT_TRUE(program.wait_for_output("ready: http://127.0.0.1:", Millis{10000})) << program.err();
  const uint16_t port = ports(folder / "port").at(0);
  const Json event{{"subject", "prod/r/default/charge:1"},
                   {"data",
                    {{"kind", "drift.detected"},
                     {"severity", "critical"},
                     {"summary", "evil \x1b[31m text"},
                     {"observed_sha256", std::string(64, 'b')}}}};
  raw_exchange(port, http_post({{"webhook-id", "a1"},
                                {"webhook-timestamp", std::to_string(to_ms(SystemClock().wall()) / 1000)},
                                {"webhook-signature", "v1,AAAA"},
                                {"Connection", "close"}},
                               json_line(event), "/hook"));
  ASSERT_TRUE(program.wait_for_output("WRONG SIGNATURE", Millis{5000})) << program.out();
  EXPECT_NE(program.out().find("drift.detected [critical]"), std::string::npos);
  EXPECT_NE(program.out().find("prod/r/default/charge:1"), std::string::npos);
  EXPECT_EQ(program.out().find('\x1b'), std::string::npos);
  raw_exchange(port, http_post({{"Connection", "close"}}, "\x1b]0;x\x07 not json", "/hook"));
  ASSERT_TRUE(program.wait_for_output("not an alert", Millis{5000}));
  EXPECT_EQ(program.out().find('\x1b'), std::string::npos);
  EXPECT_EQ(program.terminate(), (ExitStatus{0, 0}));
}

}  // namespace
}  // namespace codedriftd::test
