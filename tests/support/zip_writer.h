#pragma once
/// Zips made for tests: ordinary ones in every shape that packers make, and their places, to spoil them byte by byte.
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace codedriftd::test {

struct ZipEntry {
  std::string name{};  ///< a folder's ends in '/'
  std::string content{};
  bool deflate = true;               ///< false: stored
  bool descriptor = false;           ///< crc and sizes stand behind the data, and are 0 in front of it
  bool descriptor_signature = true;  ///< with "PK\7\8" in front of it
  bool zip64 = false;                ///< sizes (and in the central header the offset) stand in a zip64 field
  /// As st_mode; nullopt: made on FAT, which knows no modes. A folder without a type gets S_IFDIR, a file S_IFREG.
  std::optional<uint32_t> mode = 0644;
  uint16_t flags = 0;              ///< more bits, such as 0x800: the name is UTF-8
  uint32_t dos_time = 0x00210000;  ///< 1980-01-01 00:00:00
  int level = 6;                   ///< of deflate
  std::string local_extra{};       ///< more extra fields, whole: extra_field()
  std::string central_extra{};
  std::string comment{};
};

struct ZipOptions {
  bool zip64_end = false;  ///< the end record is a zip64 one, with its locator
  std::string comment{};
  std::vector<std::size_t> central_order{};  ///< entries by number; empty: as they were added
};

/// Where the parts of a zip stand, by entry.
struct ZipPlaces {
  std::vector<std::size_t> local, data, descriptor, central;  ///< `descriptor`: the end of the data
  std::size_t directory = 0, zip64_end = 0, end = 0;          ///< `zip64_end` is `end` where there is none
};

/// Writes a zip piece by piece, of any size.
class ZipWriter {
 public:
  explicit ZipWriter(std::function<void(std::string_view)> sink) : sink_(std::move(sink)) {}
  void add(const ZipEntry& entry);
  ZipPlaces finish(const ZipOptions& options = {});

 private:
  void write(std::string_view bytes);

  std::function<void(std::string_view)> sink_;
  std::size_t written_ = 0;
  std::vector<std::string> central_;
  ZipPlaces places_;
};

/// A whole zip. `places`: where its parts stand, if wanted.
std::string zip_of(const std::vector<ZipEntry>& entries, const ZipOptions& options = {}, ZipPlaces* places = nullptr);

/// One extra field: its id, its length, its data.
std::string extra_field(uint16_t id, std::string_view data);
/// `value` in `bytes` bytes, least significant first.
std::string little_endian(uint64_t value, std::size_t bytes);
/// Overwrites what stands at `at`. Throws std::out_of_range if it would reach beyond the end.
void overwrite(std::string& zip, std::size_t at, std::string_view with);

}  // namespace codedriftd::test
