#include "commands/query.h"

#include <fmt/format.h>

#include <ostream>

#include "audit/render.h"
#include "base/text.h"
#include "commands/output_file.h"
#include "commands/query_options.h"
#include "commands/reading.h"
#include "commands/usage.h"

namespace codedriftd {
namespace {

constexpr int kFailed = 1;

constexpr int64_t kProblemsTold = 10;

int say(std::ostream& err, int code, std::string_view what) {
  err << "codedriftd: " << what << '\n';
  return code;
}

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
  const ReadTransaction at_one_moment(db);
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
  Answer given;
  try {
    auto db = open_record(path);
    if (!db) return say(err, kFailed, harmless(db.error().message));
    given = answer(*db, *options, err, now, use_colour(terminal && options->file.empty()));
  } catch (const SqliteError& error) {
    return say(err, kFailed, harmless(explain_unreadable(path, error)));
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
