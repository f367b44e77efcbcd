#pragma once
/// Looks into the packages of what is live: fetched by the link of the answer that brought the hash, read by
/// codedriftd-examiner, recorded, and told to the ledger.
#include <array>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <thread>

#include "base/bell.h"
#include "base/clock.h"
#include "base/guarded.h"
#include "base/secret.h"
#include "base/sha256.h"
#include "base/unique_fd.h"
#include "model/examination.h"
#include "package/fetch.h"
#include "store/db/writer.h"
#include "store/ledger/ledger.h"

namespace codedriftd {

/// How packages are looked at, as the configuration says.
struct InspectionRules {
  std::map<std::string, FetchRules> fetch;  ///< by account
  PackageLimits limits;
  std::string examiner;  ///< find_examiner()
  Millis examiner_deadline{60'000};
  std::string keep_folder;    ///< packages are kept whole in here (store/packages/files.h); empty: they are not
  uint64_t keep_at_most = 0;  ///< bytes of all packages kept
};

/// Seam for tests: what is done with one link.
class PackageSource {
 public:
  virtual ~PackageSource() = default;
  virtual Result<FetchedPackage, FetchFailure> fetch(const Secret& url, const FetchRules& rules, int cancel_fd) = 0;
  virtual Result<Examination> examine(int package_fd, const InspectionRules& rules, int cancel_fd) = 0;
};
/// The real one, for one thread.
std::unique_ptr<PackageSource> real_package_source();

/// Two packages at a time, those somebody waits for first. A package is asked for three times, kTryAgain apart and each
/// time with the link of a fresh poll, or of another target that runs it, before it counts as unavailable; then not for
/// kAgainAfter, twice as long each time, unless a verdict waits. What is not in the record when the daemon stops comes
/// again with the next poll. Polls, their pace and alerts wait for none of it.
class Inspector {
 public:
  struct Hooks {
    std::function<void(TargetId)> poll_again;  ///< a fresh link is needed; thread-safe
    std::function<std::unique_ptr<PackageSource>()> source = real_package_source;  ///< one for each thread
    std::function<bool()> may_fetch = {};  ///< nothing is fetched while it says no; thread-safe. Empty: always
  };
  static constexpr std::size_t kMostQueued = 2'000;  ///< more come again with their next poll
  static constexpr unsigned kTries = 3;
  static constexpr std::array<Millis, kTries - 1> kTryAgain{Millis{2'000}, Millis{10'000}};
  static constexpr Millis kAgainAfter{15 * 60'000}, kAgainAtMost{6 * 3'600'000};

  Inspector(Writer& writer, Ledger& ledger, const Clock& clock, InspectionRules rules, Hooks hooks);
  ~Inspector();  ///< stops
  Inspector(const Inspector&) = delete;

  /// The package of `code`, live at target `id`, is to be had by `url`. Thread-safe, returns at once, and takes nothing
  /// twice.
  void want(TargetId id, const std::string& account, const Sha256& code, Secret url, Urgency urgency);
  /// The rules from now on: for what is begun after this. Thread-safe.
  void set_rules(InspectionRules rules) { *rules_.lock() = std::move(rules); }
  /// What was given up is looked at again at its next poll, as somebody asked for. Thread-safe.
  void forget_failure(const Sha256& code);

  void start();  ///< idempotent
  /// Ends what is under way, unrecorded, within a moment. Idempotent.
  void stop();

  /// Figures since the start. One copy at a time; thread-safe.
  struct Stats {
    uint64_t examined = 0, ambiguous = 0, unavailable = 0, mismatch = 0;
    uint64_t bytes = 0;  ///< downloaded
    std::size_t queued = 0;
    uint64_t tries = 0;  ///< that failed
  };
  Stats stats() const;

 private:
  struct Job {
    TargetId id = 0;
    std::string account;
    Sha256 code;
    Secret url;
  };
  struct Queue {
    std::deque<Job> pressing, others;
    std::set<Sha256> taken;           ///< queued, or under way
    std::map<Sha256, Job> otherwise;  ///< of those taken: where else the package is to be had
    struct Trouble {
      unsigned tries = 0, mismatches = 0;
      unsigned given_up = 0;  ///< how often
      MonoTime not_before{};
    };
    std::map<Sha256, Trouble> troubles;
    std::multimap<MonoTime, TargetId> polls;  ///< that are to be asked for
    Stats stats;

    void leave(const Sha256& code) {
      taken.erase(code);
      otherwise.erase(code);
    }
  };
  std::optional<Job> next();
  void ask_for_polls();
  Millis wait_at_most() const;
  void look(PackageSource& source, const Job& job);
  void failed(const Job& job, const std::string& why, bool mismatch, bool for_good = false);
  void record(const Sha256& code, std::function<void(Tx&, WallTime)> save);
  void examined(const Job& job, FetchedPackage package, Examination found, const InspectionRules& rules);
  bool stopping() const;
  void leave(const Sha256& code);

  Writer& writer_;
  Ledger& ledger_;
  const Clock& clock_;
  Guarded<InspectionRules> rules_;
  Hooks hooks_;
  const std::shared_ptr<Guarded<Queue>> queue_;  ///< shared with what the writer still has to do when this ends
  std::array<Bell, 2> bells_;
  UniqueFd cancel_;  ///< an eventfd: readable once it is to stop
  std::array<std::jthread, 2> threads_;
};

}  // namespace codedriftd
