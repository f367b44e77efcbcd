#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>

#include "audit/format/look_values.h"
#include "audit/format/values.h"
#include "audit/query/reports.h"
#include "audit/story/coverage.h"
#include "audit/story/daemon_stays.h"

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

Sightings sightings(Database& db, TargetId target, WallTime since, WallTime until) {
  Sightings seen;
  {
    enum Column : int { kFrom, kTo, kStaleAfter };
    auto q = db.query(
        "SELECT from_ms, coalesce(to_ms, ?), stale_after_ms FROM watch_period WHERE target = ? ORDER BY from_ms, id",
        until, target);
    while (q.step()) seen.periods.push_back({q.time(kFrom), q.time(kTo), q.millis(kStaleAfter)});
  }
  {
    enum Column : int { kOutcome, kCode, kFirst, kLast, kPolls, kLongestGap };
    auto q = db.query(
        "SELECT outcome, code, first_seen_ms, last_seen_ms, polls, longest_gap_ms FROM run WHERE target = ? AND "
        "last_seen_ms >= ? AND first_seen_ms <= ? ORDER BY first_seen_ms, id",
        target, since, until);
    while (q.step()) {
      const std::string_view outcome = q.text(kOutcome);
      const bool answer = outcome == "observed" || outcome == "missing";
      Sightings::Run run{q.time(kFirst), q.time(kLast), q.integer(kPolls), q.millis(kLongestGap), {}};
      if (!answer) run.reason = gap_reason(outcome, q.text(kCode));
      (answer ? seen.answers : seen.failures).push_back(run);
    }
  }
  auto q = db.query("SELECT first_seen_ms FROM run WHERE target = ? ORDER BY first_seen_ms LIMIT 1", target);
  if (q.step()) seen.first_poll = q.time(0);
  return seen;
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
  for (const SelectedTarget& target : selected) {
    places.insert({target.row.target.account, target.row.target.region});
    const Coverage c = coverage_of(sightings(db, target.row.id, since, until), ran, since, until);
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
