#include <fmt/format.h>

#include <algorithm>

#include "audit/format/values.h"
#include "audit/query/reports.h"
#include "audit/story/stored_event.h"

namespace codedriftd {
namespace {

constexpr std::string_view kFields[] = {"seq", "id", "time", "kind", "severity", "actor", "target", "data"};
constexpr Column kColumns[] = {{"seq", "SEQ", 0, 1},        {"time", "TIME", 0},    {"kind", "KIND", 40},
                               {"severity", "SEVERITY", 0}, {"actor", "ACTOR", 40}, {"target", "TARGET", 0},
                               {"data", "DATA", 100}};

Row row_of(StoredEvent stored) {
  CheckedData data = check_body(stored);
  return {{stored.seq, stored.id, rfc3339(stored.time), stored.kind, stored.severity, stored.actor,
           value_of(stored.target), std::move(data.data)},
          std::move(data.problem)};
}

ReportEnd run(Database& db, const Selection& selection, WallTime now, const Emit& emit) {
  AddressFilter filter(db, selection, now);
  ReportEnd end;
  const auto emit_one = [&](StoredEvent event) {
    Row row = row_of(std::move(event));
    if (!row.problem.empty()) ++end.problems;
    emit(std::move(row));
    ++end.rows;
  };
  const WallTime from = selection.since.value_or(WallTime::min());
  const WallTime until = selection.until.value_or(WallTime::max());
  std::vector<StoredEvent> newest;  // with a limit: the newest first
  // Times never go back with seq, so that one index gives both the window and the order.
  auto q = selection.limit
               ? db.query(
                     "SELECT seq, id, time_ms, kind, severity, actor, target, body, leaf_hash FROM event WHERE "
                     "time_ms >= ? AND time_ms <= ? ORDER BY time_ms DESC, seq DESC",
                     from, until)
               : db.query(
                     "SELECT seq, id, time_ms, kind, severity, actor, target, body, leaf_hash FROM event WHERE "
                     "time_ms >= ? AND time_ms <= ? ORDER BY time_ms, seq",
                     from, until);
  while (q.step()) {
    if (!any_matches(selection.kinds, q.text(3)) || !filter.matches(q.optional_string(6))) continue;
    if (!selection.limit) {
      emit_one(read_event(q));
      continue;
    }
    newest.push_back(read_event(q));
    if (static_cast<int64_t>(newest.size()) == *selection.limit) break;
  }
  std::for_each(newest.rbegin(), newest.rend(), emit_one);
  end.summary["selected"] = end.rows;
  if (end.problems > 0)
    end.remarks.push_back(
        fmt::format("{} of the rows {} what is stored beside them: the database was damaged or changed.", end.problems,
                    end.problems == 1 ? "contradicts" : "contradict"));
  end.remarks.push_back(fmt::format("{} event{}", end.rows, end.rows == 1 ? "" : "s"));
  return end;
}

}  // namespace

const Report kEventsReport{"events", kFields, kColumns, run};

}  // namespace codedriftd
