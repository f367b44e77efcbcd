#include "commands/options/selection_options.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>

#include "base/text.h"
#include "commands/options/options.h"

namespace codedriftd {
namespace {

namespace po = boost::program_options;

constexpr std::array<std::string_view, 5> kFormats{"table", "json", "ndjson", "csv", "markdown"};

}  // namespace

Result<Format> format_option(const po::variables_map& values) {
  const bool json = values["json"].as<bool>();
  if (values.count("format") == 0) return json ? Format::json : Format::table;
  const auto& text = values["format"].as<std::string>();
  const auto format = parse_format(text);
  if (!format && text == "html") return Error{"--format html is for \"query report\" alone"};
  if (!format)
    return Error{fmt::format("there is no format \"{}\"{}; there are {}", shown_argument(text),
                             did_you_mean(text, kFormats), fmt::join(kFormats, ", "))};
  if (json && *format != Format::json) return Error{fmt::format("--json and --format {} contradict each other", text)};
  return *format;
}

Result<bool> bom_option(const po::variables_map& values, Format format) {
  const bool bom = values["bom"].as<bool>();
  if (bom && format != Format::csv)
    return Error{"--bom is for --format csv alone: a byte order mark would spoil every other format"};
  return bom;
}

Result<Selection> selection_option(const po::variables_map& values, WallTime now) {
  Parameters parameters;
  const auto list = [&](std::string_view name) {
    for (std::string& value : list_option(values, name.data())) parameters.emplace(name, std::move(value));
  };
  list("TARGET");
  for (const std::string_view name : kGlobParameters) list(name);
  for (const std::string_view name : kValueParameters) {
    if (values.contains(name.data())) parameters.emplace(name, text_option(values, name.data()));
  }
  if (values.contains("all") && values["all"].as<bool>()) parameters.emplace("all", "");
  return read_selection(parameters, now);
}

Result<std::optional<WallTime>> time_option(const char* name, const po::variables_map& values, WallTime now) {
  if (!values.contains(name)) return std::optional<WallTime>();
  const auto time = read_time(fmt::format("--{}", name), text_option(values, name), now);
  if (!time) return time.error();
  return std::optional(*time);
}

const std::string_view kTargetsHelp = R"(
Which targets (several values of one option are alternatives; different options
narrow each other):
  TARGET              ACCOUNT/REGION/NAMESPACE/FUNCTION:QUALIFIER, or FUNCTION
                      or FUNCTION:QUALIFIER where only one target has that
                      name. Without :QUALIFIER the code is meant: $LATEST, or
                      what else is watched of it; a function's layers, image
                      and aliases are $LAYERS, $IMAGE and $ALIAS.NAME. Quote
                      it: 'charge:$LAYERS'
  --target GLOB       * is any text, ? any character; compared with the whole
                      address if it has a "/", with FUNCTION:QUALIFIER if it has
                      a ":", else with FUNCTION. Quote it: --target 'prod/*'
  --account, --region, --namespace, --function, --qualifier GLOB
                      compared with that part alone
)";

const std::string_view kFoundHelp = R"(
Which functions (values of one option are alternatives; different options narrow
each other):
  --target GLOB, or TARGET
                      * is any text, ? any character; compared with
                      ACCOUNT/REGION/NAMESPACE/FUNCTION if it has a "/", else
                      with FUNCTION
  --account, --region, --namespace, --function GLOB
                      compared with that part alone
  --state GLOB        watched, excluded, unmanaged, gone or unreadable
)";

}  // namespace codedriftd
