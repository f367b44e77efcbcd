#include "support/simulated_audit.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "base/json.h"

namespace codedriftd::test {
namespace {

constexpr int64_t kDay = 86400;
constexpr int64_t kAccount = 100000000001;
constexpr std::string_view kSource = "scf.tencentcloudapi.com";

std::string resource_of(const AuditEntry& entry) { return entry.resource.empty() ? entry.function : entry.resource; }

std::string request_id_of(const AuditEntry& entry, uint64_t number) {
  return entry.by.request_id.empty() ? fmt::format("a0d17000-0000-4000-8000-{:012x}", number) : entry.by.request_id;
}

/// The audited call as the log keeps it. Its parameters are a text of their own inside, with what was uploaded.
std::string audited_call(const AuditEntry& entry, uint64_t number) {
  Json parameters = entry.more;
  if (parameters.is_null()) parameters = Json::object();
  if (!entry.function.empty()) parameters["FunctionName"] = entry.function;
  if (!entry.ns.empty()) parameters["Namespace"] = entry.ns;
  if (entry.action == "UpdateFunctionCode" || entry.action == "CreateFunction")
    parameters["Code"] = {{"ZipFile", fmt::format("{}-UPLOADED-BYTES", kAuditSecret)}};
  Json identity{{"type", entry.by.type},
                {"accountId", fmt::format("{}", kAccount)},
                {"principalId", entry.by.type == "Root" ? fmt::format("{}", kAccount) : "200000000042"},
                {"userName", entry.by.principal},
                {"secretId", entry.by.console ? "" : entry.by.key_id},
                {"sessionContext",
                 {{"token", fmt::format("{}-SESSION-TOKEN", kAuditSecret)},
                  {"attributes", {{"mfaAuthenticated", "false"}, {"creationDate", "2026-11-26T00:00:00Z"}}}}}};
  const Json call{{"eventVersion", "3.0"},
                  {"eventName", entry.action},
                  {"eventTime", entry.time},
                  {"eventRegion", entry.region},
                  {"eventSource", kSource},
                  {"eventType", entry.by.console ? "ConsoleCall" : "ApiCall"},
                  {"actionType", entry.read ? "Read" : "Write"},
                  {"apiVersion", "2018-04-16"},
                  {"apiErrorCode", entry.by.error},
                  {"apiErrorMessage", entry.by.error.empty() ? "" : "simulated"},
                  {"httpMethod", "POST"},
                  {"requestID", request_id_of(entry, number)},
                  {"requestParameters", json_line(parameters)},
                  {"responseElements", fmt::format(R"({{"Token":"{}-ANSWER"}})", kAuditSecret)},
                  {"resourceType", "scf"},
                  {"resourceName", resource_of(entry)},
                  {"sourceIPAddress", entry.by.ip},
                  {"userAgent", entry.by.user_agent},
                  {"userIdentity", std::move(identity)}};
  return json_line(call);
}

Json event_of(const AuditEntry& entry, uint64_t number, bool garbled) {
  return {{"EventId", fmt::format("e0e17000-0000-4000-8000-{:012x}", number)},
          {"EventName", entry.action},
          {"EventNameCn", entry.action},
          {"EventTime", fmt::format("{}", entry.time)},
          {"EventRegion", entry.region},
          {"EventSource", kSource},
          {"Username", entry.by.type == "Root" ? "root" : entry.by.principal},
          {"SecretId", entry.by.console ? "" : entry.by.key_id},
          {"SourceIPAddress", entry.by.ip},
          {"RequestID", request_id_of(entry, number)},
          {"AccountID", kAccount},
          {"ResourceRegion", entry.region},
          {"ResourceTypeCn", "云函数"},
          {"Resources", {{"ResourceType", "scf"}, {"ResourceName", resource_of(entry)}}},
          {"ErrorCode", entry.by.error.empty() ? 0 : 4000},
          {"Location", nullptr},
          {"CloudAuditEvent", garbled ? "{\"userIdentity\":" : audited_call(entry, number)}};
}

constexpr std::array<std::string_view, 13> kAttributes{
    "RequestId",   "EventName",       "ActionType",   "PrincipalId",  "ResourceType", "ResourceId",     "ResourceName",
    "AccessKeyId", "SensitiveAction", "ApiErrorCode", "CamErrorCode", "Tags",         "SourceIPAddress"};

std::string attribute(const AuditEntry& entry, uint64_t number, std::string_view key) {
  if (key == "RequestId") return request_id_of(entry, number);
  if (key == "EventName") return entry.action;
  if (key == "ActionType") return entry.read ? "Read" : "Write";
  if (key == "PrincipalId") return entry.by.type == "Root" ? fmt::format("{}", kAccount) : "200000000042";
  if (key == "ResourceType") return "scf";
  if (key == "ResourceName" || key == "ResourceId") return resource_of(entry);
  if (key == "AccessKeyId") return entry.by.console ? "" : entry.by.key_id;
  if (key == "ApiErrorCode") return entry.by.error;
  if (key == "SourceIPAddress") return entry.by.ip;
  return "";
}

/// All keys hold, and of several names one.
bool wanted(const AuditEntry& entry, uint64_t number, const ScfCall& call) {
  bool names = false;
  bool named = false;
  for (const auto& [key, values] : call.filters) {
    const bool holds = attribute(entry, number, key) == values.front();
    if (key == "EventName") {
      names = true;
      named = named || holds;
    } else if (!holds) {
      return false;
    }
  }
  return named || !names;
}

std::optional<ScfRefusal> wrong_query(const ScfCall& call, int64_t now) {
  const int64_t start = call.number.at("StartTime");
  const int64_t end = call.number.at("EndTime");
  if (start < now - 90 * kDay) return ScfRefusal{"InvalidParameterValue.Time", "StartTime is more than 90 days ago"};
  if (end < start) return ScfRefusal{"InvalidParameter.Time", "EndTime is before StartTime"};
  if (end - start >= 30 * kDay) return ScfRefusal{"LimitExceeded.OverTime", "the span must be less than 30 days"};
  for (const auto& [key, values] : call.filters) {
    if (std::find(kAttributes.begin(), kAttributes.end(), key) == kAttributes.end())
      return ScfRefusal{"InvalidParameterValue.attributeKey", fmt::format("the AttributeKey `{}` is not known", key)};
  }
  return std::nullopt;
}

}  // namespace

void SimulatedAudit::record(AuditEntry entry) {
  MutexLock guard(mutex_);
  if (to_drop_ > 0) {
    --to_drop_;
    return;
  }
  if (entry.time == 0) entry.time = clock_.seconds();
  const Place place{entry.time, next_number_++};
  records_.emplace(place, Record{std::move(entry), clock_.mono()});
}

void SimulatedAudit::set_delay(Millis delay) {
  MutexLock guard(mutex_);
  delay_ = delay;
}

void SimulatedAudit::drop(unsigned next) {
  MutexLock guard(mutex_);
  to_drop_ = next;
}

void SimulatedAudit::clear() {
  MutexLock guard(mutex_);
  records_.clear();
}

// The token is how many of the query's records were shown: opaque to who gets it, and refused if it is beyond them all.
std::variant<std::string, ScfRefusal> SimulatedAudit::answer(const ScfCall& call, bool garbled) const {
  if (const auto refusal = wrong_query(call, clock_.seconds())) return *refusal;
  const auto skip = static_cast<std::size_t>(call.number_or("NextToken", 0));
  const auto most = static_cast<std::size_t>(call.number_or("MaxResults", 10));
  MutexLock guard(mutex_);
  const MonoTime visible = clock_.mono() - delay_;
  Json events = Json::array();
  std::size_t seen = 0;
  bool over = true;
  const auto end = records_.upper_bound({call.number.at("StartTime"), 0});  // descending: behind all of that second
  for (auto at = records_.lower_bound({call.number.at("EndTime"), UINT64_MAX}); at != end; ++at) {
    const auto& [place, record] = *at;
    if (record.written > visible || !wanted(record.entry, place.second, call)) continue;
    if (seen++ < skip) continue;
    over = events.size() < most;
    if (!over) break;
    events.push_back(event_of(record.entry, place.second, garbled));
  }
  if (skip > seen) return ScfRefusal{"InvalidParameterValue", "NextToken is not one that was given out"};
  const Json token = over ? Json() : Json(skip + most);
  return fmt::format(R"("Events":{},"ListOver":{},"NextToken":{},"TotalCount":0)", json_line(events), over,
                     json_line(token));
}

}  // namespace codedriftd::test
