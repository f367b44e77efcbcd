#pragma once
/// What listings of the cloud say is there, and what the configuration says of it. Pure.
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "model/observation.h"

namespace codedriftd {

/// One function as ListFunctions shows it. All text is clean UTF-8; `ns` and `name` are parts of an address
/// (valid_part): a function whose name is none is not found but said to be unreadable.
struct FoundFunction {
  std::string ns, name;
  std::string function_id;            ///< the cloud's: another one under the same name is another function
  std::string type, runtime, status;  ///< "Event" or "HTTP"; "Active", …; empty: not told
  /// The cloud's own clock, whole seconds (it writes UTC+8 without a zone); nullopt: not told, or not readable.
  std::optional<WallTime> added_at, modified_at;
  std::optional<std::map<std::string, std::string>> tags;  ///< nullopt: not told

  friend bool operator==(const FoundFunction&, const FoundFunction&) = default;
};

/// One reading of all functions of an account in a region.
struct Listing {
  std::string account, region;
  WallTime began{}, ended{};
  /// Every namespace was read and everything agreed: what is not in it is not there. Else nothing may be removed.
  bool complete = false;
  PollError trouble;                     ///< why not; empty code if complete
  std::vector<std::string> namespaces;   ///< sorted; all that are known to be there
  std::vector<std::string> unread;       ///< sorted; of these, those that could not be read completely
  std::vector<FoundFunction> functions;  ///< by namespace and name, none twice
  /// Sorted; functions that are there and cannot be watched, because their name is no part of an address: harmless
  /// text.
  std::vector<std::string> unreadable{};
  unsigned calls = 0;
  Millis clock_error{0};  ///< this machine's clock minus the cloud's, as an answer told; 0: none did

  /// It is not known which namespaces there are: something of the region could not be read, and has no name.
  bool may_have_more() const { return !complete && unread.empty(); }
};

/// The functions of one namespace that changed last, newest first: those whose ModTime is not older than what was asked
/// for.
struct NewestChanges {
  std::string account, region, ns;
  WallTime began{}, ended{};
  bool complete = false;  ///< false: trouble
  PollError trouble;
  std::vector<FoundFunction> functions;
  unsigned calls = 0;
  Millis clock_error{0};  ///< as in Listing
};

/// How a function that was found stands to the configuration.
enum class InventoryState {
  watched,     ///< named by a [[function]], or matched by a [[watch]]
  excluded,    ///< a [[watch]] matches it and its `except` takes it out
  unmanaged,   ///< nothing matches it
  gone,        ///< two complete listings did not show it any more
  unreadable,  ///< of a namespace, or of a function whose name cannot be an address
};
std::string_view to_string(InventoryState state);
std::optional<InventoryState> parse_inventory_state(std::string_view name);

/// Of one that is gone for so long that no rule watches it any more.
inline constexpr unsigned kLetGo = 3;
/// So long is what is gone watched, as missing.
inline constexpr Millis kGoneKept = std::chrono::days(7);

/// One function of the inventory, as the record keeps it.
struct InventoryEntry {
  int64_t id = 0;
  std::string account, region;
  FoundFunction function;
  InventoryState state = InventoryState::unmanaged;
  std::string rule;  ///< "FILE:LINE" of the [[watch]] or [[function]]; empty: unmanaged
  WallTime first_found_at{};
  WallTime last_found_at{};
  std::optional<WallTime> gone_at;
  unsigned not_listed = 0;  ///< complete listings in a row that did not show it, two at most; kLetGo
  // Of functions of which a rule wants to know it:
  std::vector<std::string> versions;  ///< published ones, newest first
  std::vector<std::string> aliases;   ///< sorted
  /// Qualifiers of those versions and aliases that were watched and that a complete list does not show any more, and
  /// since when: they stay watched, as what is missing, for as long as a function that is gone.
  std::map<std::string, WallTime> deleted;
  bool image = false;  ///< a container image instead of a package

  friend bool operator==(const InventoryEntry&, const InventoryEntry&) = default;
};

/// Reads a time as SCF writes it, "2026-11-26 14:03:09", in UTC+8; nullopt for anything else.
std::optional<WallTime> parse_scf_time(std::string_view text);

}  // namespace codedriftd
