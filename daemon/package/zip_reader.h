#pragma once
/// The strict reader of packages, on zlib's inflate and nothing else. What a zip holds is a matter of the reader: of
/// two headers, of two end records, of overlapping entries each takes another. So a package is read only if every
/// reader would find the same in it; all others are *ambiguous*, and nothing is said of their content.
///
/// A package can be read if
///  - it ends with its one end record (and comment): no bytes behind it, no second end record a reader could find;
///  - its entries lie one behind the other from the first byte on, then its directory: no bytes in front or between,
///    nothing overlaps, every entry is in the directory; the directory may name them in another order;
///  - the header in front of an entry and the one in the directory agree in name, flags, method, sizes and CRC; or the
///    entry has a data descriptor (with signature or without), and then that agrees;
///  - it is stored or deflated, not encrypted, not spread over disks, and consumes and yields exactly what is declared,
///    with the CRC that is declared; what is stored with a descriptor behind it has nothing in it that a streaming
///    reader could take for the descriptor or the next header;
///  - zip64 fields stand where a 32 bit field says so, and nowhere else; a zip64 end record agrees with the end record;
///  a
///    Unicode path field says what the name says;
///  - extra fields are whole;
///  - no name stands twice, is empty, has a line break (dirhash refuses it) or more than kLongestName bytes; a folder
///    (its name ends in '/') has no content, and what says it is a folder is named as one;
///  - it is within PackageLimits and the caps below.
/// An empty zip is read: it holds nothing, whoever looks.
///
/// Findings: what all readers see alike and an honest packer does not write, or tools do different things with when
/// they unpack. They are shown; two packages with other findings are never taken for the same (model/examination.h).
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "package/examination.h"

namespace codedriftd {

namespace finding {
inline constexpr std::string_view kTraversal = "traversal";         ///< a part of the name is ".."
inline constexpr std::string_view kAbsolutePath = "absolute-path";  ///< begins with '/', or a drive: "C:"
inline constexpr std::string_view kBackslash = "backslash";         ///< Windows unpacks a folder there
inline constexpr std::string_view kNul = "nul";                     ///< many readers cut the name there
inline constexpr std::string_view kControl = "control-character";   ///< another one, or text direction marks
inline constexpr std::string_view kDotPart = "dot-part";          ///< a part is ".", or "./" names another entry again
inline constexpr std::string_view kEmptyPart = "empty-part";      ///< "a//b"
inline constexpr std::string_view kNotUtf8 = "not-utf8";          ///< GBK, say: each reader shows another name
inline constexpr std::string_view kNoUtf8Flag = "no-utf8-flag";   ///< UTF-8 that is not said to be
inline constexpr std::string_view kSymlink = "symlink";           ///< its content is where it points to
inline constexpr std::string_view kSpecialFile = "special-file";  ///< neither file, folder nor link, by its mode
inline constexpr std::string_view kCase = "case";                 ///< another name differs in (ASCII) case only
inline constexpr std::string_view kFileAndFolder = kFileAndFolderFinding;  ///< the name of a file and of a folder
inline constexpr std::string_view kAll[] = {kTraversal,   kAbsolutePath, kBackslash,    kNul,        kControl,
                                            kDotPart,     kEmptyPart,    kNotUtf8,      kNoUtf8Flag, kSymlink,
                                            kSpecialFile, kCase,         kFileAndFolder};
}  // namespace finding

inline constexpr std::size_t kLongestName = 4096;               ///< bytes: Linux' PATH_MAX
inline constexpr std::size_t kAllNames = std::size_t{4} << 20;  ///< bytes of all names together
/// Unpacked bytes for each stored one, once there are more than kRatioCounts of them: code does not compress like that.
inline constexpr uint64_t kMostRatio = 250;
inline constexpr uint64_t kRatioCounts = uint64_t{32} << 20;

/// What is in the package. Reads at offsets (pread) and leaves the descriptor's own as it is. Memory: the names and
/// some 200 bytes for each entry, and under 1 MiB. Throws std::system_error if the package cannot be read, and
/// std::runtime_error if it is no file or gets shorter meanwhile.
Examination read_package(int fd, const PackageLimits& limits);

/// The content of the file that a manifest names so. All headers are held against the rules, other files' contents are
/// not looked at. An error, for people, if the package is ambiguous, has no such file, or it has more than `cap` bytes.
/// Throws as above.
Result<std::string> extract_file(int fd, std::string_view name, const PackageLimits& limits, uint64_t cap);

}  // namespace codedriftd
