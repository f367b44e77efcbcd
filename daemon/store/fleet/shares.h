#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace codedriftd {

struct LeaseRow {
  std::string name;               ///< what stands before its first '/', or all of it, is its kind
  std::optional<int64_t> holder;  ///< of the living; nullopt: it is free
};

struct Shares {
  std::vector<std::string> take, give;
};

/// What member `me` is to take of what is free, and to let go of, so that all of `members` (of which it is one; those
/// who may hold leases) have their fair share of each kind: between the share rounded down and rounded up. What is
/// free is left to those who have less than that. `leases` are in the order of their names. Pure.
Shares share_out(const std::vector<LeaseRow>& leases, const std::vector<int64_t>& members, int64_t me);

}  // namespace codedriftd
