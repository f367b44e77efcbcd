#include "http_sink/answer.h"

#include <fmt/format.h>

#include "base/text.h"
#include "http/retry.h"

namespace codedriftd::http_sink {
namespace {

constexpr std::size_t kBodyShown = 512;

codedriftd_result result_of(StatusClass status) {
  switch (status) {
    case StatusClass::delivered:
      return CODEDRIFTD_DELIVERED;
    case StatusClass::retry:
      return CODEDRIFTD_RETRY;
    case StatusClass::final:
      return CODEDRIFTD_REJECTED;
    case StatusClass::refused:
      return CODEDRIFTD_DESTINATION_REFUSED;
  }
  return CODEDRIFTD_RETRY;
}

}  // namespace

Outcome judge_status(const HttpResponse& response, const Mask& mask, WallTime now) {
  Outcome outcome;
  if (response.failure != HttpFailure::none) {
    // A request that may not even be sent will not be allowed later either: somebody has to look at the configuration.
    if (response.failure == HttpFailure::refused || response.failure == HttpFailure::unusable) {
      outcome.result = CODEDRIFTD_DESTINATION_REFUSED;
    }
    outcome.text = clean_utf8(mask.apply(fmt::format("{}: {}", to_string(response.failure), response.failure_text)));
    // Taken over, by a receiver with too much to say: to try again would only be to repeat the alert for ever.
    if (classify_status(response.status_before_body) == StatusClass::delivered) {
      outcome.result = CODEDRIFTD_DELIVERED;
      outcome.status = response.status_before_body;
    }
    return outcome;
  }
  outcome.status = response.status;
  outcome.result = result_of(classify_status(response.status));
  if (outcome.result == CODEDRIFTD_RETRY) {
    if (const auto wait = parse_retry_after(response.header("retry-after"), now)) {
      outcome.retry_after_ms = static_cast<uint32_t>(wait->count());
    }
  }
  // Masked before it is cut: a secret cut in half would not be found.
  const std::string masked = mask.apply(response.body);
  const std::string body = clean_utf8(trimmed(utf8_prefix(trimmed(masked), kBodyShown)));
  outcome.text = fmt::format("HTTP {}", response.status);
  if (response.status >= 300 && response.status < 400) outcome.text += ", a redirect, which is not followed";
  if (!body.empty()) outcome.text += ": " + body;
  return outcome;
}

bool whole_success(const HttpResponse& response) {
  return response.failure == HttpFailure::none && response.status >= 200 && response.status < 300;
}

Outcome taken_on_status(Outcome outcome, std::string_view expected) {
  outcome.result = CODEDRIFTD_DELIVERED;
  outcome.text += fmt::format(" (not {}: taken for delivered because of the status alone)", expected);
  return outcome;
}

Outcome not_taken(Outcome outcome, codedriftd_result result) {
  outcome.result = result;
  return outcome;
}

}  // namespace codedriftd::http_sink
