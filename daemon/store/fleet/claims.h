#pragma once
#include <cstdint>
#include <functional>
#include <set>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/guarded.h"

namespace codedriftd {

/// What this daemon may do of the fleet's work, for all threads to ask before they call out. Thread-safe.
class Claims {
 public:
  using Leases = std::set<std::string, std::less<>>;

  /// Nothing is held until set() says so. The clock must outlive it.
  explicit Claims(const Clock& clock) : clock_(clock) {}

  /// The lease is this member's, and nobody can have taken it over yet.
  bool hold(std::string_view lease) const;
  /// The same of any lease.
  bool hold_any() const;
  /// From then on nothing is held, unless it is renewed.
  MonoTime valid_until() const;
  /// 0: none.
  int64_t member() const;

  /// For Membership.
  void set(int64_t member, MonoTime valid_until, Leases leases);
  void let_go(std::string_view lease);
  void let_go_of_all();

 private:
  struct State {
    int64_t member = 0;
    MonoTime valid_until{};
    Leases leases;
  };
  const Clock& clock_;
  mutable Guarded<State> state_;
};

}  // namespace codedriftd
