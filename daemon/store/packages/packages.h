#pragma once
/// Tables `package` and `package_file`: what is inside the packages that were live, by their CodeSha256. The packages
/// themselves, where they are kept, are in a folder: files.h.
///
/// All throw StoreError; a row whose values cannot be (a damaged or tampered file) is an error (std::runtime_error)
/// that names the row. What writes belongs into a transaction, on the writer's thread.
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "model/content.h"
#include "model/examination.h"
#include "store/db/database.h"

namespace codedriftd {

/// Whose package it is, by the addresses of targets that are watched, in their order.
struct PackageUses {
  std::vector<std::string> live, accepted;
  std::vector<std::string> announced;  ///< by its hash, by a pipeline or a pin

  friend bool operator==(const PackageUses&, const PackageUses&) = default;
};

struct PackageRow {
  Sha256 code;                                                ///< the CodeSha256
  PackageState state = PackageState::unavailable;             ///< never `unknown`
  std::string why;                                            ///< of any other state than examined
  std::optional<ContentDigest> content;                       ///< over all files, without any `ignore`; examined only
  uint64_t package_bytes = 0, unpacked_bytes = 0, files = 0;  ///< 0 where it was not read
  std::vector<Finding> findings;
  WallTime at;         ///< when this was found
  WallTime wanted_at;  ///< the last time that it mattered
  bool kept = false;   ///< the package itself is in the folder
  PackageUses uses;    ///< filled by each() alone
};

namespace packages {

/// Records what is inside. Takes the place of what was there, also of another examination: the bytes are the same, so
/// the later reader knows better. Names of files that no content digest can be made of (a line break) are recorded as
/// ambiguous. REQUIRES: the bytes were held against `code`; the manifest is sorted, as model/content.h says.
void save(Database& db, const Sha256& code, const Examination& examination, WallTime at);
/// Records why nothing is known; `mismatch`: other bytes came than the hash's. Where somebody did look inside, then or
/// earlier, that stays.
void save_unavailable(Database& db, const Sha256& code, std::string_view why, bool mismatch, WallTime at);
/// Something about `code` happened at `at` (it was live, accepted, looked at): it is not the oldest now. Nothing where
/// there is no row.
void wanted(Database& db, const Sha256& code, WallTime at);

std::optional<PackageRow> find(Database& db, const Sha256& code);
/// Every file of a package that was examined. Throws std::out_of_range for any other.
Manifest manifest(Database& db, const Sha256& code);
/// All rows by `code`, with their uses. `take` does not write.
void each(Database& db, const std::function<void(PackageRow&&)>& take);

// ---- the packages themselves ----------------------------------------------------------------------------------------

/// The package lies in the folder. Throws std::out_of_range if nobody has read a package of this hash.
void set_kept(Database& db, const Sha256& code);
/// It does not, or is about to be removed; the row stays, and its manifest.
void drop_contents(Database& db, const Sha256& code);
/// The hashes whose packages lie in the folder, in their order.
std::vector<Sha256> kept(Database& db);
/// How many bytes these are.
uint64_t kept_bytes(Database& db);
/// Which of them have to go so that the others take `max_total` bytes at most, the first to go first: what is nobody's;
/// then what is only of targets that are no longer watched; then what is announced; then what is live or accepted;
/// each the longest unwanted first. Empty if all fit.
std::vector<Sha256> prune_candidates(Database& db, uint64_t max_total);

/// Forgets packages, and the files that were in no other one. What is kept of them in the folder is the caller's to
/// remove, after the commit. How many there were.
int64_t drop(Database& db, const std::vector<Sha256>& codes);
inline int64_t drop(Database& db, const Sha256& code) { return drop(db, std::vector{code}); }

}  // namespace packages
}  // namespace codedriftd
