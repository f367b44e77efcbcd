/// Everything the cloud can answer, wrong or hostile: the right outcome is recorded, and nobody else waits for it.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "e2e/daemon.h"
#include "e2e/record.h"

namespace codedriftd::test {
namespace {

struct Code {
  const char* code;
  const char* outcome;
  const char* reason = "";  ///< of a function that was never seen
};

/// The error codes of GetFunctionAddress and the common ones, as documented, and what the contract makes of them.
constexpr Code kCodes[] = {
    {"FailedOperation.FunctionStatusError", "updating", "updating"},
    {"FailedOperation.GetFunctionAddress", "failed", "failed"},
    {"InternalError", "failed", "failed"},
    {"InternalError.System", "failed", "failed"},
    {"InvalidParameter.Payload", "failed", "failed"},
    {"InvalidParameterValue", "failed", "failed"},
    {"InvalidParameterValue.Action", "failed", "failed"},
    {"InvalidParameterValue.FunctionName", "missing"},
    {"InvalidParameterValue.Namespace", "failed", "failed"},
    {"InvalidParameterValue.Qualifier", "failed", "failed"},
    {"ResourceNotFound.Function", "missing"},
    {"ResourceNotFound.FunctionName", "missing"},
    {"ResourceNotFound.FunctionVersion", "missing"},
    {"ResourceNotFound.Version", "missing"},
    {"ResourceNotFound.Namespace", "missing"},
    {"UnauthorizedOperation.CAM", "denied", "denied"},
    {"UnauthorizedOperation.CodeSecret", "denied", "code_secret"},
    {"ActionOffline", "failed", "failed"},
    {"DryRunOperation", "failed", "failed"},
    {"FailedOperation", "failed", "failed"},
    {"InvalidAction", "failed", "failed"},
    {"InvalidParameter", "failed", "failed"},
    {"InvalidRequest", "failed", "failed"},
    {"LimitExceeded", "failed", "failed"},
    {"MissingParameter", "failed", "failed"},
    {"NoSuchProduct", "failed", "failed"},
    {"NoSuchVersion", "failed", "failed"},
    {"RequestSizeLimitExceeded", "failed", "failed"},
    {"ResourceInUse", "failed", "failed"},
    {"ResourceInsufficient", "failed", "failed"},
    {"ResourceNotFound", "missing"},
    {"ResourceUnavailable", "failed", "failed"},
    {"ResponseSizeLimitExceeded", "failed", "failed"},
    {"ServiceUnavailable", "failed", "failed"},
    {"UnauthorizedOperation", "denied", "denied"},
    {"UnknownParameter", "failed", "failed"},
    {"UnsupportedOperation", "failed", "failed"},
    {"UnsupportedProtocol", "failed", "failed"},
    {"UnsupportedRegion", "failed", "failed"},
    {"SomethingNew.Altogether", "failed", "failed"},
};
/// The same for codes whose cause is the account's: in a region of their own.
constexpr Code kAccountCodes[] = {
    {"AuthFailure.InvalidAuthorization", "denied", "denied"},
    {"AuthFailure.InvalidSecretId", "denied", "denied"},
    {"AuthFailure.MFAFailure", "denied", "denied"},
    {"AuthFailure.SecretIdNotFound", "denied", "denied"},
    {"AuthFailure.SignatureExpire", "denied", "denied"},
    {"AuthFailure.SignatureFailure", "denied", "denied"},
    {"AuthFailure.TokenFailure", "denied", "denied"},
    {"AuthFailure.UnauthorizedOperation", "denied", "denied"},
    {"IpInBlacklist", "failed", "failed"},
    {"IpNotInWhitelist", "failed", "failed"},
};
/// The same for the rate limit's: in a third region, whose pace they slow.
constexpr Code kLimitCodes[] = {
    {"RequestLimitExceeded", "failed", "failed"},
    {"RequestLimitExceeded.UinLimitExceeded", "failed", "failed"},
    {"RequestLimitExceeded.GlobalRegionUinLimitExceeded", "failed", "failed"},
    {"RequestLimitExceeded.IPLimitExceeded", "failed", "failed"},
};

/// A function's name for a code or a fault.
std::string name_for(std::string_view what) {
  std::string name(what);
  std::replace(name.begin(), name.end(), '.', '-');
  return name;
}

/// The longest time between two requests for a target, from the first of them to now.
Millis longest_gap(const SimulatedScf& cloud, const std::string& target) {
  std::optional<MonoTime> last;
  Millis longest{0};
  const auto look = [&](MonoTime at) {
    if (last) longest = std::max(longest, std::chrono::duration_cast<Millis>(at - *last));
    last = at;
  };
  for (const ScfRequest& request : cloud.requests()) {
    if (request.target == target) look(request.arrived);
  }
  look(SystemClock{}.mono());
  return longest;
}

/// Polled every second. On a busy machine that may be late, but whoever waits for a hanging call is thirty seconds
/// late.
constexpr Millis kOnTime{10'000};

TEST(Answers, EveryDocumentedErrorIsRecordedAsTheContractSays) {
  DaemonOptions options;
  options.cloud.keep_requests = 100'000;
  Daemon daemon(options);
  daemon.config.account = "requests_per_second = 500";
  std::vector<std::pair<std::string, Code>> expected;
  const auto add = [&](const Code& code, std::string_view region) {
    const std::string name = name_for(code.code);
    const std::string target = fmt::format("{}/default/{}:$LATEST", region, name);
    daemon.config.functions.emplace_back(name, fmt::format("region = \"{}\"", region));
    daemon.cloud().set(target, hash_of("never shown"));
    daemon.cloud().set_error(target, code.code);
    expected.emplace_back("prod/" + target, code);
  };
  for (const Code& code : kCodes) add(code, "ap-guangzhou");
  for (const Code& code : kAccountCodes) add(code, "ap-shanghai");
  for (const Code& code : kLimitCodes) add(code, "ap-beijing");
  daemon.start();

  const auto runs = [&] {
    std::map<std::string, Json> by_target;
    for (const Json& row : daemon.rows({"history"})) by_target[row.at("target")].push_back(row);
    return by_target;
  };
  ASSERT_TRUE(eventually([&] { return runs().size() == expected.size() + 1; }, Millis{60'000})) << daemon.log();
  auto history = runs();
  std::map<std::string, Json> status;
  for (const Json& row : daemon.rows({"status"})) status[row.at("target")] = row;
  for (const auto& [target, code] : expected) {
    for (const Json& run : history[target]) {
      EXPECT_EQ(run.at("outcome"), code.outcome) << target;
      EXPECT_EQ(run.at("code"), code.code) << target;
      EXPECT_TRUE(run.at("sha256").is_null()) << target;
    }
    const Json& row = status.at(target);
    EXPECT_EQ(row.at("last_error").at("code"), code.code) << target;
    if (std::string_view(code.outcome) == "missing") continue;  // counts when it was said twice
    EXPECT_EQ(row.at("status"), "unobserved") << target;
    EXPECT_EQ(row.at("reason"), code.reason) << target;
  }
  ASSERT_TRUE(eventually([&] {
    const Json rows = daemon.rows({"status"});
    return std::count_if(rows.begin(), rows.end(), [](const Json& row) { return row.at("status") == "missing"; }) == 7;
  })) << daemon.log();
  // Nothing of this is a change of code, and the one healthy function was looked at all the while.
  EXPECT_EQ(daemon.status("charge").at("status"), "in_sync");
  EXPECT_LT(longest_gap(daemon.cloud(), Daemon::key("charge")), kOnTime);
  for (const std::string& kind : daemon.kinds()) EXPECT_FALSE(kind.starts_with("drift.")) << kind;

  daemon.cloud().clear();
  ASSERT_TRUE(eventually(
      [&] {
        const Json rows = daemon.rows({"status"});
        return std::all_of(rows.begin(), rows.end(), [](const Json& row) { return row.at("status") == "in_sync"; });
      },
      Millis{40'000}))
      << daemon.rows({"status"}).dump(1);
  EXPECT_EQ(daemon.stop(), (ExitStatus{0, 0}));
  EXPECT_TRUE(whole_record(daemon.database()));
}

/// What a fault comes to; the rest are failures of one code or another.
bool harmless_fault(Fault fault) { return fault == Fault::sha_upper_case || fault == Fault::wrong_date; }

TEST(Answers, EveryHostileAnswerLeavesTheDaemonAliveAndTheOthersPolledOnTime) {
  DaemonOptions options;
  options.cloud.keep_requests = 100'000;
  Daemon daemon(options);
  daemon.config.account = "requests_per_second = 500\ntimeout = \"3s\"";
  std::vector<std::string> healthy{"charge", "refund", "invoice"};
  for (const char* name : {"refund", "invoice"}) {
    daemon.deploy(name, "reviewed");
    daemon.config.functions.emplace_back(name, "");
  }
  for (const Fault fault : all_faults()) {
    const std::string name = name_for(fault_name(fault));
    daemon.deploy(name, "reviewed");
    daemon.config.functions.emplace_back(name, "");
  }
  // Calls that hang for as long as this test lasts, beside those that are given up after three seconds.
  const Fault hanging[] = {Fault::never_answer, Fault::drip_headers, Fault::drip_body};
  daemon.config.more = fmt::format(
      "[account.patient]\nendpoint = \"{}\"\ntimeout = \"30s\"\n[account.patient.credentials]\nsource = \"env\"\n",
      daemon.config.endpoint);
  for (const Fault fault : hanging) {
    const std::string name = fmt::format("hangs-{}", fault_name(fault));
    daemon.cloud().set_fault(Daemon::key(name), fault);
    daemon.config.more += fmt::format("[[function]]\nname = \"{}\"\naccount = \"patient\"\n", name);
  }
  daemon.start();
  const auto all_in_sync = [&] {
    const Json rows = daemon.rows({"status", "--account", "prod"});
    return std::all_of(rows.begin(), rows.end(), [](const Json& row) { return row.at("status") == "in_sync"; });
  };
  ASSERT_TRUE(eventually(all_in_sync)) << daemon.log();
  for (const Fault fault : all_faults()) daemon.cloud().set_fault(Daemon::key(name_for(fault_name(fault))), fault);

  const auto failed_once = [&] {
    const Json rows = daemon.rows({"status"});
    return std::all_of(all_faults().begin(), all_faults().end(), [&](Fault fault) {
      return std::any_of(rows.begin(), rows.end(), [&](const Json& row) {
        return row.at("function") == name_for(fault_name(fault)) &&
               (harmless_fault(fault) || row.at("consecutive_failures") > 0);
      });
    });
  };
  ASSERT_TRUE(eventually(failed_once, Millis{60'000})) << daemon.rows({"status"}).dump(1);
  for (const Json& row : daemon.rows({"history"})) {
    // Whatever came: never a change, never "missing".
    if (row.at("outcome") == "observed") {
      EXPECT_EQ(row.at("sha256"), hash_of("reviewed")) << row.dump();
    } else {
      EXPECT_EQ(row.at("outcome"), "failed") << row.dump();
    }
  }
  for (const std::string& kind : daemon.kinds()) EXPECT_FALSE(kind.starts_with("drift.")) << kind;
  for (const std::string& name : healthy) EXPECT_LT(longest_gap(daemon.cloud(), Daemon::key(name)), kOnTime) << name;
  ASSERT_TRUE(daemon.running());

  daemon.cloud().clear();
  EXPECT_TRUE(eventually(all_in_sync, Millis{40'000})) << daemon.rows({"status"}).dump(1);
  EXPECT_EQ(daemon.stop(), (ExitStatus{0, 0}));
  EXPECT_TRUE(whole_record(daemon.database()));
}

TEST(Answers, ResetConnectionsAndACloudThatIsGoneAreSurvived) {
  Daemon daemon;
  daemon.start();
  ASSERT_TRUE(daemon.wait_for_status("charge", "in_sync"));
  daemon.cloud().set_fault("*", Fault::reset_before_reading);
  const auto failing = [&] { return daemon.status("charge").at("consecutive_failures") > 0; };
  ASSERT_TRUE(eventually(failing, Millis{40'000})) << daemon.log();
  EXPECT_EQ(daemon.status("charge").at("last_error").at("code"), "Client.Network");
  daemon.cloud().clear();
  ASSERT_TRUE(eventually([&] { return !failing(); }));
  daemon.cloud().stop();
  ASSERT_TRUE(eventually(failing, Millis{40'000}));
  EXPECT_EQ(daemon.status("charge").at("last_error").at("code"), "Client.Network");
  EXPECT_EQ(daemon.stop(), (ExitStatus{0, 0}));
}

}  // namespace
}  // namespace codedriftd::test
