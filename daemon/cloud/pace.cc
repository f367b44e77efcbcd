#include "cloud/pace.h"

#include <algorithm>
#include <chrono>
#include <stdexcept>

namespace codedriftd {
namespace {

using std::chrono::seconds;
using FloatSeconds = std::chrono::duration<double>;

constexpr double kFirstShare = 0.92;
constexpr double kMostShare = 0.98;
constexpr double kLeastShare = 0.05;
constexpr double kRaisePerSecond = 0.02;     // while nothing was ever refused
constexpr double kCarefulPerSecond = 0.001;  // after a refusal, once it has been quiet
constexpr seconds kQuiet{30};
// Far below what an uneven way needs, somebody else used the limit too: come back sooner.
constexpr double kLowShare = 0.85;
constexpr double kRecoverPerSecond = 0.02;
constexpr seconds kQuietWhenLow{5};
constexpr double kSlowDown = 0.94;
constexpr double kSlowDownHard = 0.7;  // refused again although slowed down
constexpr seconds kAgain{2};
// A caller that comes late may catch up by this much and no more, or it would send bursts.
constexpr Millis kCatchUp{10};

}  // namespace

std::map<std::string, double> limits_of(const Paces& paces) {
  std::map<std::string, double> limits;
  for (const auto& [account, pace] : paces) {
    const auto [known, fresh] = limits.emplace(pace.key, pace.limit);
    if (!fresh) known->second = std::min(known->second, pace.limit);
  }
  return limits;
}

Pace::Pace(double limit) : limit_(limit), share_(kFirstShare) {
  if (!(limit > 0)) throw std::logic_error("a rate limit must be above zero");
}

void Pace::set_limit(double limit) {
  if (!(limit > 0)) throw std::logic_error("a rate limit must be above zero");
  const Duration before = spacing();
  limit_ = limit;
  if (started_) next_ += spacing() - before;
}

Pace::Duration Pace::spacing() const {
  return std::chrono::duration_cast<Duration>(FloatSeconds(1.0 / (limit_ * share_)));
}

bool Pace::take(MonoTime now) {
  if (!started_) {
    started_ = true;
    next_ = quiet_since_ = raised_at_ = now;
  }
  if (now < next_) return false;
  learn(now);
  // From the slot, not from `now`: a caller that is a millisecond late each time would lose a millisecond each time.
  // But a caller that was away for seconds must not send all at once what it missed.
  next_ = std::max<MonoTime>(next_, now - kCatchUp) + spacing();
  return true;
}

void Pace::learn(MonoTime now) {
  double speed = kRaisePerSecond;
  MonoTime from = raised_at_;
  if (ever_refused_) {
    const bool low = share_ < kLowShare;
    speed = low ? kRecoverPerSecond : kCarefulPerSecond;
    from = std::max<MonoTime>(from, quiet_since_ + (low ? kQuietWhenLow : kQuiet));
  }
  if (now <= from) return;
  // The share grows with the time in which requests went well. After a pause without requests only the last second
  // counts: that nothing was refused while nothing was sent shows nothing.
  const double taught = std::min(FloatSeconds(now - from).count(), 1.0);
  share_ = std::min(kMostShare, share_ + speed * taught);
  raised_at_ = now;
}

void Pace::answered(MonoTime now) { learn(now); }

void Pace::refused(MonoTime sent, MonoTime now) {
  quiet_since_ = raised_at_ = now;
  // Requests that were on their way when the pace was slowed down were sent at the old one: to slow down for each of
  // their refusals would bring the pace to its floor after a single burst.
  if (ever_refused_ && sent < slowed_at_) return;
  const bool again = ever_refused_ && now - slowed_at_ < kAgain;
  share_ = std::max(kLeastShare, share_ * (again ? kSlowDownHard : kSlowDown));
  ever_refused_ = true;
  slowed_at_ = now;
  next_ = std::max<MonoTime>(next_, now + spacing());
}

}  // namespace codedriftd
