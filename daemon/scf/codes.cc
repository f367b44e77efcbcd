#include <algorithm>
#include <iterator>

#include "scf/api.h"

namespace codedriftd {
namespace {

// The last column: an answer that only somebody gives who knew the credentials, so that refused ones are accepted
// again.
//                                 outcome            reason         retry  slow   refresh account proves
constexpr CodeMeaning kMissing{Outcome::missing, "", false, false, false, false, true};
constexpr CodeMeaning kUpdating{Outcome::updating, "updating", false, false, false, false, true};
constexpr CodeMeaning kDenied{Outcome::denied, "denied", false, false, false, false, true};
constexpr CodeMeaning kCodeSecret{Outcome::denied, kCodeSecretReason, false, false, false, false, true};
constexpr CodeMeaning kAccount{Outcome::denied, "denied", false, false, false, true, false};
constexpr CodeMeaning kBadKeys{Outcome::denied, "denied", false, false, true, true, false};
constexpr CodeMeaning kWrong{Outcome::failed, "failed", false, false, false, false, true};
constexpr CodeMeaning kFailed{Outcome::failed, "failed", false, false, false, false, false};
constexpr CodeMeaning kBlocked{Outcome::failed, "failed", false, false, false, true, false};
constexpr CodeMeaning kRetry{Outcome::failed, "failed", true, false, false, false, false};
constexpr CodeMeaning kSlowDown{Outcome::failed, "failed", true, true, false, false, false};
constexpr CodeMeaning kClock{Outcome::failed, kClockReason, false, false, false, true, false};
constexpr CodeMeaning kNoKeys{Outcome::failed, "credentials", false, false, false, true, false};

struct Row {
  std::string_view code;
  CodeMeaning meaning;
};

constexpr Row kCodes[] = {
    // GetFunctionAddress
    {"FailedOperation.FunctionStatusError", kUpdating},
    {"FailedOperation.GetFunctionAddress", kRetry},
    {"InternalError", kRetry},
    {"InternalError.System", kRetry},
    {"InvalidParameter.Payload", kFailed},
    {"InvalidParameterValue", kFailed},
    {"InvalidParameterValue.Action", kFailed},
    {"InvalidParameterValue.FunctionName", kMissing},
    {"InvalidParameterValue.Namespace", kWrong},
    {"InvalidParameterValue.Qualifier", kWrong},
    {"ResourceNotFound.Function", kMissing},
    {"ResourceNotFound.FunctionName", kMissing},
    {"ResourceNotFound.FunctionVersion", kMissing},
    {"ResourceNotFound.Version", kMissing},
    {"ResourceNotFound.Namespace", kMissing},
    {"UnauthorizedOperation.CAM", kDenied},
    {kCodeSecretCode, kCodeSecret},
    // What the other actions of SCF have beside these
    {"FailedOperation.Apigw", kRetry},
    {"FailedOperation.CallNetDeployFailed", kRetry},
    {"InternalError.Exception", kRetry},
    {"InvalidParameter.FunctionNameOrResourceIdRequired", kFailed},
    {"InvalidParameterValue.CodeSecret", kFailed},
    {"InvalidParameterValue.Filters", kFailed},
    {"InvalidParameterValue.Limit", kFailed},
    {"InvalidParameterValue.LimitExceeded", kFailed},
    {"InvalidParameterValue.Name", kFailed},
    {"InvalidParameterValue.Offset", kFailed},
    {"InvalidParameterValue.Order", kFailed},
    {"InvalidParameterValue.QueryVersion", kFailed},
    {"InvalidParameterValue.SearchKey", kFailed},
    {"InvalidParameterValue.Stamp", kFailed},
    {"LimitExceeded.Offset", kFailed},
    {"ResourceNotFound.Alias", kMissing},
    {"ResourceNotFound.LayerVersion", kMissing},
    {"UnauthorizedOperation.Region", kDenied},
    // CloudAudit
    {"FailedOperation.MemberNotAuditRole", kDenied},
    {"InternalError.SearchError", kRetry},
    {"InvalidParameter.Time", kFailed},
    {"InvalidParameterValue.MaxResult", kFailed},
    {"InvalidParameterValue.Time", kFailed},
    {"InvalidParameterValue.attributeKey", kFailed},
    {"LimitExceeded.OverTime", kFailed},
    // Common to all actions
    {"ActionOffline", kFailed},
    {"AuthFailure.InvalidAuthorization", kAccount},
    {"AuthFailure.InvalidSecretId", kBadKeys},
    {"AuthFailure.MFAFailure", kAccount},
    {"AuthFailure.SecretIdNotFound", kBadKeys},
    {"AuthFailure.SignatureExpire", kAccount},  // kClock where the Date shows it
    {"AuthFailure.SignatureFailure", kBadKeys},
    {"AuthFailure.TokenFailure", kBadKeys},
    {"AuthFailure.UnauthorizedOperation", kAccount},
    {"DryRunOperation", kFailed},
    {"FailedOperation", kFailed},
    {"InvalidAction", kFailed},
    {"InvalidParameter", kFailed},
    {"InvalidRequest", kFailed},
    {"IpInBlacklist", kBlocked},
    {"IpNotInWhitelist", kBlocked},
    {"LimitExceeded", kFailed},
    {"MissingParameter", kFailed},
    {"NoSuchProduct", kFailed},
    {"NoSuchVersion", kFailed},
    {"RequestLimitExceeded", kSlowDown},
    {"RequestLimitExceeded.GlobalRegionUinLimitExceeded", kSlowDown},
    {"RequestLimitExceeded.IPLimitExceeded", kSlowDown},
    {"RequestLimitExceeded.UinLimitExceeded", kSlowDown},
    {"RequestSizeLimitExceeded", kFailed},
    {"ResourceInUse", kRetry},
    {"ResourceInsufficient", kFailed},
    {"ResourceNotFound", kMissing},
    {"ResourceUnavailable", kRetry},
    {"ResponseSizeLimitExceeded", kFailed},
    {"ServiceUnavailable", kRetry},
    {"UnauthorizedOperation", kDenied},
    {"UnknownParameter", kFailed},
    {"UnsupportedOperation", kFailed},
    {"UnsupportedProtocol", kFailed},
    {"UnsupportedRegion", kFailed},
    // This side's own
    {"Client.BadAnswer", kFailed},
    {kClockCode, kClock},
    {"Client.HttpStatus", kFailed},  // retried where the status says so
    {"Client.Network", kRetry},
    {"Client.NoCredentials", kNoKeys},
    {"Client.NoDigest", kWrong},
    {"Client.Timeout", kRetry},
    {"Client.Tls", kFailed},
    {"Client.TooLarge", kFailed},
    {"Client.Updating", kUpdating},
};

/// For codes that are not documented, by what stands before the first dot.
constexpr Row kFamilies[] = {
    {"AuthFailure", kAccount},      {"InternalError", kRetry},          {"RequestLimitExceeded", kSlowDown},
    {"ResourceNotFound", kMissing}, {"UnauthorizedOperation", kDenied},
};

template <std::size_t N>
const CodeMeaning* find(const Row (&rows)[N], std::string_view code) {
  const Row* row = std::find_if(std::begin(rows), std::end(rows), [&](const Row& r) { return r.code == code; });
  return row == std::end(rows) ? nullptr : &row->meaning;
}

}  // namespace

CodeMeaning meaning_of(std::string_view code) {
  if (const CodeMeaning* exact = find(kCodes, code)) return *exact;
  if (const CodeMeaning* family = find(kFamilies, code.substr(0, code.find('.')))) return *family;
  return kFailed;
}

}  // namespace codedriftd
