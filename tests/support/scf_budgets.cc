#include "support/scf_budgets.h"

#include <algorithm>

namespace codedriftd::test {

bool ScfBudgets::take(const ScfCall& call, MonoTime now) {
  Windows& action = actions_[call.action];
  RateWindow& key = keys_[{call.key_id, call.action}];
  Windows* const region = call.action == "GetFunctionAddress" ? &regions_[call.region] : nullptr;
  action.sent.add(now);
  if (region != nullptr) region->sent.add(now);

  const auto rate = rates_.find(call.action);
  const bool over_key = rate != rates_.end() && key.count(now) >= rate->second;
  const bool over_region = region != nullptr && region_rate_ != 0 && region->accepted.count(now) >= region_rate_;
  if (over_key || over_region) {
    ++action.refused;
    return false;
  }
  ++action.calls;
  action.accepted.add(now);
  key.add(now);
  if (region != nullptr) region->accepted.add(now);
  return true;
}

void ScfBudgets::add_to(ScfStatistics& statistics) const {
  for (const auto& [name, region] : regions_) {
    statistics.busiest_second = std::max(statistics.busiest_second, static_cast<unsigned>(region.accepted.busiest()));
    statistics.busiest_second_sent =
        std::max(statistics.busiest_second_sent, static_cast<unsigned>(region.sent.busiest()));
  }
  for (const auto& [name, action] : actions_) {
    if (action.calls + action.refused == 0) continue;
    statistics.by_action[name] = {action.calls, action.refused, static_cast<unsigned>(action.accepted.busiest()),
                                  static_cast<unsigned>(action.sent.busiest())};
  }
}

void ScfBudgets::forget() {
  for (auto& [name, region] : regions_) {
    region.accepted.forget_busiest();
    region.sent.forget_busiest();
  }
  for (auto& [name, action] : actions_) {
    action.calls = action.refused = 0;
    action.accepted.forget_busiest();
    action.sent.forget_busiest();
  }
}

}  // namespace codedriftd::test
