#pragma once
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>

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

/// The last stay; nullopt: there was none. Of a fleet that of the member that was heard of last, of those who work.
std::optional<DaemonStay> last(Database& db);

/// Whose stay counts for which targets: in a fleet, that of who works for their account.
class Stays {
 public:
  explicit Stays(Database& db);
  const std::optional<DaemonStay>& of(std::string_view account) const;

 private:
  std::optional<DaemonStay> last_;
  std::map<std::string, std::optional<DaemonStay>, std::less<>> lanes_;  ///< by account
};
/// A new stay begins; its row.
int64_t begin(Database& db, int64_t pid, WallTime now);
void alive(Database& db, int64_t id, WallTime now);
void end(Database& db, int64_t id, WallTime now);

}  // namespace daemon_runs
}  // namespace codedriftd
