#include "store/record/earlier_addresses.h"

namespace codedriftd::targets {

std::vector<std::pair<TargetId, std::string>> earlier_addresses(Database& db) {
  std::vector<std::pair<TargetId, std::string>> all;
  auto q = db.query(
      "SELECT e.target, e.address FROM earlier_address e WHERE NOT EXISTS (SELECT 1 FROM target t WHERE t.address = "
      "e.address)");
  while (q.step()) all.emplace_back(q.integer(0), q.string(1));
  return all;
}

}  // namespace codedriftd::targets
