#pragma once
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/sha256.h"
#include "model/observation.h"
#include "store/db/database.h"
#include "store/record/targets.h"

namespace codedriftd::history {

/// It tells what is live, or that there is nothing.
inline bool is_answer(Outcome outcome) { return outcome == Outcome::observed || outcome == Outcome::missing; }

/// Adds one finished poll to the run-length history of `row` (and to row.answer_run, row.failure_run). An answer (a
/// hash or "missing") that equals the open run's and comes within `stale_after` of it moves that run's end; anything
/// else begins a new run. Failed, denied and updating polls make runs of their own by code, which an answer ends.
/// A poll before the open run's end (the clock was a day ahead, and is right again) begins a new one.
/// REQUIRES: row.state.stale_after is the one in force.
void record(Database& db, TargetRow& row, const Observation& observation, WallTime at);

/// The same as record() of `observation` at `first` and then every `interval`, `polls` times in all; in a few
/// statements, however many they are. REQUIRES: polls > 0, 0 <= interval <= row.state.stale_after.
void record_steady(Database& db, TargetRow& row, const Observation& observation, WallTime first, int64_t polls,
                   Millis interval);

/// Between which two sights something changed.
struct ChangeWindow {
  WallTime from{}, to{};

  friend bool operator==(const ChangeWindow&, const ChangeWindow&) = default;
};
/// The last time that `sha256` became live at `target` (nullopt: that it went missing): from the last sight of anything
/// else before it to its first. "Not found" that came once, between two hashes, is no sight of anything else. nullopt:
/// there was no sight of anything else.
std::optional<ChangeWindow> last_change_to(Database& db, TargetId target, const std::optional<Sha256>& sha256);

/// A run that may go on.
struct OpenRun {
  int64_t id = 0;
  std::string outcome, code;
  std::optional<Sha256> sha256;
  WallTime last_seen{};
  Millis longest_gap{0};
};
/// The runs with these ids, in no particular order.
std::vector<OpenRun> load_many(Database& db, std::span<const int64_t> ids);
/// What one more poll makes of a run.
struct Extension {
  int64_t run = 0;
  WallTime last_seen{};
  Millis longest_gap{0};
};
/// What record() of `observation` at `at` would do, if that is nothing but to extend `run`, the open one for its
/// outcome.
std::optional<Extension> extension(const OpenRun& run, const Observation& observation, WallTime at, Millis stale_after);
/// REQUIRES: each run at most once.
void extend_many(Database& db, std::span<const Extension> extensions);

/// Ends every open run: the clock was stepped, so times before and after this moment cannot be compared.
void end_open_runs(Database& db);

/// The target is configured from now on, or no longer: what coverage counts. A changed stale_after begins a new period.
/// A clock that is far behind takes nothing away: a period ends no earlier than its target was seen last, and the next
/// one begins no earlier than that.
void begin_period(Database& db, TargetId id, Millis stale_after, WallTime at);
void end_period(Database& db, TargetId id, WallTime at);

}  // namespace codedriftd::history
