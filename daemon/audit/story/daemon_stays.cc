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
      "SELECT started_at_ms, coalesce(stopped_at_ms, alive_at_ms), stopped_at_ms IS NULL AND fenced_by IS NULL AND (id "
      "= "
      "(SELECT max(id) FROM daemon_run) OR host != '') FROM daemon_run ORDER BY started_at_ms, id");
  while (q.step()) {
    const WallTime from = q.time(0);
    WallTime until = q.time(1);
    if (q.boolean(2)) until = std::min(std::max(now, until), until + kSignOfLife);  // it has not ended, as far as known
    if (!all.empty() && from < all.back().until) {  // members of a fleet run side by side
      all.back().until = std::max(all.back().until, until);
    } else {
      all.push_back({from, until});
    }
  }
  std::erase_if(all, [&](const auto& stay) { return stay.until < since; });
  return all;
}

}  // namespace codedriftd
