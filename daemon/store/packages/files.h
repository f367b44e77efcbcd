#pragma once
/// STATE_DIR/packages: the packages that are kept whole, each as HEX.zip with its CodeSha256 as HEX. A package may hold
/// keys, so the folder is 0700 and each file 0600, the daemon's own user's.
///
/// Folder and table (packages.h) cannot change in one step. In this order a crash leaves a file that no row knows, or a
/// row without its file, and mend() puts both right:
///   keep:   the file first, then set_kept() in a transaction
///   remove: drop_contents() or drop() in a transaction, then the file
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/sha256.h"
#include "base/unique_fd.h"
#include "store/db/database.h"
#include "store/db/writer.h"

namespace codedriftd {

/// Errors name the file and what would help. What is there is never followed through a link.
class PackageFolder {
 public:
  /// Opens it. Fails if it is not there, is no folder (a link to one included), is not this user's, or is open to
  /// others.
  static Result<PackageFolder> open(const std::string& path);
  /// The same, and makes it where it is not there. REQUIRES: the state folder's lock, as for all that changes it.
  static Result<PackageFolder> make(const std::string& path);

  /// Keeps the bytes of the file open as `from`, of which only the descriptor is used: complete and durable when this
  /// returns, or not there at all. A file of that name is replaced. A nameless file on the same file system is given
  /// its name, others are copied; either way nobody writes to it from then on. `from` has to be readable, and its
  /// position does not matter. REQUIRES: its bytes were held against `code`.
  Checked keep(const Sha256& code, const UniqueFd& from) const;

  enum class Verify { no, yes };
  /// For reading. Fails if there is none, it is no regular file, not this user's or open to others; with `verify` also
  /// if its bytes are not the hash's: all of it is read then, once.
  Result<UniqueFd> open_package(const Sha256& code, Verify verify) const;
  /// Done if there is none.
  Checked remove(const Sha256& code) const;
  /// The hashes of all files, in their order. Other names than HEX.zip are not ours.
  Result<std::vector<Sha256>> list() const;
  /// The lengths of all of these together.
  Result<uint64_t> bytes() const;
  /// Removes what a crash left half written. For mend().
  Checked remove_unfinished() const;

  /// Where a package is, for people.
  std::string path_of(const Sha256& code) const;

 private:
  PackageFolder(UniqueFd fd, std::string path) : fd_(std::move(fd)), path_(std::move(path)) {}
  UniqueFd fd_;
  std::string path_;
};

namespace packages {

/// Rows of one side that the other does not have. `known` is in order (kept()).
struct Strays {
  std::vector<Sha256> files;  ///< without a row that says it is kept
  std::vector<Sha256> rows;   ///< without their file

  friend bool operator==(const Strays&, const Strays&) = default;
};
Strays strays(std::span<const Sha256> known, std::span<const Sha256> files);

/// Keeps these no longer: their rows say so in this transaction, the files go after its commit. One that cannot be
/// removed is logged, and goes when the daemon starts next.
void let_go(Tx& tx, std::shared_ptr<const PackageFolder> folder, std::vector<Sha256> codes);

/// Makes folder and table agree, at the start: a file without a row is removed, a row without a file is no longer kept,
/// what is half written goes. What it did; fails where the folder cannot be read or changed. Throws StoreError.
/// REQUIRES: a transaction.
Result<Strays> mend(Database& db, const PackageFolder& folder);

}  // namespace packages
}  // namespace codedriftd
