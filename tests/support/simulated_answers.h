#pragma once
/// The answers of the actions that read the catalogue. Pure.
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "support/scf_request.h"
#include "support/simulated_catalogue.h"

namespace codedriftd::test {

/// In the environment variables, the code and the configuration that GetFunction shows: it must be found nowhere in
/// logs, database or alerts.
inline constexpr std::string_view kFunctionSecret = "SIMULATED-FUNCTION-SECRET";

/// What a listing (ListFunctions, ListNamespaces, ListVersionByFunction, ListAliases; `garbled`: DescribeEvents) can
/// have wrong, well sent. Called in the control interface as the enumerators are.
enum class ListingFault {
  none,
  short_page,  ///< half of what belongs on the page; TotalCount is right
  empty_page,  ///< nothing of it; TotalCount is right
  total_high,  ///< TotalCount is one too many
  total_low,   ///< TotalCount is one too few
  no_total,    ///< there is none
  repeated,    ///< the page's first entry stands there again, instead of its last
  odd_name,    ///< one more function, whose name is no name: spaces, escapes, a line break
  no_times,    ///< ModTime and AddTime are missing
  garbled,     ///< ModTime and AddTime are no times; CloudAuditEvent is no JSON
};
std::optional<ListingFault> parse_listing_fault(std::string_view name);
std::string_view listing_fault_name(ListingFault fault);

/// What was answered, without the RequestId.
struct ScfReply {
  std::string members;                  ///< "NAME":VALUE,…: of the object `Response`
  std::optional<std::string> sha256{};  ///< CodeSha256, where the answer has one: not in `members`
  bool last_page = true;                ///< of a listing
};
using ScfAnswer = std::variant<ScfReply, ScfRefusal>;

/// All actions but GetFunctionAddress and DescribeEvents.
ScfAnswer answer_from(const std::map<std::string, SimulatedRegion>& regions, const ScfCall& call, ListingFault fault);

/// GetAccount: the functions of each namespace.
std::string account_members(const SimulatedRegion& region);

}  // namespace codedriftd::test
