#include "audit/story/coverage.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "model/observation.h"

namespace codedriftd {
namespace {

using Period = Sightings::Period;
using Run = Sightings::Run;
using Stay = Sightings::Stay;

Millis overlap(WallTime from_a, WallTime until_a, WallTime from_b, WallTime until_b) {
  return std::max(Millis{0}, std::min(until_a, until_b) - std::max(from_a, from_b));
}

/// How many polls of `run` fell into from..until, at least.
int64_t polls_within(const Run& run, WallTime from, WallTime until) {
  if (run.last < from || run.first > until) return 0;
  if (run.first >= from && run.last <= until) return run.polls;
  // An end of the run that lies inside is a poll; beyond it, no stretch of longest_gap is without one.
  const bool has_end = run.first >= from || run.last <= until;
  const Millis within = overlap(run.first, run.last, from, until);
  const int64_t steps = run.longest_gap.count() > 0 ? within / run.longest_gap : 0;
  return std::min(run.polls, steps + (has_end ? 1 : 0));
}

std::string_view reason_of(const Sightings& seen, const std::vector<Stay>& stays, WallTime from, WallTime until) {
  Millis away = until - from;
  for (const Stay& stay : stays) away -= overlap(stay.from, stay.until, from, until);
  if (away * 2 >= until - from) return "daemon_not_running";
  std::map<std::string_view, int64_t> polls;
  std::string_view worst;
  for (const Run& run : seen.failures) {
    if (run.last <= from || run.first >= until) continue;
    const int64_t here = polls[run.reason] += std::max<int64_t>(1, polls_within(run, from, until));
    if (worst.empty() || here >= polls[worst]) worst = run.reason;
  }
  if (!worst.empty()) return worst;
  if (away > Millis{0}) return "daemon_not_running";
  return !seen.first_poll || *seen.first_poll >= until ? "never_polled" : "stale";
}

/// True if from..until without an answer is a gap. Each part of it is judged by the stale_after that was in force in
/// it: one that a reload shortens counts from the reload on, and says nothing of the time before. All of it is judged
/// by the longest of them, so that reloads one after the other hide no gap.
bool is_gap(const std::vector<Period>& stretch, WallTime from, WallTime until) {
  Millis longest{0};
  for (const Period& period : stretch) {
    if (period.from >= until || period.until <= from) continue;
    if (overlap(period.from, period.until, from, until) > period.stale_after) return true;
    longest = std::max(longest, period.stale_after);
  }
  return until - from > longest;
}

/// One unbroken time of being configured.
void count(const Sightings& seen, const std::vector<Stay>& stays, const std::vector<Period>& stretch, Coverage& sum) {
  const WallTime from = stretch.front().from;
  const WallTime until = stretch.back().until;
  Millis unobserved{0};
  WallTime seen_until = from;
  const auto next_answer = [&](WallTime at) {
    const Millis length = at - seen_until;
    if (length <= Millis{0}) return;
    sum.longest_gap = std::max(sum.longest_gap, length);
    if (is_gap(stretch, seen_until, at)) {
      sum.gaps.push_back({seen_until, at, reason_of(seen, stays, seen_until, at)});
      unobserved += length;
    }
  };
  for (const Run& run : seen.answers) {
    if (run.last < from || run.first > until) continue;
    next_answer(run.first);
    sum.polls += polls_within(run, from, until);
    sum.longest_gap = std::max(sum.longest_gap, std::min(run.longest_gap, overlap(run.first, run.last, from, until)));
    seen_until = std::max(seen_until, std::min(run.last, until));
  }
  next_answer(until);
  sum.unobserved += unobserved;
  sum.observed += until - from - unobserved;
  if (!sum.from) sum.from = from;
  sum.until = until;
}

}  // namespace

Coverage coverage_of(const Sightings& seen, const std::vector<Stay>& stays, WallTime since, WallTime until) {
  Coverage sum;
  std::vector<Period> stretch;
  for (Period period : seen.periods) {
    period.from = std::max(period.from, since);
    period.until = std::min(period.until, until);
    if (period.from >= period.until) continue;
    // A changed stale_after begins a new period where the last one ends: the same stretch.
    if (!stretch.empty() && period.from > stretch.back().until) {
      count(seen, stays, stretch, sum);
      stretch.clear();
    }
    if (!stretch.empty()) period.from = stretch.back().until;
    if (period.from < period.until) stretch.push_back(period);
  }
  if (!stretch.empty()) count(seen, stays, stretch, sum);
  return sum;
}

std::optional<double> share_of(int64_t part, int64_t whole) {
  if (whole <= 0) return std::nullopt;
  const double ratio = std::round(static_cast<double>(part) / static_cast<double>(whole) * 1e6) / 1e6;
  return part < whole ? std::min(ratio, 0.999999) : ratio;
}

std::optional<double> coverage_ratio(Millis observed, Millis unobserved) {
  return share_of(observed.count(), (observed + unobserved).count());
}

std::string_view gap_reason(std::string_view outcome, std::string_view code) {
  if (code == kCodeSecretCode) return kCodeSecretReason;
  if (code == kClockCode) return kClockReason;
  if (outcome == "updating") return "updating";
  return outcome == "denied" ? "denied" : "failed";
}

}  // namespace codedriftd
