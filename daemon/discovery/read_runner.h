#pragma once
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "cloud/pace.h"
#include "discovery/read_job.h"
#include "polling/attempts.h"
#include "polling/paced_queue.h"

namespace codedriftd {

/// Carries jobs: each call waits for the pace of its (credentials, host, action), all regions together, and has the
/// attempts of a poll (polling/attempts.h). Many jobs at a time, one call of each: calls of one pace go in the order in
/// which they came up, so that a job of many calls in one region does not keep those of others waiting. One thread,
/// which owns `api`.
class ReadRunner {
 public:
  ReadRunner(ReadApi& api, const Clock& clock);

  /// `paces` by account: AccountPace::key; their limits count for GetFunctionAddress alone and are not used here, but
  /// usable_by_readings() of each action.
  void set_paces(Paces paces);
  /// Begins a job; `over` runs inside a later turn(), when it is over. Calls for an account without a pace are answered
  /// Client.NoCredentials, without being sent. A job that throws is over.
  void start(std::shared_ptr<ReadJob> job, std::function<void()> over);
  /// One round: sends what may go, lets the API work for `at_most`, hands answers on. What `over` throws comes out of
  /// here, once everything else is in order.
  void turn(Millis at_most);
  std::size_t jobs() const { return jobs_.size(); }

  struct Stats {
    std::map<Action, uint64_t> calls;  ///< attempts
    uint64_t refused_by_limit = 0;
  };
  const Stats& stats() const { return stats_; }

 private:
  using Line = PacedQueue<uint64_t>;
  using LineKey = std::pair<std::string, Action>;
  struct Job {
    std::shared_ptr<ReadJob> job;
    std::function<void()> over;
    std::optional<ReadCall> call;  ///< under way, or waiting for its attempt
    LineKey line;
    MonoTime due{};
    Attempts attempts;
    bool waiting = false;     ///< in its line
    bool no_account = false;  ///< the account of `call` was taken out while it waited
  };

  void go_on(uint64_t id, MonoTime now);
  void enqueue(uint64_t id, Job& job, MonoTime due);
  void send(uint64_t id, MonoTime now);
  void answered(uint64_t id, const LineKey& line, MonoTime sent, ReadAnswer answer);
  void finish(uint64_t id);
  std::optional<LineKey> line_of(const ReadCall& call) const;

  ReadApi& api_;
  const Clock& clock_;
  Paces paces_;
  std::map<LineKey, Line> lines_;
  std::map<uint64_t, Job> jobs_;
  std::vector<uint64_t> fresh_;  ///< that have not been asked for a call yet
  std::vector<std::function<void()>> over_;
  uint64_t last_id_ = 0;
  Stats stats_;
};

}  // namespace codedriftd
