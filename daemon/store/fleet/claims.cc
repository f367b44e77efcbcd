#include "store/fleet/claims.h"

#include <utility>

namespace codedriftd {

bool Claims::hold(std::string_view lease) const {
  Locked state(state_);
  return state->leases.contains(lease) && clock_.mono() < state->valid_until;
}

bool Claims::hold_any() const {
  Locked state(state_);
  return !state->leases.empty() && clock_.mono() < state->valid_until;
}

MonoTime Claims::valid_until() const { return state_.lock()->valid_until; }

int64_t Claims::member() const { return state_.lock()->member; }

void Claims::set(int64_t member, MonoTime valid_until, Leases leases) {
  *state_.lock() = {member, valid_until, std::move(leases)};
}

void Claims::let_go(std::string_view lease) {
  Locked state(state_);
  if (const auto held = state->leases.find(lease); held != state->leases.end()) state->leases.erase(held);
}

void Claims::let_go_of_all() { state_.lock()->leases.clear(); }

}  // namespace codedriftd
