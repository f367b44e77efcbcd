#pragma once
/// What a receiver's answer means for the alert: pure.
#include <cstdint>
#include <string>

#include "base/clock.h"
#include "codedriftd/sink.h"
#include "http/client.h"
#include "http_sink/mask.h"

namespace codedriftd::http_sink {

struct Outcome {
  codedriftd_result result = CODEDRIFTD_RETRY;
  uint32_t retry_after_ms = 0;
  int32_t status = 0;
  std::string text;       ///< "HTTP 503: " and the first 512 bytes of the body, secrets masked
  bool too_long = false;  ///< the message has to be shortened; `result` stands if it cannot be
};

/// By its status alone. 2xx: delivered, also if the body that follows is longer than the client reads. 408, 425, 429,
/// 5xx, and no answer: retry, with Retry-After where the receiver gives it. 400, 413, 415, 422: rejected. Other 4xx,
/// and 3xx, which are not followed: the destination refuses. (http/retry.h)
Outcome judge_status(const HttpResponse& response, const Mask& mask, WallTime now);

/// True if a 2xx came, and all of its body: for receivers that say in the body what came of it.
bool whole_success(const HttpResponse& response);
/// A 2xx whose body says nothing understood. It was acknowledged, so it is delivered: to send it again would repeat it
/// for days at a receiver that only speaks another dialect. The attempt says so.
Outcome taken_on_status(Outcome outcome, std::string_view expected);
/// A 2xx whose body says that it was not taken.
Outcome not_taken(Outcome outcome, codedriftd_result result);

}  // namespace codedriftd::http_sink
