#include "store/record/attestations.h"

namespace codedriftd::attestations {

void keep(Tx& tx, const Sha256& sha256, std::string_view envelope, WallTime now) {
  static const Sql kInsert(
      "INSERT INTO attestation (sha256, received_at_ms, envelope) VALUES (?, ?, ?) ON CONFLICT (sha256) DO NOTHING");
  tx.db.run(kInsert, sha256, now, envelope);
}

std::optional<std::string> find(Database& db, const Sha256& sha256) {
  static const Sql kFind("SELECT envelope FROM attestation WHERE sha256 = ?");
  auto q = db.query(kFind, sha256);
  if (!q.step()) return std::nullopt;
  std::string envelope(q.text(0));
  return codedriftd::sha256(envelope) == sha256 ? std::optional(std::move(envelope)) : std::nullopt;
}

}  // namespace codedriftd::attestations
