#pragma once
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <thread>

#include "base/bell.h"
#include "base/clock.h"
#include "base/guarded.h"
#include "base/histogram.h"
#include "sinks/channel.h"
#include "sinks/throttle.h"
#include "store/db/writer.h"
#include "store/ledger/ledger.h"
#include "store/outbox/outbox.h"

namespace codedriftd {

/// How one destination stands, for the status line and metrics.
struct RunnerState {
  bool up = false;                              ///< its plugin is loaded and opened
  std::string down_reason;                      ///< why not
  uint64_t faults = 0;                          ///< crashes, hangs and nonsense of its plugin since the start
  std::map<DeliveryResult, uint64_t> attempts;  ///< since the start, by how they ended
  /// Seconds from when an alert was made to when it was accepted, since the start.
  Histogram delay{{1, 5, 15, 60, 300, 900, 3'600, 21'600, 86'400}};
};

/// Carries the alerts of one destination from the outbox through its channel and back: one thread, one child, nothing
/// shared with the other destinations. Each attempt is committed as begun before the alert leaves, and its end after.
class Runner {
 public:
  /// `channel` is this runner's own; the others must outlive it.
  Runner(std::string destination, std::shared_ptr<SinkChannel> channel, Writer& writer, Ledger& ledger,
         const Clock& clock);
  ~Runner();

  /// Nothing is sent while `may_send` says no. It is thread-safe. REQUIRES: before start().
  void send_only_while(std::function<bool()> may_send) { may_send_ = std::move(may_send); }
  /// Starts the thread; it loads the plugin at once.
  void start();
  /// Something is in the outbox. Thread-safe.
  void ring() { bell_.ring(); }
  /// After a reload: goes on with another channel once the attempt in flight has ended, at once, also if the
  /// destination was held or backing off. Thread-safe.
  void replace_channel(std::shared_ptr<SinkChannel> channel);
  /// Asks the attempt in flight to end, without waiting: the first half of stop(), for stopping several side by side.
  void cancel();
  /// Ends the thread and the child, at most a little over kCancelGrace after cancel(). Idempotent.
  void stop();

  const std::string& destination() const { return destination_; }
  RunnerState state() const { return state_.copy(); }

  /// One round of the thread: brings the channel up if it is time, makes one attempt if one is due. How long nothing
  /// will be due. For the thread and for tests.
  Millis turn();

  /// The longest one attempt may take; a plugin's own time limit is shorter.
  static constexpr Millis kAttemptLimit{70'000};

 private:
  /// How often a destination that refuses is tried with one alert.
  static constexpr Millis kProbeEvery{15 * 60'000};

  void loop(std::stop_token stop);
  void take_over() REQUIRES(carrying_);
  bool bring_up() REQUIRES(carrying_);
  void begin(Tx& tx, WallTime now, std::optional<PendingAlert>& alert, std::optional<WallTime>& next)
      REQUIRES(carrying_);
  bool accepts(WallTime now) REQUIRES(carrying_);
  void put_off_start(Millis at_least) REQUIRES(carrying_);
  void deliver(const PendingAlert& alert) REQUIRES(carrying_);
  void settle_last() REQUIRES(carrying_);
  void hold_for_plugin() REQUIRES(carrying_);
  Millis longest_wait() const;
  void set_down(std::string_view reason);
  void count_attempt(const PendingAlert& alert, DeliveryResult result);
  void count_fault(const std::string& what) REQUIRES(carrying_);
  /// Tells the destination, without the outbox, that nothing can be recorded, and when it can be again.
  void tell_of_trouble() REQUIRES(carrying_);
  // In runner_settle.cc.
  void settle(Tx& tx, const PendingAlert& alert, const DeliveryAnswer& answer, const AttemptOutcome& outcome,
              WallTime now) REQUIRES(carrying_);
  void back_off(Tx& tx, const PendingAlert& alert, const DeliveryAnswer& answer, const AttemptOutcome& outcome,
                WallTime now);
  /// `undelivered`: the alert it was noticed with, if there was one.
  void hold(Tx& tx, const std::string& reason, const PendingAlert& undelivered, WallTime now,
            Millis retry_after = Millis{0});
  void record_dead(Tx& tx, const PendingAlert& undelivered, const std::string& reason, WallTime now);
  void look_after_queue(WallTime now) REQUIRES(carrying_);

  struct Unsettled {
    PendingAlert alert;
    DeliveryAnswer answer;
    AttemptOutcome outcome;
  };

  const std::string destination_;
  struct Channels {
    std::shared_ptr<SinkChannel> current;      ///< for cancel(); the thread works with its own pointer
    std::shared_ptr<SinkChannel> replacement;  ///< taken over by the next turn
    bool cancelled = false;
  };
  Guarded<Channels> channels_;
  Writer& writer_;
  Ledger& ledger_;
  const Clock& clock_;
  Bell bell_;
  Guarded<RunnerState> state_;
  std::function<bool()> may_send_;  ///< empty: always
  ThreadRole carrying_;             ///< the thread that calls turn(), and the writer's while it waits for that
  std::shared_ptr<SinkChannel> channel_ GUARDED_BY(carrying_);
  unsigned start_failures_ GUARDED_BY(carrying_) = 0;
  MonoTime start_not_before_ GUARDED_BY(carrying_){};
  std::optional<MonoTime> looked_after_at_ GUARDED_BY(carrying_);
  std::optional<MonoTime> spoke_up_at_ GUARDED_BY(carrying_);
  std::optional<MonoTime> forgot_at_ GUARDED_BY(carrying_);
  std::optional<Unsettled> unsettled_ GUARDED_BY(carrying_);  ///< the last attempt, until its end is recorded
  std::optional<std::string> to_hold_ GUARDED_BY(carrying_);  ///< why, until it is recorded
  bool begin_anew_ GUARDED_BY(carrying_) = false;             ///< another channel was taken over
  /// The destination is held because the channel could not be opened.
  bool held_at_start_ GUARDED_BY(carrying_) = false;
  bool can_probe_ GUARDED_BY(carrying_) = false;
  /// The receiver refused, a file had changed, and it was tried at once with the new one.
  bool tried_anew_ GUARDED_BY(carrying_) = false;
  bool up_ GUARDED_BY(carrying_) = false;  ///< the channel ran when it was last looked at
  bool told_of_trouble_ GUARDED_BY(carrying_) = false;
  std::string said_ GUARDED_BY(carrying_);  ///< why the last turn failed, as it was logged
  Throttle throttle_ GUARDED_BY(carrying_);
  std::deque<MonoTime> faults_at_ GUARDED_BY(carrying_);  ///< the last few
  std::jthread thread_;
};

}  // namespace codedriftd
