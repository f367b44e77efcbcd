#pragma once
/// What is found in a package, as plain values: package/examination.h encodes them, store/packages keeps them.
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/content.h"

namespace codedriftd {

/// Something about one entry that is legal in a zip and strange in a package: shown, and no reason for anything.
struct Finding {
  std::string kind;  ///< "traversal", "absolute-path", …: package/zip_reader.h has the list
  std::string name;  ///< of the entry, its bytes

  friend bool operator==(const Finding&, const Finding&) = default;
};

/// What is inside one package. `ambiguous`: readers could see different things in it, so nothing is said of its
/// content.
struct Examination {
  std::string ambiguous;          ///< why, in one sentence; empty: it can be read in one way only
  Manifest files;                 ///< empty where it is ambiguous
  std::vector<Finding> findings;  ///< the first kMostFindings
  uint64_t package_bytes = 0;     ///< as stored
  uint64_t unpacked_bytes = 0;    ///< of all files together

  friend bool operator==(const Examination&, const Examination&) = default;
};
inline constexpr std::size_t kMostFindings = 100;
/// A name that is a file's and a folder's in one package: the one finding that what is inside is not held against what
/// was announced for.
inline constexpr std::string_view kFileAndFolderFinding = "file-and-folder";

/// What a verdict holds against other contents; nullopt: nothing, because readers unpack different files, or because
/// `ignore` leaves nothing over: then any two packages would be the same. Whoever packs the same folder anew makes no
/// finding that was not there: two packages with other findings are not the same.
std::optional<KnownContent> known_content(const Manifest& files, const std::vector<Finding>& findings,
                                          const std::vector<std::string>& ignore);

/// The caps of one examination. What is over a cap is ambiguous.
struct PackageLimits {
  uint64_t package = uint64_t{100} << 20;   ///< bytes as stored
  uint64_t unpacked = uint64_t{500} << 20;  ///< bytes of all files together
  uint64_t files = 20'000;

  friend bool operator==(const PackageLimits&, const PackageLimits&) = default;
};

}  // namespace codedriftd
