#include "service/state_folder.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <stdexcept>

#include "actions/caller.h"

namespace codedriftd {
namespace {

/// A file that somebody else made here, by a command run as another user, is in the way of every start.
void must_be_writable(const std::string& path) {
  struct stat info {};
  if (::faccessat(AT_FDCWD, path.c_str(), R_OK | W_OK, AT_EACCESS) == 0 || errno != EACCES) return;
  if (::stat(path.c_str(), &info) != 0) return;  // whoever opens it says what is wrong
  throw std::runtime_error(fmt::format("{}: cannot be written: it belongs to {}, and this process is {}; chown {} {}",
                                       path, actor_of(info.st_uid), actor_of(::geteuid()), ::geteuid(), path));
}

}  // namespace

void prepare_state_folder(const std::string& folder) {
  std::error_code error;
  if (std::filesystem::create_directories(folder, error)) ::chmod(folder.c_str(), 0750);
  if (error)
    throw std::runtime_error(
        fmt::format("{}: cannot be created: {}; create it, or set state_dir", folder, error.message()));
  struct stat info {};
  if (::stat(folder.c_str(), &info) == 0 && (info.st_mode & S_IWOTH) != 0)
    throw std::runtime_error(
        fmt::format("{}: everybody can write to it, so its record proves nothing; chmod o-w it", folder));
  for (const char* name : {"", "/codedriftd.lock", "/codedriftd.db", "/codedriftd.db-wal", "/codedriftd.db-shm"})
    must_be_writable(folder + name);
}

}  // namespace codedriftd
