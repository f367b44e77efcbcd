#include <fmt/format.h>
#include <fmt/ostream.h>

#include <istream>
#include <ostream>

#include "base/text.h"
#include "commands/ask_or_do.h"
#include "commands/input_file.h"
#include "commands/options.h"
#include "commands/plan_file.h"
#include "commands/reconcile.h"
#include "commands/usage.h"
#include "service/reconcile_requests.h"

namespace codedriftd {
namespace {

namespace po = boost::program_options;
using Strings = std::vector<std::string>;

constexpr std::string_view kUsage =
    R"(codedriftd [--config FILE] approve TARGET --sha256 H --reason TEXT [--ticket T]
codedriftd [--config FILE] approve --plan FILE --count N --reason TEXT [--ticket T] [--yes]

Accepts what is live: one target and the hash that is live there, or the drifted and unreviewed rows of a plan that was
saved with "codedriftd plan --out FILE". It is refused where the hash is not live (any more), where the target is
missing, and where it is pinned in the configuration. A plan is accepted whole or not at all: it is refused where a row
to be accepted moved since, or where N is not the number of these rows. Open drift ends with it (drift.resolved).

TARGET is ACCOUNT/REGION/NAMESPACE/FUNCTION:QUALIFIER, or FUNCTION or FUNCTION:QUALIFIER where one watched target has that
name. Patterns are not taken: nothing is accepted by wildcard.

While the daemon runs it is asked to do this ([control] approve in the configuration says who may); without a daemon the
command does it itself, as the owner of state_dir. Who accepted what, and why, is an event of the log (baseline.set); what
is refused is one too (control.denied).

)";

constexpr std::string_view kAfter = R"(
Exit code: 0 accepted; 1 refused, or nothing matches; 64 wrong usage; 78 wrong configuration.

Examples:
  codedriftd approve charge --sha256 5077f5203547b225b532434dd6fcf7c9897025d7581a9f3d474a7afee88bc696 --reason "hotfix, reviewed" --ticket OPS-31
  codedriftd plan --target 'prod/*' --out today.plan && codedriftd approve --plan today.plan --count 3 --reason "release 7"
)";

std::string ends(std::string_view hash) { return std::string(hash.substr(0, 12)); }

int64_t count_of(const std::string& text) {
  std::size_t end = 0;
  int64_t count = -1;
  try {
    count = std::stoll(text, &end);
  } catch (const std::exception&) {
    end = 0;
  }
  if (end == 0 || end != text.size() || count < 1)
    throw UsageError(
        fmt::format("--count \"{}\" is no number of rows; write a whole number, 1 or more", harmless(text)));
  return count;
}

/// The rows that are to be accepted, for people.
void print_rows(std::ostream& out, const std::vector<PlannedRow>& rows) {
  for (const PlannedRow& row : rows) {
    fmt::print(out, "  {:<10}  {}\n              live {}, accepted {}\n", row.status, row.item.target,
               row.item.sha256.hex(), row.item.accepted ? row.item.accepted->hex() : "nothing");
  }
  fmt::print(out, "{} to accept\n", rows.size());
}

bool confirmed(const ReconcileContext& context, std::size_t count) {
  fmt::print(context.out, "Accept {}? Only \"yes\" accepts: ", count == 1 ? "it" : fmt::format("all {}", count));
  context.out << std::flush;
  std::string answer;
  std::getline(context.in, answer);
  return answer == "yes";
}

void print_done(std::ostream& out, const Json& done) {
  for (const Json& each : done.at("targets")) {
    const auto hash = each.at("sha256").get<std::string>();
    const Json& before = each.at("previous_sha256");
    fmt::print(out, "{}: code {} is accepted now{}\n", each.at("target").get<std::string>(), hash,
               before.is_null() ? ""
               : before == hash ? ", as it was"
                                : fmt::format(", before it was {}", ends(before.get<std::string>())));
  }
  const auto more = done.at("count").get<std::size_t>() - done.at("targets").size();
  if (more > 0) fmt::print(out, "… and {} more\n", more);
}

}  // namespace

int run_approve(const Strings& args, const ReconcileContext& context) {
  po::options_description options("Options");
  auto add = options.add_options();
  add("sha256", po::value<std::string>()->value_name("H"),
      "the hash that is live, 64 hex digits, as plan and query print it");
  add("reason", po::value<std::string>()->value_name("TEXT"), "why: it is recorded");
  add("ticket", po::value<std::string>()->value_name("T"), "a ticket's number: it is recorded");
  add("plan", po::value<std::string>()->value_name("FILE"),
      "accept the drifted and unreviewed rows of this saved plan");
  add("count", po::value<std::string>()->value_name("N"), "how many rows of the plan you mean to accept");
  add("yes", "do not ask; needed for a plan where nobody is at the terminal");
  add("json", "print what was done as JSON");
  po::variables_map values;
  std::string help;
  if (!read_options(args, kUsage, options, "TARGET", values, help)) {
    context.out << help << kAfter << std::flush;
    return EXIT_SUCCESS;
  }
  const auto targets = values.contains("TARGET") ? values["TARGET"].as<Strings>() : Strings();
  ApproveRequest request;
  request.reason = text_option(values, "reason");
  request.ticket = text_option(values, "ticket");
  std::vector<PlannedRow> rows;
  if (values.contains("plan")) {
    if (!targets.empty() || values.contains("sha256"))
      throw UsageError("approve takes a TARGET with --sha256, or --plan FILE with --count, not both");
    if (!values.contains("count"))
      throw UsageError("approve --plan needs --count N: how many drifted and unreviewed rows you mean to accept");
    request.count = count_of(text_option(values, "count"));
  } else {
    if (values.contains("count")) throw UsageError("--count is for approve --plan FILE");
    if (targets.size() != 1) {
      throw UsageError(targets.empty() ? "approve needs a TARGET with --sha256 H, or --plan FILE with --count N"
                                       : "approve takes one TARGET; several are accepted with --plan FILE --count N");
    }
    const std::string hash = text_option(values, "sha256");
    const auto digest = Sha256::from_hex(hash);
    if (!digest) {
      throw UsageError(
          hash.empty() ? "approve needs --sha256 H: the hash that you accept, as codedriftd plan prints it"
                       : fmt::format("--sha256 \"{}\" is no hash of 64 hex digits", harmless(clean_utf8(hash, 100))));
    }
    request.items.push_back({targets.front(), *digest, false, std::nullopt});
    if (auto good = check_request(request); !good) throw UsageError(good.error().message);
  }
  if (values.contains("plan")) {
    const std::string file = text_option(values, "plan");
    const auto fail = [&](const std::string& why) {
      fmt::print(context.err, "codedriftd approve: {}\n", why);
      return EXIT_FAILURE;
    };
    if (file == "-" && !values.contains("yes"))
      throw UsageError("a plan from standard input needs --yes: the answer would come from there too");
    const auto text = read_input(file, kLargestPlan);
    if (!text) return fail(text.error().message);
    auto plan = read_plan(file, *text);
    if (!plan) return fail(plan.error().message);
    rows = std::move(*plan);
    if (rows.empty()) return fail(fmt::format("{}: no row of the plan is drifted or unreviewed", harmless(file)));
    for (const PlannedRow& row : rows) request.items.push_back(row.item);
    if (auto good = check_request(request); !good) throw UsageError(good.error().message);
    if (!values.contains("json")) print_rows(context.out, rows);
    // Another number is refused by whoever does it, and that is recorded: there is nothing to ask.
    const bool right = *request.count == static_cast<int64_t>(rows.size());
    if (right && !values.contains("yes")) {
      if (!context.terminal) throw UsageError("nobody is at the terminal to be asked; --yes accepts without");
      if (!confirmed(context, rows.size())) return fail("nothing was accepted");
    }
  }
  const Settings settings = context.settings();
  const auto done = ask_or_do<ApproveRequest>({settings, context.clock, context.out, context.err, context.patience},
                                              "approve", request);
  if (!done) return done.error().code;
  if (values.contains("json")) {
    fmt::print(context.out, "{}\n", plain_json(**done));
  } else {
    print_done(context.out, **done);
  }
  return EXIT_SUCCESS;
}

}  // namespace codedriftd
