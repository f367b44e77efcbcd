#pragma once
/// Alerts about a change that wait a moment for what changed inside. What is explained is a row that nobody has tried
/// to send: a message's bytes never change after that. All throw StoreError; std::runtime_error if a stored alert is
/// damaged.
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/json_box.h"
#include "base/sha256.h"
#include "store/db/database.h"

namespace codedriftd::outbox {

/// The alert of event `seq` for `destination` is first tried at `until`.
void hold_for_explanation(Database& db, std::string_view destination, int64_t seq, WallTime until);

/// What changed is known, or nothing more will be (`changes` null): the alerts about `code` at row `target` that were
/// not tried yet carry it, and those that waited for nothing else are due at `now`. The destinations they go to, each
/// once. `most`: the longest that an alert waits for its explanation; what waits longer waits for something else.
std::vector<std::string> explain(Database& db, int64_t target, const Sha256& code, const JsonBox& changes,
                                 std::string_view words, Millis most, WallTime now);

}  // namespace codedriftd::outbox
