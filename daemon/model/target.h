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

/// True for 1 to 64 of `A-Z a-z 0-9 _ . $ -`: what a part of an address may be.
bool valid_part(std::string_view part);

/// True if `pattern` matches all of `text`; `*` is any run of characters, `/` included, `?` any one.
bool glob_match(std::string_view pattern, std::string_view text);

}  // namespace codedriftd
