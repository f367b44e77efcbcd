#include "scf/answer.h"

#include <fmt/format.h>

#include <optional>
#include <utility>

#include "base/text.h"
#include "base/url.h"
#include "scf/response_body.h"

namespace codedriftd {
namespace {

/// Empty unless it is a link that may be called. The hash is what a poll is for: it counts whatever the link is.
Secret link_of(const simdjson::dom::object& response) {
  const std::string_view text = string_member(response, "Url");
  const Result<Url> url = parse_url(text);
  return url && check_transport(*url, false) ? Secret(std::string(text)) : Secret();
}

ApiAnswer read_success(const ResponseBody& body) {
  simdjson::dom::element field;
  std::string_view text;
  if (body.response["CodeSha256"].get(field) != simdjson::SUCCESS) {
    return error_answer(bad_answer("the answer has no CodeSha256", body.request_id));
  }
  if (field.get_string().get(text) != simdjson::SUCCESS) {
    return error_answer(bad_answer("CodeSha256 is not a string", body.request_id));
  }
  const auto sha256 = Sha256::from_hex(text);
  if (!sha256) {
    return error_answer(
        bad_answer(fmt::format("CodeSha256 is not 64 hex digits but \"{}\"", clean_utf8(text, 80)), body.request_id));
  }
  ApiAnswer answer;
  answer.observation.outcome = Outcome::observed;
  answer.proves_account = true;
  answer.observation.sha256 = sha256;
  answer.observation.error.request_id = clean_utf8(body.request_id, 100);
  answer.url = link_of(body.response);
  return answer;
}

}  // namespace

ApiAnswer error_answer(ApiError error) {
  ApiAnswer answer;
  answer.observation.outcome = error.meaning.outcome;
  answer.observation.reason = error.meaning.reason;
  answer.observation.account_cause = error.meaning.account_cause;
  answer.observation.error = std::move(error.error);
  answer.retry_soon = error.meaning.retry_soon;
  answer.slow_down = error.meaning.slow_down;
  answer.refresh_credentials = error.meaning.refresh_credentials;
  answer.proves_account = error.meaning.proves_account;
  return answer;
}

ApiAnswer error_answer(std::string code, std::string_view message, std::string_view request_id) {
  return error_answer(api_error(std::move(code), message, request_id));
}

ApiAnswer read_answer(std::string_view body, int http_status) {
  thread_local SecretJson parser;  // its buffers are worth keeping, but not the signed link in them
  ResponseBody opened = open_body(parser, body, http_status);
  ApiAnswer answer = opened.error ? error_answer(*std::move(opened.error)) : read_success(opened);
  parser.wipe();
  return answer;
}

ApiAnswer answer_of(const HttpResponse& response, WallTime received) {
  ApiAnswer answer = response.failure == HttpFailure::none ? read_answer(response.body, response.status)
                                                           : error_answer(no_answer(response));
  const auto clock_error = clock_error_of(response, received);
  if (auto blamed = blame_clock(answer.observation.error, clock_error)) answer = error_answer(*std::move(blamed));
  answer.clock_error = clock_error;
  answer.took = response.took;
  return answer;
}

}  // namespace codedriftd
