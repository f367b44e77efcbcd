#pragma once
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/guarded.h"
#include "discovery/surveyor.h"
#include "settings/settings.h"
#include "store/db/writer.h"
#include "store/ledger/discoveries.h"

namespace codedriftd {

/// What the settings say of finding functions and changes.
struct DiscoveryRules {
  WatchPlan plan;
  std::vector<Surveyor::Scope> scopes;           ///< without what the record knows
  std::map<std::string, bool> report_unmanaged;  ///< by account
  /// How often versions and aliases of a rule's functions are listed anew, by the rule's "FILE:LINE".
  std::map<std::string, Millis> details_every;
};
/// REQUIRES: settings.watches are still there. An account is surveyed if its discovery is enabled or a [[watch]] names
/// it; in the regions of its rules and of its functions.
DiscoveryRules discovery_rules(const Settings& settings);

/// Finding functions and changes, in the daemon: what the surveyor reads goes into the record, and what follows from
/// it to the poller and to the watch list. Nothing of it is in the way of a poll or an alert.
class Discovery {
 public:
  struct Hooks {
    std::function<void(std::vector<TargetId>)> moved;  ///< are to be polled at once. On the writer's thread
    std::function<void()> watch_changed;               ///< the watch list is to be made anew. On the writer's thread
  };
  Discovery(std::unique_ptr<ReadApi> api, Writer& writer, Ledger& ledger, const Clock& clock, Hooks hooks);
  ~Discovery();

  /// From now on; `apply` runs on the surveyor's thread, when it takes that over. Its thread runs while there is
  /// anything to survey. On one thread.
  void apply(DiscoveryRules rules, Paces paces, std::function<void()> apply, Database& record);
  void stop();
  Surveyor& surveyor() { return surveyor_; }

 private:
  using Take = std::function<Discovered(Tx&, const DiscoveryRules&, bool report_unmanaged)>;
  void record(const std::string& account, Take take);
  void follow(Tx& tx, const DiscoveryRules& rules, Discovered found);
  void take(Details details);

  Writer& writer_;
  Ledger& ledger_;
  const Clock& clock_;
  const Hooks hooks_;
  Guarded<std::shared_ptr<const DiscoveryRules>> rules_;
  Surveyor surveyor_;  ///< last: its thread calls back
};

}  // namespace codedriftd
