#pragma once
/// The attestations that something was accepted for: whoever holds the public key can verify them again.
#include <optional>
#include <string>
#include <string_view>

#include "base/sha256.h"
#include "store/db/database.h"
#include "store/db/writer.h"
#include "store/record/targets.h"

namespace codedriftd {

/// What was signed, and a signature of it that is good (attest/trust.h). Known by the SHA-256 of the payload.
struct SignedStatement {
  std::string payload, signature;
};

namespace attestations {

/// It was believed for `target`. Kept once.
void keep(Tx& tx, TargetId target, const SignedStatement& statement, WallTime now);
/// True if it was before.
bool believed(Database& db, TargetId target, const Sha256& payload);
/// nullopt: there is none, or what is stored under that hash has another.
std::optional<SignedStatement> find(Database& db, const Sha256& payload);

}  // namespace attestations
}  // namespace codedriftd
