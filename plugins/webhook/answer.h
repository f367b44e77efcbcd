#pragma once
/// What the receiver's answer means for the alert: pure.
#include <cstdint>
#include <string>

#include "base/clock.h"
#include "codedriftd/sink.h"
#include "http/client.h"
#include "mask.h"

namespace codedriftd::webhook {

struct Outcome {
  codedriftd_result result = CODEDRIFTD_RETRY;
  uint32_t retry_after_ms = 0;
  int32_t status = 0;
  std::string text;  ///< "HTTP 503: " and the first 512 bytes of the body, secrets masked
};

/// 2xx: delivered, also if the body that follows is longer than the client reads. 408, 425, 429, 5xx, and no answer:
/// retry, with Retry-After where the receiver gives it. 400, 413, 415, 422: rejected. Other 4xx, and 3xx, which are not
/// followed: the destination refuses. (http/retry.h)
Outcome judge(const HttpResponse& response, const Mask& mask, WallTime now);

}  // namespace codedriftd::webhook
