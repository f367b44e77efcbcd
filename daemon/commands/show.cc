#include "commands/show.h"

#include <fmt/format.h>

#include <map>
#include <ostream>

#include "audit/format/render.h"
#include "audit/format/values.h"
#include "audit/query/reports.h"
#include "audit/story/stored_event.h"
#include "base/json.h"
#include "base/print.h"
#include "base/text.h"
#include "commands/files/input_file.h"
#include "commands/options/options.h"
#include "commands/options/usage.h"
#include "commands/plan/file.h"
#include "commands/reach/reading.h"

namespace codedriftd {
namespace {

namespace po = boost::program_options;

constexpr std::string_view kShowUsage = R"(codedriftd show PLAN [--wide] [--utc]

Prints a plan that "codedriftd plan --out PLAN" saved: every function in it, and
how many rows there are to accept. - is standard input.
)";
constexpr std::string_view kShowAfter = R"(
Exit code: 0 done; 1 it cannot be read, or is not a plan; 64 wrong usage.
)";

/// What stands beneath a row of layers or an alias. REQUIRES: the row was read by read_plan().
NamedValues values_of(const OrderedJson& row) {
  const auto target = Target::parse(text_in(row, "target"));
  const auto hash = [&](const char* name) { return Sha256::from_hex(text_in(row, name)); };
  if (!target) return {};
  return value_lines(*target, text_in(row, "status") == "missing" ? std::nullopt : hash("observed_sha256"),
                     hash("accepted_sha256"), text_in(row, "observed_value"), text_in(row, "accepted_value"));
}

/// The rows of a plan as those of the status report; a member that is not there is null.
void print_rows(const OrderedJson& plan, Renderer& renderer) {
  ReportEnd end;
  std::map<std::string, int64_t> counts;
  for (const OrderedJson& each : plan.at("rows")) {
    Row row;
    for (const std::string_view field : kStatusReport.fields) {
      const auto member = each.find(field);
      row.values.push_back(member == each.end() ? OrderedJson() : *member);
    }
    const auto status = each.find("status");
    if (status != each.end() && status->is_string()) ++counts[status->get<std::string>()];
    if (text_in(each, "status") == "missing") row.shown.emplace_back("observed_sha256", nullptr);  // nothing is live
    row.beneath = values_of(each);
    renderer.row(row);
    ++end.rows;
  }
  const auto made = plan.find("generated_at");
  if (made != plan.end() && made->is_string())
    end.remarks.push_back(fmt::format("Made at {}.", clean_utf8(made->get<std::string>(), 40)));
  const int64_t open = counts["drifted"] + counts["unreviewed"];
  end.remarks.push_back(
      open == 0 ? std::string("nothing to accept")
                : fmt::format("{} to accept: codedriftd approve --plan PLAN --count {} --reason \"…\"", open, open));
  renderer.end(end);
}

}  // namespace

int run_show(const std::vector<std::string>& args, bool terminal, WallTime now, std::ostream& out, std::ostream& err) {
  po::options_description options;
  options.add_options()("wide", "all columns, as wide as they are")("utc", "times in full");
  po::variables_map values;
  if (!read_options(args, kShowUsage, kShowAfter, options, "PLAN", values, out)) return EXIT_SUCCESS;
  const auto files = list_option(values, "PLAN");
  if (files.size() != 1) throw UsageError("show takes one PLAN: a file that plan --out saved");
  const auto failed = [&](const std::string& why) {
    print(err, "codedriftd show: {}\n", harmless(why));
    return EXIT_FAILURE;
  };
  const auto text = read_input(files.front(), kLargestPlan);
  if (!text) return failed(text.error().message);
  if (const auto plan = read_plan(files.front(), *text); !plan) return failed(plan.error().message);
  const Look look(use_colour(terminal), terminal && !values.contains("wide") ? terminal_width() : 0,
                  values.contains("utc"));
  std::string table;
  const auto renderer = make_renderer(Format::table, kStatusReport, now, look, table);
  print_rows(OrderedJson::parse(*text), *renderer);
  out << table << std::flush;
  return EXIT_SUCCESS;
}

}  // namespace codedriftd
