#include "scf/actions.h"

namespace codedriftd {
namespace {

constexpr std::string_view kScf = "scf", kScfVersion = "2018-04-16";
constexpr double kLowestLimit = 20;

constexpr ActionTraits scf(std::string_view name, double limit) { return {name, kScf, kScfVersion, limit, true}; }
constexpr ActionTraits scf_undocumented(std::string_view name) {
  return {name, kScf, kScfVersion, kLowestLimit, false};
}

constexpr ActionTraits kGetFunctionAddress = scf("GetFunctionAddress", 20);
constexpr ActionTraits kGetAccount = scf("GetAccount", 20);
constexpr ActionTraits kListNamespaces = scf_undocumented("ListNamespaces");
constexpr ActionTraits kListFunctions = scf("ListFunctions", 100);
constexpr ActionTraits kListVersions = scf("ListVersionByFunction", 20);
constexpr ActionTraits kListAliases = scf("ListAliases", 20);
constexpr ActionTraits kGetAlias = scf("GetAlias", 20);
constexpr ActionTraits kGetFunction = scf("GetFunction", 100);
constexpr ActionTraits kGetLayerVersion = scf_undocumented("GetLayerVersion");
constexpr ActionTraits kDescribeEvents{"DescribeEvents", "cloudaudit", "2019-03-19", 20, true};

constexpr Action kOfCode[] = {Action::get_function_address};
constexpr Action kOfLayers[] = {Action::get_function, Action::get_layer_version};
constexpr Action kOfImage[] = {Action::get_function};
constexpr Action kOfAlias[] = {Action::get_alias};

}  // namespace

const ActionTraits& traits(Action action) {
  switch (action) {
    case Action::get_function_address:
      return kGetFunctionAddress;
    case Action::get_account:
      return kGetAccount;
    case Action::list_namespaces:
      return kListNamespaces;
    case Action::list_functions:
      return kListFunctions;
    case Action::list_versions:
      return kListVersions;
    case Action::list_aliases:
      return kListAliases;
    case Action::get_alias:
      return kGetAlias;
    case Action::get_function:
      return kGetFunction;
    case Action::get_layer_version:
      return kGetLayerVersion;
    case Action::describe_events:
      return kDescribeEvents;
  }
  return kGetFunctionAddress;
}

double usable_by_polls(Action action) {
  const double share = traits(action).documented_limit * kShareOfLimit;
  return action == Action::get_function ? share * 2 / 3 : share;
}

double usable_by_readings(Action action) {
  const double share = traits(action).documented_limit * kShareOfLimit;
  return action == Action::get_function ? share / 3 : share;
}

std::span<const Action> actions_of(TargetKind kind) {
  switch (kind) {
    case TargetKind::code:
      return kOfCode;
    case TargetKind::layers:
      return kOfLayers;
    case TargetKind::image:
      return kOfImage;
    case TargetKind::alias:
      return kOfAlias;
  }
  return kOfCode;
}

}  // namespace codedriftd
