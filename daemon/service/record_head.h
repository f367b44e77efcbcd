#pragma once
/// A second copy, beside the record, of where the record ends. It tells a record that was replaced by an older copy, or
/// begun anew, from one that goes on.
#include <optional>
#include <string>

#include "model/event.h"
#include "store/db/database.h"

namespace codedriftd {

/// The newest event of a log.
struct RecordHead {
  std::string origin;
  int64_t seq = 0;
  std::string id;
  WallTime time{};
  friend bool operator==(const RecordHead&, const RecordHead&) = default;
};

namespace record_head {

/// Nullopt: there is no such file, or it cannot be read as one.
std::optional<RecordHead> read(const std::string& path);
/// Replaces the file in one step. Throws std::system_error.
void write(const std::string& path, const RecordHead& head);
/// Of the log in `db`; nullopt: it has no event.
std::optional<RecordHead> of(Database& db, const std::string& origin);
/// `record.restored`, if `db` does not go on from `known`: it has not that event, or another one in its place. Ask
/// before anything is appended.
std::optional<NewEvent> restored(Database& db, const RecordHead& known);
/// The same of a server's record, as `store.rolled_back`: what of the log is lost up to `known`. The numbers are given
/// again; what is newer than `known` by its time counts as that. Nullopt also if an adoption has told of this loss.
std::optional<NewEvent> rolled_back(Database& db, const RecordHead& known);

}  // namespace record_head
}  // namespace codedriftd
