#include "audit/story/daemon_stays.h"

#include <algorithm>

namespace codedriftd {
namespace {

// A running daemon says that it is alive at least once a minute: until then its last sign counts as running.
constexpr Millis kSignOfLife{90'000};

}  // namespace

std::vector<Sightings::Stay> daemon_stays(Database& db, WallTime since, WallTime now) {
  std::vector<Sightings::Stay> all;
  auto q = db.query(
      "SELECT started_at_ms, coalesce(stopped_at_ms, alive_at_ms), stopped_at_ms IS NULL FROM daemon_run ORDER BY id");
  bool ended = true;
  while (q.step()) {
    all.push_back({q.time(0), q.time(1)});
    ended = !q.boolean(2);
  }
  if (!all.empty() && !ended)
    all.back().until = std::min(std::max(now, all.back().until), all.back().until + kSignOfLife);
  std::erase_if(all, [&](const auto& stay) { return stay.until < since; });
  return all;
}

}  // namespace codedriftd
