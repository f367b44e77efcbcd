#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <thread>

#include "base/bell.h"
#include "base/clock.h"
#include "base/guarded.h"
#include "base/result.h"
#include "base/unique_fd.h"
#include "cloud/credential_sources.h"

namespace codedriftd {

/// One account's credentials, always at hand, kept fresh on a thread of its own. All methods are thread-safe.
///
/// Temporary keys are read again five minutes before they expire, and, while that fails, again and again with back-off;
/// the old ones are given out meanwhile, even past their end: whether they still work is the cloud's to say.
class CredentialProvider {
 public:
  /// Reads nothing yet. `account` is its label, for the log. `clock` must outlive this.
  CredentialProvider(std::string account, CredentialSpec spec, const Clock& clock);
  /// Ends within a moment, whatever is under way.
  ~CredentialProvider();
  CredentialProvider(const CredentialProvider&) = delete;
  CredentialProvider& operator=(const CredentialProvider&) = delete;

  /// Starts the thread, which reads for the first time at once, in `at_most`. Call once.
  void start(Millis at_most = Millis{5000});
  /// Waits for that, `at_most`; why there is nothing to sign with, if so. The provider goes on: what comes later counts
  /// then, and `refused(0)` makes it look again.
  Checked wait_loaded(Millis at_most);
  /// Both.
  Checked load(Millis at_most = Millis{5000});

  /// What to sign with, or why there is nothing. Never waits for files or network.
  Result<std::shared_ptr<const Credentials>> current();

  /// The cloud refused credentials of this generation (0: there were none to use): they are read again, soon and on the
  /// other thread. Ignored when they were replaced since, and for ten seconds after such a read: a storm of refusals
  /// causes one.
  void refused(uint64_t generation);

  /// Somebody says that they may be new (a reload): they are read again, soon and on the other thread, whatever was
  /// read or refused before.
  void read_again();

  const CredentialSpec& spec() const { return spec_; }

 private:
  struct State {
    std::shared_ptr<const Credentials> current;
    std::string error = "credentials were not loaded yet";
    bool wanted = false;             ///< a refusal or a reload asked for a read
    MonoTime refusals_count_from{};  ///< refusals before are ignored
    MonoTime refresh_not_before{};   ///< back-off between reads near the end of temporary keys
    unsigned failures = 0;
  };

  void run(Millis first_at_most, std::stop_token stop);
  void read(Millis at_most, const std::stop_token& stop);
  bool refresh_due(const State& state) const;
  Millis until_refresh(const State& state) const;

  const std::string account_;
  const CredentialSpec spec_;
  const Clock& clock_;
  Guarded<State> state_;
  Bell bell_;
  Bell loaded_;          ///< rings once, after the first read
  UniqueFd cancel_;      ///< an eventfd: readable when this ends
  std::jthread thread_;  ///< last: stops first
};

}  // namespace codedriftd
