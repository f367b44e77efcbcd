#include "attribution/queries.h"

#include <algorithm>
#include <tuple>

namespace codedriftd {
namespace {

constexpr Millis kSoonest{60'000}, kLatest{120 * 60'000};
constexpr Millis kFarApart = std::chrono::days(1), kLongestQuery = std::chrono::days(29);

WallTime from_of(const attributions::Question& question) { return question.change.from - kAuditSlack; }
WallTime to_of(const attributions::Question& question) { return question.change.to + kAuditSlack; }

void add(AuditQuery& query, attributions::Question question) {
  query.from = std::min(query.from, from_of(question));
  query.to = std::max(query.to, to_of(question));
  for (const std::string_view action : actions_of(question.change.kind)) {
    if (std::find(query.actions.begin(), query.actions.end(), action) == query.actions.end())
      query.actions.push_back(action);
  }
  query.questions.push_back(std::move(question));
}

AuditQuery query_about(attributions::Question question) {
  AuditQuery query{question.account, question.change.region, from_of(question), to_of(question), {}, {}};
  add(query, std::move(question));
  return query;
}

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
    AuditQuery* last = queries.empty() ? nullptr : &queries.back();
    if (last == nullptr || last->account != question.account || last->region != question.change.region ||
        from_of(question) > last->to + kFarApart ||
        std::max(last->to, to_of(question)) - last->from > kLongestQuery + 2 * kAuditSlack) {
      queries.push_back(query_about(std::move(question)));
    } else {
      add(*last, std::move(question));
    }
  }
  return queries;
}

std::vector<AuditQuery> halves(AuditQuery query) {
  std::vector<attributions::Question>& all = query.questions;
  const bool same = std::all_of(all.begin(), all.end(), [&](const attributions::Question& each) {
    return from_of(each) == query.from && to_of(each) == query.to;
  });
  if (same) return {};
  std::sort(all.begin(), all.end(), [](const auto& a, const auto& b) {
    return std::tie(a.change.from, a.change.to, a.event_seq) < std::tie(b.change.from, b.change.to, b.event_seq);
  });
  std::vector<AuditQuery> parts;
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (i == 0 || i == all.size() / 2) {
      parts.push_back(query_about(std::move(all[i])));
    } else {
      add(parts.back(), std::move(all[i]));
    }
  }
  return parts;
}

}  // namespace codedriftd
