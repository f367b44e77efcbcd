#pragma once
/// The attestations that something was accepted for, whole: whoever holds the public key can verify them again.
#include <optional>
#include <string>
#include <string_view>

#include "base/sha256.h"
#include "store/db/sqlite.h"
#include "store/db/writer.h"

namespace codedriftd::attestations {

/// Keeps the bytes of an attestation, once.
void keep(Tx& tx, const Sha256& sha256, std::string_view envelope, WallTime now);
/// Its bytes; nullopt: there is none, or what is stored under that hash has another.
std::optional<std::string> find(Database& db, const Sha256& sha256);

}  // namespace codedriftd::attestations
