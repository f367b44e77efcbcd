#include "store/fleet/lanes.h"

namespace codedriftd::lanes {

void keep(Database& db, const std::map<std::string, std::string>& lease_by_account) {
  std::map<std::string, std::string> stored;
  {
    auto rows = db.query("SELECT account, lease FROM lane");
    while (rows.step()) stored.emplace(rows.string(0), rows.string(1));
  }
  if (stored == lease_by_account) return;
  db.run("DELETE FROM lane");
  for (const auto& [account, lease] : lease_by_account)
    db.run("INSERT INTO lane (account, lease) VALUES (?, ?)", account, lease);
}

}  // namespace codedriftd::lanes
