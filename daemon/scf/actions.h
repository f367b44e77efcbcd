#pragma once
/// Every call that this program makes of the cloud. All of them read.
#include <array>
#include <span>
#include <string_view>

#include "model/target.h"

namespace codedriftd {

enum class Action {
  get_function_address,
  get_account,
  list_namespaces,
  list_functions,
  list_versions,  ///< ListVersionByFunction
  list_aliases,
  get_alias,
  get_function,
  get_layer_version,
  describe_events,  ///< CloudAudit
};

struct ActionTraits {
  std::string_view name;     ///< X-TC-Action
  std::string_view service;  ///< of the signature: "scf", "cloudaudit"
  std::string_view version;  ///< X-TC-Version
  double documented_limit;   ///< calls a second for one key at one host, all regions together
  bool documented;           ///< false: no limit is documented, and the lowest of the others is assumed
};
const ActionTraits& traits(Action action);

inline constexpr std::array kAllActions{
    Action::get_function_address, Action::get_account,    Action::list_namespaces, Action::list_functions,
    Action::list_versions,        Action::list_aliases,   Action::get_alias,       Action::get_function,
    Action::get_layer_version,    Action::describe_events};

/// Of a documented limit, how much is used: others call, too (consoles, pipelines, other tools). GetFunctionAddress has
/// a setting of its own.
inline constexpr double kShareOfLimit = 0.75;
/// What is used of the documented limit by polls, and by discovery and attribution: two threads, whose paces do not
/// know of each other. GetFunction is called by both, and polls (layers, images) have two thirds of its share.
double usable_by_polls(Action action);
double usable_by_readings(Action action);

/// The calls of one poll of a target of that kind, in their order, never none. The first is made once in each attempt,
/// and whoever sends the attempt paces it; the others are made as often as needed (or not at all), and the client paces
/// them itself.
std::span<const Action> actions_of(TargetKind kind);

}  // namespace codedriftd
