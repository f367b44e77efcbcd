#pragma once
#include <functional>
#include <iosfwd>

#include "base/clock.h"
#include "commands/reach/ask.h"
#include "package/examiner.h"
#include "settings/settings.h"

namespace codedriftd {

/// What approve, expect, suspend and resume work with. `settings` is asked once, after the arguments were understood;
/// what it throws passes through.
struct ReconcileContext {
  std::function<Settings()> settings;
  const Clock& clock;
  std::istream& in;       ///< the answer to a question
  bool terminal = false;  ///< somebody is there to answer it
  std::ostream& out;
  std::ostream& err;
  Patience patience{};
  /// expect: reads a package
  std::function<Result<Examination>(int package_fd, const PackageLimits& limits)> examine = {};
};

}  // namespace codedriftd
