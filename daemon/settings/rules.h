#pragma once
/// What a text in the configuration may be. Pure.
#include <optional>
#include <string>
#include <string_view>

namespace codedriftd {

/// What would be right, or nullopt if the value is.
using Problem = std::optional<std::string>;

struct TextRule {
  std::string_view wanted;  ///< with an example: `a region, such as "ap-guangzhou"`
  Problem (*problem)(std::string_view value);
  /// How much of a value that is not right a mistake shows.
  enum class Shown {
    always,
    without_user_and_query,  ///< an address that may hold a secret there: nothing of one that has either
    never,                   ///< a secret may stand anywhere in it
  };
  Shown shown = Shown::always;
};

extern const TextRule kAbsolutePath, kAnyPath, kIncludePattern, kInstance, kOrigin, kListen, kLink;
extern const TextRule kAccountLabel, kEndpoint, kMetadataEndpoint, kProfile, kRole;
extern const TextRule kRegion, kNamespace, kQualifier, kFunctionName, kSha256, kContent, kIgnore, kPackageHost;
extern const TextRule kNameGlob, kNamespaceGlob, kPrincipal;
extern const TextRule kAlertName, kPlugin, kKindGlob, kTargetGlob, kUserOrGroup;
extern const TextRule kBuilderGlob, kSourceGlob;
extern const TextRule kServerUrl, kRoleName, kFleet;

/// A tag's key, and the pattern of its value.
Problem tag_key_problem(std::string_view key);
Problem tag_glob_problem(std::string_view glob);

/// What may have been meant by a region that SCF is not known to have, in words; empty for one that it has. New ones
/// come, so this is only ever a warning.
std::string unknown_region(std::string_view region);

/// True if the host of an endpoint that kEndpoint accepts is this machine: localhost, 127.0.0.0/8 or [::1].
bool is_loopback(std::string_view endpoint);

}  // namespace codedriftd
