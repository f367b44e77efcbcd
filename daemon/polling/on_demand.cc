/// Polls that somebody asked for.
#include <algorithm>
#include <utility>

#include "polling/poller.h"

namespace codedriftd {

void Poller::poll_now(std::vector<TargetId> ids, std::function<void(PollEnd)> over) {
  auto request = std::make_shared<Request>();
  request->left = ids.size();
  request->ids = std::move(ids);
  request->over = std::move(over);
  mailbox_.lock()->requests.push_back(std::move(request));
  api_.wake();
}

void Poller::take_on(const std::shared_ptr<Request>& request, MonoTime now) {
  for (const TargetId id : std::exchange(request->ids, {})) {
    const auto found = entries_.find(id);
    if (found == entries_.end()) {
      --request->left;
      request->over(PollEnd::unwatched);
      continue;
    }
    Entry& entry = found->second;
    entry.wishes.push_back({request, calls_});
    // It is being polled, or is to be asked again after a back-off or after it was not found once: that attempt serves
    // the request, too, and keeps its time. The pause before it has a purpose.
    const bool pauses = (entry.attempts.under_way() || entry.not_found == 1) && entry.due > now;
    if (entry.in_flight || entry.ahead || pauses) continue;
    entry.line->remove(entry.due, id);
    go_ahead(entry, now);
  }
}

/// Somebody asked, or it is known to have changed: it is polled before what the schedule has overdue.
void Poller::go_ahead(Entry& entry, MonoTime now) {
  entry.ahead = true;
  entry.due = now;
  entry.line->add_ahead(entry.watched.id);
}

void Poller::let_go(Entry& entry) {
  for (const Wish& wish : std::exchange(entry.wishes, {})) {
    --wish.request->left;
    wish.request->over(PollEnd::unwatched);
  }
}

/// Takes those away whose poll is the one that has just finished.
Poller::Requests Poller::fulfilled(Entry& entry) {
  Requests over;
  std::erase_if(entry.wishes, [&](const Wish& wish) {
    if (entry.call <= wish.after) return false;
    --wish.request->left;
    over.push_back(wish.request);
    return true;
  });
  return over;
}

}  // namespace codedriftd
