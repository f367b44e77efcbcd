#pragma once
/// How well one target was seen. Pure: no clock, no SQL.
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"

namespace codedriftd {

/// Everything coverage is counted from, as stored; each list by time.
struct Sightings {
  struct Period {  ///< configured, with this stale_after in force
    WallTime from, until;
    Millis stale_after{};
  };
  struct Run {  ///< first and last of `polls` polls, never more than `longest_gap` apart
    WallTime first, last;
    int64_t polls;
    Millis longest_gap{};
    std::string_view reason = {};  ///< of a run of failures: why nothing was seen, in the contract's words
  };
  struct Stay {  ///< the daemon ran
    WallTime from, until;
  };
  std::vector<Period> periods;
  std::vector<Run> answers;            ///< a hash, or "missing"
  std::vector<Run> failures;           ///< may lie inside answers
  std::optional<WallTime> first_poll;  ///< of any outcome, ever
};

struct Gap {
  WallTime from, until;
  std::string_view reason;
};

struct Coverage {
  std::optional<WallTime> from, until;  ///< the first and the last moment counted; nullopt: none is
  /// Answers, at least: of a run that the window cuts only as many are counted as its longest gap guarantees.
  int64_t polls = 0;
  Millis observed{0}, unobserved{0};
  Millis longest_gap{0};  ///< between two answers, or an answer and an edge; at most
  std::vector<Gap> gaps;  ///< those longer than the stale_after then in force
};

/// Counts within since..until (inclusive) and the time configured. Where that time begins or ends, or the window does,
/// the edge stands for an answer.
///
/// The reason of a gap: `daemon_not_running` if the daemon was away for half of it or more, or for some of it while no
/// poll failed; else the reason that most failed polls in it had (of equals, the latest); else `never_polled` if no
/// poll had ever finished, and else `stale`.
Coverage coverage_of(const Sightings& seen, const std::vector<Sightings::Stay>& stays, WallTime since, WallTime until);

/// part / whole with six decimals; nullopt of nothing. Never 1 for less than all of it.
std::optional<double> share_of(int64_t part, int64_t whole);

/// observed / (observed + unobserved) with six decimals; nullopt for no time at all. Never 1 while something is
/// unobserved.
std::optional<double> coverage_ratio(Millis observed, Millis unobserved);

/// Why a failed, denied or updating run saw nothing, from what is stored of it.
std::string_view gap_reason(std::string_view outcome, std::string_view code);

}  // namespace codedriftd
