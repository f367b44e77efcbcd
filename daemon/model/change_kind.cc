#include "model/change_kind.h"

#include <algorithm>
#include <array>

#include "model/kinds.h"
#include "model/target.h"

namespace codedriftd {
namespace {

/// The audited calls. A published layer version is not among them: it changes nothing before a function's configuration
/// names it.
enum Call : unsigned {
  kCreate = 1U << 0U,
  kCopy = 1U << 1U,        // with Override it deletes the function that has the name
  kUpdateCode = 1U << 2U,  // with Publish it makes a version, too
  kIncremental = 1U << 3U,
  kConfiguration = 1U << 4U,  // the layers, and with Publish a version; not the code
  kDelete = 1U << 5U,         // all versions and aliases with it
  kPublish = 1U << 6U,
  kDeleteVersion = 1U << 7U,
  kCreateAlias = 1U << 8U,
  kUpdateAlias = 1U << 9U,
  kDeleteAlias = 1U << 10U,
};
struct Name {
  Call call;
  std::string_view action;
};
constexpr std::array<Name, 11> kNames{{{kCreate, "CreateFunction"},
                                       {kCopy, "CopyFunction"},
                                       {kUpdateCode, "UpdateFunctionCode"},
                                       {kIncremental, "UpdateFunctionIncrementalCode"},
                                       {kConfiguration, "UpdateFunctionConfiguration"},
                                       {kDelete, "DeleteFunction"},
                                       {kPublish, "PublishVersion"},
                                       {kDeleteVersion, "DeleteFunctionVersion"},
                                       {kCreateAlias, "CreateAlias"},
                                       {kUpdateAlias, "UpdateAlias"},
                                       {kDeleteAlias, "DeleteAlias"}}};

struct Calls {
  unsigned make = 0, help = 0;
};
constexpr unsigned kNew = kCreate | kCopy, kNewVersion = kPublish | kUpdateCode | kConfiguration;

constexpr Calls calls_of(ChangeKind kind) {
  switch (kind) {
    case ChangeKind::code:
      return {kNew | kUpdateCode | kIncremental, kDelete};
    case ChangeKind::version_code:
      // A version's code stays as it is: after it was deleted another one got its number.
      return {kNewVersion, kNew | kDelete | kDeleteVersion};
    case ChangeKind::alias_code:
      return {kNew | kUpdateCode | kIncremental | kCreateAlias | kUpdateAlias, kDelete | kDeleteAlias};
    case ChangeKind::layers:
      return {kNew | kConfiguration, kDelete};
    case ChangeKind::alias:
      // A new function comes with its alias $DEFAULT.
      return {kNew | kCreateAlias | kUpdateAlias, kDelete | kDeleteAlias};
    case ChangeKind::missing:
      return {kDelete, 0};
    case ChangeKind::version_missing:
      return {kDelete | kDeleteVersion | kCopy, 0};
    case ChangeKind::alias_missing:
      return {kDelete | kDeleteAlias | kCopy, 0};
    case ChangeKind::made:
      return {kNew, 0};
    case ChangeKind::version_made:
      return {kNewVersion, kNew};
    case ChangeKind::alias_made:
      return {kNew | kCreateAlias, 0};
    case ChangeKind::recreated:
      return {kNew, kDelete};
    case ChangeKind::touched:
      break;
  }
  // Which calls move a ModTime is documented of none. A deletion alone leaves no function that has one.
  return {kNew | kNewVersion | kIncremental | kDeleteVersion | kCreateAlias | kUpdateAlias | kDeleteAlias, kDelete};
}

/// What is seen of one kind of target: it changed, is gone, is there again.
struct Seen {
  ChangeKind changed, missing, made;
};
constexpr Seen kOfLatest{ChangeKind::code, ChangeKind::missing, ChangeKind::made},
    kOfLayers{ChangeKind::layers, ChangeKind::missing, ChangeKind::made},
    kOfVersion{ChangeKind::version_code, ChangeKind::version_missing, ChangeKind::version_made},
    kOfAlias{ChangeKind::alias, ChangeKind::alias_missing, ChangeKind::alias_made},
    kOfAliasCode{ChangeKind::alias_code, ChangeKind::alias_missing, ChangeKind::alias_made};

const Seen& seen_of(std::string_view qualifier) {
  switch (kind_of_qualifier(qualifier)) {
    case TargetKind::layers:
      return kOfLayers;
    case TargetKind::image:
      return kOfLatest;
    case TargetKind::alias:
      return kOfAlias;
    case TargetKind::code:
      break;
  }
  if (qualifier == kLatestQualifier) return kOfLatest;
  return qualifier.find_first_not_of("0123456789") == std::string_view::npos ? kOfVersion : kOfAliasCode;
}

}  // namespace

std::optional<ChangeKind> change_kind(std::string_view event_kind, std::string_view qualifier) {
  if (event_kind == "function.touched") return ChangeKind::touched;
  if (event_kind == "function.recreated") return ChangeKind::recreated;
  const Seen& seen = seen_of(qualifier);
  if (tells_of_drift(event_kind)) return seen.changed;
  if (event_kind == "function.missing") return seen.missing;
  if (event_kind == "function.returned" || event_kind == "function.discovered") return seen.made;
  return std::nullopt;
}

Part part_in(ChangeKind kind, std::string_view action) {
  const auto found =
      std::find_if(kNames.begin(), kNames.end(), [&](const Name& name) { return name.action == action; });
  if (found == kNames.end()) return Part::none;
  const Calls calls = calls_of(kind);
  if ((calls.make & found->call) != 0) return Part::makes;
  return (calls.help & found->call) != 0 ? Part::helps : Part::none;
}

std::vector<std::string_view> actions_of(ChangeKind kind) {
  std::vector<std::string_view> actions;
  for (const Name& name : kNames) {
    if (part_in(kind, name.action) != Part::none) actions.push_back(name.action);
  }
  return actions;
}

}  // namespace codedriftd
