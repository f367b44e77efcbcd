#include <ostream>
#include <utility>

#include "audit/format/render.h"
#include "audit/query/reports.h"
#include "base/byte_order_mark.h"
#include "base/output_file.h"
#include "commands/options/options.h"
#include "commands/options/selection_options.h"
#include "commands/options/usage.h"
#include "commands/packages/verbs.h"
#include "commands/reach/reading.h"

namespace codedriftd {
namespace {

namespace po = boost::program_options;

constexpr std::string_view kListUsage = R"(codedriftd [--config FILE] packages list [TARGET…] [options]

Prints what is known of packages, those that mattered last first: whether one
could be looked into, its content digest, how many files it has, whether the
package itself is kept, and where it is live or accepted. With TARGETs only what
is live, accepted or announced there.

)";
constexpr std::string_view kListAfter = R"(
Exit code: 0 done, also if there is none; 1 failed, or a TARGET that nothing has;
64 wrong usage; 78 wrong configuration.
)";

struct ListedPackages {
  std::string text;
  int code = EXIT_SUCCESS;
  std::string why;  ///< of another code
};

}  // namespace

int packages_list(const std::vector<std::string>& args, const PackagesContext& context) {
  po::options_description options;
  auto add = options.add_options();
  add("format", po::value<std::string>()->value_name("FORMAT"),
      "table, json (codedriftd.packages.v1), ndjson, csv or markdown; default table");
  add("json", po::bool_switch(), "the same as --format json");
  add("output,o", po::value<std::string>()->value_name("FILE"), "write to a file, complete or not at all");
  add("limit", po::value<std::string>()->value_name("N"), "only the first N");
  add("wide", "all columns, as wide as they are");
  add("utc", "times in full");
  add("bom", po::bool_switch(), "begin CSV with a byte order mark, for spreadsheets");
  po::variables_map values;
  if (!read_options(args, kListUsage, kListAfter, options, "TARGET", values, context.out)) return EXIT_SUCCESS;
  const WallTime now = context.clock.wall();
  auto selection = selection_option(values, now);
  if (!selection) throw UsageError(selection.error().message);
  const auto format = format_option(values);
  if (!format) throw UsageError(format.error().message);
  const auto bom = bom_option(values, *format);
  if (!bom) throw UsageError(bom.error().message);
  std::string file = text_option(values, "output");
  if (file == "-") file.clear();

  const Settings settings = context.settings();
  const bool terminal = context.terminal_out && file.empty();
  const Look look(use_colour(terminal), terminal && !values.contains("wide") ? terminal_width() : 0,
                  values.contains("utc"));
  const ListedPackages listed = read_record(settings, [&](Database& db) -> ListedPackages {
    Selection asked = *selection;
    if (auto resolved = resolve_names(db, asked); !resolved) return {{}, kExitUsage, resolved.error().message};
    if (asked.narrows_targets() && !names_something(db, asked, false))
      return {{}, EXIT_FAILURE, explain_nothing(db, asked, now)};
    ListedPackages made;
    if (*bom) made.text = kByteOrderMark;
    const auto renderer = make_renderer(*format, kPackagesReport, now, look, made.text);
    renderer->end(kPackagesReport.run(db, asked, now, [&](const Row& row) { renderer->row(row); }));
    return made;
  });
  if (!listed.why.empty()) return say(context.err, "packages list", listed.code, listed.why);
  if (file.empty()) {
    context.out << listed.text << std::flush;
  } else if (auto written = write_file(file, listed.text); !written) {
    return say(context.err, "packages list", EXIT_FAILURE, written.error().message);
  }
  return EXIT_SUCCESS;
}

}  // namespace codedriftd
