#include "audit/story/event_times.h"

#include <algorithm>

namespace codedriftd {

EventTimes::EventTimes(Database& db) {
  auto q = db.query(
      "SELECT seq, time_ms FROM event WHERE target_id IS NULL AND kind = 'clock.stepped' AND "
      "iif(json_valid(CAST(body AS TEXT)), json_extract(CAST(body AS TEXT), '$.data.brought_back'), 0) ORDER BY seq "
      "DESC");
  while (q.step()) {
    const WallTime later = bounds_.empty() ? WallTime::max() : bounds_.back().second;
    bounds_.emplace_back(q.integer(0), std::min(q.time(1), later));
  }
  std::reverse(bounds_.begin(), bounds_.end());
}

WallTime EventTimes::of(int64_t seq, WallTime stored) const {
  const auto next = std::upper_bound(bounds_.begin(), bounds_.end(), seq,
                                     [](int64_t s, const auto& bound) { return s < bound.first; });
  return next == bounds_.end() ? stored : std::min(stored, next->second);
}

}  // namespace codedriftd
