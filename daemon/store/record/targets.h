#pragma once
#include <functional>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "model/target.h"
#include "model/verdict.h"
#include "store/db/database.h"

namespace codedriftd {

using TargetId = int64_t;

struct TargetRow {
  TargetId id = 0;
  Target target;
  TargetState state;
  std::optional<int64_t> answer_run, failure_run;  ///< rows of `run`
};

/// Table `target`: the only code that reads or writes a TargetState. All throw StoreError; a row whose values cannot
/// be (a damaged or tampered file) is an error that names the row.
namespace targets {

/// Throws std::out_of_range if there is no such row.
TargetRow load(Database& db, TargetId id);
/// The rows with these ids, in no particular order; what is not there is left out.
std::vector<TargetRow> load_many(Database& db, std::span<const TargetId> ids);
std::optional<TargetRow> find(Database& db, std::string_view address);
/// Ordered by address; only watched ones, or all.
std::vector<TargetRow> all(Database& db, bool also_unwatched);
/// The same, one after the other: all of them together weigh several megabytes.
void each(Database& db, bool also_unwatched, const std::function<void(TargetRow&&)>& take);
/// How many rows there are, watched or not.
std::size_t count(Database& db);
/// Ids of all rows by address, and whether they are watched: the whole list without the weight of the states.
struct Known {
  TargetId id = 0;
  bool watched = false;
};
std::map<std::string, Known> known(Database& db);
/// The watched targets as they stand at `now`, seen from inside the daemon.
struct Census {
  std::map<std::string, int64_t> by_status;  ///< every status, also those that no target has
  int64_t watched = 0, drifts_open = 0;
  std::optional<WallTime> oldest_success;  ///< the last answer that lies farthest back; nullopt: there was none at all
};
Census count_watched(Database& db, WallTime now);
/// Watched targets that something was announced for, or whose verdict waits for an examination, and that were polled
/// since `polled_since`: time alone can change them.
std::vector<TargetId> waiting(Database& db, WallTime polled_since);
/// All targets that something was announced for, or whose verdict waits for an examination.
std::vector<TargetId> waiting(Database& db);
/// A verdict that waits for an examination waits its whole time anew: after a start, when nobody could look meanwhile.
void wait_anew(Database& db, WallTime now);
/// The watched targets of an account in a region (of all functions, or of one), and what a listing said last of the
/// function that each is of: by namespace, function and address. Light, as known().
struct OfFunction {
  TargetId id = 0;
  Target target;
  Listed listed;
  bool touched = false;
  unsigned consecutive_failures = 0;
  bool missing = false;
};
std::vector<OfFunction> watched_in(Database& db, std::string_view account, std::string_view region);
std::vector<OfFunction> watched_of(Database& db, std::string_view account, std::string_view region, std::string_view ns,
                                   std::string_view function);
/// A new row that is not watched yet.
TargetId insert(Database& db, const Target& target);
/// Writes what differs from `before`. A poll that changed nothing but times costs one small UPDATE.
void save(Database& db, TargetId id, const TargetState& before, const TargetState& after);
/// True if what a poll made of `before` are other times of the last poll, and nothing else.
bool only_polled(const TargetState& before, const TargetState& after);
/// Such a poll. `last_success_at`: as of the target's state afterwards.
struct Polled {
  TargetId id = 0;
  std::optional<WallTime> last_polled_at, last_success_at;
};
/// REQUIRES: each target at most once.
void touch_many(Database& db, std::span<const Polled> polled);
void save_runs(Database& db, TargetId id, std::optional<int64_t> answer_run, std::optional<int64_t> failure_run);
struct Renamed {
  int64_t moved = 0, stayed = 0;
};
/// Gives every target of account `from`, and what is known of the account itself and was found in it, to account `to`.
/// A target of `to` that is in the way and not watched becomes one of account "replaced-ID", and keeps its history
/// there; for one that is watched, the target of `from` stays where it is.
Renamed rename_account(Database& db, std::string_view from, std::string_view to);

}  // namespace targets
}  // namespace codedriftd
