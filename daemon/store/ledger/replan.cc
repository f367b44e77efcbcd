/// What another configuration makes of the inventory before anything is listed again.
#include <algorithm>
#include <map>
#include <vector>

#include "store/ledger/discoveries.h"
#include "store/record/inventory.h"

namespace codedriftd {
namespace {

bool say_the_same(const WatchRule* a, const WatchRule* b) {
  if (a == nullptr || b == nullptr) return a == b;
  WatchRule moved = *a;
  moved.where = b->where;
  return moved == *b;
}

/// All entries of one place, and where `plan` has them.
struct Moved {
  std::string to;  ///< empty: at several places, or at none
  std::vector<InventoryEntry*> entries;
  std::size_t watched = 0;
};

bool has_room(const WatchPlan& plan, const Moved& moved) {
  return std::all_of(plan.rules.begin(), plan.rules.end(), [&](const WatchRule& rule) {
    return rule.where != moved.to || moved.watched <= rule.max_targets;
  });
}

/// After a start the plan before is not known. But where all entries of one place, and they alone, are at one other
/// place as what they were, that is their rule, whose lines were moved meanwhile.
void follow_moved_lines(Tx& tx, std::vector<InventoryEntry>& entries, const WatchPlan& plan) {
  std::map<std::string, Moved> places;
  for (InventoryEntry& entry : entries) {
    if (entry.state == InventoryState::unreadable || entry.function.name.empty() || entry.rule.empty()) continue;
    const Judgement is = judge(entry.account, entry.region, entry.function, plan);
    // What is gone, and what its rule has no place for, is at a rule all the same.
    const bool as_it_was =
        entry.state == InventoryState::gone || entry.state == InventoryState::unmanaged || entry.state == is.state;
    const auto [place, first] = places.try_emplace(entry.rule, Moved{is.where, {}});
    if (!as_it_was || place->second.to != is.where) place->second.to.clear();
    place->second.entries.push_back(&entry);
    place->second.watched += entry.state == InventoryState::watched ? 1 : 0;
  }
  std::map<std::string, unsigned> come_to;
  for (const auto& [from, moved] : places) ++come_to[moved.to];
  for (auto& [from, moved] : places) {
    if (moved.to.empty() || moved.to == from || come_to[moved.to] > 1 || !has_room(plan, moved)) continue;
    for (InventoryEntry* entry : moved.entries) {
      entry->rule = moved.to;
      inventory::move_rule(tx.db, entry->id, entry->rule);
    }
  }
}

}  // namespace

void replan(Tx& tx, const WatchPlan& before, const WatchPlan& after,
            const std::set<std::pair<std::string, std::string>>& listed, const std::set<std::string>& elsewhere,
            WallTime now) {
  std::vector<InventoryEntry> entries = inventory::all(tx.db);
  std::erase_if(entries, [&](const InventoryEntry& entry) { return elsewhere.contains(entry.account); });
  if (before == WatchPlan{}) follow_moved_lines(tx, entries, after);
  for (InventoryEntry& entry : entries) {
    if (entry.state == InventoryState::unreadable || entry.function.name.empty()) continue;
    const Judgement was = judge(entry.account, entry.region, entry.function, before);
    const Judgement is = judge(entry.account, entry.region, entry.function, after);
    if (was.where == entry.rule && was.state == is.state && say_the_same(was.rule, is.rule)) {
      if (is.where != entry.rule) inventory::move_rule(tx.db, entry.id, is.where);
    } else if (entry.state != InventoryState::gone && !listed.contains({entry.account, entry.region})) {
      entry.state = is.state;
      entry.rule = is.where;
      inventory::save(tx.db, entry, now);
    }
  }
}

}  // namespace codedriftd
