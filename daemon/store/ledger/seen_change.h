#pragma once
/// Between which two sights a change that an event tells of was made.
#include <optional>
#include <utility>

#include "base/clock.h"
#include "model/event.h"
#include "model/target_state.h"
#include "store/db/sqlite.h"
#include "store/record/targets.h"

namespace codedriftd {

struct ChangeWindow {
  WallTime from{}, to{};

  friend bool operator==(const ChangeWindow&, const ChangeWindow&) = default;
};

/// The audit log is asked about no more than so long a time, and nothing older: the cloud answers for less than 30
/// days at once, and for 90 days back.
inline constexpr Millis kLongestChange = std::chrono::days(29), kOldestChange = std::chrono::days(89);

/// The window of `event` about `row`, as it stands after the input that brought the event; `before` is the state that
/// it had. nullopt: the event is no change that nobody announced, no sight of another state came before, or it is too
/// long ago to be asked for. Throws SqliteError.
std::optional<ChangeWindow> change_window(Database& db, const NewEvent& event, const TargetRow& row,
                                          const TargetState& before, WallTime now);

}  // namespace codedriftd
