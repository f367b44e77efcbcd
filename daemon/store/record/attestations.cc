#include "store/record/attestations.h"

namespace codedriftd::attestations {

void keep(Tx& tx, TargetId target, const SignedStatement& statement, WallTime now) {
  const Sha256 hash = sha256(statement.payload);
  tx.db.run(
      "INSERT INTO attestation (sha256, received_at_ms, payload, signature) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
      hash, now, Blob{statement.payload}, Blob{statement.signature});
  tx.db.run("INSERT INTO attested (target, attestation) VALUES (?, ?) ON CONFLICT DO NOTHING", target, hash);
}

bool believed(Database& db, TargetId target, const Sha256& payload) {
  return db.query("SELECT 1 FROM attested WHERE target = ? AND attestation = ?", target, payload).step();
}

std::optional<SignedStatement> find(Database& db, const Sha256& payload) {
  auto q = db.query("SELECT payload, signature FROM attestation WHERE sha256 = ?", payload);
  if (!q.step()) return std::nullopt;
  SignedStatement found{q.string(0), q.string(1)};
  return sha256(found.payload) == payload ? std::optional(std::move(found)) : std::nullopt;
}

}  // namespace codedriftd::attestations
