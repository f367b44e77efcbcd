#pragma once
#include <functional>
#include <map>
#include <set>
#include <vector>

#include "base/guarded.h"
#include "control/verbs.h"
#include "polling/poller.h"
#include "service/leases.h"
#include "store/db/writer.h"

namespace codedriftd {

/// Polls that somebody asked a member of a fleet for: those of accounts that it works for it makes, for the others it
/// leaves a request in the record, which is made by who does. It ends before writer and poller do.
class SharedPolls {
 public:
  using Over = std::function<void(PollEnd)>;
  struct Hooks {
    std::function<void(std::vector<TargetId> ids, Over over)> poll_now;  ///< Poller::poll_now
    /// What is known of the package of what is live at the target is to be forgotten. On the writer's thread
    std::function<void(Tx& tx, TargetId id)> look_again;
  };
  /// `member`: of this daemon, now.
  SharedPolls(Writer& writer, const Clock& clock, std::function<int64_t()> member, Hooks hooks);

  /// Whose polls are made here from now on. Thread-safe.
  void set_share(Share share) { *share_.lock() = std::move(share); }
  /// As Poller::poll_now. Thread-safe.
  void poll_now(const std::vector<PollWish>& wishes, Over over);
  /// With each turn of the membership, on the writer's thread: takes what others asked for, and what they answered.
  void look(Tx& tx);

 private:
  void ask(std::vector<PollWish> wishes, Over over);
  void make(int64_t request, TargetId target, const std::string& account);

  Writer& writer_;
  const Clock& clock_;
  const std::function<int64_t()> member_;
  const Hooks hooks_;
  Guarded<Share> share_{Share({}, {})};
  // The writer's thread's.
  struct Waiting {
    Over over;
    WallTime asked_at;
  };
  std::map<int64_t, Waiting> waiting_;  ///< by request
  std::set<int64_t> under_way_;         ///< requests that are being made here
};

}  // namespace codedriftd
