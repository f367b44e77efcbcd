#pragma once
#include <functional>
#include <iosfwd>
#include <string>
#include <vector>

#include "base/clock.h"
#include "commands/files/package_content.h"
#include "settings/settings.h"

namespace codedriftd {

/// What `diff` works with.
struct DiffContext {
  std::function<Settings()> settings;  ///< asked once at most, after the arguments were understood
  const Clock& clock;
  std::function<Result<Examination>(int package_fd, const PackageLimits& limits)> examine;
  bool terminal = false;  ///< `out` is one: names and contents are made harmless
  std::ostream& out;
  std::ostream& err;
};

/// `codedriftd diff TARGET`: prints what changed from one package of a function to another, by default from the
/// accepted one to the live one. Throws UsageError for arguments that are wrong. The exit code: 0, with
/// --detailed-exitcode 2 if something differs; 1 if a side cannot be found or nothing is known of what is inside (`err`
/// says why); 64 a name or the beginning of a hash that several have. JSON:
/// {"schema":"codedriftd.diff.v1","target","from","to","added","removed","changed","modes","same_content",
/// "files":[{name,change,mode_before,mode_after}]}: every file that differs, in the order of model/changes.h, modes as
/// octal digits or null; "from" and "to" are {name,sha256,content,files}, of which "sha256" is null for a path.
int run_diff(const std::vector<std::string>& args, const DiffContext& context);

}  // namespace codedriftd
