#pragma once
/// A request of the control socket as text: its bounds, and what it says. Private to control/.
#include <cstddef>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/json_box.h"

namespace codedriftd {

/// A request names thousands of functions, where a plan is approved. Whoever may not ask is not read that far; where
/// there is a key to verify it with, they may bring an attestation (attest/envelope.h) all the same.
inline constexpr std::size_t kLongestControlRequest = 8 * 1024 * 1024, kLongestStrangersRequest = 64 * 1024,
                             kLongestAttestedRequest = 2 * 1024 * 1024;
/// Values in a request: each takes some fifty bytes once it is read, however short its text.
inline constexpr std::size_t kMostControlValues = 400'000, kMostStrangersValues = 10'000;
/// How long a client waits that does not say.
inline constexpr Millis kUsualWithin{60'000};

/// What a request says, as far as it can be read.
struct ControlRequest {
  JsonBox request = empty_object();
  std::string verb, claimed;
  std::string error, trouble;  ///< the error's code and why, if it cannot be read
  Millis within = kUsualWithin;
};
/// Reads what came before the end of the line or of the connection; never throws for what it is.
ControlRequest read_control_request(std::string_view text, std::size_t most_values = kMostControlValues);

}  // namespace codedriftd
