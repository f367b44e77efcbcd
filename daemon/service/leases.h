#pragma once
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "cloud/pace.h"
#include "settings/settings.h"

namespace codedriftd {

/// The work of a fleet, as its leases share it out: "lane/…" is all that is asked of the cloud for the accounts that
/// share a pace, "alert/NAME" the deliveries to one destination, "house" what is about none of them. All by the
/// configuration alone, so that each member that has the same one finds the same.
inline constexpr std::string_view kHouse = "house";
bool is_lane(std::string_view lease);
std::string lease_of_alert(std::string_view name);
std::optional<std::string_view> alert_of_lease(std::string_view lease);  ///< nullopt: it is of another kind
/// By account. Those of the same credentials and endpoint have one lease, named after the first of them.
std::map<std::string, std::string> lanes_of(const Settings& settings);
std::set<std::string, std::less<>> leases_of(const Settings& settings);

/// `paces` where the lanes may be on several hosts: of a limit that accounts of several lanes share (their keys turn
/// out to be the same), each lane has its part.
Paces paces_of_lanes(Paces paces, const std::map<std::string, std::string>& lanes);

/// What of the work is this daemon's.
class Share {
 public:
  /// Everything: of a daemon that has its record for itself.
  static Share all();
  /// What comes with these leases.
  Share(std::set<std::string, std::less<>> leases, std::map<std::string, std::string> lanes);

  bool has_account(std::string_view account) const;
  bool has_alert(std::string_view name) const { return all_ || leases_.contains(lease_of_alert(name)); }
  bool has_house() const { return all_ || leases_.contains(kHouse); }
  /// Whether the watch of the account's functions is this daemon's to keep: of an account that is not configured any
  /// more, it is for who keeps house.
  bool keeps_watch_of(std::string_view account) const;
  const std::set<std::string, std::less<>>& leases() const { return leases_; }

 private:
  Share() = default;
  bool all_ = false;
  std::set<std::string, std::less<>> leases_;
  std::map<std::string, std::string, std::less<>> lanes_;  ///< by account
};

}  // namespace codedriftd
