#include "commands/policy.h"

#include <fmt/format.h>

#include <boost/program_options.hpp>
#include <ostream>

#include "base/json.h"
#include "base/text.h"
#include "commands/options/options.h"

namespace codedriftd {
namespace {

namespace po = boost::program_options;

constexpr char kPolicyUsage[] =
    R"(codedriftd [--config FILE] policy [--discover] [--layers] [--who]

Prints the least CAM policy that the credentials of an account need. Without an
option it is what the configuration needs: of versions, aliases and layers what
its rules and functions ask for, while --discover has versions and aliases in
any case. Every action in it reads.

)";
constexpr char kPolicyAfter[] = R"(
What the options allow is as much as they need and no less: GetFunction also
answers with environment variables, of which nothing is kept; DescribeEvents
sees the audit log of the whole account.
)";

OrderedJson allow(std::vector<std::string> actions) {
  // None of these calls is limited to single functions: listings cannot be, and a function that is found later has to
  // be polled.
  return {{"effect", "allow"}, {"action", std::move(actions)}, {"resource", {"*"}}};
}

}  // namespace

PolicyNeeds policy_needs(const Settings& settings) {
  PolicyNeeds needs;
  for (const auto& [name, account] : settings.accounts) {
    needs.discover = needs.discover || account.discovery.enabled;
    needs.who = needs.who || account.audit.enabled;
  }
  for (const RuleSettings& rule : settings.rules) {
    needs.versions = needs.versions || rule.rule.versions > 0;
    needs.found_aliases = needs.found_aliases || rule.rule.aliases;
    needs.layers = needs.layers || rule.rule.layers;
  }
  for (const WatchSettings& watch : settings.watches) {
    const TargetKind kind = kind_of_qualifier(watch.target.qualifier);
    needs.named_aliases = needs.named_aliases || kind == TargetKind::alias;
    needs.layers = needs.layers || kind == TargetKind::layers;
    needs.images = needs.images || kind == TargetKind::image;
  }
  return needs;
}

std::string policy(const PolicyNeeds& needs) {
  OrderedJson statements = OrderedJson::array({allow({"scf:GetFunctionAddress"})});
  if (needs.discover) statements.push_back(allow({"scf:GetAccount", "scf:ListNamespaces", "scf:ListFunctions"}));
  if (needs.versions) statements.push_back(allow({"scf:ListVersionByFunction"}));
  if (needs.found_aliases) {
    statements.push_back(allow({"scf:ListAliases", "scf:GetAlias"}));
  } else if (needs.named_aliases) {
    statements.push_back(allow({"scf:GetAlias"}));
  }
  if (needs.layers) {
    statements.push_back(allow({"scf:GetFunction", "scf:GetLayerVersion"}));
  } else if (needs.images) {
    statements.push_back(allow({"scf:GetFunction"}));
  }
  if (needs.who) statements.push_back(allow({"cloudaudit:DescribeEvents"}));
  return OrderedJson{{"version", "2.0"}, {"statement", std::move(statements)}}.dump(2) + "\n";
}

int run_policy(const std::vector<std::string>& args,
               const std::function<Result<Settings, std::vector<Mistake>>()>& settings, std::ostream& out,
               std::ostream& err) {
  po::options_description options("Options");
  auto add = options.add_options();
  add("discover", "also to find functions and see their changes: listings, and which versions and aliases they have");
  add("layers", "also to watch layers and container images: GetFunction and GetLayerVersion");
  add("who", "also to ask the audit log who made a change: CloudAudit's DescribeEvents");
  po::variables_map values;
  if (!read_options(args, kPolicyUsage, kPolicyAfter, options, nullptr, values, out)) return EXIT_SUCCESS;
  PolicyNeeds needs;
  needs.discover = needs.versions = needs.found_aliases = values.contains("discover");
  needs.layers = values.contains("layers");
  needs.who = values.contains("who");
  if (!needs.discover && !needs.layers && !needs.who) {
    const Result<Settings, std::vector<Mistake>> loaded = settings();
    if (loaded) {
      needs = policy_needs(*loaded);
    } else {
      const Mistake& first = loaded.error().front();
      err << harmless(
                 fmt::format("codedriftd policy: the configuration cannot be used ({}: {}); this is the policy for "
                             "asking for hashes alone; see --discover, --layers and --who",
                             first.place.text(), first.message))
          << '\n';
    }
  }
  out << policy(needs);
  return EXIT_SUCCESS;
}

}  // namespace codedriftd
