#pragma once
#include <map>
#include <string>
#include <utility>

#include "support/rate_window.h"
#include "support/scf_request.h"
#include "support/simulated_scf.h"

namespace codedriftd::test {

/// How many calls a second are let through, and how many came. For one thread at a time.
class ScfBudgets {
 public:
  /// Of GetFunctionAddress, for each region; 0: no limit.
  void set_region_rate(unsigned per_second) { region_rate_ = per_second; }
  /// For each action and key, over all regions; actions that are not named have no limit. 0: none.
  void set_rates(std::map<std::string, unsigned> per_second) { rates_ = std::move(per_second); }

  /// A call arrives; whether it is let through. One that is not counts against no limit.
  /// REQUIRES: times do not go back.
  bool take(const ScfCall& call, MonoTime now);

  /// Puts the busiest seconds and the calls by action in.
  void add_to(ScfStatistics& statistics) const;
  /// Counts again from zero. The windows go on.
  void forget();

 private:
  struct Windows {
    RateWindow accepted, sent;
    uint64_t calls = 0, refused = 0;  ///< of actions
  };

  unsigned region_rate_ = 0;
  std::map<std::string, unsigned> rates_;
  std::map<std::string, Windows> regions_;                          ///< of GetFunctionAddress
  std::map<std::string, Windows> actions_;                          ///< all regions and keys together
  std::map<std::pair<std::string, std::string>, RateWindow> keys_;  ///< accepted, by key and action
};

}  // namespace codedriftd::test
