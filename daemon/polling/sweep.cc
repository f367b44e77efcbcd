#include "polling/sweep.h"

#include <algorithm>
#include <set>
#include <utility>

#include "cloud/pace.h"
#include "polling/attempts.h"

namespace codedriftd {
namespace {

constexpr Millis kBetweenWords{200};
/// Somebody waits: a function that is not there is asked for again sooner than the daemon does.
constexpr Millis kUntilMissing{2'000};

class Sweep {
 public:
  Sweep(Api& api, const Clock& clock, const std::vector<const Target*>& targets,
        const std::map<std::string, double>& requests_per_second, const SweepHooks& hooks)
      : api_(api), clock_(clock), targets_(targets), hooks_(hooks), polls_(targets.size()) {
    for (std::size_t i = 0; i < targets.size(); ++i) {
      const Target& target = *targets[i];
      Lane& lane = lanes_
                       .try_emplace({target.account, target.region}, target.account, target.region,
                                    requests_per_second.at(target.account))
                       .first->second;
      lane.queue.emplace(MonoTime{}, i);
      polls_[i].lane = &lane;
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
  struct Lane {
    Lane(std::string account_label, std::string region_name, double limit)
        : account(std::move(account_label)), region(std::move(region_name)), pace(limit) {}
    std::string account, region;
    Pace pace;
    std::set<std::pair<MonoTime, std::size_t>> queue;
    bool heard = false;  ///< something was answered for which the credentials were good
    unsigned causes_in_a_row = 0;
    bool closed = false;
    PollError error;
  };
  struct Poll {
    Lane* lane = nullptr;
    Attempts attempts;
    bool not_found = false;
  };

  void start_due(MonoTime now) {
    for (auto& [key, lane] : lanes_) {
      while (!lane.queue.empty() && lane.queue.begin()->first <= now && lane.pace.take(now)) {
        const std::size_t index = lane.queue.begin()->second;
        lane.queue.erase(lane.queue.begin());
        polls_[index].attempts.begin();
        api_.start({*targets_[index]}, [this, index, now](const ApiAnswer& answer) { answered(index, now, answer); });
      }
    }
  }

  void answered(std::size_t index, MonoTime sent, const ApiAnswer& answer) {
    const MonoTime now = clock_.mono();
    Poll& poll = polls_[index];
    Lane& lane = *poll.lane;
    if (answer.slow_down) {
      lane.pace.refused(sent, now);
    } else {
      lane.pace.answered(now);
    }
    if (const auto wait = poll.attempts.next_in(answer, !lane.closed)) {
      lane.queue.emplace(now + *wait, index);
      return;
    }
    hooks_.answered(index, answer.observation, clock_.wall());
    judge(lane, answer.observation);
    if (answer.observation.outcome == Outcome::missing && !std::exchange(poll.not_found, true) && !lane.closed) {
      lane.queue.emplace(now + kUntilMissing, index);
    } else {
      ++done_;
    }
  }

  /// Ten thousand calls with a key that is refused tell nobody anything.
  void judge(Lane& lane, const Observation& observation) {
    if (!observation.account_cause) {
      lane.heard = lane.heard || observation.outcome != Outcome::failed;
      lane.causes_in_a_row = 0;
      return;
    }
    if (lane.heard || lane.closed || ++lane.causes_in_a_row < kCausesInARow || lane.queue.empty()) return;
    lane.closed = true;
    lane.error = observation.error;
    done_ += lane.queue.size();
    lane.queue.clear();
  }

  Millis until_next(MonoTime now) const {
    MonoTime next = now + kBetweenWords;
    for (const auto& [key, lane] : lanes_) {
      if (!lane.queue.empty()) next = std::min(next, std::max(lane.queue.begin()->first, lane.pace.ready_at()));
    }
    return std::max(Millis{0}, std::chrono::ceil<Millis>(next - now));
  }

  Api& api_;
  const Clock& clock_;
  const std::vector<const Target*>& targets_;
  const SweepHooks& hooks_;
  std::vector<Poll> polls_;
  std::map<std::pair<std::string, std::string>, Lane> lanes_;
  std::size_t done_ = 0;
};

}  // namespace

std::vector<GivenUp> sweep(Api& api, const Clock& clock, const std::vector<const Target*>& targets,
                           const std::map<std::string, double>& requests_per_second, const SweepHooks& hooks) {
  return Sweep(api, clock, targets, requests_per_second, hooks).run();
}

}  // namespace codedriftd
