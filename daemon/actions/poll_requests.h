#pragma once
/// The verbs `plan` and `poll` of the control socket: which targets are to be polled now.
#include <string>
#include <string_view>
#include <vector>

#include "actions/arguments.h"
#include "base/json_box.h"
#include "select/selection.h"

namespace codedriftd {

inline constexpr std::size_t kMostPolledByName = 1'000;

/// The selection as arguments of `plan`: names must be resolved; `limit`, `kinds` and `all` are not for it.
JsonBox plan_arguments(const Selection& selection);

/// What is wrong with names of targets for `poll`, whatever there is: a writing verb knows no wildcards.
Checked check_poll_names(const std::vector<std::string>& names);

/// The watched targets that a request of this verb ("plan" or "poll") asks for; never none. Throws StoreError.
Result<std::vector<SelectedTarget>, NothingDone> targets_to_poll(Database& db, std::string_view verb,
                                                                 const JsonBox& arguments, WallTime now);

}  // namespace codedriftd
