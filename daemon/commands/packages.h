#pragma once
#include <string>
#include <vector>

#include "commands/packages/verbs.h"

namespace codedriftd {

/// `codedriftd packages list|fetch|export|prune …`: what is known of packages, and what is kept of them. Throws
/// UsageError for arguments that are wrong. The exit code: 0; 1 nothing found, refused or failed; 64 a name that
/// several have.
int run_packages(const std::vector<std::string>& args, const PackagesContext& context);

}  // namespace codedriftd
