#include "package/zip_headers.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <optional>
#include <stdexcept>
#include <system_error>

#include "base/text.h"
#include "package/zip_reader.h"

namespace codedriftd {
namespace {

using namespace std::string_view_literals;

constexpr std::string_view kLocalSignature = "PK\3\4"sv, kCentralSignature = "PK\1\2"sv, kEndSignature = "PK\5\6"sv,
                           kZip64EndSignature = "PK\6\6"sv, kLocatorSignature = "PK\6\7"sv,
                           kDescriptorSignature = "PK\7\10"sv;
constexpr std::size_t kLocalHead = 30, kCentralHead = 46, kEndRecord = 22, kLocator = 20, kZip64End = 56;
constexpr uint32_t kIn64 = 0xFFFFFFFF;  ///< "stands in the zip64 field"
constexpr uint16_t kIn64Short = 0xFFFF;

[[noreturn]] void ambiguous(std::string why) { throw Ambiguous{std::move(why)}; }
[[noreturn]] void ambiguous(std::string_view name, std::string_view why) {
  ambiguous(fmt::format("{} {}", quoted_name(name), why));
}

uint64_t number(std::string_view bytes, std::size_t at, std::size_t length) {
  uint64_t value = 0;
  for (std::size_t i = length; i-- > 0;) value = value << 8 | static_cast<uint8_t>(bytes.at(at + i));
  return value;
}
uint16_t le16(std::string_view bytes, std::size_t at) { return static_cast<uint16_t>(number(bytes, at, 2)); }
uint32_t le32(std::string_view bytes, std::size_t at) { return static_cast<uint32_t>(number(bytes, at, 4)); }
uint64_t le64(std::string_view bytes, std::size_t at) { return number(bytes, at, 8); }

/// The extra fields that change what a header means.
struct Extra {
  std::optional<std::string_view> zip64;
  std::optional<std::string_view> unicode_path;
};

Extra parse_extra(std::string_view bytes, std::string_view name) {
  Extra extra;
  while (!bytes.empty()) {
    if (bytes.size() < 4 || bytes.size() - 4 < le16(bytes, 2)) ambiguous(name, "has an extra field that is not whole");
    const uint16_t id = le16(bytes, 0);
    const std::string_view data = bytes.substr(4, le16(bytes, 2));
    bytes.remove_prefix(4 + data.size());
    std::optional<std::string_view>* const place = id == 0x0001   ? &extra.zip64
                                                   : id == 0x7075 ? &extra.unicode_path
                                                                  : nullptr;
    if (place == nullptr) continue;
    if (*place) ambiguous(name, "has two extra fields of one kind");
    *place = data;
  }
  // Readers differ in whether they believe it; so it may only say what the header says. One byte of version and the CRC
  // of the header's name come first.
  if (extra.unicode_path && (extra.unicode_path->size() < 5 || extra.unicode_path->substr(5) != name))
    ambiguous(name, "has a Unicode path field with another name");
  return extra;
}

struct EndRecord {
  uint64_t at;
  Directory directory;
};

Directory directory_of(std::string_view record) { return {le32(record, 16), le32(record, 12), le16(record, 10)}; }

/// The end record at the very end. That it is the only one is a matter of readers: most look for the last signature,
/// one takes the first in the last 64 KiB behind which everything fits. A nested zip has one too, with offsets that fit
/// to nothing here; it does no harm.
EndRecord find_end(PackageInput& input) {
  if (input.size() < kEndRecord) ambiguous("it is no zip: it is shorter than an end record");
  const std::size_t length = static_cast<std::size_t>(std::min<uint64_t>(input.size(), kEndRecord + 0xFFFF));
  const uint64_t begin = input.size() - length;
  const std::string tail(input.view(begin, length));
  std::optional<std::size_t> end;
  std::vector<std::size_t> others;
  for (std::size_t at = tail.find(kEndSignature); at != std::string::npos; at = tail.find(kEndSignature, at + 1)) {
    const bool whole = at + kEndRecord <= length;
    if (whole && at + kEndRecord + le16(tail, at + 20) == length && !end) {
      end = at;
    } else {
      others.push_back(at);
    }
  }
  if (!end) {
    ambiguous(others.empty() ? "it is no zip, or was cut off: it has no end record"
                             : "bytes stand behind its end record, or it was cut off");
  }
  for (const std::size_t at : others) {
    if (at > *end) ambiguous("an end record is hidden in its comment");
    const Directory other = directory_of(std::string_view(tail).substr(at, kEndRecord));
    const bool fits = other.entries == 0 || (other.offset + other.size <= begin + at && other.size >= kCentralHead &&
                                             input.view(other.offset, 4) == kCentralSignature);
    if (fits) ambiguous("it has a second end record");
  }
  const std::string_view record = std::string_view(tail).substr(*end, kEndRecord);
  if (le16(record, 4) != 0 || le16(record, 6) != 0) ambiguous("it is one part of a zip in several");
  if (le16(record, 8) != le16(record, 10)) ambiguous("its end record has two numbers of entries");
  return {begin + *end, directory_of(record)};
}

/// The directory by the zip64 end record that stands in front of the end record at `end`.
EndRecord zip64_end(PackageInput& input, const EndRecord& end) {
  if (end.at < kLocator + kZip64End) ambiguous("its zip64 end record is missing");
  const uint64_t at = end.at - kLocator - kZip64End;
  const std::string bytes(input.view(at, kZip64End + kLocator));
  const std::string_view record = std::string_view(bytes).substr(0, kZip64End);
  const std::string_view locator = std::string_view(bytes).substr(kZip64End);
  if (!locator.starts_with(kLocatorSignature)) ambiguous("its zip64 locator is missing");
  if (!record.starts_with(kZip64EndSignature) || le64(record, 4) != kZip64End - 12 || le64(locator, 8) != at)
    ambiguous("its zip64 end record is not where its locator says");
  if (le32(locator, 4) != 0 || le32(locator, 16) != 1 || le32(record, 16) != 0 || le32(record, 20) != 0)
    ambiguous("it is one part of a zip in several");
  const Directory wide{le64(record, 48), le64(record, 40), le64(record, 32)};
  const auto agree = [](uint64_t narrow, uint64_t in64, uint64_t value) { return narrow == in64 || narrow == value; };
  if (le64(record, 24) != wide.entries || !agree(end.directory.offset, kIn64, wide.offset) ||
      !agree(end.directory.size, kIn64, wide.size) || !agree(end.directory.entries, kIn64Short, wide.entries))
    ambiguous("its two end records do not agree");
  return {at, wide};
}

/// Takes from the zip64 field what the header's 32 bit fields leave to it, and requires that nothing is left over.
class Zip64Field {
 public:
  Zip64Field(const Extra& extra, std::string_view name) : left_(extra.zip64.value_or(std::string_view())), name_(name) {
    used_ = !extra.zip64;
  }
  uint64_t value(uint32_t narrow) {
    if (narrow != kIn64) return narrow;
    if (left_.size() < 8) ambiguous(name_, "has no zip64 field, or one that is too short");
    const uint64_t wide = le64(left_, 0);
    left_.remove_prefix(8);
    used_ = true;
    return wide;
  }
  void done() const {
    if (!used_ || !left_.empty()) ambiguous(name_, "has a zip64 field where none is needed");
  }

 private:
  std::string_view left_, name_;
  bool used_ = false;
};

void check_kind(const ZipEntryHeader& entry, uint32_t attributes) {
  constexpr uint16_t kEncrypted = 1 | 1 << 6 | 1 << 13;
  constexpr uint16_t kKnown = 1 << 1 | 1 << 2 | 1 << 3 | kUtf8Flag;
  const std::string& name = entry.name;
  if ((entry.flags & kEncrypted) != 0 || entry.method == 99) ambiguous(name, "is encrypted");
  if ((entry.flags & ~kKnown) != 0) ambiguous(name, fmt::format("has unknown flags (0x{:04x})", entry.flags));
  if (entry.method != kStored && entry.method != kDeflated)
    ambiguous(name, fmt::format("is packed by method {}; stored and deflated are read", entry.method));
  if (entry.method == kStored && entry.compressed != entry.size) ambiguous(name, "is stored, and has two sizes");
  // No stream of deflate yields more than 1,032 times its length.
  if (entry.method == kDeflated && entry.size / 1032 > entry.compressed)
    ambiguous(name, "claims to unpack to more than it can");
  constexpr uint32_t kDosFolder = 0x10;
  const bool says_folder = (attributes & kDosFolder) != 0 || (entry.st_mode & S_IFMT) == S_IFDIR;
  if (says_folder && !entry.is_folder) ambiguous(name, "is a folder by its attributes and a file by its name");
  if (entry.is_folder && entry.size != 0) ambiguous(name, "is a folder with content");
  if (entry.is_folder && (entry.st_mode & S_IFMT) == S_IFLNK) ambiguous(name, "is a folder and a symbolic link");
  if (name.find('\n') != std::string::npos) ambiguous(name, "has a line break in its name: it has no content digest");
}

ZipEntryHeader parse_central(PackageInput& input, uint64_t& at, uint64_t end) {
  if (end - at < kCentralHead) ambiguous("its directory has fewer entries than its end record says");
  const std::string head(input.view(at, kCentralHead));
  if (!head.starts_with(kCentralSignature)) ambiguous("its directory is not where its end record says, or is damaged");
  const std::size_t name_length = le16(head, 28), extra_length = le16(head, 30), comment_length = le16(head, 32);
  const std::size_t variable = name_length + extra_length + comment_length;
  if (end - at - kCentralHead < variable) ambiguous("its directory is longer than its end record says");
  if (name_length == 0) ambiguous("an entry has no name");
  if (name_length > kLongestName) ambiguous(fmt::format("a name has {} bytes; {} are read", name_length, kLongestName));
  const std::string_view rest = input.view(at + kCentralHead, variable);
  ZipEntryHeader entry;
  entry.name = rest.substr(0, name_length);
  entry.flags = le16(head, 8);
  entry.method = le16(head, 10);
  entry.crc = le32(head, 16);
  const Extra extra = parse_extra(rest.substr(name_length, extra_length), entry.name);
  Zip64Field wide(extra, entry.name);
  entry.size = wide.value(le32(head, 24));
  entry.compressed = wide.value(le32(head, 20));
  entry.offset = wide.value(le32(head, 42));
  wide.done();
  if (le16(head, 34) != 0) ambiguous(entry.name, "is on another disk");
  constexpr uint8_t kUnix = 3, kDarwin = 19;
  const auto made_on = static_cast<uint8_t>(head[5]);
  if (made_on == kUnix || made_on == kDarwin) entry.st_mode = le32(head, 38) >> 16;
  entry.is_folder = entry.name.back() == '/';
  check_kind(entry, le32(head, 38) & 0xFF);
  at += kCentralHead + variable;
  return entry;
}

/// The data descriptor that fills the bytes from `at` to `end`: its length says which form it has.
void check_descriptor(PackageInput& input, const ZipEntryHeader& entry, bool zip64, uint64_t at, uint64_t end) {
  const std::size_t width = zip64 ? 8 : 4;
  const std::size_t bare = 4 + 2 * width;
  const uint64_t length = end - at;
  if (length != bare && length != bare + kDescriptorSignature.size())
    ambiguous(entry.name, "has no data descriptor right behind it, or other bytes too");
  std::string_view bytes = input.view(at, static_cast<std::size_t>(length));
  if (length == bare && bytes.starts_with(kDescriptorSignature))
    ambiguous(entry.name, "has a data descriptor that a streaming reader takes for a longer one");
  if (length != bare) {
    if (!bytes.starts_with(kDescriptorSignature)) ambiguous(entry.name, "has a damaged data descriptor");
    bytes.remove_prefix(kDescriptorSignature.size());
  }
  if (le32(bytes, 0) != entry.crc || number(bytes, 4, width) != entry.compressed ||
      number(bytes, 4 + width, width) != entry.size)
    ambiguous(entry.name, "has a data descriptor that does not agree with the directory");
}

}  // namespace

std::string quoted_name(std::string_view name) {
  constexpr std::size_t kShown = 200;
  const std::string shown = harmless(name.substr(0, kShown));
  return fmt::format("\"{}{}\"", utf8_prefix(shown, kShown), shown.size() > kShown || name.size() > kShown ? "…" : "");
}

PackageInput::PackageInput(int fd) : fd_(fd) {
  struct stat info {};
  if (::fstat(fd, &info) != 0) throw std::system_error(errno, std::generic_category(), "fstat");
  if (!S_ISREG(info.st_mode)) throw std::runtime_error("the package is no file");
  size_ = static_cast<uint64_t>(info.st_size);
  window_.resize(static_cast<std::size_t>(std::min<uint64_t>(kWindow, size_)));
}

std::string_view PackageInput::view(uint64_t offset, std::size_t length) {
  if (offset > size_ || size_ - offset < length) ambiguous("it refers to bytes beyond its end");
  const bool inside =
      offset >= window_at_ && offset - window_at_ <= window_length_ && window_length_ - (offset - window_at_) >= length;
  if (!inside) {
    window_at_ = offset;
    window_length_ = 0;
    // Short jumps, as the check for other end records makes, must not cost a whole window each.
    const std::size_t wanted = std::min<uint64_t>(length <= 4 ? 4096 : kWindow, size_ - offset);
    while (window_length_ < wanted) {
      const ssize_t got = ::pread(fd_, window_.data() + window_length_, wanted - window_length_,
                                  static_cast<off_t>(offset + window_length_));
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) throw std::system_error(errno, std::generic_category(), "the package cannot be read");
      if (got == 0) throw std::runtime_error("the package got shorter while it was read");
      window_length_ += static_cast<std::size_t>(got);
    }
  }
  return std::string_view(window_).substr(static_cast<std::size_t>(offset - window_at_), length);
}

Directory find_directory(PackageInput& input) {
  EndRecord end = find_end(input);
  const bool says_zip64 =
      end.directory.offset == kIn64 || end.directory.size == kIn64 || end.directory.entries == kIn64Short;
  // Some readers follow a locator whenever there is one, so the two records have to agree then too. Info-ZIP writes
  // such a pair when it packs its standard input.
  const bool has_locator = end.at >= kLocator && input.view(end.at - kLocator, 4) == kLocatorSignature;
  if (says_zip64 || has_locator) end = zip64_end(input, end);
  const Directory& directory = end.directory;
  if (directory.size > end.at || directory.offset != end.at - directory.size)
    ambiguous("its directory does not end where its end record begins: bytes stand in front, between or behind");
  return directory;
}

std::vector<ZipEntryHeader> read_directory(PackageInput& input, const Directory& directory,
                                           const PackageLimits& limits) {
  if (directory.entries > limits.files)
    ambiguous(fmt::format("it has {} entries; {} are read", directory.entries, limits.files));
  std::vector<ZipEntryHeader> entries;
  entries.reserve(static_cast<std::size_t>(std::min(directory.entries, directory.size / kCentralHead)));
  uint64_t at = directory.offset, unpacked = 0, names = 0;
  const uint64_t end = directory.offset + directory.size;
  for (uint64_t i = 0; i < directory.entries; ++i) {
    ZipEntryHeader entry = parse_central(input, at, end);
    names += entry.name.size();
    if (names > kAllNames) ambiguous(fmt::format("its names have more than {} bytes", kAllNames));
    if (entry.size > limits.unpacked || (unpacked += entry.size) > limits.unpacked)
      ambiguous(fmt::format("it unpacks to more than {} bytes", limits.unpacked));
    entries.push_back(std::move(entry));
  }
  if (at != end) ambiguous("its directory has more than its end record says");
  if (unpacked > kRatioCounts && unpacked / kMostRatio > input.size())
    ambiguous(fmt::format("it unpacks to more than {} times its size", kMostRatio));
  return entries;
}

uint64_t check_local(PackageInput& input, const ZipEntryHeader& entry, uint64_t end) {
  const std::string head(input.view(entry.offset, kLocalHead));
  if (!head.starts_with(kLocalSignature)) ambiguous(entry.name, "is not where the directory says");
  const std::size_t name_length = le16(head, 26), extra_length = le16(head, 28);
  const std::string_view rest = input.view(entry.offset + kLocalHead, name_length + extra_length);
  const std::string_view name = rest.substr(0, name_length);
  if (name != entry.name) ambiguous(entry.name, fmt::format("is named {} in front of its data", quoted_name(name)));
  if (le16(head, 6) != entry.flags || le16(head, 8) != entry.method)
    ambiguous(entry.name, "has other flags or another method in front of its data than in the directory");

  const Extra extra = parse_extra(rest.substr(name_length), entry.name);
  Zip64Field wide(extra, entry.name);
  const uint64_t size = wide.value(le32(head, 22)), compressed = wide.value(le32(head, 18));
  wide.done();
  // What a data descriptor brings is left open in front: all of it, or what was not known yet.
  const auto agree = [&entry](uint64_t in_front, uint64_t in_directory) {
    return in_front == in_directory || (entry.has_descriptor() && in_front == 0);
  };
  if (!agree(le32(head, 14), entry.crc) || !agree(size, entry.size) || !agree(compressed, entry.compressed))
    ambiguous(entry.name, "has other sizes or another CRC in front of its data than in the directory");

  const uint64_t data = entry.offset + kLocalHead + name_length + extra_length;
  if (data > end || end - data < entry.compressed) ambiguous(entry.name, "overlaps with what follows");
  const uint64_t data_end = data + entry.compressed;
  if (entry.has_descriptor()) {
    check_descriptor(input, entry, extra.zip64.has_value(), data_end, end);
  } else if (data_end != end) {
    ambiguous(entry.name, "is followed by bytes that no entry has");
  }
  return data;
}

}  // namespace codedriftd
