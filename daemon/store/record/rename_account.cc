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

}  // namespace

Renamed rename_account(Database& db, std::string_view from, std::string_view to) {
  // An account.failing that is open stays open under the new label, and is not announced again.
  db.run("UPDATE OR IGNORE account_state SET account = ? WHERE account = ?", to, from);
  // So do listings. What the new label has found itself already is the newer word.
  db.run("UPDATE OR IGNORE inventory SET account = ? WHERE account = ?", to, from);
  // What stays is there twice, and nothing lists it any more under the old label: it would be watched for ever.
  db.run("DELETE FROM inventory_state WHERE function IN (SELECT id FROM inventory WHERE account = ?)", from);
  db.run("DELETE FROM inventory WHERE account = ?", from);
  db.run("UPDATE listing SET account = ? WHERE account = ?", to, from);
  db.run("UPDATE OR IGNORE discovery SET account = ? WHERE account = ?", to, from);
  db.run("UPDATE OR IGNORE discovery_told SET account = ? WHERE account = ?", to, from);
  // ?1 is the new label, ?2 the old one.
  static const Sql kKeepUnwatched = Sql::forever(fmt::format(
      "INSERT OR IGNORE INTO earlier_address (target, address) SELECT id, address FROM target WHERE account = ?1 AND "
      "watched = 0 AND {}",
      taken_in("?2")));
  static const Sql kReplace = Sql::forever(fmt::format(
      "UPDATE OR IGNORE target SET account = 'replaced-' || id, address = 'replaced-' || id || substr(address, "
      "length(account) + 1) WHERE account = ?1 AND watched = 0 AND {}",
      taken_in("?2")));
  static const Sql kKeep = Sql::forever(fmt::format(
      "INSERT OR IGNORE INTO earlier_address (target, address) SELECT id, address FROM target WHERE account = ?2 AND "
      "NOT {}",
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
