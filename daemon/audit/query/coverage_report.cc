#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <span>
#include <utility>
#include <vector>

#include "audit/format/look_values.h"
#include "audit/format/values.h"
#include "audit/query/reports.h"
#include "audit/story/coverage.h"
#include "audit/story/daemon_stays.h"
#include "store/db/pg_array.h"

namespace codedriftd {
namespace {

constexpr std::string_view kCoverageFields[] = {"target",       "from",     "until",         "polls", "observed_s",
                                                "unobserved_s", "coverage", "longest_gap_s", "gaps"};
constexpr Column kCoverageColumns[] = {{"target", "TARGET", 0},
                                       {"from", "FROM", 0},
                                       {"until", "UNTIL", 0, 2},
                                       {"polls", "POLLS", 0},
                                       {"coverage", "COVERAGE", 0},
                                       {"unobserved_s", "UNOBSERVED", 0},
                                       {"longest_gap_s", "LONGEST GAP", 0},
                                       {"gaps", "GAPS", 0, 1}};

constexpr std::size_t kGapsListed = 20;

constexpr std::size_t kAtOnce = 500;  ///< targets

/// One statement, of one target or of several.
struct Statement {
  Statement(std::string_view one, std::string_view many) : of_one(Sql::forever(one)), of_many(Sql::forever(many)) {}
  /// With {} where the targets stand.
  explicit Statement(std::string_view text)
      : Statement(fmt::format(fmt::runtime(text), "target = ?"), fmt::format(fmt::runtime(text), kOfMany)) {}
  static constexpr const char* kOfMany = "target = ANY (CAST(? AS bigint[]))";
  Sql of_one, of_many;
};

using SightingsOf = std::map<TargetId, Sightings>;

/// Adds to `all` what `of` is of: Sql::of_one of an id, or Sql::of_many of an array of them.
template <typename Which>
void read_sightings(Database& db, Sql Statement::*of, const Which& which, WallTime since, WallTime until,
                    SightingsOf& all) {
  static const Statement kPeriods(
      "SELECT target, from_ms, to_ms, stale_after_ms FROM watch_period WHERE {} ORDER BY target, from_ms, id");
  static const Statement kRuns(
      "SELECT target, outcome, code, first_seen_ms, last_seen_ms, polls, longest_gap_ms FROM run WHERE {} AND "
      "last_seen_ms >= ? AND first_seen_ms <= ? ORDER BY target, first_seen_ms, id");
  static const Statement kFirst(
      "SELECT target, first_seen_ms FROM run WHERE target = ? ORDER BY first_seen_ms LIMIT 1",
      fmt::format("SELECT target, min(first_seen_ms) FROM run WHERE {} GROUP BY target", Statement::kOfMany));
  {
    enum Column : int { kItsTarget, kFrom, kTo, kStaleAfter };
    auto q = db.query(kPeriods.*of, which);
    while (q.step())
      all[q.integer(kItsTarget)].periods.push_back(
          {q.time(kFrom), q.optional_time(kTo).value_or(until), q.millis(kStaleAfter)});
  }
  {
    enum Column : int { kItsTarget, kOutcome, kCode, kFirstSeen, kLastSeen, kPolls, kLongestGap };
    auto q = db.query(kRuns.*of, which, since, until);
    while (q.step()) {
      Sightings& seen = all[q.integer(kItsTarget)];
      const std::string_view outcome = q.text(kOutcome);
      const bool answer = outcome == "observed" || outcome == "missing";
      Sightings::Run run{q.time(kFirstSeen), q.time(kLastSeen), q.integer(kPolls), q.millis(kLongestGap), {}};
      if (!answer) run.reason = gap_reason(outcome, q.text(kCode));
      (answer ? seen.answers : seen.failures).push_back(run);
    }
  }
  auto q = db.query(kFirst.*of, which);
  while (q.step()) all[q.integer(0)].first_poll = q.time(1);
}

/// A server is asked about all at once: each question is a way there and back.
SightingsOf sightings(Database& db, std::span<const SelectedTarget> targets, WallTime since, WallTime until) {
  std::vector<TargetId> ids;
  for (const SelectedTarget& target : targets) ids.push_back(target.row.id);
  SightingsOf all;
  if (db.engine() == Engine::postgres) {
    read_sightings(db, &Statement::of_many, pg_array(ids), since, until, all);
  } else {
    for (const TargetId id : ids) read_sightings(db, &Statement::of_one, id, since, until, all);
  }
  return all;
}

/// What no row can say: what is there beside what is watched, and when nobody could look for it.
void say_what_is_there(const std::vector<RegionLook>& looks, ReportEnd& end) {
  for (const RegionLook& look : looks) {
    end.remarks.push_back(words_of_look(look));
    for (std::size_t i = 0; i < std::min(look.gaps.size(), kGapsListed); ++i) {
      const LookGap& gap = look.gaps[i];
      end.remarks.push_back(fmt::format("no complete listing: {} to {}, {}: {}", rfc3339(gap.from), rfc3339(gap.until),
                                        spell(gap.until - gap.from), trouble_words(gap.trouble)));
    }
    if (look.gaps.size() > kGapsListed)
      end.remarks.push_back(
          fmt::format("… and {} such times more: --format json has them all", look.gaps.size() - kGapsListed));
  }
}

ReportEnd run_coverage(Database& db, const Selection& selection, WallTime now, const Emit& emit) {
  const WallTime until = std::min(selection.until.value_or(now), now);
  const WallTime since = selection.since.value_or(until - kCoverageWindow);
  const auto ran = daemon_stays(db, since, now);
  const auto selected = selected_targets(db, selection, now);
  ReportEnd end;
  Millis observed{0};
  Millis unobserved{0};
  Millis longest{0};
  int64_t polls = 0;
  std::vector<Gap> gaps;
  std::set<AccountRegion> places;
  SightingsOf seen;  // of some of them
  for (std::size_t i = 0; i < selected.size(); ++i) {
    if (i % kAtOnce == 0)
      seen = sightings(db, std::span(selected).subspan(i, std::min(kAtOnce, selected.size() - i)), since, until);
    const SelectedTarget& target = selected[i];
    places.insert({target.row.target.account, target.row.target.region});
    const Coverage c = coverage_of(seen[target.row.id], ran, since, until);
    observed += c.observed;
    unobserved += c.unobserved;
    longest = std::max(longest, c.longest_gap);
    polls += c.polls;
    if (selected.size() == 1) gaps = c.gaps;
    if (selection.limit && end.rows == *selection.limit) continue;
    emit({{target.row.target.address(), value_of(c.from), value_of(c.until), c.polls, seconds(c.observed),
           seconds(c.unobserved), ratio_value(c.observed, c.unobserved), seconds(c.longest_gap), gaps_value(c.gaps)},
          {}});
    ++end.rows;
  }
  end.summary["overall"] = ratio_value(observed, unobserved);
  const std::vector<RegionLook> looks = region_looks(db, selection, std::move(places), since, until);
  end.summary["inventory"] = looks_value(looks);
  if (end.rows < static_cast<int64_t>(selected.size()))
    end.remarks.push_back(
        fmt::format("{} of {} rows are shown; what follows counts all of them.", end.rows, selected.size()));
  const auto overall = coverage_ratio(observed, unobserved);
  end.remarks.push_back(overall ? fmt::format("overall {}: {} unobserved", percent(*overall), spell(unobserved))
                                : "overall: no time to count");
  for (std::size_t i = 0; i < gaps.size(); ++i) {
    if (i == kGapsListed) {
      end.remarks.push_back(fmt::format("… and {} gaps more: --format json has them all", gaps.size() - i));
      break;
    }
    end.remarks.push_back(fmt::format("gap: {} to {}, {}: {}", rfc3339(gaps[i].from), rfc3339(gaps[i].until),
                                      spell(gaps[i].until - gaps[i].from), gaps[i].reason));
  }
  say_what_is_there(looks, end);
  if (polls == 0 && !selected.empty()) {
    end.remarks.push_back(
        "No answer lies in this time: whatever the coverage, nothing is known of what was live in it.");
  } else if (selected.size() == 1) {
    end.remarks.push_back(
        fmt::format("at {} instant{}, never more than {} apart, the live hash was as \"query history\" says. What lay "
                    "between two of them is not known.",
                    polls, polls == 1 ? "" : "s", spell(longest)));
  } else {
    end.remarks.push_back(
        "Each row says: at POLLS instants, never more than LONGEST GAP apart, the live hash was as \"query history\" "
        "says. What lay between two of them is not known.");
  }
  return end;
}

}  // namespace

const Report kCoverageReport{"coverage", kCoverageFields, kCoverageColumns, run_coverage};

}  // namespace codedriftd
