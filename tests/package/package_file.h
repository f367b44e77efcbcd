#pragma once
/// A package that is nowhere but in a descriptor, as the daemon's are.
#include <sys/mman.h>
#include <unistd.h>

#include <stdexcept>
#include <string>
#include <string_view>

#include "base/unique_fd.h"
#include "package/zip_reader.h"

namespace codedriftd::test {

inline UniqueFd package_file(std::string_view bytes) {
  UniqueFd fd(::memfd_create("package", MFD_CLOEXEC));
  if (!fd.valid()) throw std::runtime_error("memfd_create failed");
  while (!bytes.empty()) {
    const ssize_t written = ::write(fd.get(), bytes.data(), bytes.size());
    if (written <= 0) throw std::runtime_error("the package could not be written");
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  return fd;
}

inline Examination read_bytes(std::string_view bytes, const PackageLimits& limits = {}) {
  return read_package(package_file(bytes).get(), limits);
}

/// "NAME NAME", sorted.
inline std::string names_of(const Manifest& files) {
  std::string names;
  for (const PackageFile& file : files) names += (names.empty() ? "" : " ") + file.name;
  return names;
}

/// "KIND:NAME KIND:NAME".
inline std::string findings_of(const Examination& examination) {
  std::string text;
  for (const Finding& finding : examination.findings)
    text += (text.empty() ? "" : " ") + finding.kind + ":" + finding.name;
  return text;
}

}  // namespace codedriftd::test
