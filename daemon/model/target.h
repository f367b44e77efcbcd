#pragma once
#include <compare>
#include <string>
#include <string_view>

#include "base/result.h"

namespace codedriftd {

/// One watched thing: a function's code in one namespace, under one qualifier (a version or `$LATEST`).
/// Each part is 1 to 64 of `A-Z a-z 0-9 _ . $ -`.
struct Target {
  std::string account;  ///< the configuration's label, not the cloud's account number
  std::string region;
  std::string ns;  ///< namespace
  std::string function;
  std::string qualifier;

  /// "ACCOUNT/REGION/NAMESPACE/FUNCTION:QUALIFIER": the identity everywhere outside this program.
  std::string address() const;
  /// Reads an address; the error says which part is wrong.
  static Result<Target> parse(std::string_view address);

  friend auto operator<=>(const Target&, const Target&) = default;
};

/// What is looked at under a target's qualifier. All but `code` are values of a function that are watched beside its
/// code, and decided as its code is: a value's SHA-256 stands where a CodeSha256 does (model/value.h).
enum class TargetKind {
  code,    ///< a version, `$LATEST` or an alias: the CodeSha256 of what it names
  layers,  ///< `$LAYERS`: the layers of `$LATEST`, in order
  image,   ///< `$IMAGE`: the digest of the container image of `$LATEST`
  alias,   ///< `$ALIAS.NAME`: the version that the alias NAME points to, and how it splits
};
inline constexpr std::string_view kLatestQualifier = "$LATEST", kLayersQualifier = "$LAYERS",
                                  kImageQualifier = "$IMAGE", kAliasPrefix = "$ALIAS.";
TargetKind kind_of_qualifier(std::string_view qualifier);

/// True for 1 to 64 of `A-Z a-z 0-9 _ . $ -`: what a part of an address may be.
bool valid_part(std::string_view part);

/// True if `pattern` matches all of `text`; `*` is any run of characters, `/` included, `?` any one.
bool glob_match(std::string_view pattern, std::string_view text);

}  // namespace codedriftd
