#include "store/record/hashes.h"

#include <algorithm>
#include <set>
#include <string>

namespace codedriftd::hashes {

std::optional<Sha256> live_before(Database& db, TargetId id, const Sha256& live) {
  auto q = db.query(
      "SELECT sha256 FROM run WHERE target = ? AND outcome = 'observed' AND sha256 != ? ORDER BY id DESC LIMIT 1", id,
      live);
  return q.step() ? q.optional_sha256(0) : std::nullopt;
}

std::vector<Sha256> beginning_with(Database& db, const TargetRow& row, std::string_view prefix) {
  std::string lower(prefix);
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](char c) { return c >= 'A' && c <= 'F' ? static_cast<char>(c - 'A' + 'a') : c; });
  std::set<Sha256> found;
  const auto take = [&](const std::optional<Sha256>& hash) {
    if (hash && hash->hex().starts_with(lower)) found.insert(*hash);
  };
  take(row.state.live);
  take(row.state.accepted);
  for (const Announcement& announced : row.state.announced) take(announced.sha256);
  auto q = db.query(
      "SELECT sha256 FROM run WHERE target = ?1 AND sha256 IS NOT NULL UNION SELECT sha256 FROM baseline WHERE target "
      "= ?1",
      row.id);
  while (q.step()) take(q.optional_sha256(0));
  return {found.begin(), found.end()};
}

}  // namespace codedriftd::hashes
