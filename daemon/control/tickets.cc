#include "control/tickets.h"

#include <unistd.h>

#include <algorithm>

#include "base/json.h"
#include "base/sha256.h"

namespace codedriftd {

void Ticket::over(PollEnd end) {
  Locked state(state_);
  ++state->ends[static_cast<std::size_t>(end)];
  --state->left;
}

void Ticket::finish(JsonBox outcome) {
  Locked state(state_);
  state->outcome = std::move(outcome);
  state->left = 0;
}

JsonBox Ticket::progress() {
  State state;
  {
    Locked now(state_);
    now->told = now->left == 0;
    state = *now;
  }
  const auto count = [&](PollEnd end) { return state.ends[static_cast<std::size_t>(end)]; };
  Json progress{{"total", state.total},
                {"left", state.left},
                {"answered", count(PollEnd::answered)},
                {"unanswered", count(PollEnd::unanswered)},
                {"unrecorded", count(PollEnd::unrecorded)},
                {"unwatched", count(PollEnd::unwatched)}};
  if (state.outcome->is_object()) progress.update(*state.outcome);
  return progress;
}

std::optional<Tickets::Issued> Tickets::issue(uid_t uid, std::size_t total) {
  forget_old();
  const bool trusted = uid == 0 || uid == ::geteuid();
  const auto unfinished = std::count_if(out_.begin(), out_.end(), [&](const auto& item) {
    return item.second.uid == uid && !item.second.ticket->done();
  });
  if (!trusted && static_cast<std::size_t>(unfinished) >= kMostOfOneUser) return std::nullopt;
  if (out_.size() >= kMost && !make_room() && !trusted) return std::nullopt;
  Issued issued{random_id(), std::make_shared<Ticket>(total)};
  out_.emplace(issued.id, Out{issued.ticket, uid, clock_.get().mono()});
  return issued;
}

std::shared_ptr<Ticket> Tickets::find(const std::string& id, uid_t uid) {
  forget_old();
  const auto found = out_.find(id);
  if (found == out_.end() || (uid != 0 && found->second.uid != uid)) return nullptr;
  found->second.asked_at = clock_.get().mono();
  return found->second.ticket;
}

/// Takes away the ticket that was asked for longest ago, of those that are done or whose client has gone: one that
/// waits asks several times a second.
bool Tickets::make_room() {
  constexpr Millis kGone{10'000};
  const MonoTime now = clock_.get().mono();
  auto oldest = out_.end();
  for (auto item = out_.begin(); item != out_.end(); ++item) {
    if (!item->second.ticket->done() && now - item->second.asked_at <= kGone) continue;
    if (oldest == out_.end() || item->second.asked_at < oldest->second.asked_at) oldest = item;
  }
  if (oldest == out_.end()) return false;
  out_.erase(oldest);
  return true;
}

void Tickets::forget_old() {
  const MonoTime now = clock_.get().mono();
  std::erase_if(out_, [&](const auto& item) { return now - item.second.asked_at > kForgottenAfter; });
}

}  // namespace codedriftd
