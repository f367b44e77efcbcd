#include "commands/reach/owner.h"

#include <fmt/format.h>
#include <grp.h>
#include <sys/stat.h>
#include <unistd.h>

namespace codedriftd {

Checked become_owner(const std::string& folder) {
  struct stat info {};
  if (::stat(folder.c_str(), &info) != 0) {
    return Error{fmt::format("{}: there is no such folder; start the daemon once, or set state_dir", folder)};
  }
  if (::geteuid() != 0 || info.st_uid == 0) return Done{};
  if (::setgroups(0, nullptr) != 0 || ::setgid(info.st_gid) != 0 || ::setuid(info.st_uid) != 0) {
    return Error{fmt::format("{}: cannot become its owner (uid {})", folder, info.st_uid)};
  }
  return Done{};
}

}  // namespace codedriftd
