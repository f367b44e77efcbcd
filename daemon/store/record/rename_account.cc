/// An account goes on under another label.
#include <fmt/format.h>

#include "store/record/targets.h"

namespace codedriftd::targets {
namespace {

/// SQL: some target has the address that one of `target` would have in the account that is the parameter `account`.
std::string taken_in(std::string_view account) {
  return fmt::format(
      "EXISTS (SELECT 1 FROM target other WHERE other.address = {} || substr(target.address, length(target.account) + "
      "1))",
      account);
}

/// SQL: gives what account ?2 has in `table` to account ?1, but for what that has itself, by the other columns `same`
/// of a key.
Sql move_within(std::string_view table, std::initializer_list<std::string_view> same) {
  std::string twice;
  for (const std::string_view column : same) twice += fmt::format(" AND other.{0} = {1}.{0}", column, table);
  return Sql::forever(
      fmt::format("UPDATE {0} SET account = ?1 WHERE account = ?2 AND NOT EXISTS (SELECT 1 FROM {0} other WHERE "
                  "other.account = ?1{1})",
                  table, twice));
}

}  // namespace

Renamed rename_account(Database& db, std::string_view from, std::string_view to) {
  // An account.failing that is open stays open under the new label, and is not announced again.
  static const Sql kAccountState = move_within("account_state", {"region"});
  db.run(kAccountState, to, from);
  // So do listings. What the new label has found itself already is the newer word.
  static const Sql kInventory = move_within("inventory", {"region", "namespace", "name"});
  db.run(kInventory, to, from);
  // What stays is there twice, and nothing lists it any more under the old label: it would be watched for ever.
  db.run("DELETE FROM inventory_state WHERE function IN (SELECT id FROM inventory WHERE account = ?)", from);
  db.run("DELETE FROM inventory WHERE account = ?", from);
  db.run("UPDATE listing SET account = ? WHERE account = ?", to, from);
  static const Sql kDiscovery = move_within("discovery", {"region"});
  db.run(kDiscovery, to, from);
  static const Sql kTold = move_within("discovery_told", {"region", "kind", "function_id"});
  db.run(kTold, to, from);
  // ?1 is the new label, ?2 the old one.
  static const Sql kKeepUnwatched = Sql::forever(fmt::format(
      "INSERT INTO earlier_address (target, address) SELECT id, address FROM target WHERE account = ?1 AND watched = 0 "
      "AND {} ON CONFLICT DO NOTHING",
      taken_in("?2")));
  static const Sql kReplace = Sql::forever(fmt::format(
      "UPDATE target SET account = 'replaced-' || id, address = 'replaced-' || id || substr(address, length(account) + "
      "1) WHERE account = ?1 AND watched = 0 AND {} AND NOT {}",
      taken_in("?2"), taken_in("'replaced-' || target.id")));
  static const Sql kKeep = Sql::forever(fmt::format(
      "INSERT INTO earlier_address (target, address) SELECT id, address FROM target WHERE account = ?2 AND NOT {} ON "
      "CONFLICT DO NOTHING",
      taken_in("?1")));
  static const Sql kMove = Sql::forever(fmt::format(
      "UPDATE target SET account = ?1, address = ?1 || substr(address, length(account) + 1) WHERE account = ?2 AND NOT "
      "{}",
      taken_in("?1")));
  // A row that is not watched gives its address away: it was made when the account came as a new one by mistake.
  db.run(kKeepUnwatched, to, from);
  db.run(kReplace, to, from);
  db.run(kKeep, to, from);
  Renamed renamed;
  renamed.moved = db.run(kMove, to, from);
  auto q = db.query("SELECT count(*) FROM target WHERE account = ?", from);
  if (q.step()) renamed.stayed = q.integer(0);
  return renamed;
}

}  // namespace codedriftd::targets
