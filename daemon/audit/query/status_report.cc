#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <set>

#include "audit/format/values.h"
#include "audit/query/reports.h"
#include "audit/query/status_rows.h"
#include "audit/story/changes_inside.h"
#include "audit/story/state_at.h"
#include "store/fleet/generations.h"
#include "store/fleet/membership.h"
#include "store/ledger/suspensions.h"
#include "store/record/facts.h"

namespace codedriftd {
namespace {

/// The last three are not in a plan: nothing was asked about them.
constexpr std::string_view kStatusFields[] = {"target",           "account",          "region",
                                              "namespace",        "function",         "qualifier",
                                              "status",           "reason",           "observed_sha256",
                                              "accepted_sha256",  "accepted_source",  "accepted_at",
                                              "expected_sha256",  "drift_since",      "since",
                                              "last_polled_at",   "last_success_at",  "consecutive_failures",
                                              "last_error",       "observed_content", "accepted_content",
                                              "expected_content", "changes",          "who",
                                              "observed_value",   "accepted_value",   "watched",
                                              "suspended_until",  "suspended_by"};
constexpr std::span<const std::string_view> kPlanFields(kStatusFields, std::size(kStatusFields) - 3);
constexpr Column kStatusColumns[] = {{"target", "TARGET", 0},
                                     {"status", "STATUS", 0},
                                     {"reason", "REASON", 40},
                                     {"since", "SINCE", 0},
                                     {"last_success_at", "LAST ANSWER", 0},
                                     {"observed_sha256", "LIVE", 0},
                                     {"accepted_sha256", "ACCEPTED", 0}};

/// In the order of kStatuses.
constexpr std::array<std::string_view, 7> kWords{
    "missing", "drifted", "not observed", "being examined", "not reviewed", "pending a deployment", "in sync"};

OrderedJson error_value(const std::optional<PollError>& error) {
  if (!error) return nullptr;
  return {{"code", error->code}, {"message", error->message}, {"request_id", error->request_id}};
}

OrderedJson content_value(const std::optional<KnownContent>& content) {
  return content ? OrderedJson(content->digest.text()) : OrderedJson();
}

}  // namespace

std::span<const std::string_view> status_fields() { return kPlanFields; }

Row status_row(const SelectedTarget& selected) {
  const TargetState& s = selected.row.state;
  const Target& target = selected.row.target;
  const StatusView& view = selected.status;
  static const Announcement kNone{};
  const Announcement& expected = s.announced.empty() ? kNone : s.announced.back();
  std::vector<std::pair<std::string_view, OrderedJson>> shown;
  if (expected.content)
    shown.emplace_back("expected_sha256", expected.content->text());                   // what people are to see of it
  if (view.status == Status::missing) shown.emplace_back("observed_sha256", nullptr);  // nothing is live
  return {{target.address(),
           target.account,
           target.region,
           target.ns,
           target.function,
           target.qualifier,
           to_string(view.status),
           view.reason,
           value_of(s.live),
           value_of(s.accepted),
           s.accepted ? OrderedJson(to_string(s.accepted_source)) : OrderedJson(),
           value_of(s.accepted_at),
           value_of(expected.sha256),
           value_of(s.drift_since),
           rfc3339(view.since),
           value_of(s.last_polled_at),
           value_of(s.last_success_at),
           s.consecutive_failures,
           error_value(s.last_error),
           content_value(s.live_content),
           content_value(s.accepted_content),
           expected.content ? OrderedJson(expected.content->text()) : OrderedJson(),
           OrderedJson(*selected.inside.changes),
           text_or_null(selected.who),
           text_or_null(selected.observed_value),
           text_or_null(selected.accepted_value)},
          {},
          std::move(shown),
          value_lines(selected)};
}

std::string_view status_words(Status status) { return kWords[static_cast<std::size_t>(status)]; }

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
    line += fmt::format("{}{} {}", line.empty() ? "" : ", ", of(status), status_words(status));
  }
  return line.empty() ? "nothing is selected" : line;
}

int StatusCounts::detailed_exit() const {
  if (of(Status::missing) + of(Status::drifted) > 0) return 2;
  return of(Status::unobserved) + of(Status::examining) + of(Status::unreviewed) + of(Status::pending_deploy) > 0 ? 3
                                                                                                                  : 0;
}

namespace {

/// What the record no longer tells of a moment that is past is null.
Row status_row_at(const TargetAt& target) {
  Row row = status_row(target.known);
  const TargetState& state = target.known.row.state;
  const Status status = target.known.status.status;
  row.values.emplace_back(state.watched);
  row.values.push_back(target.held ? OrderedJson(rfc3339(target.held->until)) : OrderedJson());
  row.values.push_back(target.held ? OrderedJson(target.held->actor) : OrderedJson());
  if (!state.watched) row.shown.emplace_back("status", fmt::format("{} (removed)", to_string(status)));
  if (!target.poll_time_unknown && !target.success_time_unknown && !target.failures_unknown &&
      !target.error_words_unknown && target.problem.empty())
    return row;
  const auto value = [&](std::string_view field) -> OrderedJson& {
    return row.values[static_cast<std::size_t>(std::find(std::begin(kStatusFields), std::end(kStatusFields), field) -
                                               kStatusFields)];
  };
  if (target.poll_time_unknown) value("last_polled_at") = nullptr;
  if (target.success_time_unknown) value("last_success_at") = nullptr;
  if (target.failures_unknown) value("consecutive_failures") = nullptr;
  OrderedJson& error = value("last_error");
  if (target.error_words_unknown && error.is_object()) error["message"] = error["request_id"] = nullptr;
  row.problem = target.problem;
  return row;
}

std::vector<TargetAt> present(Database& db, const Selection& selection, WallTime now) {
  std::vector<SelectedTarget> selected = selected_targets(db, selection, now);
  std::vector<TargetAt> targets(selected.size());
  for (std::size_t i = 0; i < selected.size(); ++i) {
    targets[i].known = std::move(selected[i]);
  }
  std::vector<suspensions::Suspended> held = suspensions::all(db);
  if (held.empty()) return targets;
  std::map<TargetId, Suspension*> by_id;
  for (suspensions::Suspended& each : held) by_id.emplace(each.id, &each.suspension);
  for (TargetAt& target : targets) {
    if (const auto found = by_id.find(target.known.row.id); found != by_id.end()) target.held = *found->second;
  }
  return targets;
}

void say_what_is_not_known(const std::vector<TargetAt>& targets, ReportEnd& end) {
  const auto count = [&](auto unknown) { return std::count_if(targets.begin(), targets.end(), unknown); };
  const auto polls = count([](const TargetAt& t) {
    return t.poll_time_unknown || t.success_time_unknown || t.failures_unknown || t.error_words_unknown;
  });
  if (polls > 0)
    end.remarks.push_back(
        fmt::format("Of {} of them it is not known any more which poll was the last before that moment, or its words: "
                    "polls that see the same are kept as one run, with its first and last. What is not known is null. "
                    "The hashes and the status are known.",
                    polls));
}

/// Whose alerts are held at present: nobody may take their silence for good news.
void say_who_is_suspended(const std::vector<TargetAt>& targets, ReportEnd& end) {
  constexpr std::size_t kMostNamed = 20;
  std::size_t count = 0;
  for (const TargetAt& target : targets) {
    if (!target.held || ++count > kMostNamed) continue;
    end.remarks.push_back(fmt::format("The alerts of {} are held until {}, by {}: {}.",
                                      target.known.row.target.address(), rfc3339(target.held->until),
                                      target.held->actor, target.held->reason));
  }
  if (count > kMostNamed) end.remarks.push_back(fmt::format("… and those of {} more.", count - kMostNamed));
}

/// How many watched functions are asked for in each account and region, whatever their status and since when: that none
/// of them is drifted is no good news either where they cannot be seen.
std::map<std::pair<std::string, std::string>, std::size_t> watched_in_lanes(Database& db, Selection selection,
                                                                            WallTime now) {
  selection.statuses.clear();
  std::map<std::pair<std::string, std::string>, std::size_t> lanes;
  for (const SelectedTarget& target : selected_targets(db, selection, now)) {
    if (target.row.state.watched) ++lanes[{target.row.target.account, target.row.target.region}];
  }
  return lanes;
}

/// Why the rows may be older than they look: what was seen last stays in_sync until it is stale.
void say_what_is_in_the_way(Database& db, const Selection& selection, WallTime now, ReportEnd& end) {
  constexpr Millis kSignOfLife{60'000};  // they are 20 seconds apart
  const auto stay = daemon_runs::last(db);
  if (!stay) {
    end.above.push_back("No daemon has run on this record yet.");
  } else if (stay->stopped) {
    end.above.push_back(
        fmt::format("No daemon runs: it was stopped at {}. Nothing was polled since.", rfc3339(stay->alive_at)));
  } else if (now - stay->alive_at > kSignOfLife) {
    end.above.push_back(fmt::format("No sign of life since {}: no daemon runs, or it cannot write its record.",
                                    rfc3339(stay->alive_at)));
  } else if (stay->alive_at - now > kSignOfLife) {
    end.above.push_back(
        fmt::format("The last sign of life is of {}, and it is {} now: this machine's clock is behind the record.",
                    rfc3339(stay->alive_at), rfc3339(now)));
  }
  enum Column : int { kAccount, kRegion, kReason, kSince };
  auto q = db.query(
      "SELECT account, region, reason, since_ms FROM account_state WHERE failing = 1 ORDER BY account, region");
  std::map<std::pair<std::string, std::string>, std::size_t> lanes;
  for (bool first = true; q.step(); first = false) {
    if (first) lanes = watched_in_lanes(db, selection, now);
    const auto lane = lanes.find({std::string(q.text(kAccount)), std::string(q.text(kRegion))});
    if (lane == lanes.end()) continue;
    const auto since = q.optional_time(kSince);
    end.above.push_back(
        fmt::format("Account {} cannot be seen in {}{}{}: what is shown of its {} function{} here was seen before.",
                    q.text(kAccount), q.text(kRegion), since ? fmt::format(" since {}", rfc3339(*since)) : "",
                    q.text(kReason).empty() ? "" : fmt::format(" ({})", q.text(kReason)), lane->second,
                    lane->second == 1 ? "" : "s"));
  }
}

/// Of a record on a server: the daemons that keep it, and which of them holds its work.
void say_who_is_in_the_fleet(Database& db, ReportEnd& end) {
  if (db.engine() != Engine::postgres) return;
  end.fleet = OrderedJson::array();
  const auto counts = generations::current(db);
  std::set<std::string> held;
  for (const Member& member : Membership::members(db)) {
    if (member.host.empty()) continue;  // a stay from before the record was on a server
    OrderedJson leases = OrderedJson::array();
    for (const Member::Held& lease : member.leases) leases.push_back(lease.lease);
    std::string names;
    for (const Member::Held& lease : member.leases) {
      names += (names.empty() ? "" : ", ") + lease.lease;
      held.insert(lease.lease);
    }
    // A command that is a member for one transaction has none.
    const bool outdated = counts && !member.config_digest.empty() && member.config_digest != counts->digest;
    const auto silent = std::chrono::floor<std::chrono::seconds>(member.silent);
    end.remarks.push_back(fmt::format("{} (member {} of the fleet, version {}) {}{}; last heard of {} ago.",
                                      member.host, member.id, member.version,
                                      names.empty() ? "stands by" : "holds " + names,
                                      outdated ? ", its configuration is outdated" : "", spell(silent)));
    end.fleet.push_back({{"member", member.id},
                         {"host", member.host},
                         {"version", member.version},
                         {"started_at", rfc3339(member.started_at)},
                         {"alive_at", rfc3339(member.alive_at)},
                         {"silent_s", silent.count()},
                         {"leases", std::move(leases)},
                         {"config_digest", or_null<OrderedJson>(member.config_digest)},
                         {"config_outdated", outdated}});
  }
  if (end.fleet.empty()) return;
  std::string free;
  for (auto q = db.query("SELECT name FROM lease ORDER BY name"); q.step();) {
    if (!held.contains(q.string(0))) free += (free.empty() ? "" : ", ") + q.string(0);
  }
  if (held.empty()) {
    end.above.push_back("No member of the fleet holds its work at present: nothing is polled.");
  } else if (!free.empty()) {
    end.above.push_back(fmt::format("No member of the fleet holds {} at present: that work waits.", free));
  }
}

ReportEnd run_status(Database& db, const Selection& selection, WallTime now, const Emit& emit) {
  Selection any_status = selection;
  any_status.statuses.clear();
  std::vector<TargetAt> selected =
      selection.at ? targets_at(db, any_status, *selection.at) : present(db, any_status, now);
  std::erase_if(selected, [&](const TargetAt& target) { return !selection.in_window(target.known.status.since); });
  StatusCounts of_any;
  for (const TargetAt& target : selected) of_any.add(target.known.status.status);
  if (!selection.statuses.empty()) {
    std::erase_if(selected, [&](const TargetAt& target) {
      return !any_matches(selection.statuses, to_string(target.known.status.status));
    });
  }
  std::vector<TargetAt*> order;  // the targets themselves are large
  order.reserve(selected.size());
  for (TargetAt& target : selected) order.push_back(&target);
  std::stable_sort(order.begin(), order.end(), [](const TargetAt* a, const TargetAt* b) {
    return a->known.status.status < b->known.status.status;
  });
  ReportEnd end;
  end.as_of = selection.at;
  StatusCounts counts;
  int64_t on_first_sight = 0;
  int64_t place = 0;
  for (TargetAt* each : order) {
    TargetAt& target = *each;
    const TargetState& state = target.known.row.state;
    counts.add(target.known.status.status);
    if (state.accepted && state.accepted_source == AcceptedSource::first_seen) ++on_first_sight;
    if (selection.limit && (place++ < selection.skip || end.rows == *selection.limit)) continue;
    // Only of what is shown: it costs more than all the rest.
    if (selection.at) {
      find_values(db, target.known);
    } else {
      find_changes_inside(db, target.known);
    }
    emit(status_row_at(target));
    if (!target.problem.empty()) ++end.problems;
    ++end.rows;
  }
  if (selection.at) {
    end.remarks.push_back(fmt::format("As of {}, told from the record.", rfc3339(*selection.at)));
    say_what_is_not_known(selected, end);
  } else {
    say_who_is_in_the_fleet(db, end);
    say_who_is_suspended(selected, end);
    say_what_is_in_the_way(db, selection, now, end);
  }
  end.summary = counts.summary();
  end.of_any_status = of_any.summary();
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

const Report kStatusReport{"status", kStatusFields, kStatusColumns, run_status};

}  // namespace codedriftd
