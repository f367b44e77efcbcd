#pragma once
/// How a row of table `event` is read: the one place that knows the order of its columns.
#include <array>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/sha256.h"
#include "store/db/database.h"

namespace codedriftd {

/// One row of table `event` as it stands there: untrusted until its body was compared with it.
struct StoredEvent {
  int64_t seq;
  std::string id;
  WallTime time;
  std::string kind, severity, actor;
  std::optional<int64_t> target_id;  ///< row of `target`; nullopt: it concerns the whole daemon
  std::string body;
  std::optional<Sha256> leaf_hash;
};

namespace event_rows {

enum Column : int { kSeq, kId, kTime, kKind, kSeverity, kActor, kTargetId, kBody, kLeafHash, kColumns };

/// "SELECT … FROM event " and `rest`, kept for ever: for a `static const Sql`, whose rows are read with read() and
/// Column.
Sql select(std::string_view rest);

/// The row that `q` stands at. REQUIRES: the statement is one of select().
StoredEvent read(const Query& q);
std::optional<int64_t> target_id(const Query& q);

}  // namespace event_rows
}  // namespace codedriftd
