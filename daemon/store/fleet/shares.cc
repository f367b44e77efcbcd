#include "store/fleet/shares.h"

#include <algorithm>
#include <map>

namespace codedriftd {
namespace {

/// The leases of one kind.
struct OneKind {
  std::vector<std::string> mine, free;
  std::map<int64_t, std::size_t> held;  ///< by each of the members
};

void share_out(const OneKind& kind, int64_t me, Shares& shares) {
  std::size_t all = kind.free.size();
  for (const auto& [member, held] : kind.held) all += held;
  const std::size_t members = kind.held.size();
  const std::size_t least = all / members, most = (all + members - 1) / members;
  std::size_t lacking = 0;  // by the others
  for (const auto& [member, held] : kind.held) lacking += member == me || held >= least ? 0 : least - held;

  const std::size_t mine = kind.mine.size();
  if (mine < most) {
    const std::size_t needed = mine < least ? least - mine : 0;
    const std::size_t spare = kind.free.size() > lacking + needed ? kind.free.size() - lacking - needed : 0;
    const std::size_t count = std::min({kind.free.size(), most - mine, needed + spare});
    shares.take.insert(shares.take.end(), kind.free.begin(), kind.free.begin() + static_cast<std::ptrdiff_t>(count));
  }
  std::size_t surplus = mine > most ? mine - most : 0;
  if (surplus == 0 && mine > least && lacking > kind.free.size()) surplus = 1;
  shares.give.insert(shares.give.end(), kind.mine.end() - static_cast<std::ptrdiff_t>(surplus), kind.mine.end());
}

}  // namespace

Shares share_out(const std::vector<LeaseRow>& leases, const std::vector<int64_t>& members, int64_t me) {
  Shares shares;
  if (std::find(members.begin(), members.end(), me) == members.end()) return shares;
  std::map<std::string, OneKind> kinds;
  for (const LeaseRow& lease : leases) {
    OneKind& kind = kinds[lease.name.substr(0, lease.name.find('/'))];
    for (const int64_t member : members) kind.held.try_emplace(member, 0);
    if (!lease.holder) {
      kind.free.push_back(lease.name);
    } else if (const auto held = kind.held.find(*lease.holder); held != kind.held.end()) {
      ++held->second;
      if (*lease.holder == me) kind.mine.push_back(lease.name);
    }
  }
  for (const auto& [name, kind] : kinds) share_out(kind, me, shares);
  return shares;
}

}  // namespace codedriftd
