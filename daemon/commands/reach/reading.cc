#include "commands/reach/reading.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <optional>
#include <system_error>

#include "service/discovery.h"

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

void match_rules_on_record(Settings& settings) {
  if (settings.rules.empty()) return;
  try {
    settings = read_record(settings, [&settings](Database& db) {
      Settings matched = settings;  // it may be called again
      match_rules(matched, db);
      return matched;
    });
  } catch (const std::runtime_error&) {  // who reads the record next says why it cannot be
  }
}

namespace {

std::string explain_unreadable_file(const std::string& path, const StoreError& error) {
  if (error.busy()) return error.what();
  switch (error.kind()) {
    case StoreError::Kind::not_a_database:
      return fmt::format("{}: is not a codedriftd database; check state_dir in the configuration", path);
    case StoreError::Kind::corrupt:
      return fmt::format("{}: is damaged ({}); restore a backup", path, error.what());
    case StoreError::Kind::cannot_open:
    case StoreError::Kind::readonly:
      return fmt::format(
          "{}: cannot be opened ({}); if the daemon never ran since the file was put there, run "
          "`codedriftd migrate` as its owner",
          path, error.what());
    default:
      return error.what();
  }
}

}  // namespace

std::string explain_unreadable(const Settings& settings, const StoreError& error) {
  if (!settings.store.server) return explain_unreadable_file(settings.database(), error);
  switch (error.kind()) {
    case StoreError::Kind::cannot_open:
      return fmt::format(
          "{}; `codedriftd check` tries what [store] says; who may read the record, and not the daemon's "
          "password, logs in as its 'reader'",
          error.what());
    case StoreError::Kind::unavailable:
      return fmt::format("{}; the record cannot be reached: check the server, the way to it, and 'url' of [store]",
                         error.what());
    default:
      return error.what();
  }
}

std::string answered_as_of(Database& db) {
  if (db.engine() != Engine::postgres) return {};
  auto row = db.query_once(
      "SELECT CAST(extract(epoch FROM pg_last_xact_replay_timestamp()) * 1000 AS BIGINT) WHERE pg_is_in_recovery()");
  if (!row.step()) return {};
  if (row.null(0)) return "as a standby has it, which got nothing new since it started";
  return fmt::format("as of {}: a standby answered, which may be behind", rfc3339(row.time(0)));
}

void check_readable(const std::string& path) {
  if (auto why = unreadable(path)) throw std::runtime_error(*why);
}

namespace {

Colour chosen_colour = Colour::by_itself;

std::string_view environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

}  // namespace

void choose_colour(Colour colour) { chosen_colour = colour; }

bool use_colour(bool terminal) {
  if (chosen_colour != Colour::by_itself) return chosen_colour == Colour::always;
  const std::string_view term = environment("TERM");
  return terminal && environment("NO_COLOR").empty() && !term.empty() && term != "dumb";
}

std::size_t terminal_width() {
  constexpr std::size_t kUsual = 80, kLeast = 20;
  const std::string_view columns = environment("COLUMNS");
  std::size_t width = 0;
  const auto [end, error] = std::from_chars(columns.data(), columns.data() + columns.size(), width);
  if (error == std::errc{} && end == columns.data() + columns.size() && width >= kLeast) return width;
  struct winsize size {};
  if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col >= kLeast) return size.ws_col;
  return kUsual;
}

}  // namespace codedriftd
