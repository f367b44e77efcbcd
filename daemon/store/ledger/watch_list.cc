#include "store/ledger/watch_list.h"

#include <fmt/format.h>

#include <map>

#include "base/json.h"
#include "base/log.h"
#include "store/record/facts.h"

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
  std::map<std::string, targets::Known> stored = targets::known(tx.db);
  int64_t watched_before = 0;
  for (const auto& [address, known] : stored) watched_before += known.watched ? 1 : 0;
  WatchSync sync;
  sync.targets.reserve(list.entries.size());
  for (const WatchList::Entry& entry : list.entries) {
    const auto found = stored.find(entry.target.address());
    TargetRow row;
    if (found == stored.end()) {
      row.target = entry.target;
      row.id = targets::insert(tx.db, entry.target);
    } else {
      row = targets::load(tx.db, found->second.id);
      stored.erase(found);  // what is still in `stored` at the end is what the configuration let go
    }
    if (!row.state.watched) ++sync.added;
    ledger.apply(tx, row, entry.watched, now);
    sync.targets.push_back({row.id, std::move(row.target), row.state.interval, row.state.stale_after,
                            row.state.last_polled_at, row.state.not_found_in_a_row == 1, row.state.failing});
  }
  // Targets are never deleted: what the configuration let go keeps its history, and its state in case it comes back.
  for (const auto& [address, known] : stored) {
    if (!known.watched) continue;
    ++sync.removed;
    ledger.apply(tx, known.id, Unwatched{}, now);
  }
  record_load(tx, ledger, list, sync, watched_before, now);
  return sync;
}

}  // namespace codedriftd
