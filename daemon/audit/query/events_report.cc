#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "audit/format/values.h"
#include "audit/query/reports.h"
#include "audit/story/event_times.h"
#include "audit/story/stored_event.h"
#include "store/log/event_log.h"

namespace codedriftd {
namespace {

constexpr std::string_view kEventFields[] = {"seq", "id", "time", "kind", "severity", "actor", "target", "data"};
constexpr Column kEventColumns[] = {{"seq", "SEQ", 0, 1},        {"time", "TIME", 0},    {"kind", "KIND", 40},
                                    {"severity", "SEVERITY", 0}, {"actor", "ACTOR", 40}, {"target", "TARGET", 0},
                                    {"data", "DATA", 100}};

Row event_row(const EventReader& events, const StoredEvent& stored) {
  CheckedData checked = events.check(stored);
  if (!checked.target) checked.target = events.name_of(stored.target_id);  // of a body that cannot be read
  return {{stored.seq, stored.id, rfc3339(stored.time), stored.kind, stored.severity, stored.actor,
           value_of(checked.target), std::move(checked.data)},
          std::move(checked.problem)};
}

/// Every gap in the log's numbers, also where only a part of it is shown.
void name_the_missing(Database& db, ReportEnd& end) {
  constexpr std::size_t kMostNamed = 20;
  const std::vector<event_log::Missing> all = event_log::missing(db);
  for (std::size_t i = 0; i < std::min(all.size(), kMostNamed); ++i) end.remarks.push_back(event_log::words_of(all[i]));
  if (all.size() > kMostNamed) end.remarks.push_back(fmt::format("… and {} more such gaps", all.size() - kMostNamed));
  end.problems += static_cast<int64_t>(all.size());
}

/// The numbers, from `first` to before `end`, between which all events of a window stand.
struct Numbers {
  int64_t first = 0, end = std::numeric_limits<int64_t>::max();
};
/// By the index on the time alone: no event is read. Where a clock was ahead, a stored time after the window says
/// nothing.
Numbers numbers_of(Database& db, const Selection& selection, const EventTimes& times) {
  Numbers numbers;
  const bool until = selection.until && times.all_true();
  if (selection.since || until) {
    auto q = db.query("SELECT min(seq), max(seq) + 1 FROM event WHERE time_ms >= ? AND time_ms <= ?",
                      selection.since.value_or(from_ms(std::numeric_limits<int64_t>::min())),
                      until ? *selection.until : from_ms(std::numeric_limits<int64_t>::max()));
    const bool some = q.step() && !q.null(0);
    numbers = some ? Numbers{q.integer(0), q.integer(1)} : Numbers{0, 0};
  }
  if (selection.before) numbers.end = std::min(numbers.end, *selection.before);
  return numbers;
}

/// The events that may lie in the window, in the order in which they were written, the newest first if there is a
/// limit: by seq, for the clock may have been set back since. With a limit they are walked until there are enough;
/// without, "+seq" has the index on the time serve the window: it is most often the smaller part.
Query chosen(Database& db, const Selection& selection, const EventTimes& times, const std::optional<TargetId>& only) {
  static const Sql kAll = event_rows::select("ORDER BY seq");
  static const Sql kSince = event_rows::select("WHERE time_ms >= ? ORDER BY +seq");
  static const Sql kWithin = event_rows::select("WHERE time_ms >= ? AND time_ms <= ? ORDER BY +seq");
  static const Sql kNewest = event_rows::select("WHERE seq >= ? AND seq < ? ORDER BY seq DESC");
  static const Sql kNewestOfOne = event_rows::select("WHERE target_id = ? AND seq >= ? AND seq < ? ORDER BY seq DESC");
  if (selection.limit) {
    const Numbers numbers = numbers_of(db, selection, times);
    return only ? db.stream(kNewestOfOne, *only, numbers.first, numbers.end)
                : db.stream(kNewest, numbers.first, numbers.end);
  }
  if (selection.since && selection.until && times.all_true())
    return db.stream(kWithin, *selection.since, *selection.until);
  return selection.since ? db.stream(kSince, *selection.since) : db.stream(kAll);
}

ReportEnd run_events(Database& db, const Selection& selection, WallTime now, const Emit& emit) {
  const TargetFilter filter(db, selection, now);
  const EventReader events(db);
  const EventTimes times(db);
  ReportEnd end;
  const auto emit_one = [&](const StoredEvent& event) {
    Row row = event_row(events, event);
    if (!row.problem.empty()) ++end.problems;
    emit(std::move(row));
    ++end.rows;
  };
  std::vector<StoredEvent> newest;  // with a limit: the newest first
  auto q = chosen(db, selection, times, filter.only());
  while (q.step()) {
    if (selection.before && q.integer(event_rows::kSeq) >= *selection.before) continue;
    if (!selection.in_window(times.of(q.integer(event_rows::kSeq), q.time(event_rows::kTime)))) continue;
    if (!any_matches(selection.kinds, q.text(event_rows::kKind)) || !filter.matches(event_rows::target_id(q))) continue;
    if (!selection.limit) {
      emit_one(event_rows::read(q));
      continue;
    }
    newest.push_back(event_rows::read(q));
    if (static_cast<int64_t>(newest.size()) == *selection.limit) break;
  }
  std::for_each(newest.rbegin(), newest.rend(), emit_one);
  end.summary["selected"] = end.rows;
  const int64_t untrue = end.problems;
  name_the_missing(db, end);
  if (untrue > 0)
    end.remarks.push_back(
        fmt::format("{} of the rows {} what is stored beside them: the database was damaged or changed.", untrue,
                    untrue == 1 ? "contradicts" : "contradict"));
  end.remarks.push_back(fmt::format("{} event{}", end.rows, end.rows == 1 ? "" : "s"));
  return end;
}

}  // namespace

const Report kEventsReport{"events", kEventFields, kEventColumns, run_events};

}  // namespace codedriftd
