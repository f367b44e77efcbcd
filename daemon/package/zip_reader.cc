#include "package/zip_reader.h"

#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>
#include <functional>
#include <numeric>
#include <stdexcept>
#include <vector>

#include "package/zip_headers.h"
#include "package/zip_names.h"

namespace codedriftd {
namespace {

using namespace std::string_view_literals;

constexpr std::size_t kPiece = std::size_t{64} << 10;

using Take = std::function<void(std::string_view)>;

std::string_view as_text(const std::string& buffer, std::size_t length) {
  return std::string_view(buffer).substr(0, length);
}

/// Notices a signature in what goes past piece by piece.
class SignatureWatch {
 public:
  bool saw(std::string_view piece) {
    edge_ += piece.substr(0, 3);
    if (has_signature(edge_) || has_signature(piece)) return true;
    edge_ += piece.substr(std::min<std::size_t>(3, piece.size()));
    if (edge_.size() > 3) edge_.erase(0, edge_.size() - 3);
    return false;
  }

 private:
  static bool has_signature(std::string_view bytes) {
    for (const std::string_view signature : {"PK\7\10"sv, "PK\3\4"sv, "PK\1\2"sv}) {
      if (bytes.find(signature) != std::string_view::npos) return true;
    }
    return false;
  }
  std::string edge_;
};

/// zlib's inflate, raw, for one entry after the other.
class Inflate {
 public:
  Inflate() : out_(kPiece, '\0') {
    if (::inflateInit2(&stream_, -MAX_WBITS) != Z_OK) throw std::bad_alloc();
  }
  ~Inflate() { ::inflateEnd(&stream_); }
  Inflate(const Inflate&) = delete;
  Inflate& operator=(const Inflate&) = delete;

  void unpack(PackageInput& input, const ZipEntryHeader& entry, uint64_t at, const Take& take) {
    ::inflateReset(&stream_);
    uint64_t left = entry.compressed, made = 0;
    int result = Z_OK;
    while (result != Z_STREAM_END) {
      const auto length = static_cast<std::size_t>(std::min<uint64_t>(left, kPiece));
      if (length == 0) throw Ambiguous{fmt::format("{} is cut off", quoted_name(entry.name))};
      // Copied: inflate() takes no pointer to const.
      in_.assign(input.view(at, length));
      at += length;
      left -= length;
      stream_.next_in = reinterpret_cast<Bytef*>(in_.data());
      stream_.avail_in = static_cast<uInt>(length);
      do {
        stream_.next_out = reinterpret_cast<Bytef*>(out_.data());
        stream_.avail_out = static_cast<uInt>(out_.size());
        result = ::inflate(&stream_, Z_NO_FLUSH);
        if (result == Z_MEM_ERROR) throw std::bad_alloc();
        if (result != Z_OK && result != Z_STREAM_END && result != Z_BUF_ERROR)
          throw Ambiguous{fmt::format("{} cannot be unpacked: its data is damaged", quoted_name(entry.name))};
        const std::size_t got = out_.size() - stream_.avail_out;
        made += got;
        if (made > entry.size) throw Ambiguous{fmt::format("{} unpacks to more than it says", quoted_name(entry.name))};
        if (got != 0) take(as_text(out_, got));
      } while (result != Z_STREAM_END && stream_.avail_out == 0);
    }
    if (left != 0 || stream_.avail_in != 0)
      throw Ambiguous{fmt::format("{} has bytes behind its packed data", quoted_name(entry.name))};
    if (made != entry.size) throw Ambiguous{fmt::format("{} unpacks to less than it says", quoted_name(entry.name))};
  }

 private:
  z_stream stream_{};
  std::string in_, out_;
};

void copy_stored(PackageInput& input, const ZipEntryHeader& entry, uint64_t at, const Take& take) {
  SignatureWatch watch;
  for (uint64_t left = entry.size; left != 0;) {
    const auto length = static_cast<std::size_t>(std::min<uint64_t>(left, kPiece));
    const std::string_view piece = input.view(at, length);
    if (entry.has_descriptor() && watch.saw(piece))
      throw Ambiguous{
          fmt::format("{} is stored, and a streaming reader would end it too early", quoted_name(entry.name))};
    take(piece);
    at += length;
    left -= length;
  }
}

/// A package whose headers follow the rules.
class Package {
 public:
  /// Throws Ambiguous.
  Package(int fd, const PackageLimits& limits) : input_(fd) {
    if (input_.size() > limits.package)
      throw Ambiguous{fmt::format("it has {} bytes; {} are read", input_.size(), limits.package)};
    const Directory directory = find_directory(input_);
    entries_ = read_directory(input_, directory, limits);
    check_layout(directory);
    names_ = manifest_names(entries_);
  }

  const std::vector<ZipEntryHeader>& entries() const { return entries_; }
  std::vector<std::string>& names() { return names_; }
  /// The entries in the order in which they lie.
  const std::vector<std::size_t>& order() const { return order_; }

  /// Gives the content of an entry to `take`, and holds it against what the headers say.
  void content(std::size_t number, const Take& take) {
    const ZipEntryHeader& entry = entries_[number];
    uLong crc = ::crc32(0, nullptr, 0);
    const Take checked = [&](std::string_view piece) {
      crc = ::crc32(crc, reinterpret_cast<const Bytef*>(piece.data()), static_cast<uInt>(piece.size()));
      take(piece);
    };
    if (entry.method == kStored) {
      copy_stored(input_, entry, data_[number], checked);
    } else {
      inflate_.unpack(input_, entry, data_[number], checked);
    }
    if (crc != entry.crc) throw Ambiguous{fmt::format("{} has another CRC than it says", quoted_name(entry.name))};
  }

 private:
  /// From the first byte to the directory one entry behind the other.
  void check_layout(const Directory& directory) {
    order_.resize(entries_.size());
    std::iota(order_.begin(), order_.end(), std::size_t{0});
    std::sort(order_.begin(), order_.end(),
              [this](std::size_t a, std::size_t b) { return entries_[a].offset < entries_[b].offset; });
    const uint64_t first = order_.empty() ? directory.offset : entries_[order_.front()].offset;
    if (first != 0) throw Ambiguous{"bytes stand in front of its first entry"};
    data_.resize(entries_.size());
    for (std::size_t i = 0; i < order_.size(); ++i) {
      const bool last = i + 1 == order_.size();
      const uint64_t end = last ? directory.offset : entries_[order_[i + 1]].offset;
      data_[order_[i]] = check_local(input_, entries_[order_[i]], end);
    }
  }

  PackageInput input_;
  std::vector<ZipEntryHeader> entries_;
  std::vector<std::string> names_;
  std::vector<std::size_t> order_;
  std::vector<uint64_t> data_;  ///< where the data of each entry begins
  Inflate inflate_;
};

Examination examine_whole(int fd, const PackageLimits& limits) {
  Package package(fd, limits);
  Examination result;
  result.findings = findings_of(package.entries(), package.names());
  for (const std::size_t number : package.order()) {
    const ZipEntryHeader& entry = package.entries()[number];
    Sha256Stream sha256;
    package.content(number, [&sha256](std::string_view piece) { sha256.add(piece); });
    if (entry.is_folder) continue;
    result.unpacked_bytes += entry.size;
    result.files.push_back({std::move(package.names()[number]), entry.st_mode & 07777, entry.size, sha256.digest()});
  }
  std::sort(result.files.begin(), result.files.end(),
            [](const PackageFile& a, const PackageFile& b) { return a.name < b.name; });
  return result;
}

}  // namespace

Examination read_package(int fd, const PackageLimits& limits) {
  const uint64_t size = PackageInput(fd).size();
  Examination result;
  try {
    result = examine_whole(fd, limits);
  } catch (const Ambiguous& reason) {
    result.ambiguous = reason.why;
  }
  result.package_bytes = size;
  return result;
}

Result<std::string> extract_file(int fd, std::string_view name, const PackageLimits& limits, uint64_t cap) {
  try {
    Package package(fd, limits);
    for (std::size_t number = 0; number < package.entries().size(); ++number) {
      const ZipEntryHeader& entry = package.entries()[number];
      if (entry.is_folder || package.names()[number] != name) continue;
      if (entry.size > cap)
        return Error{fmt::format("{} has {} bytes; {} are shown", quoted_name(name), entry.size, cap)};
      std::string content;
      content.reserve(static_cast<std::size_t>(entry.size));
      package.content(number, [&content](std::string_view piece) { content += piece; });
      return content;
    }
    return Error{fmt::format("the package has no file {}", quoted_name(name))};
  } catch (const Ambiguous& reason) {
    return Error{fmt::format("the package is ambiguous: {}", reason.why)};
  }
}

}  // namespace codedriftd
