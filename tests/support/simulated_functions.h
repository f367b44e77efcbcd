#pragma once
/// The functions, namespaces and layers of the simulated cloud: what is written there, and what its answers read.
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "support/cloud_clock.h"
#include "support/simulated_answers.h"
#include "support/simulated_audit.h"
#include "support/simulated_catalogue.h"

namespace codedriftd::test {

class SimulatedPackages;

struct ScfNewFunction {
  std::optional<std::string> sha256{};
  std::string type = "Event", runtime = "Python3.10", status = "Active";
  std::map<std::string, std::string> tags{};
};
/// What is not there stays as it is.
struct ScfConfiguration {
  std::optional<std::string> status{};
  std::optional<std::map<std::string, std::string>> tags{};
};
/// What changes between two pages of somebody's listing.
struct ListingRace {
  std::vector<std::string> insert{}, remove{};  ///< names of functions
  unsigned times = 1;
};

/// Thread-safe. Every write has its record in the audit log, and moves ModTime where it says so: whole seconds of the
/// cloud's clock, so that two writes within one second look like one. A caller with an `error` changes nothing.
///
/// A target is "REGION/NAMESPACE/FUNCTION:QUALIFIER"; without ":QUALIFIER" it is `$LATEST`. Namespaces and functions
/// begin with the first write to them where that sets code; every region has the namespace `default`. What needs a
/// function that is not there, or a target that is none, throws std::out_of_range or std::invalid_argument.
class SimulatedFunctions {
 public:
  /// All three outlive this.
  SimulatedFunctions(const CloudClock& clock, SimulatedPackages& packages, SimulatedAudit& audit);

  // ---- code: ModTime moves
  // -------------------------------------------------------------------------------------------
  /// CodeSha256 is this, as it stands; there is no package. For a version: publishes it if it is new. For any other
  /// qualifier: what GetFunctionAddress alone knows.
  void set(const std::string& target, std::string sha256, const ScfCaller& by = {});
  std::string deploy(const std::string& target, const std::map<std::string, std::string>& files,
                     const std::map<std::string, uint32_t>& modes, const ScfCaller& by = {});
  std::string deploy_zip(const std::string& target, std::string zip, const ScfCaller& by = {});
  std::string repack(const std::string& target, const ScfCaller& by = {});
  void set_image(const std::string& target, std::string image_uri, const ScfCaller& by = {});
  /// Two updates of the code, the second of which brings back what was there.
  void swap_and_restore(const std::string& target, const ScfCaller& by = {});

  // ---- functions
  // -----------------------------------------------------------------------------------------------------
  void create(const std::string& target, ScfNewFunction function, const ScfCaller& by = {});
  void configure(const std::string& target, ScfConfiguration configuration,
                 const ScfCaller& by = {});  ///< moves ModTime
  void set_layers(const std::string& target, std::vector<SimulatedLayerUse> layers,
                  const ScfCaller& by = {});  ///< moves ModTime
  /// Deleted and made again with the same code and settings, without versions and aliases: another FunctionId.
  void recreate(const std::string& target, const ScfCaller& by = {});
  /// `$LATEST`: the function, with all versions. A target that is not there is none of its business.
  void remove(const std::string& target, const ScfCaller& by = {});
  std::string publish_version(const std::string& target, const ScfCaller& by = {});  ///< of `$LATEST`: its number
  void set_alias(const std::string& target, const std::string& alias, SimulatedAlias leads_to,
                 const ScfCaller& by = {});
  /// `$DEFAULT`, too: whether the cloud lets anybody is not documented, but a function without aliases can be had so.
  void remove_alias(const std::string& target, const std::string& alias, const ScfCaller& by = {});
  /// The layer's next version.
  int64_t publish_layer(const std::string& region, const std::string& layer, std::string sha256,
                        const ScfCaller& by = {});
  void add_namespace(const std::string& region, const std::string& ns, const std::string& type = "Default",
                     const ScfCaller& by = {});
  void remove_namespace(const std::string& region, const std::string& ns, const ScfCaller& by = {});

  // ---- what goes wrong
  // -----------------------------------------------------------------------------------------------
  /// Plays after the next page of ListFunctions on this namespace that is not the last, as often as it says. From the
  /// second time on, what the time before inserted is removed, and "NAME-2", "NAME-3", … are inserted: the number of
  /// functions stays, and no two listings are alike.
  void race(const std::string& region, const std::string& ns, ListingRace race);
  /// From now on GetAccount answers as of now; false: as it is again.
  void set_account_lag(bool lags);
  void clear_trouble();

  // ---- what is there
  // -------------------------------------------------------------------------------------------------
  std::string sha256(const std::string& target) const;  ///< Throws std::out_of_range if there is none.
  /// Every function by its target without a qualifier, as it is.
  std::map<std::string, SimulatedFunction> all() const;
  /// For all actions but DescribeEvents.
  ScfAnswer answer(const ScfCall& call, ListingFault fault = ListingFault::none);

 private:
  struct Place {
    std::string region, ns, function, qualifier;
  };
  struct Racing {
    ListingRace race;
    unsigned round = 0;
  };

  static Place place_of(const std::string& target);
  SimulatedRegion& region(const std::string& name) REQUIRES(mutex_);
  SimulatedNamespace& ns(const Place& place) REQUIRES(mutex_);
  SimulatedFunction& function(const Place& place) REQUIRES(mutex_);
  SimulatedFunction& add(const Place& place, SimulatedFunction made) REQUIRES(mutex_);
  void set_code(const Place& place, std::string sha256, const ScfCaller& by) REQUIRES(mutex_);
  void publish(SimulatedFunction& function, const Place& place, int64_t number, std::string sha256, const ScfCaller& by)
      REQUIRES(mutex_);
  void erase(const Place& place) REQUIRES(mutex_);
  void note(const std::string& action, const Place& place, const ScfCaller& by,
            std::map<std::string, std::string> more = {}) REQUIRES(mutex_);
  void play_race(const std::string& region_name, const std::string& ns_name) REQUIRES(mutex_);
  ScfAnswer address(const ScfCall& call) REQUIRES(mutex_);

  const CloudClock& clock_;
  SimulatedPackages& packages_;  ///< its lock is taken under this one's
  SimulatedAudit& audit_;        ///< so is this one

  mutable Mutex mutex_;
  std::map<std::string, SimulatedRegion> regions_ GUARDED_BY(mutex_);
  std::map<std::string, Racing> races_ GUARDED_BY(mutex_);                    ///< by "REGION/NAMESPACE"
  std::optional<std::map<std::string, std::string>> lag_ GUARDED_BY(mutex_);  ///< GetAccount's members by region
  uint64_t next_id_ GUARDED_BY(mutex_) = 1;
};

}  // namespace codedriftd::test
