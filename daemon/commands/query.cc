#include "commands/query.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <optional>
#include <ostream>
#include <system_error>

#include "audit/render.h"
#include "base/text.h"
#include "commands/output_file.h"
#include "commands/query_options.h"
#include "commands/usage.h"
#include "store/migrate.h"

namespace codedriftd {
namespace {

constexpr int kFailed = 1;

constexpr int64_t kProblemsTold = 10;

int say(std::ostream& err, int code, std::string_view what) {
  err << "codedriftd: " << what << '\n';
  return code;
}

/// What to do about a database that cannot be opened or read.
std::string explain(const std::string& path, const SqliteError& error) {
  if (error.busy())
    return fmt::format("{}: is locked by another program; ask again, and see who holds it (fuser {})", path, path);
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

/// A read transaction: every row of a report is of the same moment.
class Snapshot {
 public:
  explicit Snapshot(Database& db) : db_(db) { db_.execute("BEGIN"); }
  ~Snapshot() {
    try {
      db_.execute("ROLLBACK");
    } catch (const SqliteError&) {  // SQLite has ended it already
    }
  }
  Snapshot(const Snapshot&) = delete;

 private:
  Database& db_;
};

struct Answer {
  std::string text;
  int code = 0;
};

int exit_code(const QueryOptions& options, const ReportEnd& end, bool nothing) {
  if (nothing || end.problems > 0) return kFailed;
  return options.detailed_exit_code ? end.detailed_exit : 0;
}

Answer answer(Database& db, QueryOptions& options, std::ostream& err, WallTime now, bool colour) {
  Answer given;
  const Snapshot snapshot(db);
  if (auto resolved = resolve_names(db, options.selection); !resolved) {
    given.code = say(err, kExitUsage, resolved.error().message);
    return given;
  }
  const Report& report = *options.report;
  const auto renderer = make_renderer(options.format, report, now, colour, given.text);
  int64_t told = 0;
  const ReportEnd end = report.run(db, options.selection, now, [&](const Row& row) {
    if (!row.problem.empty() && ++told <= kProblemsTold) say(err, kFailed, harmless(row.problem));
    renderer->row(row);
  });
  renderer->end(end);
  if (told > kProblemsTold) say(err, kFailed, fmt::format("and {} more such rows", told - kProblemsTold));
  // Nothing selected of what has to be there: a mistake of whoever asked must not look like good news.
  const bool always_rows = report.name == "status" || report.name == "coverage";
  const bool nothing = end.rows == 0 && (options.selection.narrows() || always_rows);
  if (nothing) {
    say(err, kFailed, explain_nothing(db, options.selection, now));
    if (options.format == Format::table || options.format == Format::markdown) given.text.clear();
  }
  given.code = exit_code(options, end, nothing);
  return given;
}

bool no_color() {
  const char* value = std::getenv("NO_COLOR");
  return value != nullptr && *value != '\0';
}

}  // namespace

int run_query(const std::vector<std::string>& args, const std::function<std::string()>& database_path, WallTime now,
              bool terminal, std::ostream& out, std::ostream& err) {
  auto options = parse_query(args, now);
  if (!options) return say(err, kExitUsage, options.error().message + "\nSee: codedriftd query --help");
  if (options->report == nullptr) {
    out << options->help << std::flush;
    return 0;
  }
  const std::string path = database_path();
  if (const auto why = unreadable(path)) return say(err, kFailed, *why);
  Answer given;
  try {
    Database db = Database::open_reader(path, Database::kReportCacheKib);
    if (auto good = check_schema(db); !good) return say(err, kFailed, good.error().message);
    given = answer(db, *options, err, now, terminal && options->file.empty() && !no_color());
  } catch (const SqliteError& error) {
    return say(err, kFailed, harmless(explain(path, error)));
  } catch (const std::runtime_error& error) {
    return say(err, kFailed, harmless(error.what()));
  }
  if (given.code == kExitUsage) return given.code;
  if (options->file.empty()) {
    out << given.text << std::flush;
    if (!out) return say(err, kFailed, "the report could not be written to standard output");
  } else if (auto written = write_file(options->file, given.text); !written) {
    return say(err, kFailed, harmless(written.error().message));
  }
  return given.code;
}

}  // namespace codedriftd
