#include "polling/attempts.h"

#include "base/backoff.h"

namespace codedriftd {
namespace {

constexpr unsigned kMostAttempts = 3;
constexpr Backoff kBetweenAttempts{Millis{200}, Millis{1'000}, Millis{5'000}};
constexpr Millis kUntilRefreshed{1'000};

}  // namespace

std::optional<Millis> Attempts::next_in(const ApiAnswer& answer, bool persistent) {
  if (persistent && sent_ < kMostAttempts) {
    if (answer.retry_soon) return backoff_delay(kBetweenAttempts, sent_, random_unit());
    if (answer.refresh_credentials && !refreshed_) {
      refreshed_ = true;  // they are being read again on another thread
      return kUntilRefreshed;
    }
  }
  *this = {};
  return std::nullopt;
}

}  // namespace codedriftd
