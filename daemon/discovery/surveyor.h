#pragma once
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <thread>
#include <tuple>
#include <utility>
#include <vector>

#include "base/guarded.h"
#include "discovery/details_job.h"
#include "discovery/read_runner.h"
#include "model/inventory.h"

namespace codedriftd {

/// What a surveyor has done and how it stands, for metrics. One copy at a time.
struct SurveyStats {
  struct Region {
    std::string account, region;
    Millis every{0};                            ///< a complete listing
    std::optional<WallTime> last_complete_at;   ///< when the last complete listing ended
    std::optional<WallTime> last_good_look_at;  ///< at the newest changes of one of its namespaces
    std::size_t failing_looks = 0;              ///< namespaces of which the last such look failed
  };
  uint64_t listings = 0, incomplete_listings = 0;
  uint64_t looks = 0, failed_looks = 0;  ///< at the newest changes of a namespace
  uint64_t details = 0, failed_details = 0;
  std::size_t details_waiting = 0;
  ReadRunner::Stats calls;
  std::vector<Region> regions;
};

/// Finds what there is and what changed, all the time: complete listings every `every`, a look at the newest changes of
/// each namespace every `changes_every`, and details that somebody asks for. A thread of its own, with a ReadApi of its
/// own. Regions have slots (polling/slots.h) for their listings, and namespaces for their looks; none is begun while
/// the one before it runs. A look that fails is repeated ever more seldom, up to five minutes: listings and polls go
/// on.
class Surveyor {
 public:
  struct Scope {
    std::string account, region;
    Millis every{600'000};
    Millis changes_every{15'000};
    /// The namespaces that the last complete listing knew, and the newest ModTime that was seen in each: known from the
    /// record at a start.
    std::map<std::string, std::optional<WallTime>> namespaces;
    std::optional<WallTime> last_complete_at;
  };
  /// They run on the surveyor's thread, and do not block.
  struct Hooks {
    std::function<void(Listing)> listed;
    /// Each look that failed, or showed something that the last one before it did not, or follows one that showed a
    /// change of its last minute: what was asked as soon as a function was written may have been asked too soon. What
    /// changed in the minute before the newest known change is always among it.
    std::function<void(NewestChanges)> changed;
    std::function<void(Details)> detailed;
  };
  Surveyor(std::unique_ptr<ReadApi> api, const Clock& clock, Hooks hooks);
  ~Surveyor();

  /// From now on. A scope that was there before keeps its times and what is under way. `paces`:
  /// ReadRunner::set_paces. `apply` runs on the surveyor's thread when they are taken over (the accounts of the
  /// ReadApi are its thread's). Thread-safe.
  void set_scopes(std::vector<Scope> scopes, Paces paces, std::function<void()> apply = {});
  /// A listing of this region, begun after this call; nothing for one that is no scope.
  /// Thread-safe.
  void list_now(std::string account, std::string region);
  /// What came of this look is lost: the next one of its namespace shows at least the same, and is handed on whatever
  /// it shows. Thread-safe.
  void look_again(const NewestChanges& lost);
  /// Thread-safe. Wishes for one function that wait are one; a wish for one that is being read is read after that. What
  /// cannot be read is handed to the hook and read again later, five times, unless the function is not there.
  void want_details(std::vector<DetailWish> wishes);
  /// Another job, through the same paces: the audit log's. `over` runs on this object's thread. Thread-safe.
  void run(std::shared_ptr<ReadJob> job, std::function<void()> over);

  /// Nothing is asked for while `may_call` says no; it is thread-safe. REQUIRES: before start().
  void ask_only_while(std::function<bool()> may_call) { may_call_ = std::move(may_call); }
  void start();  ///< its thread, if it does not run
  void stop();   ///< within a moment; idempotent. What is under way is given up.
  /// One round, as the thread does it.
  void turn(Millis at_most);

  SurveyStats stats() const { return stats_.copy(); }
  /// When its thread last came round; nullopt while it does not run.
  std::optional<MonoTime> last_turn() const { return last_turn_.copy(); }

 private:
  /// Looking at the newest changes of one namespace.
  struct Look {
    std::optional<WallTime> since;  ///< the newest ModTime that was seen
    MonoTime due{};
    bool under_way = false;
    unsigned failures = 0;                                      ///< in a row
    std::optional<std::map<std::string, FoundFunction>> shown;  ///< by the last complete look; by name
    bool young = false;                                         ///< that one showed a change of its last minute
    std::string last_code;
  };
  struct Region {
    Scope scope;
    MonoTime listing_due{};
    bool listing = false;     ///< one is under way
    bool list_again = false;  ///< asked for while it was
    std::map<std::string, Look> looks;
    std::string last_code;
    SurveyStats::Region stats;
  };
  using RegionKey = std::pair<std::string, std::string>;
  using DetailKey = std::tuple<std::string, std::string, std::string, std::string>;
  struct Waiting {
    DetailWish wish;
    MonoTime due{};
    unsigned failures = 0;
  };
  struct LostLook {
    RegionKey region;
    std::string ns;
    std::optional<WallTime> oldest;  ///< ModTime that it showed
  };
  struct Mail {
    std::optional<std::vector<Scope>> scopes;
    Paces paces;
    std::vector<std::function<void()>> apply;
    std::vector<RegionKey> list_now;
    std::vector<LostLook> look_again;
    std::vector<DetailWish> wishes;
    std::vector<std::pair<std::shared_ptr<ReadJob>, std::function<void()>>> jobs;
  };

  void loop(std::stop_token stop);
  void take_mail() REQUIRES(surveying_);
  void take_over(std::vector<Scope> scopes) REQUIRES(surveying_);
  MonoTime start_due(MonoTime now) REQUIRES(surveying_);
  void list(const std::shared_ptr<Region>& region) REQUIRES(surveying_);
  void listed(Region& region, Listing listing) REQUIRES(surveying_);
  void look_at(const std::shared_ptr<Region>& region, const std::string& ns, Look& look) REQUIRES(surveying_);
  void looked(Region& region, NewestChanges changes) REQUIRES(surveying_);
  void wish_for(DetailWish wish, MonoTime due, unsigned failures) REQUIRES(surveying_);
  void read_details(Waiting waiting) REQUIRES(surveying_);
  void detailed(Details details, unsigned failures) REQUIRES(surveying_);
  bool is_there(const std::shared_ptr<Region>& region) const REQUIRES(surveying_);
  MonoTime listing_slot(const Scope& scope) const;
  MonoTime look_slot(const Scope& scope, const std::string& ns) const;
  void take_stock() REQUIRES(surveying_);

  ThreadRole surveying_;  ///< the thread that calls turn()
  const std::unique_ptr<ReadApi> api_;
  const Clock& clock_;
  const Hooks hooks_;
  ReadRunner runner_ GUARDED_BY(surveying_);
  std::map<RegionKey, std::shared_ptr<Region>> regions_ GUARDED_BY(surveying_);
  std::map<DetailKey, Waiting> waiting_ GUARDED_BY(surveying_);
  std::set<std::pair<MonoTime, DetailKey>> waiting_order_ GUARDED_BY(surveying_);
  /// Functions whose details are being read, and what was wished for them since.
  std::map<DetailKey, std::optional<DetailWish>> reading_ GUARDED_BY(surveying_);
  SurveyStats counts_ GUARDED_BY(surveying_);
  Guarded<Mail> mailbox_;
  Guarded<SurveyStats> stats_;
  Guarded<std::optional<MonoTime>> last_turn_;
  std::function<bool()> may_call_;  ///< empty: always
  std::jthread thread_;
};

}  // namespace codedriftd
