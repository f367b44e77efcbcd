#include "commands/options.h"

#include <fmt/format.h>

#include <sstream>

#include "base/text.h"
#include "commands/usage.h"

namespace codedriftd {

namespace po = boost::program_options;

bool read_options(const std::vector<std::string>& args, std::string_view usage, po::options_description& options,
                  const char* positional, po::variables_map& values, std::string& help) {
  options.add_options()("help,h", "this text");
  po::options_description all;
  all.add(options);
  po::positional_options_description words;
  if (positional != nullptr) {
    all.add_options()(positional, po::value<std::vector<std::string>>()->composing());
    words.add(positional, -1);
  }
  try {
    const int style = po::command_line_style::unix_style & ~po::command_line_style::allow_guessing;
    po::store(po::command_line_parser(args).options(all).positional(words).style(style).run(), values);
    po::notify(values);
  } catch (const po::unknown_option& error) {
    std::vector<std::string> names;
    for (const auto& option : options.options()) names.push_back("--" + option->long_name());
    const std::string near = nearest(error.get_option_name(), names);
    throw UsageError(fmt::format("unknown option {}{}", harmless(clean_utf8(error.get_option_name(), 100)),
                                 near.empty() ? "" : "; did you mean " + near + "?"));
  } catch (const po::error& error) {
    throw UsageError(harmless(clean_utf8(error.what(), 300)));
  }
  if (!values.contains("help")) return true;
  std::ostringstream text;
  text << usage << '\n' << options;
  help = text.str();
  return false;
}

std::string text_option(const po::variables_map& values, const char* name) {
  return values.contains(name) ? values[name].as<std::string>() : std::string();
}

}  // namespace codedriftd
