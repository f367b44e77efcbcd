#include "model/inventory.h"

#include <array>

namespace codedriftd {
namespace {

constexpr std::array kStates{InventoryState::watched, InventoryState::excluded, InventoryState::unmanaged,
                             InventoryState::gone, InventoryState::unreadable};

}  // namespace

std::string_view to_string(InventoryState state) {
  switch (state) {
    case InventoryState::watched:
      return "watched";
    case InventoryState::excluded:
      return "excluded";
    case InventoryState::unmanaged:
      return "unmanaged";
    case InventoryState::gone:
      return "gone";
    case InventoryState::unreadable:
      return "unreadable";
  }
  return "unreadable";
}

std::optional<InventoryState> parse_inventory_state(std::string_view name) {
  for (const InventoryState state : kStates) {
    if (name == to_string(state)) return state;
  }
  return std::nullopt;
}

std::optional<WallTime> parse_scf_time(std::string_view text) {
  // RFC 3339 but for its zone, so that its reader can be asked; it also takes a leap second, which this clock has not.
  if (text.size() != 19 || text[10] != ' ' || text.ends_with(":60")) return std::nullopt;
  return parse_rfc3339(std::string(text) + "+08:00");
}

}  // namespace codedriftd
