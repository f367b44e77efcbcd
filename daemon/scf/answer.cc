#include "scf/answer.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "base/text.h"
#include "base/url.h"
#include "cloud/secret_json.h"
#include "http/retry.h"

namespace codedriftd {
namespace {

constexpr Millis kClockTolerance = std::chrono::minutes(5);

/// The API's codes are words with dots. Nothing else is taken for one, nor what would pass for this side's.
bool plausible_code(std::string_view code) {
  return !code.empty() && code.size() <= 128 && !code.starts_with("Client.") &&
         std::all_of(code.begin(), code.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
                  c == '-';
         });
}

std::string_view string_member(const simdjson::dom::object& object, std::string_view name) {
  std::string_view text;
  return object[name].get_string().get(text) == simdjson::SUCCESS ? text : std::string_view{};
}

/// Empty unless it is a link that may be called. The hash is what a poll is for: it counts whatever the link is.
Secret link_of(const simdjson::dom::object& response) {
  const std::string_view text = string_member(response, "Url");
  const Result<Url> url = parse_url(text);
  return url && check_transport(*url, false) ? Secret(std::string(text)) : Secret();
}

ApiAnswer read_success(const simdjson::dom::object& response, std::string_view request_id) {
  simdjson::dom::element field;
  std::string_view text;
  if (response["CodeSha256"].get(field) != simdjson::SUCCESS) {
    return error_answer("Client.BadAnswer", "the answer has no CodeSha256", request_id);
  }
  if (field.get_string().get(text) != simdjson::SUCCESS) {
    return error_answer("Client.BadAnswer", "CodeSha256 is not a string", request_id);
  }
  const auto sha256 = Sha256::from_hex(text);
  if (!sha256) {
    return error_answer("Client.BadAnswer",
                        fmt::format("CodeSha256 is not 64 hex digits but \"{}\"", clean_utf8(text, 80)), request_id);
  }
  ApiAnswer answer;
  answer.observation.outcome = Outcome::observed;
  answer.proves_account = true;
  answer.observation.sha256 = sha256;
  answer.observation.error.request_id = clean_utf8(request_id, 100);
  answer.url = link_of(response);
  return answer;
}

/// Nullopt if `body` is not JSON with an object `Response` in it.
std::optional<ApiAnswer> read_body(SecretJson& parser, std::string_view body, int http_status) {
  simdjson::dom::object response;
  if (parser.parse(body).at_key("Response").get_object().get(response) != simdjson::SUCCESS) return std::nullopt;
  const std::string_view request_id = string_member(response, "RequestId");
  simdjson::dom::element error;
  if (response["Error"].get(error) == simdjson::SUCCESS) {
    simdjson::dom::object fields;
    const std::string_view code =
        error.get_object().get(fields) == simdjson::SUCCESS ? string_member(fields, "Code") : std::string_view{};
    if (!plausible_code(code)) return error_answer("Client.BadAnswer", "the answer's Error has no Code", request_id);
    return error_answer(std::string(code), string_member(fields, "Message"), request_id);
  }
  if (http_status != 200) return std::nullopt;
  return read_success(response, request_id);
}

ApiAnswer http_status_answer(int status) {
  ApiAnswer answer = error_answer("Client.HttpStatus", fmt::format("the API answered HTTP {}", status));
  answer.retry_soon = classify_status(status) == StatusClass::retry;
  answer.slow_down = status == 429;
  return answer;
}

ApiAnswer failure_answer(const HttpResponse& response) {
  switch (response.failure) {
    case HttpFailure::timeout:
      return error_answer("Client.Timeout", response.failure_text);
    case HttpFailure::tls:
    case HttpFailure::unusable:
      return error_answer("Client.Tls", response.failure_text);
    case HttpFailure::too_large:
      return error_answer("Client.TooLarge", response.failure_text);
    case HttpFailure::none:
    case HttpFailure::network:
    case HttpFailure::protocol:
    case HttpFailure::cancelled:
    case HttpFailure::refused:
      break;
  }
  ApiAnswer answer = error_answer("Client.Network", response.failure_text);
  answer.retry_soon = response.failure != HttpFailure::refused;
  return answer;
}

/// This machine's clock minus the one that wrote `date`. The Date was written about half a round trip ago, and says
/// whole seconds, cut off.
std::optional<Millis> clock_error_of(std::string_view date, WallTime received, Millis took) {
  const auto written = parse_http_date(date);
  if (!written) return std::nullopt;
  return (received - took / 2) - (*written + Millis{500});
}

/// A refused signature time is the clock's fault, and not the key's, where the answer's own Date shows it.
void blame_clock(ApiAnswer& answer) {
  if (answer.observation.error.code != "AuthFailure.SignatureExpire" || !answer.clock_error) return;
  const Millis error = *answer.clock_error;
  if (std::chrono::abs(error) <= kClockTolerance) return;
  const auto seconds = std::chrono::round<std::chrono::seconds>(std::chrono::abs(error)).count();
  ApiAnswer blamed = error_answer(
      std::string(kClockCode),
      fmt::format("this machine's clock is {} s {} the cloud's; the cloud takes signatures of at most 300 s (it said "
                  "AuthFailure.SignatureExpire): set the clock",
                  seconds, error > Millis{0} ? "ahead of" : "behind"),
      answer.observation.error.request_id);
  blamed.observation.outcome = Outcome::denied;  // as every AuthFailure
  blamed.clock_error = answer.clock_error;
  answer = std::move(blamed);
}

}  // namespace

ApiAnswer error_answer(std::string code, std::string_view message, std::string_view request_id) {
  const CodeMeaning meaning = meaning_of(code);
  ApiAnswer answer;
  answer.observation.outcome = meaning.outcome;
  answer.observation.reason = meaning.reason;
  answer.observation.account_cause = meaning.account_cause;
  answer.observation.error = {std::move(code), clean_utf8(message), clean_utf8(request_id, 100)};
  answer.retry_soon = meaning.retry_soon;
  answer.slow_down = meaning.slow_down;
  answer.refresh_credentials = meaning.refresh_credentials;
  answer.proves_account = meaning.proves_account;
  return answer;
}

ApiAnswer read_answer(std::string_view body, int http_status) {
  thread_local SecretJson parser;  // its buffers are worth keeping, but not the signed link in them
  std::optional<ApiAnswer> answer = read_body(parser, body, http_status);
  parser.wipe();
  if (answer) return *std::move(answer);
  if (http_status != 200) return http_status_answer(http_status);
  return error_answer("Client.BadAnswer",
                      body.empty() ? "the answer is empty" : "the answer is not the documented JSON with a Response");
}

ApiAnswer answer_of(const HttpResponse& response, WallTime received) {
  ApiAnswer answer =
      response.failure == HttpFailure::none ? read_answer(response.body, response.status) : failure_answer(response);
  answer.took = response.took;
  answer.clock_error = clock_error_of(response.header("date"), received, response.took);
  blame_clock(answer);
  answer.took = response.took;
  return answer;
}

}  // namespace codedriftd
