#include "polling/slots.h"

#include <algorithm>

namespace codedriftd {
namespace {

/// FNV-1a with a final mix: stable across builds and machines, which std::hash is not.
uint64_t stable_hash(std::string_view text) {
  uint64_t hash = 14'695'981'039'346'656'037ULL;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 1'099'511'628'211ULL;
  hash ^= hash >> 32;
  hash *= 0x9E37'79B9'7F4A'7C15ULL;
  return hash ^ (hash >> 29);
}

}  // namespace

WallTime next_slot(std::string_view address, Millis interval, WallTime after) {
  const auto length = static_cast<uint64_t>(interval.count());
  const auto phase = static_cast<int64_t>(stable_hash(address) % length);
  // Slots are congruent to the phase since 1970, not since a start: they stay where they are across restarts, and two
  // daemons with one configuration poll at the same moments.
  const int64_t since_phase = to_ms(after) - phase;
  const int64_t cycle = since_phase >= 0 ? since_phase / interval.count() : -1;
  return from_ms((cycle + 1) * interval.count() + phase);
}

WallTime first_due(std::string_view address, Millis interval, std::optional<WallTime> last_polled_at, WallTime now) {
  if (!last_polled_at) return now;
  return std::max(now, next_slot(address, interval, std::min(*last_polled_at, now)));
}

}  // namespace codedriftd
