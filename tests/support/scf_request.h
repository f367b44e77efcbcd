#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "support/http_message.h"
#include "support/tc3_check.h"

namespace codedriftd::test {

/// A well formed call of one of the actions of SCF 2018-04-16 that are served here, or of CloudAudit's DescribeEvents.
struct ScfCall {
  std::string action;
  std::string region;
  std::string key_id;                       ///< whose budget it counts against
  std::string ns = "default";               ///< where a part was left out, with what the API puts in
  std::string function;                     ///< empty for actions that are about no function
  std::string qualifier = "$LATEST";        ///< of GetFunctionAddress and GetFunction
  std::map<std::string, std::string> text;  ///< every parameter that is a string
  std::map<std::string, int64_t> number;    ///< and that is an integer; ListAliases' Offset and Limit, too
  std::string order_by;                     ///< Orderby or OrderBy
  /// Filters (Name and Values), LookupAttributes (AttributeKey and one AttributeValue), or a list as SearchKey.
  std::vector<std::pair<std::string, std::vector<std::string>>> filters;

  /// "REGION/NAMESPACE/FUNCTION:QUALIFIER", as far as the action has them: "REGION/NAMESPACE/FUNCTION",
  /// "REGION/NAMESPACE", "REGION".
  std::string target() const;
  /// Under what errors and faults may be set for it, the narrowest first: support/scf_control.h.
  std::vector<std::string> keys() const;
  int64_t number_or(const std::string& name, int64_t otherwise) const;
  std::string text_or(const std::string& name, std::string otherwise) const;
};

/// "scf" or "cloudaudit": what the request has to be signed for.
std::string_view service_of(const HttpRequest& request);

/// Reads headers and body of a request whose signature was found good, as strictly as the API documents.
std::variant<ScfCall, ScfRefusal> read_call(const HttpRequest& request);

/// Calls a second, as documented, for each key and action; where nothing is documented, the lowest of the others.
const std::map<std::string, unsigned>& documented_rates();

}  // namespace codedriftd::test
