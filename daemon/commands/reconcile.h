#pragma once
/// approve, expect, suspend, resume: what people and pipelines say about what is live.
#include <functional>
#include <iosfwd>
#include <string>
#include <vector>

#include "base/clock.h"
#include "commands/reach/ask.h"
#include "settings/settings.h"

namespace codedriftd {

/// What these commands work with. `settings` is asked once, after the arguments were understood; what it throws passes
/// through.
struct ReconcileContext {
  std::function<Settings()> settings;
  const Clock& clock;
  std::istream& in;       ///< the answer to a question
  bool terminal = false;  ///< somebody is there to answer it
  std::ostream& out;
  std::ostream& err;
  Patience patience{};
};

/// Each takes what follows the command's name, and throws UsageError for what is wrong with it. The exit code:
///   0   done
///   1   refused, nothing matches, or the daemon or the record is out of reach
///   64  wrong usage, also when only the record shows it (a name that several targets have)
int run_approve(const std::vector<std::string>& args, const ReconcileContext& context);
int run_expect(const std::vector<std::string>& args, const ReconcileContext& context);
int run_suspend(const std::vector<std::string>& args, const ReconcileContext& context);
int run_resume(const std::vector<std::string>& args, const ReconcileContext& context);

}  // namespace codedriftd
