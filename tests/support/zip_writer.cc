#include "support/zip_writer.h"

#include <sys/stat.h>
#include <zlib.h>

#include <stdexcept>

namespace codedriftd::test {
namespace {

std::string deflated(std::string_view content, int level) {
  z_stream stream{};
  if (::deflateInit2(&stream, level, Z_DEFLATED, -MAX_WBITS, 8, Z_DEFAULT_STRATEGY) != Z_OK)
    throw std::runtime_error("deflateInit2 failed");
  std::string out(::deflateBound(&stream, content.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(content.data()));
  stream.avail_in = static_cast<uInt>(content.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  const int result = ::deflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  ::deflateEnd(&stream);
  if (result != Z_STREAM_END) throw std::runtime_error("deflate failed");
  return out;
}

std::string le16(uint64_t value) { return little_endian(value, 2); }
std::string le32(uint64_t value) { return little_endian(value, 4); }
std::string le64(uint64_t value) { return little_endian(value, 8); }

constexpr uint64_t kInZip64 = 0xFFFFFFFF;

}  // namespace

std::string little_endian(uint64_t value, std::size_t bytes) {
  std::string out;
  for (std::size_t i = 0; i < bytes; ++i) out += static_cast<char>(value >> (8 * i));
  return out;
}

std::string extra_field(uint16_t id, std::string_view data) { return le16(id) + le16(data.size()) + std::string(data); }

void overwrite(std::string& zip, std::size_t at, std::string_view with) {
  if (at + with.size() > zip.size()) throw std::out_of_range("overwrite: beyond the end of the zip");
  zip.replace(at, with.size(), with);
}

void ZipWriter::write(std::string_view bytes) {
  sink_(bytes);
  written_ += bytes.size();
}

void ZipWriter::add(const ZipEntry& entry) {
  const std::string data = entry.deflate ? deflated(entry.content, entry.level) : entry.content;
  const auto crc =
      ::crc32(0, reinterpret_cast<const Bytef*>(entry.content.data()), static_cast<uInt>(entry.content.size()));
  const uint64_t flags = entry.flags | (entry.descriptor ? 8u : 0u);
  const std::size_t offset = written_;
  // From "version needed" to the crc: the same in both headers, but for the crc of an entry with a descriptor.
  const std::string head =
      le16(entry.zip64 ? 45 : 20) + le16(flags) + le16(entry.deflate ? 8 : 0) + le32(entry.dos_time);
  const bool later = entry.descriptor;
  const uint64_t size = later ? 0 : entry.content.size(), compressed = later ? 0 : data.size();
  const std::string local_extra =
      (entry.zip64 ? extra_field(1, le64(size) + le64(compressed)) : std::string()) + entry.local_extra;
  const std::string central_extra =
      (entry.zip64 ? extra_field(1, le64(entry.content.size()) + le64(data.size()) + le64(offset)) : std::string()) +
      entry.central_extra;

  places_.local.push_back(offset);
  write("PK\3\4" + head + le32(later ? 0 : crc) + le32(entry.zip64 ? kInZip64 : compressed) +
        le32(entry.zip64 ? kInZip64 : size) + le16(entry.name.size()) + le16(local_extra.size()) + entry.name +
        local_extra);
  places_.data.push_back(written_);
  write(data);
  places_.descriptor.push_back(written_);
  if (entry.descriptor) {
    const std::size_t width = entry.zip64 ? 8 : 4;
    write((entry.descriptor_signature ? "PK\7\10" : "") + le32(crc) + little_endian(data.size(), width) +
          little_endian(entry.content.size(), width));
  }

  const bool folder = entry.name.ends_with('/');
  uint32_t attributes = folder ? 0x10 : 0;
  if (entry.mode) {
    const uint32_t type = (*entry.mode & S_IFMT) != 0 ? 0 : folder ? S_IFDIR : S_IFREG;
    attributes |= (*entry.mode | type) << 16;
  }
  central_.push_back("PK\1\2" + le16((entry.mode ? 3u << 8 : 0u) | (entry.zip64 ? 45 : 20)) + head + le32(crc) +
                     le32(entry.zip64 ? kInZip64 : data.size()) + le32(entry.zip64 ? kInZip64 : entry.content.size()) +
                     le16(entry.name.size()) + le16(central_extra.size()) + le16(entry.comment.size()) + le16(0) +
                     le16(0) + le32(attributes) + le32(entry.zip64 ? kInZip64 : offset) + entry.name + central_extra +
                     entry.comment);
}

ZipPlaces ZipWriter::finish(const ZipOptions& options) {
  places_.directory = written_;
  places_.central.resize(central_.size());
  for (std::size_t i = 0; i < central_.size(); ++i) {
    const std::size_t entry = options.central_order.empty() ? i : options.central_order.at(i);
    places_.central[entry] = written_;
    write(central_[entry]);
  }
  const std::size_t size = written_ - places_.directory;
  places_.zip64_end = written_;
  if (options.zip64_end) {
    write("PK\6\6" + le64(44) + le16(45) + le16(45) + le32(0) + le32(0) + le64(central_.size()) +
          le64(central_.size()) + le64(size) + le64(places_.directory));
    write("PK\6\7" + le32(0) + le64(places_.zip64_end) + le32(1));
  }
  places_.end = written_;
  const bool wide = options.zip64_end;
  const uint64_t count = wide ? 0xFFFF : central_.size();
  write("PK\5\6" + le16(0) + le16(0) + le16(count) + le16(count) + le32(wide ? kInZip64 : size) +
        le32(wide ? kInZip64 : places_.directory) + le16(options.comment.size()) + options.comment);
  return places_;
}

std::string zip_of(const std::vector<ZipEntry>& entries, const ZipOptions& options, ZipPlaces* places) {
  std::string bytes;
  ZipWriter writer([&bytes](std::string_view piece) { bytes += piece; });
  for (const ZipEntry& entry : entries) writer.add(entry);
  ZipPlaces found = writer.finish(options);
  if (places != nullptr) *places = std::move(found);
  return bytes;
}

}  // namespace codedriftd::test
