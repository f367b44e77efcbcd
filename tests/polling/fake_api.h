#pragma once
#include <deque>
#include <functional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "scf/api.h"

namespace codedriftd::test {

/// An Api without a network: each call is answered in the next turn by `answer_with`, or waits for good if that returns
/// nothing.
class FakeApi final : public Api {
 public:
  std::function<std::optional<ApiAnswer>(const Target&)> answer_with;
  bool start_throws = false;
  int new_connections = 0;         ///< calls that asked for one
  std::vector<std::string> calls;  ///< addresses, in the order they were started

  void start(const ApiCall& call, Callback done) override {
    if (start_throws) throw std::runtime_error("simulated: no descriptors left");
    calls.push_back(call.target.address());
    new_connections += call.new_connection ? 1 : 0;
    flight_.emplace_back(call.target, std::move(done));
  }
  void turn(Millis) override {
    std::vector<std::pair<Callback, ApiAnswer>> ready;
    std::deque<std::pair<Target, Callback>> waiting;
    for (auto& [target, done] : flight_) {
      if (auto answer = answer_with(target)) {
        ready.emplace_back(std::move(done), std::move(*answer));
      } else {
        waiting.emplace_back(std::move(target), std::move(done));
      }
    }
    flight_ = std::move(waiting);
    for (auto& [done, answer] : ready) done(std::move(answer));
  }
  void wake() override {}
  std::size_t in_flight() const override { return flight_.size(); }

 private:
  std::deque<std::pair<Target, Callback>> flight_;
};

inline ApiAnswer observed(std::string_view text) {
  ApiAnswer answer;
  answer.observation.outcome = Outcome::observed;
  answer.observation.sha256 = sha256(text);
  answer.proves_account = true;
  answer.observation.error.request_id = "request-1";
  return answer;
}

/// An answer with the meaning the API's table gives to `code`.
inline ApiAnswer refused(const std::string& code) {
  const CodeMeaning meaning = meaning_of(code);
  ApiAnswer answer;
  answer.observation.outcome = meaning.outcome;
  answer.observation.error = {code, "simulated", "request-2"};
  answer.observation.reason = meaning.reason;
  answer.observation.account_cause = meaning.account_cause;
  answer.retry_soon = meaning.retry_soon;
  answer.slow_down = meaning.slow_down;
  answer.refresh_credentials = meaning.refresh_credentials;
  answer.proves_account = meaning.proves_account;
  return answer;
}

}  // namespace codedriftd::test
