#include <gtest/gtest.h>

#include <string>

#include "scf/api.h"

namespace codedriftd::test {
namespace {

struct Row {
  const char* code;
  Outcome outcome;
  const char* reason;
  const char* flags;  ///< r: retry soon, s: slow down, k: read the keys again, a: the account's cause
};

// Written out once more, from the contract and the API's documentation, and not derived from the table under test.
constexpr Row kRows[] = {
    {"FailedOperation.FunctionStatusError", Outcome::updating, "updating", "p"},
    {"FailedOperation.GetFunctionAddress", Outcome::failed, "failed", "r"},
    {"InternalError", Outcome::failed, "failed", "r"},
    {"InternalError.System", Outcome::failed, "failed", "r"},
    {"InvalidParameter.Payload", Outcome::failed, "failed", ""},
    {"InvalidParameterValue", Outcome::failed, "failed", ""},
    {"InvalidParameterValue.Action", Outcome::failed, "failed", ""},
    {"InvalidParameterValue.FunctionName", Outcome::missing, "", "p"},
    {"InvalidParameterValue.Namespace", Outcome::failed, "failed", "p"},
    {"InvalidParameterValue.Qualifier", Outcome::failed, "failed", "p"},
    {"ResourceNotFound.Function", Outcome::missing, "", "p"},
    {"ResourceNotFound.FunctionName", Outcome::missing, "", "p"},
    {"ResourceNotFound.FunctionVersion", Outcome::missing, "", "p"},
    {"ResourceNotFound.Version", Outcome::missing, "", "p"},
    {"ResourceNotFound.Namespace", Outcome::missing, "", "p"},
    {"UnauthorizedOperation.CAM", Outcome::denied, "denied", "p"},
    {"UnauthorizedOperation.CodeSecret", Outcome::denied, "code_secret", "p"},
    {"RequestLimitExceeded", Outcome::failed, "failed", "rs"},
    {"RequestLimitExceeded.UinLimitExceeded", Outcome::failed, "failed", "rs"},
    {"RequestLimitExceeded.GlobalRegionUinLimitExceeded", Outcome::failed, "failed", "rs"},
    {"RequestLimitExceeded.IPLimitExceeded", Outcome::failed, "failed", "rs"},
    {"AuthFailure.SignatureExpire", Outcome::denied, "denied", "a"},
    {"AuthFailure.SignatureFailure", Outcome::denied, "denied", "ka"},
    {"AuthFailure.SecretIdNotFound", Outcome::denied, "denied", "ka"},
    {"AuthFailure.InvalidSecretId", Outcome::denied, "denied", "ka"},
    {"AuthFailure.TokenFailure", Outcome::denied, "denied", "ka"},
    {"AuthFailure.InvalidAuthorization", Outcome::denied, "denied", "a"},
    {"AuthFailure.UnauthorizedOperation", Outcome::denied, "denied", "a"},
    {"AuthFailure.MFAFailure", Outcome::denied, "denied", "a"},
    {"UnauthorizedOperation", Outcome::denied, "denied", "p"},
    {"InvalidParameter", Outcome::failed, "failed", ""},
    {"MissingParameter", Outcome::failed, "failed", ""},
    {"UnknownParameter", Outcome::failed, "failed", ""},
    {"InvalidAction", Outcome::failed, "failed", ""},
    {"InvalidRequest", Outcome::failed, "failed", ""},
    {"NoSuchProduct", Outcome::failed, "failed", ""},
    {"NoSuchVersion", Outcome::failed, "failed", ""},
    {"UnsupportedRegion", Outcome::failed, "failed", ""},
    {"UnsupportedOperation", Outcome::failed, "failed", ""},
    {"UnsupportedProtocol", Outcome::failed, "failed", ""},
    {"ActionOffline", Outcome::failed, "failed", ""},
    {"IpInBlacklist", Outcome::failed, "failed", "a"},
    {"IpNotInWhitelist", Outcome::failed, "failed", "a"},
    {"LimitExceeded", Outcome::failed, "failed", ""},
    {"ResourceInUse", Outcome::failed, "failed", "r"},
    {"ResourceUnavailable", Outcome::failed, "failed", "r"},
    {"RequestSizeLimitExceeded", Outcome::failed, "failed", ""},
    {"ResponseSizeLimitExceeded", Outcome::failed, "failed", ""},
    {"ResourceNotFound", Outcome::missing, "", "p"},
    {"ResourceInsufficient", Outcome::failed, "failed", ""},
    {"DryRunOperation", Outcome::failed, "failed", ""},
    {"FailedOperation", Outcome::failed, "failed", ""},
    // Of the other actions.
    {"FailedOperation.Apigw", Outcome::failed, "failed", "r"},
    {"FailedOperation.CallNetDeployFailed", Outcome::failed, "failed", "r"},
    {"InternalError.Exception", Outcome::failed, "failed", "r"},
    {"InvalidParameter.FunctionNameOrResourceIdRequired", Outcome::failed, "failed", ""},
    {"InvalidParameterValue.CodeSecret", Outcome::failed, "failed", ""},
    {"InvalidParameterValue.Filters", Outcome::failed, "failed", ""},
    {"InvalidParameterValue.Limit", Outcome::failed, "failed", ""},
    {"InvalidParameterValue.LimitExceeded", Outcome::failed, "failed", ""},
    {"InvalidParameterValue.Name", Outcome::failed, "failed", ""},
    {"InvalidParameterValue.Offset", Outcome::failed, "failed", ""},
    {"InvalidParameterValue.Order", Outcome::failed, "failed", ""},
    {"InvalidParameterValue.QueryVersion", Outcome::failed, "failed", ""},
    {"InvalidParameterValue.SearchKey", Outcome::failed, "failed", ""},
    {"InvalidParameterValue.Stamp", Outcome::failed, "failed", ""},
    {"LimitExceeded.Offset", Outcome::failed, "failed", ""},
    {"ResourceNotFound.Alias", Outcome::missing, "", "p"},
    {"ResourceNotFound.LayerVersion", Outcome::missing, "", "p"},
    {"UnauthorizedOperation.Region", Outcome::denied, "denied", "p"},
    {"FailedOperation.MemberNotAuditRole", Outcome::denied, "denied", "p"},
    {"InternalError.SearchError", Outcome::failed, "failed", "r"},
    {"InvalidParameter.Time", Outcome::failed, "failed", ""},
    {"InvalidParameterValue.MaxResult", Outcome::failed, "failed", ""},
    {"InvalidParameterValue.Time", Outcome::failed, "failed", ""},
    {"InvalidParameterValue.attributeKey", Outcome::failed, "failed", ""},
    {"LimitExceeded.OverTime", Outcome::failed, "failed", ""},
    // Not documented: by the first part, and `failed` where that says nothing.
    {"ResourceNotFound.Layer", Outcome::missing, "", "p"},
    {"AuthFailure.Whatever", Outcome::denied, "denied", "a"},
    {"InternalError.Other", Outcome::failed, "failed", "r"},
    {"UnauthorizedOperation.Other", Outcome::denied, "denied", "p"},
    {"RequestLimitExceeded.Other", Outcome::failed, "failed", "rs"},
    {"FailedOperation.Other", Outcome::failed, "failed", ""},
    {"InvalidParameterValue.Other", Outcome::failed, "failed", ""},
    {"ResourceNotFoundBecause", Outcome::failed, "failed", ""},
    {"", Outcome::failed, "failed", ""},
    // This side's.
    {"Client.Timeout", Outcome::failed, "failed", "r"},
    {"Client.Network", Outcome::failed, "failed", "r"},
    {"Client.Tls", Outcome::failed, "failed", ""},
    {"Client.HttpStatus", Outcome::failed, "failed", ""},
    {"Client.TooLarge", Outcome::failed, "failed", ""},
    {"Client.BadAnswer", Outcome::failed, "failed", ""},
    {"Client.Clock", Outcome::failed, "clock", "a"},
    {"Client.NoCredentials", Outcome::failed, "credentials", "a"},
    {"Client.NoDigest", Outcome::failed, "failed", "p"},
    {"Client.Updating", Outcome::updating, "updating", "p"},
};

TEST(MeaningOf, IsWhatTheContractSaysForEveryDocumentedCode) {
  for (const Row& row : kRows) {
    SCOPED_TRACE(row.code);
    const CodeMeaning meaning = meaning_of(row.code);
    EXPECT_EQ(meaning.outcome, row.outcome);
    EXPECT_EQ(meaning.reason, row.reason);
    std::string flags;
    if (meaning.retry_soon) flags += 'r';
    if (meaning.slow_down) flags += 's';
    if (meaning.refresh_credentials) flags += 'k';
    if (meaning.account_cause) flags += 'a';
    if (meaning.proves_account) flags += 'p';
    EXPECT_EQ(flags, row.flags);
  }
}

}  // namespace
}  // namespace codedriftd::test
