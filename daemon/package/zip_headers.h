#pragma once
/// The records of a zip (APPNOTE 6.3.10, 4.3), taken apart and held against the rules that each of them has to follow
/// alone. package/zip_reader.h has all of the rules.
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "package/examination.h"

namespace codedriftd {

/// Thrown by the parts of the reader: why the package can be read in more than one way.
struct Ambiguous {
  std::string why;  ///< one sentence, harmless
};

/// A name in a sentence: quoted, harmless, not too long.
std::string quoted_name(std::string_view name);

/// Random access to the package, through a window of its own.
class PackageInput {
 public:
  /// Throws std::system_error if `fd` cannot be looked at, std::runtime_error if it is no file.
  explicit PackageInput(int fd);

  uint64_t size() const { return size_; }
  /// `length` bytes from `offset` on, valid until the next call. Throws Ambiguous if they reach beyond the end;
  /// std::system_error and std::runtime_error if they cannot be read. REQUIRES: length <= kWindow.
  std::string_view view(uint64_t offset, std::size_t length);
  static constexpr std::size_t kWindow = std::size_t{256} << 10;

 private:
  int fd_;
  uint64_t size_ = 0;
  std::string window_;
  uint64_t window_at_ = 0;
  std::size_t window_length_ = 0;
};

/// Where the directory is.
struct Directory {
  uint64_t offset = 0;
  uint64_t size = 0;
  uint64_t entries = 0;
};
/// From the end record. Throws Ambiguous.
Directory find_directory(PackageInput& input);

/// An entry as the directory has it.
struct ZipEntryHeader {
  std::string name;  ///< as it stands there
  uint16_t flags = 0;
  uint16_t method = 0;
  uint32_t crc = 0;
  uint64_t compressed = 0;
  uint64_t size = 0;
  uint64_t offset = 0;   ///< of the local header
  uint32_t st_mode = 0;  ///< 0: made on a system without modes
  bool is_folder = false;

  bool has_descriptor() const { return (flags & 8) != 0; }
};
constexpr uint16_t kStored = 0;
constexpr uint16_t kDeflated = 8;
constexpr uint16_t kUtf8Flag = 0x800;

/// All entries, in the directory's order. Throws Ambiguous, also for what is over `limits`.
std::vector<ZipEntryHeader> read_directory(PackageInput& input, const Directory& directory,
                                           const PackageLimits& limits);

/// Where the data of `entry` begins. `end`: where the next entry, or the directory, begins. Throws Ambiguous if the
/// local header or the data descriptor does not agree with `entry`, or the entry does not end at `end`.
uint64_t check_local(PackageInput& input, const ZipEntryHeader& entry, uint64_t end);

}  // namespace codedriftd
