#include <algorithm>
#include <charconv>
#include <string>

#include "base/text.h"
#include "cloud/secret_json.h"
#include "scf/read_content.h"

namespace codedriftd {
namespace {

constexpr std::size_t kName = 100, kAgent = 300;
constexpr std::size_t kMostRecords = 1000;        // 50 are asked for
constexpr int64_t kLastSecond = 253'402'300'799;  // of the year 9999

std::string name_text(std::string_view text) { return clean_utf8(text, kName); }

template <typename Number>
std::optional<Number> whole_number(std::string_view digits) {
  Number number = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (error != std::errc{} || end != digits.data() + digits.size()) return std::nullopt;
  return number;
}

/// "1795478400": Unix seconds as a string.
WallTime time_of_event(const Members& event) {
  const auto seconds = whole_number<int64_t>(event.text("EventTime"));
  if (!seconds || *seconds < 0 || *seconds > kLastSecond) {
    event.complain("EventTime", "is not a string of Unix seconds");
    return {};
  }
  return WallTime{std::chrono::seconds(*seconds)};
}

/// Nothing of an id that is so short that four characters would be much of it.
std::string key_suffix_of(std::string_view key_id) {
  constexpr std::size_t kKept = 4;
  if (key_id.size() < 4 * kKept) return {};
  const std::string_view end = key_id.substr(key_id.size() - kKept);
  const bool plain = std::all_of(end.begin(), end.end(), [](char c) { return c > ' ' && c <= '~'; });
  return plain ? std::string(end) : std::string();
}

/// The cloud's word for who called, in ours; another one as it is.
std::string principal_type_of(std::string_view type) {
  std::string lower = name_text(type);
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  if (lower.find("root") != std::string::npos) return "root";
  if (lower.find("role") != std::string::npos) return "role";
  if (lower == "camuser" || lower == "subaccount" || lower == "sub-user" || lower == "subuser") return "sub-user";
  return name_text(type);
}

// What lies deeper is read leniently: a member of another type than expected is one that is not told.

std::string_view told(const std::optional<simdjson::dom::object>& object, std::string_view name) {
  std::string_view text;
  return object && object->at_key(name).get_string().get(text) == simdjson::SUCCESS ? text : std::string_view{};
}

std::optional<simdjson::dom::object> told_object(const std::optional<simdjson::dom::object>& object,
                                                 std::string_view name) {
  simdjson::dom::object found;
  if (!object || object->at_key(name).get_object().get(found) != simdjson::SUCCESS) return std::nullopt;
  return found;
}

/// A code that says "no error" in one of its forms, or is not there, is empty.
std::string code_told(const std::optional<simdjson::dom::object>& object, std::string_view name) {
  simdjson::dom::element code;
  if (!object || object->at_key(name).get(code) != simdjson::SUCCESS || code.is_null()) return {};
  std::string_view text;
  int64_t number = 0;
  if (code.get_string().get(text) == simdjson::SUCCESS) return text == "0" ? std::string() : name_text(text);
  if (code.get_int64().get(number) != simdjson::SUCCESS) return std::string(kOutcomeUnread);
  return number == 0 ? std::string() : std::to_string(number);
}

std::optional<simdjson::dom::object> object_in(SecretJson& parser, std::string_view json) {
  simdjson::dom::object object;
  if (json.empty() || parser.parse(json).get_object().get(object) != simdjson::SUCCESS) return std::nullopt;
  return object;
}

/// "FUNCTION" or "NAMESPACE/FUNCTION".
void take_resource(ChangeRecord& record, std::string_view resource) {
  const auto slash = resource.find('/');
  const std::string_view function = slash == std::string_view::npos ? resource : resource.substr(slash + 1);
  const std::string_view ns = slash == std::string_view::npos ? std::string_view{} : resource.substr(0, slash);
  if (!valid_part(function) || !(ns.empty() || valid_part(ns))) return;
  record.function = function;
  record.ns = ns;
}

std::string part_told(const std::optional<simdjson::dom::object>& object, std::string_view name) {
  const std::string_view part = told(object, name);
  return valid_part(part) ? std::string(part) : std::string();
}

/// By the parameter in which a call of that action names a version or an alias.
std::string qualifier_told(const std::optional<simdjson::dom::object>& parameters, std::string_view action) {
  if (action.ends_with("Alias")) return part_told(parameters, "Name");
  if (action == "DeleteFunctionVersion" || action == "DeleteFunction") return part_told(parameters, "Qualifier");
  return {};
}

/// FunctionName and Namespace are of the function that is copied, and so may be the record's resource. A new function
/// without a namespace or a region of its own comes into the namespace "default" of the same region.
void take_copy(ChangeRecord& record, const std::optional<simdjson::dom::object>& parameters) {
  record.function = part_told(parameters, "NewFunctionName");
  record.ns = part_told(parameters, "TargetNamespace");
  if (std::string region = part_told(parameters, "TargetRegion"); !region.empty()) record.region = std::move(region);
}

/// The call's parameters hold code and environment variables: names of functions, versions, aliases and regions are
/// read, and the rest is overwritten.
class AuditedCalls {
 public:
  void take(ChangeRecord& record, std::string_view json) {
    const auto call = object_in(call_, json);
    const auto identity = told_object(call, "userIdentity");
    record.principal_type = principal_type_of(told(identity, "type"));
    if (const auto name = told(identity, "userName"); !name.empty()) record.principal = name_text(name);
    if (record.principal.empty()) record.principal = name_text(told(identity, "principalId"));
    record.user_agent = clean_utf8(told(call, "userAgent"), kAgent);
    record.console = told(call, "eventType") == "ConsoleCall";
    for (const char* name : {"apiErrorCode", "errorCode"}) {
      if (record.error_code.empty() || record.error_code == kOutcomeUnread) {
        if (std::string code = code_told(call, name); !code.empty()) record.error_code = std::move(code);
      }
    }
    if (!call) record.error_code = kOutcomeUnread;
    auto parameters = told_object(call, "requestParameters");
    if (!parameters) parameters = object_in(parameters_, told(call, "requestParameters"));
    record.qualifier = qualifier_told(parameters, record.action);
    if (record.action == "CopyFunction") {
      take_copy(record, parameters);
    } else if (const auto function = told(parameters, "FunctionName"); !function.empty()) {
      record.function = name_text(function);
      record.ns = name_text(told(parameters, "Namespace"));
    }
    call_.wipe();
    parameters_.wipe();
  }

 private:
  SecretJson call_, parameters_;
};

ChangeRecord record_of(const Members& event, AuditedCalls& calls) {
  ChangeRecord record;
  record.event_id = name_text(event.text("EventId"));
  record.action = name_text(event.text("EventName"));
  record.time = time_of_event(event);
  record.principal = name_text(event.text_or_none("Username"));
  record.key_suffix = key_suffix_of(event.text_or_none("SecretId"));
  record.source_ip = name_text(event.text_or_none("SourceIPAddress"));
  record.request_id = name_text(event.text_or_none("RequestID"));
  record.region = name_text(event.text_or_none("ResourceRegion"));
  if (record.region.empty()) record.region = name_text(event.text_or_none("EventRegion"));
  if (const auto resource = event.object_or_none("Resources")) {
    take_resource(record, resource->text_or_none("ResourceName"));
  }
  calls.take(record, event.text_or_none("CloudAuditEvent"));
  // The permission check's; 0: it passed.
  int64_t refused = 0;
  const auto code = event.element_or_none("ErrorCode");
  if (code && code->get_int64().get(refused) != simdjson::SUCCESS) event.complain("ErrorCode", "is not a whole number");
  if (refused != 0 && (record.error_code.empty() || record.error_code == kOutcomeUnread))
    record.error_code = std::to_string(refused);
  return record;
}

std::string next_token(const Members& response) {
  const auto token = response.element_or_none("NextToken");
  uint64_t number = 0;
  std::string_view text;
  if (token && token->get_uint64().get(number) == simdjson::SUCCESS) return std::to_string(number);
  if (token && token->get_string().get(text) == simdjson::SUCCESS) {
    if (const auto digits = whole_number<uint64_t>(text)) return std::to_string(*digits);
  }
  response.complain("NextToken", "is no number, and ListOver is false");
  return {};
}

}  // namespace

AuditPage audit_page(const Members& response) {
  AuditPage page;
  AuditedCalls calls;
  const bool over = response.truth("ListOver");
  response.each("Events", kMostRecords, [&](const Members& event) { page.records.push_back(record_of(event, calls)); });
  if (!over) page.next = next_token(response);
  return page;
}

}  // namespace codedriftd
