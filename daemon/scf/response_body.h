#pragma once
/// Private to scf/: the part that all answers of the API have in common, `{"Response":{…,"RequestId":…}}` or an Error
/// in the place of the rest.
#include <simdjson.h>

#include <optional>
#include <string_view>

#include "cloud/secret_json.h"
#include "scf/api_error.h"

namespace codedriftd {

/// Views into `parser`, valid until it parses or wipes.
struct ResponseBody {
  std::optional<ApiError> error;   ///< the API's own, or why this is no answer: then there is nothing else
  simdjson::dom::object response;  ///< of a success
  std::string_view request_id;
};
ResponseBody open_body(SecretJson& parser, std::string_view body, int http_status);

/// Empty if there is none, or something else than a string.
std::string_view string_member(const simdjson::dom::object& object, std::string_view name);

}  // namespace codedriftd
