#pragma once
#include <optional>
#include <string>
#include <variant>

#include "support/http_message.h"
#include "support/tc3_check.h"

namespace codedriftd::test {

/// A well formed GetFunctionAddress.
struct ScfCall {
  std::string region;
  std::string target;  ///< "REGION/NAMESPACE/FUNCTION:QUALIFIER", with what the API puts in where a part was left out
};

/// Reads headers and body of a request whose signature was found good, as strictly as the API documents.
std::variant<ScfCall, ScfRefusal> read_call(const HttpRequest& request);

}  // namespace codedriftd::test
