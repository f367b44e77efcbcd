#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "audit/status_rows.h"
#include "audit/values.h"

namespace codedriftd {
namespace {

constexpr std::string_view kFields[] = {
    "target",          "account",     "region",          "namespace",       "function",        "qualifier",
    "status",          "reason",      "observed_sha256", "accepted_sha256", "accepted_source", "accepted_at",
    "expected_sha256", "drift_since", "since",           "last_polled_at",  "last_success_at", "consecutive_failures",
    "last_error"};
constexpr Column kColumns[] = {{"target", "TARGET", 0},
                               {"status", "STATUS", 0},
                               {"reason", "REASON", 40},
                               {"since", "SINCE", 0},
                               {"last_success_at", "LAST SEEN", 0},
                               {"observed_sha256", "LIVE", 0},
                               {"accepted_sha256", "ACCEPTED", 0}};

/// In the order of kStatuses.
constexpr std::array<std::string_view, 6> kWords{
    "missing", "drifted", "not observed", "not reviewed", "pending a deployment", "in sync"};

OrderedJson error_value(const std::optional<PollError>& error) {
  if (!error) return nullptr;
  return {{"code", error->code}, {"message", error->message}, {"request_id", error->request_id}};
}

}  // namespace

std::span<const std::string_view> status_fields() { return kFields; }

Row status_row(const SelectedTarget& selected) {
  const TargetState& s = selected.row.state;
  const Target& target = selected.row.target;
  const StatusView& view = selected.status;
  const auto expected = s.announced.empty() ? std::nullopt : std::optional(s.announced.back().sha256);
  return {{target.address(), target.account, target.region, target.ns, target.function, target.qualifier,
           to_string(view.status), view.reason, value_of(s.live), value_of(s.accepted),
           s.accepted ? OrderedJson(to_string(s.accepted_source)) : OrderedJson(), value_of(s.accepted_at),
           value_of(expected), value_of(s.drift_since), rfc3339(view.since), value_of(s.last_polled_at),
           value_of(s.last_success_at), s.consecutive_failures, error_value(s.last_error)},
          {}};
}

OrderedJson StatusCounts::summary() const {
  OrderedJson summary = OrderedJson::object();
  int64_t selected = 0;
  for (const Status status : kStatuses) {
    summary[std::string(to_string(status))] = of(status);
    selected += of(status);
  }
  summary["selected"] = selected;
  return summary;
}

std::string StatusCounts::line(std::span<const Status> order) const {
  std::string line;
  for (const Status status : order) {
    if (of(status) == 0) continue;
    fmt::format_to(std::back_inserter(line), "{}{} {}", line.empty() ? "" : ", ", of(status),
                   kWords[static_cast<std::size_t>(status)]);
  }
  return line.empty() ? "nothing is selected" : line;
}

int StatusCounts::detailed_exit() const {
  if (of(Status::missing) + of(Status::drifted) > 0) return 2;
  return of(Status::unobserved) + of(Status::unreviewed) + of(Status::pending_deploy) > 0 ? 3 : 0;
}

namespace {

ReportEnd run(Database& db, const Selection& selection, WallTime now, const Emit& emit) {
  std::vector<SelectedTarget> selected = selected_targets(db, selection, now);
  std::erase_if(selected, [&](const SelectedTarget& target) { return !selection.in_window(target.status.since); });
  std::stable_sort(selected.begin(), selected.end(),
                   [](const SelectedTarget& a, const SelectedTarget& b) { return a.status.status < b.status.status; });
  ReportEnd end;
  StatusCounts counts;
  int64_t on_first_sight = 0;
  for (const SelectedTarget& target : selected) {
    counts.add(target.status.status);
    if (selection.limit && end.rows == *selection.limit) continue;
    if (target.row.state.accepted && target.row.state.accepted_source == AcceptedSource::first_seen) ++on_first_sight;
    emit(status_row(target));
    ++end.rows;
  }
  end.summary = counts.summary();
  end.detailed_exit = counts.detailed_exit();
  if (on_first_sight > 0)
    end.remarks.push_back(fmt::format("{} of the accepted hashes {}: trusted on first sight, not reviewed.",
                                      on_first_sight,
                                      on_first_sight == 1 ? "is the first one seen" : "are the first ones seen"));
  if (end.rows < static_cast<int64_t>(selected.size()))
    end.remarks.push_back(fmt::format("{} of {} rows are shown.", end.rows, selected.size()));
  end.remarks.push_back(counts.line(kStatuses));
  return end;
}

}  // namespace

const Report kStatusReport{"status", kFields, kColumns, run};

}  // namespace codedriftd
