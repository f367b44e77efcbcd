#include <fmt/format.h>

#include <ostream>
#include <utility>

#include "actions/caller.h"
#include "actions/package_actions.h"
#include "base/byte_size.h"
#include "base/json.h"
#include "base/print.h"
#include "commands/options/options.h"
#include "commands/options/selection_options.h"
#include "commands/options/usage.h"
#include "commands/packages/verbs.h"
#include "commands/reach/direct_record.h"

namespace codedriftd {
namespace {

namespace po = boost::program_options;

constexpr std::string_view kPruneUsage =
    R"(codedriftd [--config FILE] packages prune [--max-total SIZE|--all]
    --reason TEXT [--json]

Removes packages that are kept until the others take SIZE at most, by default
max_total of the configuration. First goes what no function has live, accepted
or announced, then what only functions have that are no longer watched, then
what is announced, and what is live or accepted last; of each the one that
mattered longest ago first. What was inside stays on record: what changed can
still be told, but not shown.

While the daemon runs it is asked to do this ([control] prune in the
configuration says who may); without a daemon the command does it itself, as the
owner of state_dir. Who did it, and why, is an event (package.pruned).

)";
constexpr std::string_view kPruneAfter = R"(
Exit code: 0 done; 1 refused, failed, or all of it fits already; 64 wrong usage;
78 wrong configuration.
)";

Result<JsonBox, NothingDone> prune(const PruneRequest& request, const Settings& settings,
                                   const PackagesContext& context) {
  auto asked = ask_running_daemon(settings, "packages.prune", arguments_of(request), context.clock, context.patience);
  if (!asked) return asked.error();
  if (*asked) return std::move(**asked);
  const Caller caller = this_caller();  // before it becomes the owner
  return DirectRecord(settings, context.clock).carry_out(request, caller);
}

}  // namespace

int packages_prune(const std::vector<std::string>& args, const PackagesContext& context) {
  po::options_description options;
  auto add = options.add_options();
  add("max-total", po::value<std::string>()->value_name("SIZE"), "what the others may take together, such as 500MiB");
  add("all", "remove all of them, those that are live and accepted too");
  add("reason", po::value<std::string>()->value_name("TEXT"), "why: it is recorded");
  add("json", "print what was done as JSON");
  po::variables_map values;
  if (!read_options(args, kPruneUsage, kPruneAfter, options, nullptr, values, context.out)) return EXIT_SUCCESS;
  PruneRequest request;
  request.reason = text_option(values, "reason");
  if (auto good = check_request(request); !good) throw UsageError(good.error().message);
  std::optional<uint64_t> max_total;
  if (values.contains("max-total")) {
    const std::string text = text_option(values, "max-total");
    max_total = parse_byte_size(text);
    if (!max_total)
      throw UsageError(
          fmt::format("--max-total \"{}\" is not a size; write a whole number and B, KiB, MiB, GiB or TiB, "
                      "such as 500MiB",
                      shown_argument(text)));
  }
  if (values.contains("all") && max_total) throw UsageError("--all and --max-total do not go together");
  const Settings settings = context.settings();
  request.max_total = values.contains("all") ? 0 : max_total.value_or(settings.packages.max_total);
  request.folder = settings.packages_folder();

  const auto did = prune(request, settings, context);
  if (!did) return say(context.err, "packages prune", exit_code_of(did.error()), did.error().message);
  const Json& done = **did;
  if (values.contains("json")) {
    print(context.out, "{}\n", plain_json(done));
    return EXIT_SUCCESS;
  }
  const auto count = done.at("count").get<uint64_t>();
  print(context.out, "{} package{} removed, {} bytes; {} left, {} bytes\n", count, count == 1 ? "" : "s",
        done.at("bytes").get<uint64_t>(), done.at("left").at("count").get<uint64_t>(),
        done.at("left").at("bytes").get<uint64_t>());
  return EXIT_SUCCESS;
}

}  // namespace codedriftd
