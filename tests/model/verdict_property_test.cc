/// Random lives of a target, checked against a naive judge that keeps only what the definitions need.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>

#include "model/verdict.h"
#include "model/verdict_story.h"
#include "support/seed.h"

namespace codedriftd {
namespace {

using namespace story;

/// "Drift opens when a hash is observed that is neither accepted nor announced. It closes only when the accepted hash
/// is observed, or when the live hash is accepted": told by letters, without sharing a line with decide().
struct NaiveJudge {
  bool watched = false, review = false, drift = false, missing = false;
  int not_found = 0;
  char live = '-', accepted = '-', pin = '-';
  struct Promise {
    char hash;
    WallTime until;
    bool pin;
  };
  std::vector<Promise> promised;
  // What listings said of the function.
  int id = 0;  // 0: nothing yet
  std::optional<WallTime> written, live_since;
  bool touched = false;
  int recreations = 0, touches = 0;  // to be told so far

  void list(int seen_id, WallTime seen_written) {
    if (!watched || seen_id < id) return;  // it lags behind
    if (seen_id > id) {
      if (id > 0) ++recreations;
      touched = false;
    } else if (seen_written <= *written) {
      return;
    } else if (!live_since || *live_since < seen_written - 2s) {
      touched = true;
    }
    id = seen_id;
    written = seen_written;
  }
  void expire(WallTime now) {
    std::erase_if(promised, [&](const Promise& p) { return !p.pin && p.until < now; });
  }
  void observe(char hash, std::optional<WallTime> asked, WallTime now) {
    if (!watched) return;
    if (touched && (hash != live || !asked || *asked > *written + 2s)) {
      touched = false;
      if (hash == live) ++touches;
    }
    if (hash != live || not_found > 0) live_since = now;
    expire(now);
    const char before = live;
    live = hash;
    missing = false;
    not_found = 0;
    const auto kept = std::find_if(promised.begin(), promised.end(), [&](const Promise& p) { return p.hash == hash; });
    if (kept != promised.end()) {
      promised.erase(promised.begin(), kept + 1);
      accepted = hash;
    } else if (accepted == '-' && pin != '-') {
      accepted = pin;
    } else if (accepted == '-' && !review) {
      accepted = before != '-' ? before : hash;
    }
    if (accepted != '-') drift = accepted != hash;
  }
  void not_there() {
    if (watched && ++not_found >= 2) missing = true;
  }
  void configure(char new_pin, bool new_review, WallTime now) {
    watched = true;
    review = new_review;
    if (new_pin == pin) return;
    pin = new_pin;
    promised.clear();
    if (pin == '-') return;
    if ((pin == live && !missing) || pin == accepted) {
      accepted = pin;
      if (pin == live && !missing) drift = false;
    } else if (accepted != '-') {
      promised.push_back({pin, now, true});
    }
  }
  bool approve(char hash, WallTime now) {
    if (!watched || pin != '-' || missing || hash != live) return false;
    expire(now);
    accepted = hash;
    drift = false;
    return true;
  }
  bool expect(char hash, WallTime until, WallTime now) {
    if (!watched || pin != '-' || until <= now) return false;
    if (hash == live && !missing) {
      if (accepted != hash) return false;
      expire(now);
      promised.clear();
      return true;
    }
    auto left = promised;
    std::erase_if(left, [&](const Promise& p) { return p.until < now || p.hash == hash; });
    if (left.size() >= 8) return false;
    promised = left;
    promised.push_back({hash, until, false});
    return true;
  }
};

/// Every optional time of a state, for "never goes back".
std::vector<std::optional<WallTime>> times(const TargetState& s) {
  return {s.live_since, s.accepted_at, s.last_polled_at, s.last_success_at, s.status_since};
}

class Life {
 public:
  explicit Life(uint64_t seed) : random_(test::random_from(seed)) {}

  void live(int steps) {
    for (int i = 0; i < steps && !testing::Test::HasFailure(); ++i) step();
  }

 private:
  int below(int n) { return std::uniform_int_distribution<int>(0, n - 1)(random_); }
  char any_hash() { return static_cast<char>('A' + below(12)); }
  char likely_hash() { return below(3) == 0 ? any_hash() : static_cast<char>('A' + below(3)); }

  void step() {
    // Mostly minutes, sometimes longer than everything is valid, sometimes a clock that goes back a little.
    now_ += below(20) == 0 ? Millis(3h) : Millis(1min) * below(12);
    if (below(25) == 0) now_ -= 30min;
    now_ = std::max(now_, kStart);
    latest_ = now_;
    for (const auto& time : times(state_)) latest_ = std::max(latest_, time.value_or(latest_));
    latest_ = std::max(latest_, state_.drift_since.value_or(latest_));
    for (const Announcement& a : state_.announced) latest_ = std::max(latest_, a.announced_at);
    if (below(10) == 0) restart();
    switch (below(17)) {
      case 0:
      case 1:
      case 2:
      case 3: {
        const char c = likely_hash();
        Observation seen = std::get<Observation>(see(c));
        if (below(3) > 0) seen.asked_at = latest_ - Millis(1s) * below(10);
        naive_.observe(c, seen.asked_at, latest_);
        give(seen, true);
        break;
      }
      case 14:  // somebody writes the function, or deletes it and creates another one under its name
      {
        // The cloud's clock never goes back, whatever ours does.
        const WallTime at = std::max(seconds(latest_), worlds_.back().written + 1s);
        World next = worlds_.back();
        if (below(4) == 0) next = {next.id + 1, at, at};
        next.written = at;
        worlds_.push_back(next);
      } break;
      case 15:
      case 16: {  // a listing, which may lag behind
        const std::size_t back = below(4) == 0 ? static_cast<std::size_t>(below(4)) : 0;
        const World& world = worlds_[worlds_.size() - 1 - std::min(back, worlds_.size() - 1)];
        naive_.list(world.id, world.written);
        give(Listed{"lam-" + std::to_string(world.id), world.added, world.written}, true);
        break;
      }
      case 4:
      case 5:
        naive_.not_there();
        give(gone(), true);
        break;
      case 6:
        give(failed(), true);
        break;
      case 7: {
        if (naive_.watched && !naive_.missing) naive_.not_found = 0;
        give(updating(), true);
        break;
      }
      case 8:
        if (naive_.watched) naive_.expire(latest_);
        give(tick(Millis(1min) * below(40), below(3) == 0), true);
        break;
      case 9:
        configure(below(2) == 0 ? '-' : likely_hash(), below(4) == 0);
        break;
      case 10:
        if (below(3) == 0) naive_.watched = false, give(unwatch(), true);
        break;
      case 11:
      case 12: {
        const char c = any_hash();
        const Millis valid = (latest_ - kStart) + Millis(1min) * (below(200) - 10);
        give(expect(c, valid), naive_.expect(c, kStart + valid, latest_));
        break;
      }
      default: {
        const char c = below(2) == 0 && naive_.live != '-' ? naive_.live : any_hash();
        give(approve(c), naive_.approve(c, latest_));
      }
    }
  }

  static WallTime seconds(WallTime time) { return std::chrono::floor<std::chrono::seconds>(time); }

  void configure(char pin, bool review) {
    pin_ = pin;
    review_ = review;
    naive_.configure(pin, review, latest_);
    give(watch(pin, review ? Baseline::review : Baseline::first_seen), true);
  }

  /// The same configuration is loaded again over the same state, as the store returns it (tests/store/targets_test.cc):
  /// nothing happens.
  void restart() {
    const TargetState copy = state_;
    if (!naive_.watched) return;
    const Decision decision =
        decide(kTarget, copy, watch(pin_, review_ ? Baseline::review : Baseline::first_seen), now_);
    EXPECT_TRUE(decision.events.empty()) << "a restart is no event, but: " << brief(decision.events);
    EXPECT_EQ(decision.state, state_);
    state_ = decision.state;
  }

  void give(const Input& input, bool allowed) {
    const TargetState before = state_;
    const Decision decision = decide(kTarget, state_, input, now_);
    EXPECT_EQ(decision.refused.has_value(), !allowed) << decision.refused.value_or("not refused");
    if (decision.refused) {
      EXPECT_EQ(decision.state, before);
      EXPECT_TRUE(decision.events.empty());
    }
    state_ = decision.state;
    follow(decision.events);
    compare();
    for (std::size_t i = 0; i < times(before).size(); ++i) {
      EXPECT_GE(times(state_)[i], times(before)[i]) << "time " << i << " went back";
    }
    // What a person or a pipeline says again leaves a trace again; nothing else happens without a change.
    const bool said = std::holds_alternative<Expected>(input) || std::holds_alternative<Approved>(input);
    if (before == state_ && !said) {
      EXPECT_TRUE(decision.events.empty()) << brief(decision.events);
    }
    const Decision again = decide(kTarget, state_, input, now_);
    // Not found twice is an event, so "again" is the second time; then once more must be silent.
    const bool second = std::holds_alternative<Observation>(input) && state_.not_found_in_a_row == 1;
    for (const NewEvent& event : again.events) {
      EXPECT_TRUE(second || !alerts_by_default(event)) << "alerted again: " << brief(again.events);
    }
  }

  /// What opens must close before it opens again.
  void follow(const std::vector<NewEvent>& events) {
    for (const NewEvent& event : events) {
      const auto turns = [&](std::string_view opens, std::string_view closes) {
        if (event.kind == opens) {
          EXPECT_FALSE(std::exchange(open_[std::string(opens)], true)) << opens << " twice";
        }
        if (event.kind == closes) {
          EXPECT_TRUE(std::exchange(open_[std::string(opens)], false)) << closes << " of nothing";
        }
      };
      turns("drift.detected", "drift.resolved");
      turns("function.missing", "function.returned");
      turns("poll.failing", "poll.recovered");
      turns("watch.added", "watch.removed");
      if (event.kind == "drift.changed" && !(*event.data)["accepted_sha256"].is_null()) {
        EXPECT_TRUE(open_["drift.detected"]);
      }
      if (event.kind == "function.recreated") ++recreations_;
      if (event.kind == "function.touched") ++touches_;
      if (event.kind == "poll.failing") quiet_ = !event.alertable;
      if (event.kind == "poll.recovered") {
        EXPECT_EQ(event.alertable, !quiet_) << "alerted as its failing was";
      }
    }
    EXPECT_EQ(open_["drift.detected"], state_.drift_open);
    EXPECT_EQ(open_["function.missing"], state_.missing);
    EXPECT_EQ(open_["poll.failing"], state_.failing);
    EXPECT_EQ(open_["watch.added"], state_.watched);
  }

  void compare() {
    EXPECT_EQ(state_.drift_open, naive_.drift);
    EXPECT_EQ(state_.drift_open, state_.drift_since.has_value());
    EXPECT_EQ(state_.drift_open, state_.accepted && state_.live != state_.accepted);
    EXPECT_EQ(letter(state_.live), naive_.live);
    EXPECT_EQ(letter(state_.accepted), naive_.accepted);
    EXPECT_EQ(state_.missing, naive_.missing);
    EXPECT_EQ(state_.touched, naive_.touched);
    EXPECT_EQ(recreations_, naive_.recreations);
    EXPECT_EQ(touches_, naive_.touches);
    std::string promised, announced;
    for (const auto& p : naive_.promised) promised += p.hash;
    for (const Announcement& a : state_.announced) announced += letter(a.sha256);
    EXPECT_EQ(announced, promised);
    if (state_.pin) {
      for (const Announcement& a : state_.announced) EXPECT_TRUE(a.pin) << "an announcement beside a pin";
      if (state_.accepted && state_.announced.empty()) {
        EXPECT_EQ(state_.accepted, state_.pin);
      }
    }
    // The status derives from the state: an equal copy has the same one, and it names the first that holds.
    const TargetState copy = state_;
    const StatusView view = status_of(copy, latest_, DaemonStay{latest_});
    const StatusView same = status_of(state_, latest_, DaemonStay{latest_});
    EXPECT_EQ(view.status, same.status);
    EXPECT_EQ(view.since, same.since);
    if (state_.missing) {
      EXPECT_EQ(view.status, Status::missing);
    }
    if (!state_.missing) {
      EXPECT_EQ(view.status == Status::drifted, naive_.drift);
    }
    if (view.status == Status::in_sync) {
      EXPECT_TRUE(naive_.live == naive_.accepted && naive_.promised.empty());
    }
    EXPECT_LE(view.since, latest_);
  }

  std::mt19937_64 random_;
  WallTime now_ = kStart;
  WallTime latest_ = kStart;  // or the latest stored time, if the clock went back
  NaiveJudge naive_;
  TargetState state_;
  char pin_ = '-';
  bool review_ = false, quiet_ = false;
  std::map<std::string, bool> open_;
  /// What the cloud had under the name, one after the other.
  struct World {
    int id = 1;
    WallTime added{}, written{};
  };
  std::vector<World> worlds_{{1, kStart - 24h, kStart - 1h}};
  int recreations_ = 0, touches_ = 0;
};

TEST(VerdictProperty, HoldsInThousandsOfRandomLives) {
  const uint64_t first = test::seed();
#ifdef CODEDRIFTD_SANITIZED
  constexpr uint64_t kLives = 400;
#else
  constexpr uint64_t kLives = 2000;
#endif
  for (uint64_t i = 0; i < kLives && !HasFailure(); ++i) {
    SCOPED_TRACE("alone and first with CODEDRIFTD_SEED=" + std::to_string(first + i));
    Life(first + i).live(60);
  }
}

}  // namespace
}  // namespace codedriftd
