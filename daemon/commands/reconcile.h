#pragma once
/// approve, expect, suspend, resume: what people and pipelines say about what is live.
#include <string>
#include <vector>

#include "commands/reach/reconcile_context.h"

namespace codedriftd {

/// Each takes what follows the command's name, and throws UsageError for what is wrong with it. The exit code:
///   0   done
///   1   refused, nothing matches, or the daemon or the record is out of reach
///   64  wrong usage, also when only the record shows it (a name that several targets have)
int run_approve(const std::vector<std::string>& args, const ReconcileContext& context);
int run_expect(const std::vector<std::string>& args, const ReconcileContext& context);
int run_suspend(const std::vector<std::string>& args, const ReconcileContext& context);
int run_resume(const std::vector<std::string>& args, const ReconcileContext& context);

}  // namespace codedriftd
