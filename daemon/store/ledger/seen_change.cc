#include "store/ledger/seen_change.h"

#include <algorithm>
#include <array>

namespace codedriftd {
namespace {

/// Kinds that say which hash is live now: the history knows when it came.
constexpr std::array<std::string_view, 4> kOfHash{"drift.detected", "drift.changed", "layer.changed", "alias.moved"};

/// From the last sight of anything else to the first of `sha256` (or of "missing") after it. Told from the runs and
/// not from the state: between the sight of a hash and the verdict on it an examination may lie, and a pin that
/// changes makes drift of a hash that came long ago.
std::optional<ChangeWindow> by_runs(Database& db, TargetId target, const std::optional<Sha256>& sha256) {
  const std::string_view outcome = to_string(sha256 ? Outcome::observed : Outcome::missing);
  auto q = db.query(
      "WITH came AS (SELECT first_seen_ms AS at FROM run WHERE target = ?1 AND outcome = ?2 AND sha256 IS ?3 ORDER BY "
      "first_seen_ms DESC, id DESC LIMIT 1), "
      "other AS (SELECT max(last_seen_ms) AS at FROM run, came WHERE target = ?1 AND outcome IN ('observed', "
      "'missing') AND NOT (outcome = ?2 AND sha256 IS ?3) AND first_seen_ms <= came.at) "
      "SELECT other.at, (SELECT min(first_seen_ms) FROM run WHERE target = ?1 AND outcome = ?2 AND sha256 IS ?3 AND "
      "first_seen_ms >= other.at) FROM other WHERE other.at IS NOT NULL",
      target, outcome, sha256);
  if (!q.step()) return std::nullopt;
  const WallTime from = q.time(0);
  return ChangeWindow{from, q.optional_time(1).value_or(from)};
}

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
  if (event.kind == "function.missing") return by_runs(db, row.id, std::nullopt);
  if (std::find(kOfHash.begin(), kOfHash.end(), event.kind) == kOfHash.end() || !event.facts.observed)
    return std::nullopt;
  return by_runs(db, row.id, event.facts.observed);
}

}  // namespace

std::optional<ChangeWindow> change_window(Database& db, const NewEvent& event, const TargetRow& row,
                                          const TargetState& before, WallTime now) {
  auto window = unbounded_window(db, event, row, before, now);
  if (!window || window->to < now - kOldestChange) return std::nullopt;
  window->to = std::max(window->from, window->to);  // a clock was set back
  window->from = std::max(window->from, window->to - kLongestChange);
  return window;
}

}  // namespace codedriftd
