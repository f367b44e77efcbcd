/// The reader of packages and the wire of its answers: whatever comes, they answer; an examination that is not
/// ambiguous keeps its own rules, and survives the wire.
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "base/unique_fd.h"
#include "package/examination_wire.h"
#include "package/zip_reader.h"
#include "support/zip_writer.h"

namespace {

using namespace codedriftd;

void must(bool holds) {
  if (!holds) std::abort();
}

const PackageLimits kLimits{uint64_t{1} << 20, uint64_t{1} << 22, 100};

void check_package(std::string_view bytes) {
  const UniqueFd fd(::memfd_create("fuzz", MFD_CLOEXEC));
  must(fd.valid() && ::write(fd.get(), bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size()));
  const Examination read = read_package(fd.get(), kLimits);
  must(read.ambiguous.empty() || (read.files.empty() && read.findings.empty()));
  const auto again = decode_examination(encode(read), kLimits);
  must(again.ok() && *again == read);
  if (!read.files.empty()) {
    const PackageFile& first = read.files.front();
    const auto content = extract_file(fd.get(), first.name, kLimits, first.size);
    must(content.ok() && content->size() == first.size && sha256(*content) == first.sha256);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  check_package(bytes);
  if (const auto decoded = decode_examination(bytes, kLimits)) must(encode(*decoded) == bytes);
  if (const auto request = decode_request(bytes)) must(encode(*request) == bytes);
  // Chance finds no signatures: the same bytes as places of a zip that are overwritten, two for the place and one for
  // what stands there then.
  std::string zip = test::zip_of({{.name = "a/b", .content = "content content content"},
                                  {.name = "./c", .content = std::string(bytes), .descriptor = true}},
                                 {.zip64_end = size % 2 == 1});
  check_package(zip);
  for (std::size_t i = 0; i + 2 < size; i += 3) zip[(data[i] * 256U + data[i + 1]) % zip.size()] = bytes[i + 2];
  check_package(zip);
  return 0;
}
