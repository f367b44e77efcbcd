#pragma once
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "attribution/attributor.h"
#include "base/guarded.h"
#include "discovery/detail_troubles.h"
#include "discovery/surveyor.h"
#include "settings/expand.h"
#include "settings/settings.h"
#include "store/db/writer.h"
#include "store/ledger/discoveries.h"

namespace codedriftd {

/// What the settings say of finding functions and changes.
struct DiscoveryRules {
  WatchPlan plan;
  std::vector<Surveyor::Scope> scopes;           ///< without what the record knows
  std::map<std::string, bool> report_unmanaged;  ///< by account
  std::set<std::string> elsewhere;               ///< accounts that another daemon looks after
  /// How often versions and aliases of a rule's functions are listed anew, by the rule's "FILE:LINE".
  std::map<std::string, Millis> details_every;
  std::map<std::string, std::vector<std::string>> deploy_principals;  ///< of accounts whose audit log is asked
};
/// REQUIRES: settings.watches are those of [[function]] alone.
DiscoveryRules discovery_rules(const Settings& settings);

/// Where there are rules: adds to settings.watches what they match in the inventory of `record`; those that stood there
/// are in settings.named from then on. Which rules match too much.
std::vector<OverfullRule> match_rules(Settings& settings, Database& record);

/// Finding functions and changes and who made them, in the daemon: what the surveyor reads goes into the record, and
/// what follows from it to the poller and to the watch list. Nothing of it is in the way of a poll or an alert.
class Discovery {
 public:
  struct Hooks {
    std::function<void(std::vector<TargetId>)> moved;  ///< are to be polled at once. On the writer's thread
    std::function<void()> watch_changed;               ///< the watch list is to be made anew. On the writer's thread
    std::function<bool()> may_call = {};               ///< Surveyor::ask_only_while(). Empty: always
  };
  Discovery(std::unique_ptr<ReadApi> api, Writer& writer, Ledger& ledger, const Clock& clock, Hooks hooks);
  ~Discovery();

  /// From now on; `apply` runs on the surveyor's thread, when it takes that over. Its thread runs while there is
  /// anything to survey. On one thread.
  void apply(DiscoveryRules rules, Paces paces, std::function<void()> apply, Database& record);
  void stop();
  /// Asks what is due to be asked of the audit logs. To be called every few seconds; returns at once.
  void ask_due() { attributor_.ask_due(); }
  SurveyStats stats() const { return surveyor_.stats(); }
  /// When its thread last came round; nullopt while there is nothing to survey.
  std::optional<MonoTime> last_turn() const { return surveyor_.last_turn(); }

 private:
  using Take = std::function<Discovered(Tx&, const DiscoveryRules&, bool report_unmanaged)>;
  void record(const std::string& account, Take take, std::function<void()> lost = {});
  void follow(Tx& tx, const DiscoveryRules& rules, Discovered found);
  void ask_again(Tx& tx, const Listing& listing, const DiscoveryRules& rules, Discovered& found);
  void take(Details details);

  Writer& writer_;
  Ledger& ledger_;
  const Clock& clock_;
  const Hooks hooks_;
  Guarded<std::shared_ptr<const DiscoveryRules>> rules_;
  /// When the functions of a rule in a region were last asked for their details. The writer's thread's.
  std::map<std::pair<std::string, std::string>, MonoTime> asked_at_;
  DetailTroubles troubles_;  ///< the surveyor's thread's
  Surveyor surveyor_;
  Attributor attributor_;
};

}  // namespace codedriftd
