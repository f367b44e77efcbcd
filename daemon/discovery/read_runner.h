#pragma once
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "cloud/pace.h"
#include "discovery/read_job.h"
#include "polling/paced_queue.h"

namespace codedriftd {

/// Carries jobs: each call waits for the pace of its (credentials, host, action), all regions together, and has its
/// retries (as a poll: http/retry.h, polling/attempts.h). Many jobs at a time, one call of each. One thread, which owns
/// `api`.
class ReadRunner {
 public:
  ReadRunner(ReadApi& api, const Clock& clock);

  /// `paces` by account: AccountPace::key; their limits count for GetFunctionAddress alone and are not used here.
  /// A simulated endpoint on loopback may have any limit: `unlimited` accounts are not held back.
  void set_paces(Paces paces);
  /// Begins a job; `over` runs inside a later turn(), when it is over. Jobs of an account without a pace are over at
  /// once, with Client.NoCredentials.
  void start(std::shared_ptr<ReadJob> job, std::function<void()> over);
  /// Lets go of every job; their `over` never runs.
  void clear();
  /// One round: sends what may go, lets the API work for `at_most`, hands answers on.
  void turn(Millis at_most);
  std::size_t jobs() const;

  struct Stats {
    std::map<Action, uint64_t> calls;  ///< attempts
    uint64_t refused_by_limit = 0;
  };
  Stats stats() const;
};

}  // namespace codedriftd
