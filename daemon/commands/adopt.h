#pragma once
#include <string>
#include <vector>

#include "commands/reach/reconcile_context.h"

namespace codedriftd {

/// `codedriftd adopt --rolled-back`: an operator goes on with a server's record that lacks what this host was told is
/// durable. What is lost is an event of the record (store.rolled_back), and a daemon that waits for it goes on. Throws
/// UsageError for what is wrong with `args`, std::runtime_error for what is in the way. The exit code: 0 adopted, or
/// nothing is lost; 1 not adopted.
int run_adopt(const std::vector<std::string>& args, const ReconcileContext& context);

}  // namespace codedriftd
