#include "store/log/event_rows.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace codedriftd::event_rows {
namespace {

/// In the order of Column.
constexpr std::string_view kNames[] = {"seq",   "id",        "time_ms", "kind",     "severity",
                                       "actor", "target_id", "body",    "leaf_hash"};
static_assert(std::size(kNames) == kColumns);

}  // namespace

Sql select(std::string_view rest) {
  return Sql::forever(fmt::format("SELECT {} FROM event {}", fmt::join(kNames, ", "), rest));
}

StoredEvent read(const Query& q) {
  return {q.integer(kSeq), q.string(kId),       q.time(kTime),
          q.string(kKind), q.string(kSeverity), q.string(kActor),
          target_id(q),    q.string(kBody),     q.optional_sha256(kLeafHash)};
}

std::optional<int64_t> target_id(const Query& q) { return q.optional_integer(kTargetId); }

}  // namespace codedriftd::event_rows
