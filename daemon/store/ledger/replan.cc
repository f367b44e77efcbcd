/// What another configuration makes of the inventory before anything is listed again.
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

}  // namespace

void replan(Tx& tx, const WatchPlan& before, const WatchPlan& after,
            const std::set<std::pair<std::string, std::string>>& listed, WallTime now) {
  for (InventoryEntry& entry : inventory::all(tx.db)) {
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
