#include "store/ledger/watch_list.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <span>
#include <unordered_map>

#include "base/json.h"
#include "store/record/facts.h"

namespace codedriftd {
namespace {

void record_load(Tx& tx, Ledger& ledger, const WatchList& list, const std::optional<ListGeneration>& generation,
                 const WatchSync& sync, WallTime now) {
  const bool known = facts::read(tx.db, "config_digest") == list.digest;
  if (!known) facts::write(tx.db, "config_digest", list.digest);
  const bool large = leaves_many(sync.removed, sync.watched_before);
  if (known && !generation) return;
  if (generation && generation->told && !large) return;
  NewEvent event;
  event.kind = "config.loaded";
  event.severity = large ? Severity::warning : Severity::info;
  event.actor = "config";
  event.data = Json{{"digest", list.digest}, {"added", sync.added}, {"removed", sync.removed}};
  if (generation) {
    (*event.data)["generation"] = generation->number;
    (*event.data)["host"] = generation->host;
  }
  event.facts.summary = fmt::format("A new configuration was loaded: {} functions are watched, {} added, {} removed.",
                                    list.entries.size(), sync.added, sync.removed);
  ledger.append(tx, event, now);
}

/// An account that goes on under another label: state and history are its own, and so are its events.
void rename(Tx& tx, Ledger& ledger, const std::string& from, const std::string& to, WallTime now,
            std::vector<std::string>& warnings) {
  const auto [moved, stayed] = targets::rename_account(tx.db, from, to);
  if (stayed > 0) {
    warnings.push_back(fmt::format(
        "{0} function{1} of account '{2}' keep{3} that label and what is known of {4}: account '{5}' has watched ones "
        "of the same names. To go on with {4}, take [account.{5}] out, reload, and put it back with previous = "
        "\"{2}\"; to leave it so, take that previous out",
        stayed, stayed == 1 ? "" : "s", from, stayed == 1 ? "s" : "", stayed == 1 ? "it" : "them", to));
  }
  if (moved == 0) return;
  NewEvent event;
  event.kind = "account.renamed";
  event.actor = "config";
  event.data = Json{{"from", from}, {"to", to}, {"targets", moved}};
  event.facts.summary = fmt::format("Account {} is called {} from now on; its {} function{} on under that label.", from,
                                    to, moved, moved == 1 ? " goes" : "s go");
  ledger.append(tx, event, now);
}

std::string account_of(const std::string& address) { return address.substr(0, address.find('/')); }

/// How many targets of each account left or came, and whether it had or has others.
struct AccountChange {
  int64_t removed = 0, added = 0, kept = 0, known_before = 0;
};

/// Accounts of which everything went while everything of others came: most likely the same ones under another label.
std::vector<std::string> suspected_renamings(const std::map<std::string, AccountChange>& accounts) {
  std::vector<std::string> warnings;
  for (const auto& [gone, left] : accounts) {
    if (left.removed == 0 || left.kept > 0 || left.added > 0) continue;
    for (const auto& [fresh, came] : accounts) {
      if (came.added == 0 || came.known_before > 0) continue;
      warnings.push_back(fmt::format(
          "every function of account '{}' left the watch ({}), and {} of account '{}' came as new ones: no history, "
          "nothing accepted. If that is the same account under another label, take the change back, reload, and then "
          "rename it with previous = \"{}\" in [account.{}]",
          gone, left.removed, came.added, fresh, gone, fresh));
    }
  }
  return warnings;
}

/// What comes and goes, before anything of it does.
void note_changes(const std::map<std::string, targets::Known>& stored,
                  const std::vector<const WatchList::Entry*>& entries, WatchSync& sync) {
  std::map<std::string, AccountChange> accounts;
  for (const auto& [address, known] : stored) {
    sync.watched_before += known.watched ? 1 : 0;
    AccountChange& account = accounts[account_of(address)];
    ++account.known_before;
    account.removed += known.watched ? 1 : 0;
  }
  for (const WatchList::Entry* entry : entries) {
    AccountChange& account = accounts[entry->target.account];
    const auto known = stored.find(entry->target.address());
    const bool watched = known != stored.end() && known->second.watched;
    ++(watched ? account.kept : account.added);
    account.removed -= watched ? 1 : 0;
  }
  for (std::string& warning : suspected_renamings(accounts)) sync.warnings.push_back(std::move(warning));
}

/// What is stored of the first `most` of `entries`, by id.
std::unordered_map<TargetId, TargetRow> load_known(Database& db, std::span<const WatchList::Entry* const> entries,
                                                   std::size_t most,
                                                   const std::map<std::string, targets::Known>& stored) {
  std::vector<TargetId> ids;
  for (const WatchList::Entry* entry : entries.first(std::min(most, entries.size()))) {
    const auto found = stored.find(entry->target.address());
    if (found != stored.end()) ids.push_back(found->second.id);
  }
  std::unordered_map<TargetId, TargetRow> rows;
  for (TargetRow& row : targets::load_many(db, ids)) {
    const TargetId id = row.id;
    rows.emplace(id, std::move(row));
  }
  return rows;
}

}  // namespace

bool leaves_many(int64_t removed, int64_t watched_before) { return removed >= 3 && removed * 10 > watched_before; }

WatchSync sync_watch_list(Tx& tx, Ledger& ledger, const WatchList& list, WallTime now,
                          const std::optional<ListGeneration>& generation,
                          const std::function<bool(std::string_view account)>& keeps, int64_t most_new,
                          WatchSync so_far) {
  const auto kept = [&](std::string_view account) { return !keeps || keeps(account); };
  const bool begun = so_far.more;
  const int64_t added_before = so_far.added;
  WatchSync sync = std::move(so_far);
  sync.more = false;
  for (const auto& [from, to] : list.renamed_accounts) {
    if (!begun && kept(to)) rename(tx, ledger, from, to, now, sync.warnings);
  }
  std::map<std::string, targets::Known> stored = targets::known(tx.db);
  std::erase_if(stored, [&](const auto& known) { return !kept(account_of(known.first)); });
  std::vector<const WatchList::Entry*> entries;
  for (const WatchList::Entry& entry : list.entries) {
    if (kept(entry.target.account)) entries.push_back(&entry);
  }
  if (!begun) note_changes(stored, entries, sync);
  sync.targets.clear();
  sync.targets.reserve(entries.size());
  constexpr std::size_t kLoadedAtOnce = 500;
  std::unordered_map<TargetId, TargetRow> rows;
  for (std::size_t i = 0; i < entries.size(); ++i) {
    if (sync.added - added_before == most_new) {
      sync.more = true;
      return sync;
    }
    if (i % kLoadedAtOnce == 0) rows = load_known(tx.db, std::span(entries).subspan(i), kLoadedAtOnce, stored);
    const WatchList::Entry& entry = *entries[i];
    const auto found = stored.find(entry.target.address());
    TargetRow row;
    if (found == stored.end()) {
      row.target = entry.target;
      row.id = targets::insert(tx.db, entry.target);
    } else {
      row = std::move(rows.at(found->second.id));
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
  record_load(tx, ledger, list, generation, sync, now);
  return sync;
}

}  // namespace codedriftd
