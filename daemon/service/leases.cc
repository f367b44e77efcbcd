#include "service/leases.h"

#include "settings/schedule.h"

namespace codedriftd {

namespace {

constexpr std::string_view kLane = "lane/";

}  // namespace

bool is_lane(std::string_view lease) { return lease.starts_with(kLane); }

std::string lease_of_alert(std::string_view name) { return std::string("alert/").append(name); }

std::optional<std::string_view> alert_of_lease(std::string_view lease) {
  const std::string kind = lease_of_alert("");
  return lease.starts_with(kind) ? std::optional(lease.substr(kind.size())) : std::nullopt;
}

std::map<std::string, std::string> lanes_of(const Settings& settings) {
  std::map<std::string, std::string> names, lanes;  // by pace, and by account
  for (const auto& [account, its] : settings.accounts)
    lanes.emplace(account, names.try_emplace(pace_key(its), std::string(kLane) + account).first->second);
  return lanes;
}

std::set<std::string, std::less<>> leases_of(const Settings& settings) {
  std::set<std::string, std::less<>> leases{std::string(kHouse)};
  for (auto& [account, lane] : lanes_of(settings)) leases.insert(lane);
  for (const AlertSettings& alert : settings.alerts) leases.insert(lease_of_alert(alert.subscription.name));
  return leases;
}

Paces paces_of_lanes(Paces paces, const std::map<std::string, std::string>& lanes) {
  std::map<std::string, std::set<std::string>> sharing;  // lanes by pace
  for (const auto& [account, pace] : paces) sharing[pace.key].insert(lanes.at(account));
  for (auto& [account, pace] : paces) pace.limit /= static_cast<double>(sharing.at(pace.key).size());
  return paces;
}

Share Share::all() {
  Share all;
  all.all_ = true;
  return all;
}

Share::Share(std::set<std::string, std::less<>> leases, std::map<std::string, std::string> lanes)
    : leases_(std::move(leases)), lanes_(lanes.begin(), lanes.end()) {}

bool Share::has_account(std::string_view account) const {
  if (all_) return true;
  const auto lane = lanes_.find(account);
  return lane != lanes_.end() && leases_.contains(lane->second);
}

bool Share::keeps_watch_of(std::string_view account) const {
  return has_account(account) || (has_house() && !lanes_.contains(account));
}

}  // namespace codedriftd
