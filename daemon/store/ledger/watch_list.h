#pragma once
#include <functional>
#include <limits>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "store/ledger/ledger.h"

namespace codedriftd {

/// What the configuration says is to be watched.
struct WatchList {
  struct Entry {
    Target target;
    Watched watched;
  };
  std::vector<Entry> entries;
  std::vector<std::pair<std::string, std::string>> renamed_accounts;  ///< earlier label, label now
  std::string digest;  ///< of the configuration's text; in a fleet, of what it says (settings/digest.h)
};

/// Of a fleet: which of its configurations the list is of (store/fleet/generations.h).
struct ListGeneration {
  int64_t number = 0;
  std::string host;   ///< whose daemon writes it
  bool told = false;  ///< there was a config.loaded of it: a second one only tells that many functions left
};

/// One watched target as the poller needs it.
struct WatchedTarget {
  TargetId id = 0;
  Target target;
  Millis interval{}, stale_after{};
  std::optional<WallTime> last_polled_at;
  bool recheck = false;  ///< not found once: asked again soon
  bool failing = false;  ///< its poll.failing is open
};

struct WatchSync {
  /// It is not all of the list yet: call it again with this, in another transaction.
  bool more = false;
  int64_t watched_before = 0;
  std::vector<WatchedTarget> targets;
  int64_t added = 0, removed = 0;
  std::vector<std::string> warnings;  ///< for people: accounts that were renamed by mistake, or not in whole
};

/// So many leave the watch that it is worth a look: what is added is seen at once.
bool leaves_many(int64_t removed, int64_t watched_before);

/// Makes the stored watch list that of the configuration: Watched and Unwatched inputs for what changed, and
/// `config.loaded` if the configuration's text did; before them `account.renamed` for each account that did something
/// under its earlier label. A restart with the same text writes nothing. `keeps`: of which accounts, by their labels of
/// now; empty: of all. Of the others neither the list nor what is stored counts. `most_new`: so many come at most
/// before it stops for now; what is told then, and what leaves the watch, waits for the last time. `so_far`: of the
/// time before.
WatchSync sync_watch_list(Tx& tx, Ledger& ledger, const WatchList& list, WallTime now,
                          const std::optional<ListGeneration>& generation = std::nullopt,
                          const std::function<bool(std::string_view account)>& keeps = {},
                          int64_t most_new = std::numeric_limits<int64_t>::max(), WatchSync so_far = {});

}  // namespace codedriftd
