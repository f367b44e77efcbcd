#include "service/shared_polls.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "store/fleet/poll_requests.h"

namespace codedriftd {
namespace {

/// Who asked has given up by then: a client waits as long for one that holds thousands of others.
constexpr Millis kForgottenAfter{3'600'000};

/// By PollEnd.
constexpr std::array<std::string_view, 4> kEnds{"answered", "unanswered", "unrecorded", "unwatched"};

std::string_view word_of(PollEnd end) { return kEnds.at(static_cast<std::size_t>(end)); }

PollEnd end_of(std::string_view word) {
  const auto found = std::find(kEnds.begin(), kEnds.end(), word);
  return found == kEnds.end() ? PollEnd::unanswered : static_cast<PollEnd>(found - kEnds.begin());
}

}  // namespace

SharedPolls::SharedPolls(Writer& writer, const Clock& clock, std::function<int64_t()> member, Hooks hooks)
    : writer_(writer), clock_(clock), member_(std::move(member)), hooks_(std::move(hooks)) {}

void SharedPolls::poll_now(const std::vector<PollWish>& wishes, Over over) {
  std::vector<TargetId> here;
  std::vector<PollWish> elsewhere;
  {
    Locked share(share_);
    for (const PollWish& wish : wishes) {
      if (share->has_account(wish.account)) {
        here.push_back(wish.id);
      } else {
        elsewhere.push_back(wish);
      }
    }
  }
  if (!elsewhere.empty()) ask(std::move(elsewhere), over);
  if (!here.empty()) hooks_.poll_now(std::move(here), std::move(over));
}

void SharedPolls::ask(std::vector<PollWish> wishes, Over over) {
  const std::size_t count = wishes.size();
  writer_.post(
      [this, wishes = std::move(wishes), over](Tx& tx) {
        std::vector<int64_t> requests;
        for (const PollWish& wish : wishes)
          requests.push_back(poll_requests::ask(tx.db, wish.id, wish.wants_package, member_(), clock_.wall()));
        tx.after_commit([this, requests, over] {
          for (const int64_t request : requests) waiting_.emplace(request, Waiting{over, clock_.wall()});
        });
      },
      [count, over](std::exception_ptr why) {
        for (std::size_t i = 0; why && i < count; ++i) over(PollEnd::unrecorded);
      });
}

void SharedPolls::look(Tx& tx) {
  std::vector<poll_requests::Answer> answers = poll_requests::take_answers(tx.db, member_());
  if (!answers.empty()) {
    tx.after_commit([this, answers = std::move(answers)] {
      for (const poll_requests::Answer& answer : answers) {
        const auto waiting = waiting_.extract(answer.id);
        if (waiting) waiting.mapped().over(end_of(answer.outcome));
      }
    });
  }
  const Share share = share_.copy();
  for (const poll_requests::Asked& asked : poll_requests::open(tx.db)) {
    if (!share.has_account(asked.account) || under_way_.contains(asked.id)) continue;
    if (asked.wants_package) hooks_.look_again(tx, asked.target);
    tx.after_commit([this, asked] { make(asked.id, asked.target, asked.account); });
  }
  const WallTime long_ago = clock_.wall() - kForgottenAfter;
  if (share.has_house()) poll_requests::forget(tx.db, long_ago);
  std::erase_if(waiting_, [&](const auto& waiting) {
    if (waiting.second.asked_at >= long_ago) return false;
    waiting.second.over(PollEnd::unanswered);
    return true;
  });
}

void SharedPolls::make(int64_t request, TargetId target, const std::string& account) {
  under_way_.insert(request);
  hooks_.poll_now({target}, [this, request, account](PollEnd end) {
    // Not watched here any more as its lane went to another member, which will make it.
    const bool gone = end == PollEnd::unwatched && !share_.lock()->has_account(account);
    writer_.post(
        [request, end, gone](Tx& tx) {
          if (!gone) poll_requests::end(tx.db, request, word_of(end));
        },
        [this, request](std::exception_ptr) { under_way_.erase(request); });
  });
}

}  // namespace codedriftd
