#pragma once
/// One round of polls outside the daemon: nothing is recorded.
#include <functional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "cloud/pace.h"
#include "model/observation.h"
#include "model/target.h"
#include "scf/api.h"

namespace codedriftd {

/// An account and region that was not asked further: several polls in a row were refused for a cause that is the
/// account's, and none was answered.
struct GivenUp {
  std::string account, region;
  PollError error;
};

struct SweepHooks {
  /// Each answer that ended a poll of targets[index]. One that was not found is polled once more after a pause: then
  /// there are two.
  std::function<void(std::size_t index, const Observation& observation, WallTime at)> answered;
  /// Now and then: so many targets are done with.
  std::function<void(std::size_t done)> progress;
};

/// Polls each target once, with the attempts of the daemon's own polls, through the pace of its account. Returns when
/// all are done with. On the caller's thread, which owns `api`.
std::vector<GivenUp> sweep(Api& api, const Clock& clock, const std::vector<const Target*>& targets, const Paces& paces,
                           const SweepHooks& hooks);

}  // namespace codedriftd
