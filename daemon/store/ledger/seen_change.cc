#include "store/ledger/seen_change.h"

#include <algorithm>

#include "model/kinds.h"

namespace codedriftd {
namespace {

/// By the cloud's own time of the change, which may lie before an answer that did not show it.
std::optional<ChangeWindow> by_listing(const std::optional<WallTime>& cloud_time, const TargetState& before,
                                       WallTime now) {
  if (!before.last_success_at) return std::nullopt;
  return ChangeWindow{cloud_time ? std::min(*cloud_time, *before.last_success_at) : *before.last_success_at, now};
}

std::optional<ChangeWindow> unbounded_window(Database& db, const NewEvent& event, const TargetRow& row,
                                             const TargetState& before, WallTime now) {
  if (event.kind == "function.touched") return by_listing(row.state.modified_at, before, now);
  if (event.kind == "function.recreated") return by_listing(row.state.added_at, before, now);
  // Told from the runs and not from the state: between the sight of a hash and the verdict on it an examination may
  // lie, and a pin that changes makes drift of a hash that came long ago.
  if (event.kind == "function.missing") return history::last_change_to(db, row.id, std::nullopt);
  // With another hash than before it is an event of its own that tells of the change.
  if (event.kind == "function.returned" && row.state.live && (!before.live || row.state.live == before.live))
    return history::last_change_to(db, row.id, row.state.live);
  if (!tells_of_drift(event.kind) || !event.facts.observed) return std::nullopt;
  return history::last_change_to(db, row.id, event.facts.observed);
}

/// What the cloud answers for.
std::optional<ChangeWindow> within_reach(std::optional<ChangeWindow> window, WallTime now) {
  if (!window || window->to < now - kOldestChange) return std::nullopt;
  window->to = std::max(window->from, window->to);  // a clock was set back
  window->from = std::max(window->from, window->to - kLongestChange);
  return window;
}

}  // namespace

std::optional<ChangeWindow> change_window(Database& db, const NewEvent& event, const TargetRow& row,
                                          const TargetState& before, WallTime now) {
  return within_reach(unbounded_window(db, event, row, before, now), now);
}

std::optional<ChangeWindow> making_window(const std::optional<WallTime>& listed_without,
                                          const std::optional<WallTime>& added_at, WallTime found, WallTime now) {
  if (!listed_without) return std::nullopt;
  // It was made before a listing that did not show it: the function could not be listed then.
  if (added_at && *added_at < *listed_without) return within_reach(ChangeWindow{*added_at, *added_at}, now);
  return within_reach(ChangeWindow{*listed_without, found}, now);
}

}  // namespace codedriftd
