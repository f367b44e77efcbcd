#pragma once
/// What the daemon was asked to do and is still at: the control socket answers at once with a ticket, and its client
/// asks now and then what has come of it.
#include <sys/types.h>

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "base/clock.h"
#include "base/guarded.h"
#include "base/json_box.h"
#include "polling/poller.h"

namespace codedriftd {

/// One ticket. Whoever does the work and whoever asks share it; thread-safe.
class Ticket {
 public:
  explicit Ticket(std::size_t total) : state_(State{total, total, {}, {}, false}) {}

  /// One of the polls is over.
  void over(PollEnd end);
  /// All of it is over, and this came of it: an object.
  void finish(JsonBox outcome);

  /// {"total": N, "left": n, "answered": …, "unanswered": …, "unrecorded": …, "unwatched": …}, and the members of the
  /// outcome once there is one.
  JsonBox progress();
  bool done() const { return state_.copy().left == 0; }
  /// Whoever asked has been told that it is over.
  bool told() const { return state_.copy().told; }

 private:
  struct State {
    std::size_t total = 0, left = 0;
    std::array<std::size_t, 4> ends{};  ///< by PollEnd
    JsonBox outcome;                    ///< null: none
    bool told = false;
  };
  Guarded<State> state_;
};

/// The tickets that are out. Not thread-safe.
class Tickets {
 public:
  static constexpr std::size_t kMost = 16;           ///< root and the daemon's own user may have more
  static constexpr std::size_t kMostOfOneUser = 4;   ///< whose work is under way
  static constexpr Millis kForgottenAfter{300'000};  ///< since it was last asked for

  explicit Tickets(const Clock& clock) : clock_(clock) {}

  struct Issued {
    std::string id;
    std::shared_ptr<Ticket> ticket;
  };
  /// A new one for `uid`; nullopt if there are too many whose work is under way and whose clients wait for it, or too
  /// many of this user under way. Root and the daemon's own user always get one.
  std::optional<Issued> issue(uid_t uid, std::size_t total);
  /// The ticket, if `uid` was given it, or is root; nullptr: there is none, or it was forgotten.
  std::shared_ptr<Ticket> find(const std::string& id, uid_t uid);

 private:
  struct Out {
    std::shared_ptr<Ticket> ticket;
    uid_t uid = 0;
    MonoTime asked_at{};
  };
  void forget_old();
  bool make_room();

  std::reference_wrapper<const Clock> clock_;
  std::map<std::string, Out> out_;
};

}  // namespace codedriftd
