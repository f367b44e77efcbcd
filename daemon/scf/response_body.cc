#include "scf/response_body.h"

#include <algorithm>
#include <string>

namespace codedriftd {
namespace {

/// The API's codes are words with dots. Nothing else is taken for one, nor what would pass for this side's.
bool plausible_code(std::string_view code) {
  return !code.empty() && code.size() <= 128 && !code.starts_with("Client.") &&
         std::all_of(code.begin(), code.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
                  c == '-';
         });
}

}  // namespace

std::string_view string_member(const simdjson::dom::object& object, std::string_view name) {
  std::string_view text;
  return object[name].get_string().get(text) == simdjson::SUCCESS ? text : std::string_view{};
}

ResponseBody open_body(SecretJson& parser, std::string_view body, int http_status) {
  ResponseBody opened;
  if (parser.parse(body).at_key("Response").get_object().get(opened.response) != simdjson::SUCCESS) {
    opened.error = http_status != 200 ? http_status_error(http_status)
                                      : bad_answer(body.empty() ? "the answer is empty"
                                                                : "the answer is not the documented JSON with a "
                                                                  "Response");
    return opened;
  }
  opened.request_id = string_member(opened.response, "RequestId");
  simdjson::dom::element error;
  if (opened.response["Error"].get(error) == simdjson::SUCCESS) {
    simdjson::dom::object fields;
    const std::string_view code =
        error.get_object().get(fields) == simdjson::SUCCESS ? string_member(fields, "Code") : std::string_view{};
    opened.error = plausible_code(code)
                       ? api_error(std::string(code), string_member(fields, "Message"), opened.request_id)
                       : bad_answer("the answer's Error has no Code", opened.request_id);
  } else if (http_status != 200) {
    opened.error = http_status_error(http_status);
  }
  return opened;
}

}  // namespace codedriftd
