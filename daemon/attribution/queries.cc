#include "attribution/queries.h"

#include <algorithm>
#include <tuple>

namespace codedriftd {
namespace {

constexpr Millis kSoonest{60'000}, kLatest{120 * 60'000};
constexpr Millis kFarApart = std::chrono::days(1), kLongestQuery = std::chrono::days(29);

}  // namespace

std::optional<WallTime> next_audit_try(WallTime event_at, unsigned tries, bool answered, WallTime now) {
  const bool late = tries >= kAuditTries.size() || now - event_at >= kAuditTries.back();
  if ((answered && late) || tries >= kMostAuditTries) return std::nullopt;
  const WallTime next = tries < kAuditTries.size() ? event_at + kAuditTries[tries] : now + kLatest;
  return std::clamp(next, now + kSoonest, now + kLatest);
}

std::vector<AuditQuery> audit_queries(std::vector<attributions::Question> questions) {
  std::sort(questions.begin(), questions.end(), [](const auto& a, const auto& b) {
    return std::tie(a.account, a.change.region, a.change.from, a.event_seq) <
           std::tie(b.account, b.change.region, b.change.from, b.event_seq);
  });
  std::vector<AuditQuery> queries;
  for (attributions::Question& question : questions) {
    const SeenChange& change = question.change;
    const WallTime from = change.from - kAuditSlack, to = change.to + kAuditSlack;
    AuditQuery* last = queries.empty() ? nullptr : &queries.back();
    if (last == nullptr || last->account != question.account || last->region != change.region ||
        from > last->to + kFarApart || std::max(last->to, to) - last->from > kLongestQuery + 2 * kAuditSlack) {
      last = &queries.emplace_back(AuditQuery{question.account, change.region, from, to, {}});
    }
    last->to = std::max(last->to, to);
    last->questions.push_back(std::move(question));
  }
  return queries;
}

}  // namespace codedriftd
