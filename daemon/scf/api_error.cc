#include "scf/api_error.h"

#include <fmt/format.h>

#include <chrono>
#include <utility>

#include "base/text.h"
#include "http/retry.h"

namespace codedriftd {
namespace {

constexpr Millis kClockTolerance = std::chrono::minutes(5);

}  // namespace

ApiError api_error(std::string code, std::string_view message, std::string_view request_id) {
  const CodeMeaning meaning = meaning_of(code);
  return {{std::move(code), clean_utf8(message), clean_utf8(request_id, 100)}, meaning};
}

ApiError bad_answer(std::string_view message, std::string_view request_id) {
  return api_error("Client.BadAnswer", message, request_id);
}

ApiError http_status_error(int status) {
  ApiError error = api_error("Client.HttpStatus", fmt::format("the API answered HTTP {}", status));
  error.meaning.retry_soon = classify_status(status) == StatusClass::retry;
  error.meaning.slow_down = status == 429;
  return error;
}

ApiError no_answer(const HttpResponse& response) {
  switch (response.failure) {
    case HttpFailure::timeout:
      return api_error("Client.Timeout", response.failure_text);
    case HttpFailure::tls:
    case HttpFailure::unusable:
      return api_error("Client.Tls", response.failure_text);
    case HttpFailure::too_large:
      return api_error("Client.TooLarge", response.failure_text);
    case HttpFailure::none:
    case HttpFailure::network:
    case HttpFailure::protocol:
    case HttpFailure::cancelled:
    case HttpFailure::refused:
      break;
  }
  ApiError error = api_error("Client.Network", response.failure_text);
  error.meaning.retry_soon = response.failure != HttpFailure::refused;
  return error;
}

std::optional<Millis> clock_error_of(const HttpResponse& response, WallTime received) {
  const auto written = parse_http_date(response.header("date"));
  if (!written) return std::nullopt;
  // The Date was written about half a round trip ago, and says whole seconds, cut off.
  return (received - response.took / 2) - (*written + Millis{500});
}

std::optional<ApiError> blame_clock(const PollError& error, std::optional<Millis> clock_error) {
  if (error.code != "AuthFailure.SignatureExpire" || !clock_error) return std::nullopt;
  if (std::chrono::abs(*clock_error) <= kClockTolerance) return std::nullopt;
  const auto seconds = std::chrono::round<std::chrono::seconds>(std::chrono::abs(*clock_error)).count();
  ApiError blamed = api_error(
      std::string(kClockCode),
      fmt::format("this machine's clock is {} s {} the cloud's; the cloud takes signatures of at most 300 s (it said "
                  "AuthFailure.SignatureExpire): set the clock",
                  seconds, *clock_error > Millis{0} ? "ahead of" : "behind"),
      error.request_id);
  blamed.meaning.outcome = Outcome::denied;  // as every AuthFailure
  return blamed;
}

}  // namespace codedriftd
