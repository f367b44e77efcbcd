#pragma once
/// When the audit log is asked about a change, and about which changes together. Pure.
#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "store/record/attributions.h"

namespace codedriftd {

/// After the event: records come late, how late is not documented.
inline constexpr std::array<Millis, 4> kAuditTries{Millis{2 * 60'000}, Millis{10 * 60'000}, Millis{30 * 60'000},
                                                   Millis{120 * 60'000}};
/// Queries at most, with those that had no answer: after the last of kAuditTries one every two hours, for a day.
inline constexpr unsigned kMostAuditTries = 16;

/// When to ask next about an event of `event_at`, where query number `tries` (from 1), just made, found nothing;
/// `answered`: it had an answer. nullopt: never again, nothing more will come. Between a minute and two hours ahead,
/// whatever clocks say.
std::optional<WallTime> next_audit_try(WallTime event_at, unsigned tries, bool answered, WallTime now);

/// One reading of the audit log for many questions.
struct AuditQuery {
  std::string account, region;
  WallTime from{}, to{};                  ///< of all their changes, kAuditSlack around them
  std::vector<std::string_view> actions;  ///< that have a part in one of them
  std::vector<attributions::Question> questions;
};
/// As few queries as there are accounts and regions; but changes that lie more than a day apart are asked for apart,
/// and no query is about more than 29 days.
std::vector<AuditQuery> audit_queries(std::vector<attributions::Question> questions);
/// A query whose answer is too large as two about half of its questions each, with no more time than those take. Empty:
/// all its questions are about the same time, and asking for them apart would be no less.
std::vector<AuditQuery> halves(AuditQuery query);

}  // namespace codedriftd
