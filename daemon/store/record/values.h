#pragma once
/// Table `value_text`: the canonical texts of values that are no code (model/value.h), by their SHA-256. Throw
/// StoreError.
#include <optional>
#include <string>
#include <string_view>

#include "base/sha256.h"
#include "model/target.h"
#include "store/db/database.h"

namespace codedriftd::values {

/// Keeps the text once. One that is not the hash's, or longer than any value is (64 KiB), is not kept.
void keep(Database& db, const Sha256& sha256, std::string_view text);
/// Empty: it is not known, or what is stored under that hash has another. Not made harmless.
std::string text_of(Database& db, const Sha256& sha256);
/// What the hash stands for under `target`; of an image that is the hash itself. Empty for code, without a hash, or
/// where it is not known.
std::string text_of(Database& db, const Target& target, const std::optional<Sha256>& sha256);

}  // namespace codedriftd::values
