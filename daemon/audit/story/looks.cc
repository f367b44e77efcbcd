#include "audit/story/looks.h"

#include <algorithm>
#include <map>
#include <utility>

namespace codedriftd {
namespace {

constexpr int64_t kFailingAfter = 3;
constexpr Millis kFailingFor{3'600'000};
// Complete listings that are further apart are no run (store/record/inventory.h): in between nobody looked.
constexpr Millis kLongestPause{3'600'000};

bool asks_for_whole_regions(const Selection& selection) {
  return selection.targets.empty() && selection.namespaces.empty() && selection.functions.empty() &&
         selection.qualifiers.empty() && selection.statuses.empty();
}

}  // namespace

RegionLook look_of(AccountRegion place, const std::vector<inventory::ListingRun>& runs, WallTime since,
                   WallTime until) {
  RegionLook look;
  look.place = std::move(place);
  std::optional<LookGap> open;
  int64_t in_a_row = 0;
  WallTime began{};  // when the first of those in a row that were not complete was made
  for (const inventory::ListingRun& run : runs) {
    if (run.from > until) break;
    look.looked = true;
    const WallTime last = std::min(run.until, until);
    if (run.complete) {
      if (!open && look.last_complete_at && run.from - *look.last_complete_at > kLongestPause)
        open = LookGap{std::max(since, *look.last_complete_at), until, 0, {}};
      if (open && run.from > since) {
        open->until = run.from;
        look.gaps.push_back(std::move(*open));
      }
      open.reset();
      in_a_row = 0;
      look.last_complete_at = last;
      look.trouble = {};
      continue;
    }
    if (in_a_row == 0) began = look.last_complete_at.value_or(run.from);
    in_a_row += run.listings;
    if (!open) open = LookGap{std::max(since, look.last_complete_at.value_or(run.from)), until, 0, {}};
    open->listings += run.listings;
    look.trouble = open->trouble = run.trouble;
    look.failing = in_a_row >= kFailingAfter || last - began >= kFailingFor;
  }
  if (in_a_row == 0) look.failing = false;
  if (!open && look.last_complete_at && until - *look.last_complete_at > kLongestPause)
    open = LookGap{std::max(since, *look.last_complete_at), until, 0, {}};
  if (open) look.gaps.push_back(std::move(*open));  // until the end: nothing was complete since
  return look;
}

std::vector<RegionLook> region_looks(Database& db, const Selection& selection, std::set<AccountRegion> places,
                                     WallTime since, WallTime until) {
  // All of them: what the last complete one before `since` was, is asked for too, and there are few.
  std::map<AccountRegion, std::vector<inventory::ListingRun>> runs;
  for (inventory::ListingRun& run : inventory::listings(db, std::nullopt, until))
    runs[{run.account, run.region}].push_back(std::move(run));
  if (asks_for_whole_regions(selection)) {
    for (const auto& [place, listed] : runs) {
      if (any_matches(selection.accounts, place.account) && any_matches(selection.regions, place.region))
        places.insert(place);
    }
  }
  std::map<AccountRegion, std::pair<int64_t, int64_t>> counts;  // found, watched
  for (const InventoryEntry& entry : inventory::at(db, until)) {
    if (entry.state == InventoryState::gone) continue;
    auto& [found, watched] = counts[{entry.account, entry.region}];
    ++found;
    if (entry.state == InventoryState::watched) ++watched;
  }
  std::vector<RegionLook> looks;
  for (const AccountRegion& place : places) {
    RegionLook look = look_of(place, runs[place], since, until);
    if (look.looked) std::tie(look.found, look.watched) = counts[place];
    looks.push_back(std::move(look));
  }
  return looks;
}

}  // namespace codedriftd
