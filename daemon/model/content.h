#pragma once
/// What is inside a package, told by one digest: two packages of the same content have the same, however they were
/// packed.
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/sha256.h"

namespace codedriftd {

/// Go's `h1:` (golang.org/x/mod/sumdb/dirhash, Hash1), which in-toto calls `dirHash1`: SHA-256 over one line for each
/// file, "HEX-SHA256-OF-ITS-CONTENT  NAME\n", sorted by the bytes of NAME. Times, order and modes are not in it.
struct ContentDigest {
  Sha256 sha256;

  /// "h1:" and the digest in base64.
  std::string text() const;
  /// From what text() writes, and from nothing else.
  static std::optional<ContentDigest> parse(std::string_view text);

  friend auto operator<=>(const ContentDigest&, const ContentDigest&) = default;
};

/// One file of a package or a folder.
struct PackageFile {
  std::string name;   ///< relative, '/' between its parts, no "./" in front; the bytes that stand there, UTF-8 or not
  uint32_t mode = 0;  ///< permission bits (07777); 0: what packed it does not know them
  uint64_t size = 0;  ///< bytes, unpacked
  Sha256 sha256;      ///< of its content

  friend bool operator==(const PackageFile&, const PackageFile&) = default;
};
/// Every file, sorted by the bytes of its name; no name stands twice. Folders are not in it.
using Manifest = std::vector<PackageFile>;

bool is_ignored(std::string_view name, const std::vector<std::string>& ignore);  ///< a glob of `ignore` matches it
/// The digest over the files of which no glob of `ignore` (model/target.h) matches the name. Throws
/// std::invalid_argument for a name with a line break, as dirhash does: its line could be two.
ContentDigest content_of(const Manifest& manifest, const std::vector<std::string>& ignore = {});
/// The same over content and modes: equal exactly if names, contents and modes are, and `marks`, which say what else is
/// not to differ, each without a line break.
Sha256 exact_content_of(const Manifest& manifest, const std::vector<std::string>& ignore = {},
                        const std::vector<std::string>& marks = {});

/// The content of one package: with what its target leaves out left out.
struct KnownContent {
  ContentDigest digest;
  Sha256 exact;  ///< the same where the modes and the findings (model/examination.h) are, too

  friend bool operator==(const KnownContent&, const KnownContent&) = default;
};

/// What looking into a package came to.
enum class PackageState {
  unknown,      ///< nobody looked so far
  examined,     ///< it was read, and in one way only
  ambiguous,    ///< readers could see different things in it
  unavailable,  ///< it could not be had, or not be examined
  mismatch,     ///< the bytes that came were others than the CodeSha256's, again and again
};
std::string_view to_string(PackageState package);
/// Somebody looked inside: nothing is to be had of another look.
inline bool was_read(PackageState package) {
  return package == PackageState::examined || package == PackageState::ambiguous;
}
std::optional<PackageState> parse_package_state(std::string_view name);

}  // namespace codedriftd
