#pragma once
/// How the options of a command are read. Private to commands/.
#include <boost/program_options.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace codedriftd {

/// Reads `args`, the words after the command, into `values`; adds --help. The words that are no options go to
/// `positional`, an option of any number of values, or are wrong if it is nullptr. True: go on; false: help was asked
/// for and stands in `help`, `usage` and the options. Throws UsageError for what is wrong, with the nearest option
/// there is.
bool read_options(const std::vector<std::string>& args, std::string_view usage,
                  boost::program_options::options_description& options, const char* positional,
                  boost::program_options::variables_map& values, std::string& help);

/// The value of a text option, or "".
std::string text_option(const boost::program_options::variables_map& values, const char* name);

}  // namespace codedriftd
