#pragma once
/// Between which two sights a change that an event tells of was made.
#include <optional>

#include "base/clock.h"
#include "model/event.h"
#include "model/target_state.h"
#include "store/db/database.h"
#include "store/record/history.h"
#include "store/record/targets.h"

namespace codedriftd {

using history::ChangeWindow;

/// The audit log is asked about no more than so long a time, and nothing older: the cloud answers for less than 30
/// days at once, and for 90 days back.
inline constexpr Millis kLongestChange = std::chrono::days(29), kOldestChange = std::chrono::days(89);

/// The window of `event` about `row`, as it stands after the input that brought the event; `before` is the state that
/// it had. nullopt: the event is no change that nobody announced, no sight of another state came before, or it is too
/// long ago to be asked for. Throws StoreError.
std::optional<ChangeWindow> change_window(Database& db, const NewEvent& event, const TargetRow& row,
                                          const TargetState& before, WallTime now);

/// In which a function was made that a listing or a look `found`, by the cloud's clock at `added_at`, and that the last
/// complete listing before, which ended at `listed_without`, did not show. nullopt: there was none (it was there when
/// looking began), or it is too long ago to be asked for.
std::optional<ChangeWindow> making_window(const std::optional<WallTime>& listed_without,
                                          const std::optional<WallTime>& added_at, WallTime found, WallTime now);

}  // namespace codedriftd
