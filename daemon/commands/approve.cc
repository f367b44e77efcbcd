#include <fmt/format.h>

#include <istream>
#include <ostream>

#include "audit/query/parameters.h"
#include "base/print.h"
#include "base/text.h"
#include "commands/files/input_file.h"
#include "commands/options/usage.h"
#include "commands/plan/file.h"
#include "commands/reach/reconcile_command.h"
#include "commands/reconcile.h"
#include "model/value.h"

namespace codedriftd {
namespace {

namespace po = boost::program_options;

constexpr std::string_view kApproveUsage =
    R"(codedriftd [--config FILE] approve TARGET --sha256 H --reason TEXT [--ticket T]
    [--attestation FILE]
codedriftd [--config FILE] approve --plan FILE --count N --reason TEXT
    [--ticket T] [--yes]

Accepts what is live: one target and the hash that is live there, or the drifted
and unreviewed rows of a plan that was saved with "codedriftd plan --out FILE".
It is refused where the hash is not live (any more), where the target is
missing, and where it is pinned in the configuration. A plan is accepted whole
or not at all: it is refused where a row to be accepted changed since, or where
N is not the number of these rows. Open drift ends with it (drift.resolved).
Before it asks it shows each row, with the files that changed as far as the plan
knows them, and of layers and aliases what they are and were.

--attestation brings a signed statement about what is live, as `codedriftd
expect` takes it. Where the configuration says require = "attested", nothing is
accepted without.

TARGET is ACCOUNT/REGION/NAMESPACE/FUNCTION:QUALIFIER, or FUNCTION or
FUNCTION:QUALIFIER where one watched target has that name. Patterns are not
taken: nothing is accepted by wildcard.

While the daemon runs it is asked to do this ([control] approve in the
configuration says who may); without a daemon the command does it itself, as the
owner of state_dir. Who accepted what, and why, is an event of the log
(baseline.set); what is refused is one too (control.denied).

)";

constexpr std::string_view kApproveAfter = R"(
Exit code: 0 accepted; 1 refused, or nothing matches; 64 wrong usage; 78 wrong
configuration.

Examples:
  codedriftd approve charge \
    --sha256 5077f5203547b225b532434dd6fcf7c9897025d7581a9f3d474a7afee88bc696 \
    --reason "hotfix, reviewed" --ticket OPS-31
  codedriftd plan --target 'prod/*' --out today.plan
  codedriftd approve --plan today.plan --count 3 --reason "release 7"
)";

/// " (version 8)": what the hash stands for, as far as that is told.
std::string value_words(const Json& target, const char* member) {
  const auto text = target.find(member);
  return text == target.end() || !text->is_string()
             ? std::string()
             : fmt::format(" ({})", words_of_value(text->get_ref<const std::string&>()));
}

/// What one target's line says.
std::string accepted_words(const Json& target) {
  const std::string_view noun = noun_of(target);
  const auto hash = target.at("sha256").get<std::string>();
  const Json& before = target.at("previous_sha256");
  if (before == hash) return fmt::format("{} {} accepted, as it was{}", noun, hash, value_words(target, "value"));
  const auto earlier = before.is_null() ? ""
                                        : "; it replaces " + before.get<std::string>().substr(0, 12) +
                                              value_words(target, "previous_value");
  return fmt::format("{} {} accepted{}{}", noun, hash, value_words(target, "value"), earlier);
}

int64_t count_option(const std::string& text) {
  if (const auto count = whole_number(text)) return *count;
  throw UsageError(
      fmt::format("--count \"{}\" is not a number of rows; write a whole number, 1 or more", harmless(text)));
}

/// The rows that are to be accepted, for people.
void print_planned(std::ostream& out, const std::vector<PlannedRow>& rows) {
  for (const PlannedRow& row : rows) {
    print(out, "  {:<10}  {}\n              live {}, accepted {}\n", row.status, row.item.target, row.item.sha256.hex(),
          row.item.accepted ? row.item.accepted->hex() : "nothing");
    for (const std::string& line : row.changes) print(out, "              {}\n", line);
    if (row.changes.empty() && !row.of_value && row.item.accepted && row.item.accepted != row.item.sha256)
      print(out, "              what changed inside is not known\n");
  }
  print(out, "{} to accept\n", rows.size());
}

bool confirmed(const ReconcileContext& context, std::size_t count) {
  print(context.out, "Accept {}? Only \"yes\" accepts: ", count == 1 ? "it" : fmt::format("all {}", count));
  context.out << std::flush;
  std::string answer;
  std::getline(context.in, answer);
  return answer == "yes";
}

/// The TARGET and --sha256 of one acceptance.
ApproveRequest::Item single_item(const po::variables_map& values, const std::vector<std::string>& targets) {
  if (values.contains("count")) throw UsageError("--count is for approve --plan FILE");
  if (targets.size() != 1) {
    throw UsageError(targets.empty() ? "approve needs a TARGET with --sha256 H, or --plan FILE with --count N"
                                     : "approve takes one TARGET; several are accepted with --plan FILE --count N");
  }
  if (!values.contains("sha256"))
    throw UsageError("approve needs --sha256 H: the hash that you accept, as codedriftd plan prints it");
  return {targets.front(), hash_option(values, "sha256"), false, std::nullopt};
}

/// The rows of --plan that are to be accepted; or why there are none.
Result<std::vector<PlannedRow>> planned_rows(const std::string& file) {
  const auto text = read_input(file, kLargestPlan);
  if (!text) return text.error();
  auto rows = read_plan(file, *text);
  if (rows && rows->empty())
    return Error{fmt::format("{}: no row of the plan is drifted or unreviewed", harmless(file))};
  return rows;
}

/// Shows the rows, and asks if somebody is there to be asked. Another number than was said is refused by whoever does
/// it, and that is recorded: then there is nothing to ask.
bool agreed(const ReconcileContext& context, const po::variables_map& values, const std::vector<PlannedRow>& rows,
            int64_t count) {
  if (!values.contains("json")) print_planned(context.out, rows);
  if (values.contains("yes") || count != static_cast<int64_t>(rows.size())) return true;
  if (!context.terminal) throw UsageError("nobody is at the terminal to be asked; --yes accepts without");
  return confirmed(context, rows.size());
}

}  // namespace

int run_approve(const std::vector<std::string>& args, const ReconcileContext& context) {
  po::options_description options("Options");
  auto add = options.add_options();
  add("sha256", po::value<std::string>()->value_name("H"),
      "the hash that is live, 64 hex digits, as plan and query print it");
  add("reason", po::value<std::string>()->value_name("TEXT"), "why: it is recorded");
  add("ticket", po::value<std::string>()->value_name("T"), "a ticket's number: it is recorded");
  add("attestation", po::value<std::string>()->value_name("FILE"),
      "a signed statement that vouches for the hash or its content; - is standard input");
  add("plan", po::value<std::string>()->value_name("FILE"),
      "accept the drifted and unreviewed rows of this saved plan");
  add("count", po::value<std::string>()->value_name("N"), "how many rows of the plan you mean to accept");
  add("yes", "do not ask; needed for a plan where nobody is at the terminal");
  add("json", "print what was done as JSON");
  po::variables_map values;
  if (!read_options(args, kApproveUsage, kApproveAfter, options, "TARGET", values, context.out)) return EXIT_SUCCESS;
  const auto targets = list_option(values, "TARGET");
  ApproveRequest request;
  request.reason = text_option(values, "reason");
  request.ticket = text_option(values, "ticket");
  if (values.contains("plan")) {
    const std::string file = text_option(values, "plan");
    if (!targets.empty() || values.contains("sha256") || values.contains("attestation"))
      throw UsageError("approve takes a TARGET with --sha256, or --plan FILE with --count, not both");
    if (!values.contains("count"))
      throw UsageError("approve --plan needs --count N: how many drifted and unreviewed rows you mean to accept");
    if (file == "-" && !values.contains("yes"))
      throw UsageError("a plan from standard input needs --yes: the answer would come from there too");
    request.count = count_option(text_option(values, "count"));
    const auto fail = [&](std::string_view why) {
      print(context.err, "codedriftd approve: {}\n", why);
      return EXIT_FAILURE;
    };
    const auto rows = planned_rows(file);
    if (!rows) return fail(rows.error().message);
    for (const PlannedRow& row : *rows) request.items.push_back(row.item);
    if (auto good = check_request(request); !good) throw UsageError(good.error().message);
    if (!agreed(context, values, *rows, *request.count)) return fail("nothing was accepted");
  } else {
    request.items.push_back(single_item(values, targets));
    if (values.contains("attestation")) {
      auto attestation = read_attestation(text_option(values, "attestation"));
      if (!attestation) return say(context.err, "approve", EXIT_FAILURE, attestation.error().message);
      request.items.back().attestation = std::move(*attestation);
    }
    if (auto good = check_request(request); !good) throw UsageError(good.error().message);
  }
  return carry_out(context, values, "approve", request,
                   [&](const Json& done) { print_targets(context.out, done, accepted_words); });
}

}  // namespace codedriftd
