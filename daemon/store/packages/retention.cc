#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>
#include <tuple>

#include "base/json.h"
#include "store/packages/packages.h"
#include "store/packages/uses.h"

namespace codedriftd::packages {
namespace {

/// One target's row, as far as packages are concerned.
struct Using {
  std::string address;
  bool watched = false;
  std::optional<Sha256> live, accepted;
  std::vector<Sha256> announced;  ///< the pin among them
};

void each_target(Database& db, const std::function<void(const Using&)>& take) {
  auto q = db.query("SELECT address, watched, live, accepted, pin, announced FROM target ORDER BY address");
  while (q.step()) {
    Using target{q.string(0), q.boolean(1), q.optional_sha256(2), q.optional_sha256(3), {}};
    if (const auto pin = q.optional_sha256(4)) target.announced.push_back(*pin);
    if (const std::string_view text = q.text(5); text != "[]") {
      const Json list = parse_json(text);
      if (!list.is_array())
        throw std::runtime_error(
            fmt::format("the stored row of {} is damaged: its announcements; restore a backup", target.address));
      for (const Json& item : list) {
        if (!item.is_object()) continue;
        if (const auto digest = Sha256::from_hex(text_at(item, "sha256"))) target.announced.push_back(*digest);
      }
    }
    std::ranges::sort(target.announced);
    target.announced.erase(std::unique(target.announced.begin(), target.announced.end()), target.announced.end());
    take(target);
  }
}

}  // namespace

std::map<Sha256, PackageUses> uses_of_watched(Database& db) {
  std::map<Sha256, PackageUses> uses;
  each_target(db, [&](const Using& target) {
    if (!target.watched) return;
    if (target.live) uses[*target.live].live.push_back(target.address);
    if (target.accepted) uses[*target.accepted].accepted.push_back(target.address);
    for (const Sha256& digest : target.announced) uses[digest].announced.push_back(target.address);
  });
  return uses;
}

std::map<Sha256, Use> strongest_uses(Database& db) {
  std::map<Sha256, Use> uses;
  each_target(db, [&](const Using& target) {
    const auto add = [&](const Sha256& digest, Use use) {
      Use& strongest = uses[digest];
      strongest = std::max(strongest, target.watched ? use : Use::formerly_watched);
    };
    if (target.live) add(*target.live, Use::live_or_accepted);
    if (target.accepted) add(*target.accepted, Use::live_or_accepted);
    for (const Sha256& digest : target.announced) add(digest, Use::announced);
  });
  return uses;
}

std::vector<Sha256> kept(Database& db) {
  std::vector<Sha256> codes;
  auto q = db.query("SELECT sha256 FROM package WHERE kept = 1 ORDER BY sha256");
  while (q.step()) codes.push_back(q.optional_sha256(0).value_or(Sha256{}));
  return codes;
}

uint64_t kept_bytes(Database& db) {
  auto q = db.query("SELECT CAST(coalesce(sum(package_bytes), 0) AS BIGINT) FROM package WHERE kept = 1");
  return q.step() ? static_cast<uint64_t>(q.integer(0)) : 0;
}

std::vector<Sha256> prune_candidates(Database& db, uint64_t max_total) {
  uint64_t total = kept_bytes(db);
  if (total <= max_total) return {};
  const std::map<Sha256, Use> uses = strongest_uses(db);
  struct Candidate {
    Use use;
    WallTime wanted_at;
    Sha256 code;
    uint64_t bytes;
  };
  std::vector<Candidate> candidates;
  {
    auto q = db.query("SELECT sha256, wanted_at_ms, package_bytes FROM package WHERE kept = 1");
    while (q.step()) {
      const Sha256 code = q.optional_sha256(0).value_or(Sha256{});
      const auto found = uses.find(code);
      candidates.push_back(
          {found == uses.end() ? Use::nobody : found->second, q.time(1), code, static_cast<uint64_t>(q.integer(2))});
    }
  }
  std::ranges::sort(candidates, {},
                    [](const Candidate& each) { return std::tuple(each.use, each.wanted_at, each.code); });
  std::vector<Sha256> go;
  for (const Candidate& each : candidates) {
    if (total <= max_total) break;
    total -= std::min(total, each.bytes);
    go.push_back(each.code);
  }
  return go;
}

}  // namespace codedriftd::packages
