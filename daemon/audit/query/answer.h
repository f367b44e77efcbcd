#pragma once
#include <string>

#include "audit/format/report.h"
#include "base/result.h"

namespace codedriftd {

/// Why there are no rows at all.
struct Refused {
  std::string message;
  bool usage = false;  ///< what was asked for cannot be: a name that several targets have
};

struct Answer {
  ReportEnd end;
  /// Not empty: no row, for nothing has the names that were asked for; this is why. It must not look like good news.
  std::string nothing = {};
  /// No row, though something has those names: a status, a kind or a time that no row has is an answer.
  bool none_of_it = false;
};

/// Answers `query`: the rows of `report` that `selection` selects go to `emit`. Resolves the names of `selection`.
/// Throws as reports do (reports.h).
Result<Answer, Refused> answer_query(Database& db, const Report& report, Selection& selection, WallTime now,
                                     const Emit& emit);
/// The answer where there is none of it, for people: "no events of kind drift.* for the one selected function".
/// REQUIRES: names are resolved.
std::string none_of_it(Database& db, const Report& report, const Selection& selection);

}  // namespace codedriftd
