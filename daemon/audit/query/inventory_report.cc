#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <tuple>

#include "audit/format/look_values.h"
#include "audit/format/values.h"
#include "audit/query/inventory_rows.h"
#include "audit/query/reports.h"
#include "base/text.h"
#include "store/record/inventory.h"

namespace codedriftd {
namespace {

/// Those of discover, and when the record knew what.
constexpr std::string_view kInventoryFields[] = {"account",        "region",        "namespace", "function",
                                                 "function_id",    "state",         "rule",      "modified_at",
                                                 "first_found_at", "last_found_at", "gone_at"};
static_assert(std::equal(kDiscoveredFields.begin(), kDiscoveredFields.end(), std::begin(kInventoryFields)));
constexpr Column kInventoryColumns[] = {{"account", "ACCOUNT", 0, 1},
                                        {"region", "REGION", 0, 1},
                                        {"namespace", "NAMESPACE", 0, 1},
                                        {"function", "FUNCTION", 0},
                                        {"state", "STATE", 0},
                                        {"rule", "RULE", 40, 4},
                                        {"modified_at", "MODIFIED", 0, 2},
                                        {"first_found_at", "FIRST FOUND", 0, 3},
                                        {"last_found_at", "LAST FOUND", 0, 5}};

/// That nothing of what was found matches `selection`; empty where nothing narrows it but a state.
std::string why_nothing(const std::vector<InventoryEntry>& all, const Selection& selection) {
  const std::string asked = selection_words(selection);
  if (asked.empty()) return {};
  std::set<std::string> names;
  for (const InventoryEntry& entry : all) names.insert(entry.function.name);
  std::string why = fmt::format("no function that was found matches {}", asked);
  for (const auto* globs : {&selection.targets, &selection.functions}) {
    for (const std::string& glob : *globs) {
      if (const std::string near = nearest(glob, names); !near.empty())
        return fmt::format("{}; did you mean {}?", why, harmless(near));
    }
  }
  return why;
}

ReportEnd run_inventory(Database& db, const Selection& selection, WallTime now, const Emit& emit) {
  const WallTime as_of = selection.at.value_or(now);
  const std::vector<InventoryEntry> all = selection.at ? inventory::at(db, as_of) : inventory::all(db);
  std::vector<const InventoryEntry*> entries;
  std::set<AccountRegion> places;
  InventoryCounts counts;
  Selection any_state = selection;
  any_state.states.clear();
  for (const InventoryEntry& entry : all) {
    // What could not be read once and can be now was no function.
    const bool unnamed = entry.function.ns.empty() || entry.function.name.empty();
    if (unnamed && entry.state == InventoryState::gone) continue;
    if (!selects(any_state, entry.account, entry.region, entry.function, entry.state)) continue;
    counts.add(entry.state);  // a share of those in one state would be none
    if (any_matches(selection.states, to_string(entry.state))) entries.push_back(&entry);
    places.insert({entry.account, entry.region});
  }
  std::ranges::stable_sort(entries, [](const InventoryEntry* a, const InventoryEntry* b) {
    return std::tie(a->account, a->region, a->function.ns, a->function.name, a->first_found_at) <
           std::tie(b->account, b->region, b->function.ns, b->function.name, b->first_found_at);
  });
  ReportEnd end;
  end.as_of = selection.at;
  for (const InventoryEntry* entry : entries) {
    if (selection.limit && end.rows == *selection.limit) continue;
    Row row{discovered_values(entry->account, entry->region, entry->function, entry->state, entry->rule), {}};
    row.values.emplace_back(rfc3339(entry->first_found_at));
    // Found again since: when it was found last before that is not on record.
    row.values.push_back(entry->last_found_at > as_of && selection.at ? OrderedJson()
                                                                      : OrderedJson(rfc3339(entry->last_found_at)));
    row.values.push_back(value_of(entry->gone_at));
    emit(std::move(row));
    ++end.rows;
  }
  end.summary = counts.summary();
  end.summary["selected"] = entries.size();
  const std::vector<RegionLook> looks = region_looks(db, selection, std::move(places), as_of, as_of);
  if (all.empty() && looks.empty()) {
    end.nothing =
        "nothing was ever listed, and nothing is known of functions that are not configured: a [[watch]] or "
        "[account.NAME.discovery] has the daemon list them; \"codedriftd discover\" does it now";
  } else if (counts.found() + counts.of(InventoryState::gone) == 0) {
    end.nothing = why_nothing(all, any_state);
  }
  if (selection.at) end.remarks.push_back(fmt::format("As of {}, told from the record.", rfc3339(as_of)));
  for (const RegionLook& look : looks) {
    if (!look.last_complete_at || !look.trouble.code.empty()) end.remarks.push_back(words_of_look(look));
  }
  if (end.rows < static_cast<int64_t>(entries.size()))
    end.remarks.push_back(fmt::format("{} of {} rows are shown.", end.rows, entries.size()));
  end.remarks.push_back(counts.line());
  return end;
}

}  // namespace

const Report kInventoryReport{"inventory", kInventoryFields, kInventoryColumns, run_inventory};

}  // namespace codedriftd
