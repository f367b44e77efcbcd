#pragma once
#include <array>
#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

#include "base/clock.h"
#include "base/guarded.h"
#include "base/histogram.h"
#include "base/secret.h"
#include "polling/attempts.h"
#include "polling/paced_queue.h"
#include "scf/api.h"
#include "store/db/writer.h"
#include "store/ledger/ledger.h"
#include "store/ledger/watch_list.h"

namespace codedriftd {

/// What the poller has done and how it stands, for metrics, the status line and the hourly summary. One copy at a time.
struct PollStats {
  struct Lane {
    std::string account, region;
    std::size_t watched = 0;
    std::size_t stale = 0;
    double rate = 0;   ///< calls a second at present, of all that share its pace
    Millis behind{0};  ///< how long the most overdue poll has been waiting
  };
  struct SharedPace {
    std::string accounts;  ///< who share it, parted by commas
    Action action = Action::get_function_address;
    double limit = 0;  ///< requests a second
    double rate = 0;   ///< the same, at present
  };
  std::array<uint64_t, 5> polls{};  ///< finished polls by Outcome
  uint64_t refused_by_limit = 0;
  Histogram took{{0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10}};  ///< seconds of each attempt
  std::optional<WallTime> last_success_at;
  std::optional<WallTime> last_poll_at;
  std::optional<Millis> clock_error;  ///< this machine's clock minus the cloud's, at the last answer that told
  std::vector<Lane> lanes;
  std::vector<SharedPace> paces;
};

/// What came of one poll that somebody asked for.
enum class PollEnd {
  answered,    ///< a hash, or "not found"
  unanswered,  ///< denied, failed or updating
  unrecorded,  ///< the record could not be written: it does not count
  unwatched,   ///< the target is not watched, or not any more
};

/// Polls every watched target at its slot, through the pace of its account's key and endpoint. One thread: everything
/// but the thread-safe calls happens inside turn().
///
/// A finished poll goes to the writer as one piece of work (Ledger::apply); the poller never waits for it, and knows no
/// verdicts: it keeps what is needed to ask again, and tells the ledger of time that passed unseen.
class Poller {
 public:
  Poller(Api& api, Writer& writer, Ledger& ledger, const Clock& clock);
  ~Poller();

  struct Watch {
    std::vector<WatchedTarget> targets;
    Paces paces;                  ///< of every account of `targets`
    std::function<void()> apply;  ///< runs on the poller's thread when the watch is taken over
    /// Whether the package of a target may be had by the link of an answer; empty: packages are not looked into. Runs
    /// on the poller's thread.
    std::function<bool(const Target&, std::string_view link)> package_link;
  };
  /// The watch from now on. What is in flight ends as it would have. Each `apply` runs, in their order, also that of a
  /// watch that another one replaced before it was taken over. Thread-safe.
  void set_watch(Watch watch);

  /// Polls these targets now, within the pace, in this order and ahead of all that the schedule has due; each returns
  /// to its slot afterwards. `over` is called once for each of them, when what came of it is durable: of a poll whose
  /// last attempt was started after this call. One that was not found once is over when it has been asked again. It
  /// runs on the writer's thread or the poller's, and never if the poller is stopped before. Thread-safe.
  void poll_now(std::vector<TargetId> ids, std::function<void(PollEnd)> over);

  /// What is live at a target was not looked into, and its package is to be had by this link. Runs on the writer's
  /// thread, once the poll is durable.
  using Unexamined = std::function<void(TargetId, const Target&, const Sha256& code, Secret url, Urgency urgency)>;
  /// REQUIRES: before start(), and before set_watch() with a package_link.
  void on_unexamined(Unexamined unexamined) { unexamined_ = std::move(unexamined); }

  /// Nothing is asked for while `may_call` says no, and that time counts for nobody; what is in flight ends as it would
  /// have. `may_call` is thread-safe. REQUIRES: before start().
  void ask_only_while(std::function<bool()> may_call) { may_call_ = std::move(may_call); }
  /// That the clock was stepped is another daemon's to record while this says no; thread-safe. REQUIRES: before
  /// start().
  void tell_steps_only_while(std::function<bool()> may_tell) { may_tell_steps_ = std::move(may_tell); }

  void start();
  /// Ends the thread within a moment; calls in flight are given up, unrecorded. Idempotent.
  void stop();

  /// One round: starts what is due, lets the API work for `at_most`, looks after time. The thread does nothing else.
  void turn(Millis at_most);

  PollStats stats() const { return stats_.copy(); }
  MonoTime last_turn() const { return last_turn_.copy(); }

 private:
  struct Lane;
  using Line = PacedQueue<TargetId>;
  /// Polls that somebody asked for.
  struct Request {
    std::vector<TargetId> ids;
    std::function<void(PollEnd)> over;
    std::size_t left = 0;  ///< the poller's thread counts
  };
  using Requests = std::vector<std::shared_ptr<Request>>;
  struct Wish {
    std::shared_ptr<Request> request;
    uint64_t after = 0;  ///< attempts up to this number were started before it
  };
  struct Mail {
    std::optional<Watch> watch;
    Requests requests;
  };
  struct Entry {
    WatchedTarget watched;
    Lane* lane = nullptr;
    Line* line = nullptr;   ///< shared with other regions and accounts
    MonoTime due{};         ///< of the poll, or of its next attempt
    MonoTime seen{};        ///< the last answer, or when this process began to watch it; moved by what it was absent
    MonoTime polled{};      ///< the end of the last poll
    Attempts attempts;      ///< of the poll under way
    uint64_t call = 0;      ///< the number of the attempt in flight: an answer to another one is not ours
    unsigned failures = 0;  ///< finished polls without an answer, in a row
    unsigned not_found = 0;
    bool in_flight = false;
    bool ahead = false;     ///< waits before what the schedule has due
    bool stale = false;     ///< and the ledger was told
    std::string last_code;  ///< of the last finished poll: a log line only when it changes
    std::string last_reason;
    std::optional<std::size_t> last_found;  ///< a hash of what the last finished poll found
    std::vector<Wish> wishes;               ///< who waits for a poll of it
  };
  /// One account in one region: what fails together.
  struct Lane {
    Lane(std::string account_label, std::string region_name)
        : account(std::move(account_label)), region(std::move(region_name)) {}
    std::string account, region;
    const Line* line = nullptr;  ///< of the polls of code
    std::size_t watched = 0;
    std::size_t stale = 0;
    unsigned causes_in_a_row = 0;  ///< finished polls with a cause that is the account's
    bool cause_known = false;      ///< there was an answer since the start that tells
    bool cause_open = false;       ///< polls fail for a cause that is the account's
    bool unreachable = false;      ///< functions went stale while nobody behind the cloud's door answered
    std::set<TargetId> unproven;   ///< failed for what may be anybody's (network, rate limit) since the last proof
    MonoTime judged_from{};        ///< what was not polled since is not judged yet
    std::string cause;
    std::optional<PollError> cause_error;
    std::optional<std::pair<bool, bool>> told;  ///< an open cause and "most are stale", as the ledger knows them

    bool fails_as_one() const { return cause_open || unreachable; }
  };
  struct Stale {
    TargetId id;
    Millis unseen_for{};
  };

  void loop(std::stop_token stop);
  void take_over(Watch watch) REQUIRES(polling_);
  // In on_demand.cc.
  void take_on(const std::shared_ptr<Request>& request, MonoTime now) REQUIRES(polling_);
  static void go_ahead(Entry& entry, MonoTime now);
  static void let_go(Entry& entry);
  static Requests fulfilled(Entry& entry);
  void start_due(MonoTime now) REQUIRES(polling_);
  void start_attempt(Entry& entry, MonoTime now) REQUIRES(polling_);
  void answered(TargetId id, uint64_t call, MonoTime sent, const ApiAnswer& answer) REQUIRES(polling_);
  void finish(Entry& entry, const ApiAnswer& answer, MonoTime sent, MonoTime now) REQUIRES(polling_);
  static void judge_account(Entry& entry, const ApiAnswer& answer, MonoTime now);
  void requeue(Entry& entry, MonoTime due) REQUIRES(polling_);
  void log_change(const Entry& entry, const Observation& observation) const;
  // In poller_time.cc.
  void notice_absence(MonoTime now) REQUIRES(polling_);
  void look_after_time(MonoTime now) REQUIRES(polling_);
  void take_stock(MonoTime now) REQUIRES(polling_);
  void tell_account(Lane& lane, std::vector<Stale> newly) REQUIRES(polling_);
  std::string commonest_reason(const Lane& lane) const REQUIRES(polling_);
  void tell_overdue_deploys() REQUIRES(polling_);
  void check_clocks(MonoTime now) REQUIRES(polling_);
  static Millis offset(WallTime wall, MonoTime mono);
  // In poller.cc again.
  void count_attempt(const ApiAnswer& answer);
  void count_poll(Outcome outcome);
  Millis until_next(MonoTime now) const REQUIRES(polling_);
  /// `done` runs on the writer's thread once the work is durable (true), or if it left no trace (false).
  void write(Writer::Work work, std::function<void(bool recorded)> done = {});
  /// The same, for what was posted so; what ended it is logged.
  static Writer::Done logged(Writer::Keep keep, std::function<void(bool recorded)> done);

  ThreadRole polling_;  ///< the thread that calls turn()
  Api& api_;
  Writer& writer_;
  Ledger& ledger_;
  const Clock& clock_;
  std::unordered_map<TargetId, Entry> entries_ GUARDED_BY(polling_);
  /// By account and region, and by what is counted together; their addresses are stable.
  std::map<std::pair<std::string, std::string>, Lane> lanes_ GUARDED_BY(polling_);
  std::map<PaceKey, Line> lines_ GUARDED_BY(polling_);
  Paces paces_ GUARDED_BY(polling_);
  Guarded<Mail> mailbox_;
  Guarded<PollStats> stats_;
  Guarded<MonoTime> last_turn_;
  Unexamined unexamined_;
  std::function<bool()> may_call_, may_tell_steps_;  ///< empty: always
  std::function<bool(const Target&, std::string_view link)> package_link_ GUARDED_BY(polling_);
  WallTime started_at_ GUARDED_BY(polling_);
  uint64_t calls_ GUARDED_BY(polling_) = 0;
  std::atomic<bool> retell_{false};             ///< what was told of stale targets and accounts may be lost
  std::atomic<int64_t> unrecorded_step_ms_{0};  ///< a clock step whose event could not be written
  std::atomic<int64_t> outbox_seen_{0};  ///< the newest alert at the last look: older than a step noticed at the next
  MonoTime next_look_ GUARDED_BY(polling_){};
  std::optional<MonoTime> round_began_ GUARDED_BY(polling_);  ///< the last turn that might ask
  bool paused_ GUARDED_BY(polling_) = false;                  ///< none might since
  Millis clock_offset_ GUARDED_BY(polling_);                  ///< wall minus monotonic, when last looked at
  std::jthread thread_;
};

}  // namespace codedriftd
