#include "store/watch_list.h"

#include <fmt/format.h>

#include <unordered_map>

#include "base/json.h"
#include "base/log.h"
#include "store/facts.h"

namespace codedriftd {
namespace {

void record_load(Tx& tx, Ledger& ledger, const WatchList& list, const WatchSync& sync, int64_t watched_before,
                 WallTime now) {
  const auto digest = facts::read(tx.db, "config_digest");
  if (digest == list.digest) return;
  facts::write(tx.db, "config_digest", list.digest);
  // The first load is no change; later, more than a tenth of the watch is worth a look.
  const bool large = digest.has_value() && (sync.added + sync.removed) * 10 > std::max<int64_t>(watched_before, 1);
  NewEvent event;
  event.kind = "config.loaded";
  event.severity = large ? Severity::warning : Severity::info;
  event.actor = "config";
  event.data = Json{{"digest", list.digest}, {"added", sync.added}, {"removed", sync.removed}};
  event.facts.summary = fmt::format("A new configuration was loaded: {} functions are watched, {} added, {} removed.",
                                    list.entries.size(), sync.added, sync.removed);
  ledger.append(tx, event, now);
}

}  // namespace

WatchSync sync_watch_list(Tx& tx, Ledger& ledger, const WatchList& list, WallTime now) {
  for (const auto& [from, to] : list.renamed_accounts) {
    const int64_t moved = targets::rename_account(tx.db, from, to);
    if (moved > 0)
      log(LogLevel::info, "config.renamed", "an account goes on under its new label",
          {field("from", from), field("to", to), field("targets", moved)});
  }
  std::vector<TargetRow> stored = targets::all(tx.db, true);
  std::unordered_map<std::string, TargetRow*> by_address;
  by_address.reserve(stored.size());
  int64_t watched_before = 0;
  for (TargetRow& row : stored) {
    watched_before += row.state.watched ? 1 : 0;
    by_address.emplace(row.target.address(), &row);
  }
  WatchSync sync;
  sync.targets.reserve(list.entries.size());
  for (const WatchList::Entry& entry : list.entries) {
    const auto found = by_address.find(entry.target.address());
    TargetRow row;
    if (found == by_address.end()) {
      row.target = entry.target;
      row.id = targets::insert(tx.db, entry.target);
    } else {
      row = std::move(*found->second);
      found->second->state.watched = false;  // what is still watched in `stored` is what the configuration let go
      by_address.erase(found);
    }
    if (!row.state.watched) ++sync.added;
    ledger.apply(tx, row, entry.watched, now);
    sync.targets.push_back({row.id, std::move(row.target), row.state.interval, row.state.stale_after,
                            row.state.last_polled_at, row.state.not_found_in_a_row == 1, row.state.failing});
  }
  for (TargetRow& row : stored) {
    if (!row.state.watched) continue;
    ++sync.removed;
    ledger.apply(tx, row, Unwatched{}, now);
  }
  record_load(tx, ledger, list, sync, watched_before, now);
  return sync;
}

}  // namespace codedriftd
