#include "commands/reach/reading.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <optional>
#include <system_error>

namespace codedriftd {
namespace {

/// Why `path` cannot be read, as far as the file system tells; nullopt: it can.
std::optional<std::string> unreadable(const std::string& path) {
  if (::access(path.c_str(), R_OK) == 0) return std::nullopt;
  if (errno == ENOENT || errno == ENOTDIR)
    return fmt::format(
        "{}: there is no database; start the daemon (codedriftd run), or check state_dir in the "
        "configuration",
        path);
  if (errno == EACCES)
    return fmt::format(
        "{}: permission denied; join the group codedriftd (usermod -aG codedriftd USER, then log in "
        "again), or ask as its owner",
        path);
  return fmt::format("{}: cannot be read: {}", path, std::generic_category().message(errno));
}

}  // namespace

std::string explain_unreadable(const std::string& path, const SqliteError& error) {
  if (error.busy()) return error.what();
  constexpr int kCannotOpen = 14, kNotADatabase = 26, kCorrupt = 11, kReadOnly = 8;  // SQLite's primary codes
  switch (error.primary_code()) {
    case kNotADatabase:
      return fmt::format("{}: is not a codedriftd database; check state_dir in the configuration", path);
    case kCorrupt:
      return fmt::format("{}: is damaged ({}); restore a backup", path, error.what());
    case kCannotOpen:
    case kReadOnly:
      return fmt::format(
          "{}: cannot be opened ({}); if the daemon never ran since the file was put there, run "
          "`codedriftd migrate` as its owner",
          path, error.what());
    default:
      return error.what();
  }
}

void check_readable(const std::string& path) {
  if (auto why = unreadable(path)) throw std::runtime_error(*why);
}

bool use_colour(bool terminal) {
  const char* no_color = std::getenv("NO_COLOR");
  return terminal && (no_color == nullptr || *no_color == '\0');
}

}  // namespace codedriftd
