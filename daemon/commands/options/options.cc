#include "commands/options/options.h"

#include <fmt/format.h>

#include <ostream>

#include "base/text.h"
#include "commands/options/usage.h"

namespace codedriftd {

namespace po = boost::program_options;

void store_options(const std::vector<std::string>& args, const po::options_description& options, const char* positional,
                   po::variables_map& values) {
  po::positional_options_description words;
  if (positional != nullptr) words.add(positional, -1);
  const int style = po::command_line_style::unix_style & ~po::command_line_style::allow_guessing;
  po::store(po::command_line_parser(args).options(options).positional(words).style(style).run(), values);
  po::notify(values);
}

bool read_options(const std::vector<std::string>& args, std::string_view usage, std::string_view after,
                  po::options_description& options, const char* positional, po::variables_map& values,
                  std::ostream& out) {
  options.add_options()("help,h", "this text");
  po::options_description all;
  all.add(options);
  if (positional != nullptr) all.add_options()(positional, po::value<std::vector<std::string>>()->composing());
  try {
    store_options(args, all, positional, values);
  } catch (const po::unknown_option& error) {
    std::vector<std::string> names;
    for (const auto& option : options.options()) names.push_back("--" + option->long_name());
    const std::string near = nearest(error.get_option_name(), names);
    throw UsageError(fmt::format("unknown option {}{}", harmless(clean_utf8(error.get_option_name(), 100)),
                                 near.empty() ? "" : "; did you mean " + near + "?"));
  } catch (const po::too_many_positional_options_error&) {
    throw UsageError("nothing but options is taken here; see --help");
  } catch (const po::error& error) {
    throw UsageError(harmless(clean_utf8(error.what(), 300)));
  }
  if (!values.contains("help")) return true;
  while (usage.ends_with('\n')) usage.remove_suffix(1);
  out << usage << "\n\nOptions:\n";
  print_options(options, out);
  out << after << std::flush;
  return false;
}

void print_options(const po::options_description& options, std::ostream& out) {
  constexpr std::size_t kTextAt = 22, kWidth = 80;
  for (const auto& option : options.options()) {
    std::string name = "--" + option->long_name();
    const std::string letter = option->canonical_display_name(po::command_line_style::allow_dash_for_short);
    if (letter.size() == 2 && letter.front() == '-') name.insert(0, letter + ", ");
    if (const std::string takes = option->format_parameter(); !takes.empty()) name += " " + takes;
    std::string line = fmt::format("  {:<{}}", name, kTextAt - 4);
    line += "  ";
    std::string_view words = option->description();
    while (!words.empty()) {
      const std::string_view word = words.substr(0, words.find(' '));
      words.remove_prefix(std::min(word.size() + 1, words.size()));
      if (line.size() + word.size() > kWidth) {
        out << line.substr(0, line.find_last_not_of(' ') + 1) << '\n';
        line.assign(kTextAt, ' ');
      }
      line += fmt::format("{} ", word);
    }
    out << line.substr(0, line.find_last_not_of(' ') + 1) << '\n';
  }
}

std::string text_option(const po::variables_map& values, const char* name) {
  return values.contains(name) ? values[name].as<std::string>() : std::string();
}

std::vector<std::string> list_option(const po::variables_map& values, const char* name) {
  return values.contains(name) ? values[name].as<std::vector<std::string>>() : std::vector<std::string>();
}

}  // namespace codedriftd
