#include "audit/story/event_times.h"

#include <algorithm>

#include "base/json.h"

namespace codedriftd {
namespace {

bool brings_back(std::string_view body) {
  const Json event = Json::parse(body, nullptr, false);
  const auto data = event.is_object() ? event.find("data") : event.end();
  return data != event.end() && data->is_object() && data->value("brought_back", Json()) == true;
}

}  // namespace

EventTimes::EventTimes(Database& db) {
  auto q = db.query(
      "SELECT seq, time_ms, body FROM event WHERE target_id IS NULL AND kind = 'clock.stepped' ORDER BY seq DESC");
  while (q.step()) {
    if (!brings_back(q.text(2))) continue;
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
