#include "commands/packages.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <ostream>

#include "base/text.h"
#include "commands/options/selection_options.h"
#include "commands/options/usage.h"

namespace codedriftd {
namespace {

constexpr std::string_view kPackagesHelp = R"(codedriftd [--config FILE] packages list|fetch|export|prune …

What is inside the packages that were live is on record: each was fetched when
its hash was first seen, and read by a process of its own ([packages] in the
configuration). With keep = "files" the packages themselves are kept as well.
These commands show and manage that:

  list     what is known of packages, and which are kept
  fetch    have the daemon look into what is live now, also where it gave up
  export   write a package that is kept to a file
  prune    remove packages that are kept; what was inside stays on record

"codedriftd packages VERB --help" says what each of them takes; "codedriftd
diff" shows what changed from one package to another.

Exit code: 0 done; 1 failed, refused, or nothing was found; 64 wrong usage; 78
wrong configuration.
)";

struct PackagesVerb {
  std::string_view name;
  int (*run)(const std::vector<std::string>& args, const PackagesContext& context);
};
constexpr std::array kPackagesVerbs{PackagesVerb{"list", packages_list}, PackagesVerb{"fetch", packages_fetch},
                                    PackagesVerb{"export", packages_export}, PackagesVerb{"prune", packages_prune}};

}  // namespace

int run_packages(const std::vector<std::string>& args, const PackagesContext& context) {
  if (args.empty()) throw UsageError("packages needs a verb: list, fetch, export or prune");
  const std::string& name = args.front();
  if (name == "--help" || name == "-h" || name == "help") {
    context.out << kPackagesHelp << std::flush;
    return EXIT_SUCCESS;
  }
  std::vector<std::string_view> names;
  for (const PackagesVerb& verb : kPackagesVerbs) {
    names.push_back(verb.name);
    if (verb.name != name) continue;
    // What is wrong with the configuration or the arguments passes: it has other exit codes.
    try {
      return verb.run({args.begin() + 1, args.end()}, context);
    } catch (const UsageError&) {
      throw;
    } catch (const std::exception& error) {
      return say(context.err, fmt::format("packages {}", name), EXIT_FAILURE, error.what());
    }
  }
  if (name.starts_with("-"))
    throw UsageError(
        fmt::format("the verb comes first, then its options: codedriftd packages list|fetch|export|prune "
                    "{}",
                    shown_argument(name)));
  throw UsageError(fmt::format("there is no \"packages {}\"{}; there are {}", shown_argument(name),
                               did_you_mean(name, names), fmt::join(names, ", ")));
}

}  // namespace codedriftd
