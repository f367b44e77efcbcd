#include "polling/sweep.h"

#include <algorithm>
#include <map>
#include <utility>

#include "polling/attempts.h"
#include "polling/paced_queue.h"

namespace codedriftd {
namespace {

constexpr Millis kBetweenWords{200};
/// Somebody waits: a function that is not there is asked for again sooner than the daemon does.
constexpr Millis kUntilMissing{2'000};

class Sweep {
 public:
  Sweep(Api& api, const Clock& clock, const std::vector<const Target*>& targets, const Paces& paces,
        const SweepHooks& hooks)
      : api_(api), clock_(clock), targets_(targets), hooks_(hooks), polls_(targets.size()) {
    const std::map<std::string, double> limits = limits_of(paces);
    for (std::size_t i = 0; i < targets.size(); ++i) {
      const Target& target = *targets[i];
      Lane& lane = lanes_.try_emplace({target.account, target.region}, target.account, target.region).first->second;
      const PaceKey key{paces.at(target.account).key, actions_of(kind_of_qualifier(target.qualifier)).front()};
      polls_[i].lane = &lane;
      polls_[i].line = &lines_.try_emplace(key, limit_of(key.second, limits.at(key.first))).first->second;
      polls_[i].line->add(MonoTime{}, i);
    }
  }

  std::vector<GivenUp> run() {
    while (done_ < targets_.size()) {
      start_due(clock_.mono());
      api_.turn(until_next(clock_.mono()));
      hooks_.progress(done_);
    }
    std::vector<GivenUp> given_up;
    for (auto& [key, lane] : lanes_) {
      if (lane.closed) given_up.push_back({lane.account, lane.region, lane.error});
    }
    return given_up;
  }

 private:
  using Line = PacedQueue<std::size_t>;
  struct Lane {
    Lane(std::string account_label, std::string region_name)
        : account(std::move(account_label)), region(std::move(region_name)) {}
    std::string account, region;
    bool heard = false;  ///< something was answered for which the credentials were good
    unsigned causes_in_a_row = 0;
    bool closed = false;
    PollError error;
  };
  struct Poll {
    Lane* lane = nullptr;
    Line* line = nullptr;
    Attempts attempts;
    bool not_found = false;
  };

  void start_due(MonoTime now) {
    for (auto& [key, line] : lines_) {
      while (const auto index = line.take(now)) {
        Attempts& attempts = polls_[*index].attempts;
        attempts.begin();
        api_.start({*targets_[*index], attempts.again()},
                   [this, index = *index, now](const ApiAnswer& answer) { answered(index, now, answer); });
      }
    }
  }

  void answered(std::size_t index, MonoTime sent, const ApiAnswer& answer) {
    const MonoTime now = clock_.mono();
    Poll& poll = polls_[index];
    Lane& lane = *poll.lane;
    poll.line->answered(answer.slow_down, sent, now);
    if (const auto wait = poll.attempts.next_in(answer, !lane.closed)) {
      poll.line->add(now + *wait, index);
      return;
    }
    hooks_.answered(index, answer.observation, clock_.wall());
    judge(lane, answer);
    if (answer.observation.outcome == Outcome::missing && !std::exchange(poll.not_found, true) && !lane.closed) {
      poll.line->add(now + kUntilMissing, index);
    } else {
      ++done_;
    }
  }

  /// Ten thousand calls with a key that is refused tell nobody anything.
  void judge(Lane& lane, const ApiAnswer& answer) {
    if (answer.proves_account) {
      lane.heard = true;
      lane.causes_in_a_row = 0;
    }
    if (!answer.observation.account_cause || lane.heard || lane.closed) return;
    if (++lane.causes_in_a_row < kCausesInARow) return;
    std::size_t left = 0;
    for (auto& [key, line] : lines_)
      left += line.remove_if([&](std::size_t index) { return polls_[index].lane == &lane; });
    if (left == 0) return;
    lane.closed = true;
    lane.error = answer.observation.error;
    done_ += left;
  }

  Millis until_next(MonoTime now) const {
    MonoTime next = now + kBetweenWords;
    for (const auto& [key, line] : lines_) next = std::min(next, line.next_at());
    return std::max(Millis{0}, std::chrono::ceil<Millis>(next - now));
  }

  Api& api_;
  const Clock& clock_;
  const std::vector<const Target*>& targets_;
  const SweepHooks& hooks_;
  std::vector<Poll> polls_;
  std::map<std::pair<std::string, std::string>, Lane> lanes_;
  std::map<PaceKey, Line> lines_;
  std::size_t done_ = 0;
};

}  // namespace

std::vector<GivenUp> sweep(Api& api, const Clock& clock, const std::vector<const Target*>& targets, const Paces& paces,
                           const SweepHooks& hooks) {
  return Sweep(api, clock, targets, paces, hooks).run();
}

}  // namespace codedriftd
