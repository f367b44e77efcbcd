#pragma once
#include <optional>
#include <string>

#include "base/clock.h"
#include "model/verdict.h"
#include "store/db/database.h"

namespace codedriftd {

/// Table `fact`: single named values.
namespace facts {
std::optional<std::string> read(Database& db, std::string_view name);
void write(Database& db, std::string_view name, std::string_view value);
}  // namespace facts

/// Table `daemon_run`: when the daemon ran, and whether it said goodbye.
namespace daemon_runs {

/// The last stay; nullopt: there was none.
std::optional<DaemonStay> last(Database& db);
/// A new stay begins; its row.
int64_t begin(Database& db, int64_t pid, WallTime now);
void alive(Database& db, int64_t id, WallTime now);
void end(Database& db, int64_t id, WallTime now);

}  // namespace daemon_runs
}  // namespace codedriftd
