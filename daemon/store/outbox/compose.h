#pragma once
#include <cstdint>
#include <string_view>

#include "store/db/database.h"

namespace codedriftd::outbox {

/// Composes the message that the pending row `row` of `destination` begins: from that row alone, from all that waits
/// for the same target (one story), or, where many targets wait, from all of them (a digest). Its bytes never change
/// afterwards. The id of its leading row, which is the oldest of them. `behind`: the destination has failed lately.
/// Throws StoreError; std::runtime_error if a stored alert is damaged.
int64_t compose(Database& db, std::string_view destination, int64_t row, WallTime now, bool behind, unsigned capacity);

}  // namespace codedriftd::outbox
