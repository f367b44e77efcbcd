#include "commands/query.h"

#include <fmt/format.h>

#include <cstdlib>
#include <ostream>
#include <sstream>
#include <tuple>

#include "audit/format/render.h"
#include "audit/query/answer.h"
#include "audit/report/writers.h"
#include "base/byte_order_mark.h"
#include "base/output_file.h"
#include "base/text.h"
#include "commands/options/query_options.h"
#include "commands/options/usage.h"
#include "commands/reach/reading.h"

namespace codedriftd {
namespace {

constexpr std::size_t kProblemsTold = 10;

int complain(std::ostream& err, int code, std::string_view what) {
  err << "codedriftd: " << what << '\n';
  return code;
}

struct Printed {
  std::string text;
  int code = 0;
  bool refused = false;  ///< there is no report, not even an empty one
};

int exit_code(const QueryOptions& options, const ReportEnd& end, bool nothing) {
  if (nothing || end.problems > 0) return EXIT_FAILURE;
  return options.detailed_exit_code ? end.detailed_exit : 0;
}

Printed refuse(std::ostream& err, int code, std::string_view why) { return {{}, complain(err, code, why), true}; }

std::string written(AuditFormat format, const AuditReport& report) {
  switch (format) {
    case AuditFormat::html:
      return report_html(report);
    case AuditFormat::json:
      return report_json(report);
    case AuditFormat::markdown:
      break;
  }
  return report_markdown(report);
}

/// `query report`. REQUIRES: names are resolved.
Printed audit(Database& db, const QueryOptions& options, std::ostream& err, WallTime now) {
  if (options.selection.since && *options.selection.since > now)
    return refuse(err, kExitUsage, fmt::format("--since {} lies in the future", rfc3339(*options.selection.since)));
  const AuditReport report = gather_audit_report(db, options.selection, now);
  if (report.functions.empty() && options.selection.narrows_targets())
    return refuse(err, EXIT_FAILURE, explain_nothing(db, options.selection, now));
  if (report.functions.empty())
    return refuse(err, EXIT_FAILURE,
                  fmt::format("nothing was watched between {} and {}", rfc3339(report.since), rfc3339(report.until)));
  Printed given{written(*options.audit, report), report.problems.empty() ? 0 : EXIT_FAILURE, false};
  for (std::size_t i = 0; i < report.problems.size(); ++i) {
    if (i == kProblemsTold) {
      complain(err, EXIT_FAILURE, fmt::format("and {} more such events", report.problems.size() - i));
      break;
    }
    complain(err, EXIT_FAILURE, harmless(report.problems[i]));
  }
  return given;
}

Printed answer(Database& db, QueryOptions options, std::ostream& err, WallTime now, const Look& look) {
  // What is no longer watched belongs to a report of the time when it was.
  if (options.audit) {
    options.selection.all = true;
    if (auto resolved = resolve_names(db, options.selection); !resolved)
      return refuse(err, kExitUsage, resolved.error().message);
    return audit(db, options, err, now);
  }
  Printed given;
  const Report& report = *options.report;
  if (options.bom) given.text = kByteOrderMark;
  const auto renderer = make_renderer(options.format, report, now, look, given.text);
  std::size_t told = 0;
  const auto answered = answer_query(db, report, options.selection, now, [&](const Row& row) {
    if (!row.problem.empty() && ++told <= kProblemsTold) complain(err, EXIT_FAILURE, harmless(row.problem));
    renderer->row(row);
  });
  if (!answered) return refuse(err, answered.error().usage ? kExitUsage : EXIT_FAILURE, answered.error().message);
  const ReportEnd& end = answered->end;
  renderer->end(end);
  if (told > kProblemsTold) complain(err, EXIT_FAILURE, fmt::format("and {} more such rows", told - kProblemsTold));
  const bool for_people = options.format == Format::table || options.format == Format::markdown;
  if (!answered->nothing.empty()) {
    complain(err, EXIT_FAILURE, answered->nothing);
    if (for_people) given.text.clear();
  } else if (for_people && answered->none_of_it) {
    given.text.clear();
    for (const std::string& line : end.above) given.text += harmless(line) + '\n';
    given.text += none_of_it(db, report, options.selection) + '\n';
    // The last remark counts the rows; what stands before it is true without any.
    for (std::size_t i = 0; i + 1 < end.remarks.size(); ++i) given.text += harmless(end.remarks[i]) + '\n';
  }
  given.code = exit_code(options, end, !answered->nothing.empty());
  return given;
}

}  // namespace

int run_query(const std::vector<std::string>& args, const std::function<Settings()>& settings, WallTime now,
              bool terminal, std::ostream& out, std::ostream& err) {
  auto options = parse_query(args, now);
  if (!options) return complain(err, kExitUsage, options.error().message + "\nSee: codedriftd query --help");
  if (options->report == nullptr && !options->audit) {
    out << options->help << std::flush;
    return 0;
  }
  const Settings record = settings();
  Printed given;
  try {
    const Look look(use_colour(terminal && options->file.empty()),
                    terminal && options->file.empty() && !options->wide ? terminal_width() : 0, options->utc);
    std::string words;
    std::tie(given, words) = read_record(
        record,
        [&](Database& db) {
          std::ostringstream said;
          if (const std::string behind = answered_as_of(db); !behind.empty()) said << "codedriftd: " << behind << '\n';
          Printed made = answer(db, *options, said, now, look);
          return std::pair(std::move(made), said.str());
        },
        Freshness::may_lag);
    err << words << std::flush;
  } catch (const std::runtime_error& error) {
    return complain(err, EXIT_FAILURE, harmless(error.what()));
  }
  if (given.refused) return given.code;
  if (options->file.empty()) {
    out << given.text << std::flush;
  } else if (auto written = write_file(options->file, given.text); !written) {
    return complain(err, EXIT_FAILURE, harmless(written.error().message));
  }
  return given.code;
}

}  // namespace codedriftd
