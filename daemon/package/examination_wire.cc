#include "package/examination_wire.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "base/text.h"
#include "package/zip_reader.h"

namespace codedriftd {
namespace {

constexpr std::string_view kRequestMagic = "codedriftd examiner request 1\n";
constexpr std::string_view kExaminationMagic = "codedriftd examination 1\n";
constexpr std::size_t kLongestReason = 1000;

class Bytes {
 public:
  explicit Bytes(std::string_view magic) : bytes_(magic) {}
  void number(uint64_t value) {
    for (int i = 0; i < 8; ++i) bytes_ += static_cast<char>(value >> (8 * i));
  }
  void text(std::string_view value) {
    number(value.size());
    bytes_ += value;
  }
  void raw(std::string_view value) { bytes_ += value; }
  std::string take() { return std::move(bytes_); }

 private:
  std::string bytes_;
};

/// What does not fit a bound, or is cut off.
struct Unsound {
  std::string why;
};

class Parser {
 public:
  Parser(std::string_view bytes, std::string_view magic) : left_(bytes) {
    if (raw(magic.size(), "its head") != magic) throw Unsound{"it is of another version"};
  }
  std::string_view raw(std::size_t length, const char* what) {
    if (left_.size() < length) throw Unsound{fmt::format("{} is cut off", what)};
    const std::string_view bytes = left_.substr(0, length);
    left_.remove_prefix(length);
    return bytes;
  }
  uint64_t number(uint64_t most, const char* what) {
    const std::string_view bytes = raw(8, what);
    uint64_t value = 0;
    for (std::size_t i = 8; i-- > 0;) value = value << 8 | static_cast<uint8_t>(bytes[i]);
    if (value > most) throw Unsound{fmt::format("{} is {}; {} at most", what, value, most)};
    return value;
  }
  std::string_view text(std::size_t most, const char* what) {
    return raw(static_cast<std::size_t>(number(most, what)), what);
  }
  void done() const {
    if (!left_.empty()) throw Unsound{"bytes stand behind it"};
  }

 private:
  std::string_view left_;
};

std::string_view bytes_of(const Sha256& digest) {
  return {reinterpret_cast<const char*>(digest.bytes.data()), digest.bytes.size()};
}

void must_be(bool sound, const char* why) {
  if (!sound) throw Unsound{why};
}

PackageFile parse_file(Parser& parser, const PackageLimits& limits) {
  PackageFile file;
  file.name = parser.text(kLongestName, "a name's length");
  file.mode = static_cast<uint32_t>(parser.number(07777, "a mode"));
  file.size = parser.number(limits.unpacked, "a file's size");
  const std::string_view digest = parser.raw(file.sha256.bytes.size(), "a digest");
  std::copy(digest.begin(), digest.end(), file.sha256.bytes.begin());
  must_be(!file.name.empty() && file.name.find('\n') == std::string::npos, "a name is empty or has a line break");
  return file;
}

Finding parse_finding(Parser& parser) {
  const std::string_view kind = parser.text(64, "a finding's length");
  must_be(std::find(std::begin(finding::kAll), std::end(finding::kAll), kind) != std::end(finding::kAll),
          "a finding is of no known kind");
  Finding found{std::string(kind), std::string(parser.text(kLongestName, "a name's length"))};
  must_be(!found.name.empty(), "a finding has no name");
  return found;
}

Examination parse_examination(std::string_view bytes, const PackageLimits& limits) {
  Parser parser(bytes, kExaminationMagic);
  Examination result;
  result.ambiguous = parser.text(kLongestReason, "the reason's length");
  must_be(harmless(result.ambiguous) == result.ambiguous, "the reason is no plain text");
  // What is larger than allowed is examined too: it is ambiguous.
  result.package_bytes = parser.number(result.ambiguous.empty() ? limits.package : UINT64_MAX, "the package's size");
  result.unpacked_bytes = parser.number(limits.unpacked, "the unpacked size");
  const uint64_t files = parser.number(limits.files, "the number of files");
  uint64_t unpacked = 0, names = 0;
  for (uint64_t i = 0; i < files; ++i) {
    PackageFile file = parse_file(parser, limits);
    must_be(result.files.empty() || result.files.back().name < file.name, "names are out of order, or stand twice");
    names += file.name.size();
    unpacked += file.size;
    must_be(names <= kAllNames && unpacked <= limits.unpacked, "the files are too many, or too large, together");
    result.files.push_back(std::move(file));
  }
  must_be(unpacked == result.unpacked_bytes, "the files' sizes do not make up the unpacked size");
  const uint64_t findings = parser.number(kMostFindings, "the number of findings");
  for (uint64_t i = 0; i < findings; ++i) result.findings.push_back(parse_finding(parser));
  parser.done();
  must_be(result.ambiguous.empty() || (files == 0 && findings == 0), "it is ambiguous, and has content all the same");
  return result;
}

}  // namespace

std::string encode(const ExaminerRequest& request) {
  Bytes bytes(kRequestMagic);
  bytes.number(request.limits.package);
  bytes.number(request.limits.unpacked);
  bytes.number(request.limits.files);
  bytes.number(request.extract ? 1 : 0);
  if (request.extract) {
    bytes.number(request.extract->cap);
    bytes.text(request.extract->name);
  }
  return bytes.take();
}

Result<ExaminerRequest> decode_request(std::string_view bytes) {
  try {
    Parser parser(bytes, kRequestMagic);
    ExaminerRequest request;
    request.limits.package = parser.number(UINT64_MAX, "a limit");
    request.limits.unpacked = parser.number(UINT64_MAX, "a limit");
    request.limits.files = parser.number(UINT64_MAX, "a limit");
    if (parser.number(1, "the kind") == 1) {
      request.extract.emplace();
      request.extract->cap = parser.number(UINT64_MAX, "a limit");
      request.extract->name = parser.text(kLongestName, "a name's length");
    }
    parser.done();
    return request;
  } catch (const Unsound& unsound) {
    return Error{fmt::format("the request cannot be read: {}", unsound.why)};
  }
}

std::string encode(const Examination& examination) {
  Bytes bytes(kExaminationMagic);
  bytes.text(examination.ambiguous);
  bytes.number(examination.package_bytes);
  bytes.number(examination.unpacked_bytes);
  bytes.number(examination.files.size());
  for (const PackageFile& file : examination.files) {
    bytes.text(file.name);
    bytes.number(file.mode);
    bytes.number(file.size);
    bytes.raw(bytes_of(file.sha256));
  }
  bytes.number(examination.findings.size());
  for (const Finding& found : examination.findings) {
    bytes.text(found.kind);
    bytes.text(found.name);
  }
  return bytes.take();
}

Result<Examination> decode_examination(std::string_view bytes, const PackageLimits& limits) {
  try {
    return parse_examination(bytes, limits);
  } catch (const Unsound& unsound) {
    return Error{fmt::format("the examiner's answer cannot be read: {}", unsound.why)};
  }
}

std::size_t longest_examination(const PackageLimits& limits) {
  constexpr std::size_t kFile = 3 * 8 + 32, kFinding = 2 * 8 + 64 + kLongestName;
  return 8192 + kAllNames + static_cast<std::size_t>(limits.files) * kFile + kMostFindings * kFinding;
}

}  // namespace codedriftd
