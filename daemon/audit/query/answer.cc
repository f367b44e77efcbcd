#include "audit/query/answer.h"

#include <utility>

#include "audit/story/state_at.h"

namespace codedriftd {
namespace {

bool about_functions(const Report& report) { return report.name == "status" || report.name == "coverage"; }
bool outlives_watching(const Report& report) { return report.name == "events" || report.name == "alerts"; }

}  // namespace

Result<Answer, Refused> answer_query(Database& db, const Report& report, Selection& selection, WallTime now,
                                     const Emit& emit) {
  // What was found need not be watched: its names are compared with what listings showed.
  const bool of_targets = report.name != "inventory";
  if (!of_targets) {
    selection.targets.insert(selection.targets.end(), selection.names.begin(), selection.names.end());
    selection.names.clear();
  } else if (auto resolved = resolve_names(db, selection); !resolved) {
    return Refused{resolved.error().message, true};
  }
  if (selection.at) {
    if (auto covered = record_covers(db, *selection.at); !covered) return Refused{covered.error().message};
  }
  Answer answer{report.run(db, selection, now, emit)};
  if (!of_targets) {
    answer.nothing = answer.end.nothing;
  } else if (answer.end.rows == 0) {
    answer.none_of_it = names_something(db, selection, outlives_watching(report));
    if (!answer.none_of_it && (selection.narrows_targets() || about_functions(report)))
      answer.nothing = explain_nothing(db, selection, now);
  }
  return answer;
}

std::string none_of_it(Database& db, const Report& report, const Selection& selection) {
  const std::string_view rows = about_functions(report) ? "functions" : report.name == "history" ? "runs" : report.name;
  return nothing_there(db, selection, rows, outlives_watching(report));
}

}  // namespace codedriftd
