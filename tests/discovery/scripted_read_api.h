#pragma once
#include <deque>
#include <functional>
#include <optional>
#include <stdexcept>
#include <utility>
#include <vector>

#include "discovery/catalogue.h"
#include "support/manual_clock.h"

namespace codedriftd::test {

/// A ReadApi without a network, for which time passes: a call is answered 20 ms later by `answer_with`, or waits for
/// good if that returns nothing.
class ScriptedReadApi final : public ReadApi {
 public:
  struct Sent {
    ReadCall call;
    MonoTime at;
  };
  explicit ScriptedReadApi(ManualClock& clock) : clock_(clock) {}

  std::function<std::optional<ReadAnswer>(const ReadCall&)> answer_with;
  bool start_throws = false;
  std::vector<Sent> sent;

  void start(const ReadCall& call, Callback done) override {
    if (start_throws) throw std::runtime_error("simulated: no descriptors left");
    sent.push_back({call, clock_.mono()});
    flight_.emplace_back(call, std::move(done));
  }
  void turn(Millis at_most) override {
    std::vector<std::pair<Callback, ReadAnswer>> ready;
    std::deque<std::pair<ReadCall, Callback>> waiting;
    for (auto& [call, done] : flight_) {
      if (auto answer = answer_with(call)) {
        ready.emplace_back(std::move(done), std::move(*answer));
      } else {
        waiting.emplace_back(std::move(call), std::move(done));
      }
    }
    flight_ = std::move(waiting);
    clock_.advance(std::max(Millis{1}, ready.empty() ? at_most : std::min(at_most, Millis{20})));
    for (auto& [done, answer] : ready) done(std::move(answer));
  }
  void wake() override {}
  std::size_t in_flight() const override { return flight_.size(); }

  std::size_t sent_of(Action action) const {
    return static_cast<std::size_t>(
        std::count_if(sent.begin(), sent.end(), [&](const Sent& one) { return one.call.action == action; }));
  }

 private:
  ManualClock& clock_;
  std::deque<std::pair<ReadCall, Callback>> flight_;
};

}  // namespace codedriftd::test
