#pragma once
/// Packages on record, as the daemon would have put them there.
#include <fcntl.h>
#include <unistd.h>

#include <map>
#include <stdexcept>
#include <string>
#include <string_view>

#include "store/packages/files.h"
#include "store/packages/packages.h"
#include "support/zip_writer.h"

namespace codedriftd::test {

/// By their names, in their order.
using Files = std::map<std::string, std::string>;

inline std::string zip_of_files(const Files& files) {
  std::vector<ZipEntry> entries;
  for (const auto& [name, content] : files) entries.push_back({.name = name, .content = content});
  return zip_of(entries);
}

inline Manifest manifest_of(const Files& files) {
  Manifest manifest;
  for (const auto& [name, content] : files) manifest.push_back({name, 0644, content.size(), sha256(content)});
  return manifest;
}

/// The package of these files was examined at `at`; with `folder` it is kept there too. Its hash.
inline Sha256 add_package(Database& db, const Files& files, WallTime at, const std::string& folder = "") {
  const std::string zip = zip_of_files(files);
  const Sha256 code = sha256(zip);
  Examination found;
  found.files = manifest_of(files);
  found.package_bytes = zip.size();
  for (const PackageFile& file : found.files) found.unpacked_bytes += file.size;
  packages::save(db, code, found, at);
  if (folder.empty()) return code;
  auto kept = PackageFolder::make(folder);
  if (!kept) throw std::runtime_error(kept.error().message);
  const UniqueFd fd(::open(folder.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
  if (!fd.valid() || ::write(fd.get(), zip.data(), zip.size()) != static_cast<ssize_t>(zip.size()))
    throw std::runtime_error("the package cannot be written");
  if (auto done = kept->keep(code, fd); !done) throw std::runtime_error(done.error().message);
  packages::set_kept(db, code);
  return code;
}

/// `folder`/HEX.zip is there.
inline bool file_is_kept(const std::string& folder, const Sha256& code) {
  return ::access((folder + "/" + code.hex() + ".zip").c_str(), F_OK) == 0;
}

}  // namespace codedriftd::test
