#pragma once
#include <functional>
#include <iosfwd>
#include <string>
#include <vector>

#include "base/result.h"
#include "settings/settings.h"

namespace codedriftd {

/// What the credentials are used for beside asking for hashes.
struct PolicyNeeds {
  bool discover = false;       ///< listings
  bool versions = false;       ///< which versions there are, of what is found
  bool found_aliases = false;  ///< which aliases there are, of what is found, and where they lead
  bool named_aliases = false;  ///< where aliases lead that are named
  bool layers = false;         ///< layers and container images
  bool images = false;         ///< container images
  bool who = false;            ///< the audit log
};
/// What the configuration needs and no more: versions, aliases and layers where a rule has them or a [[function]] names
/// them. That an account has a container image is only seen where layers are asked for.
PolicyNeeds policy_needs(const Settings& settings);

/// The least CAM policy for it: JSON, version "2.0", one statement for each need, indented, with a newline at the end.
std::string policy(const PolicyNeeds& needs);

/// `codedriftd policy [--discover] [--layers] [--who]`: prints the least policy for what the options name; without any,
/// for what the configuration needs. `settings`: the configuration, or its mistakes; asked for only then. If it cannot
/// be read, `err` is told, and the policy is that without options. The exit code.
int run_policy(const std::vector<std::string>& args,
               const std::function<Result<Settings, std::vector<Mistake>>()>& settings, std::ostream& out,
               std::ostream& err);

}  // namespace codedriftd
