#pragma once
#include <map>
#include <string>

#include "base/clock.h"

namespace codedriftd {

/// How one account's calls are paced. The cloud counts the calls of one key to one host for each action, whatever their
/// region: accounts with the same `key` share a pace, and the lowest of their limits.
struct AccountPace {
  std::string key;   ///< the credentials and the endpoint's host; nothing secret
  double limit = 0;  ///< requests a second
};
using Paces = std::map<std::string, AccountPace>;  ///< by account

/// The limit of each pace, by its key.
std::map<std::string, double> limits_of(const Paces& paces);

/// When the next request that counts against one limit may be sent. Pure: time is passed in, nothing waits. One thread.
///
/// Requests are spaced evenly, without bursts: a strict server counts arrivals in a sliding second, so `limit` requests
/// have to take a little more than a second even after the way has shaken them. How much more is learned: it starts
/// with 8 % of room, narrows to 2 % while nothing is refused, and widens at every refusal.
class Pace {
 public:
  /// `limit`: requests a second that the other side allows, above 0 and any size.
  explicit Pace(double limit);

  /// Takes the next slot and returns true if it has come; else nothing happens: ask again at `ready_at`.
  bool take(MonoTime now);
  /// When `take` will next return true.
  MonoTime ready_at() const { return next_; }

  /// A request sent at `sent` was refused for the rate limit. Refusals of requests that were sent before the last
  /// slow-down count once, with the one that caused it.
  void refused(MonoTime sent, MonoTime now);
  /// A request was answered with anything but that.
  void answered(MonoTime now);

  /// Another limit (a reload): already the next slot is by it. What was learned stays.
  void set_limit(double limit);
  double limit() const { return limit_; }
  /// The share of the limit in use, 0.05 to 0.98.
  double share() const { return share_; }
  /// Requests a second at present.
  double rate() const { return limit_ * share_; }

 private:
  using Duration = MonoTime::duration;
  Duration spacing() const;
  void learn(MonoTime now);

  double limit_;
  double share_;
  MonoTime next_{};  ///< the next slot
  bool started_ = false;
  bool ever_refused_ = false;
  MonoTime slowed_at_{};    ///< the last slow-down
  MonoTime quiet_since_{};  ///< the last refusal, or the first request
  MonoTime raised_at_{};    ///< up to when speeding up is reckoned
};

}  // namespace codedriftd
