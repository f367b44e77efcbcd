#pragma once
/// How the options of a command are read. Private to commands/.
#include <boost/program_options.hpp>
#include <iosfwd>
#include <string>
#include <string_view>
#include <vector>

namespace codedriftd {

/// Reads `args` into `values`; half a word is a mistake, not an option. The words that are no options go to
/// `positional`, one of `options`; with nullptr they are wrong. Throws boost::program_options::error.
void store_options(const std::vector<std::string>& args, const boost::program_options::options_description& options,
                   const char* positional, boost::program_options::variables_map& values);

/// Reads `args`, the words after the command, into `values`; adds --help. The words that are no options go to
/// `positional`, an option of any number of values, or are wrong if it is nullptr. True: go on; false: help was asked
/// for, and `out` was told: `usage`, the options, `after`. Throws UsageError for what is wrong, with the nearest option
/// there is.
bool read_options(const std::vector<std::string>& args, std::string_view usage, std::string_view after,
                  boost::program_options::options_description& options, const char* positional,
                  boost::program_options::variables_map& values, std::ostream& out);

/// "  -o, --output FILE   what it does" for each option, at most 80 columns wide.
void print_options(const boost::program_options::options_description& options, std::ostream& out);

/// The value of a text option, or "".
std::string text_option(const boost::program_options::variables_map& values, const char* name);
/// The values of an option that may be repeated.
std::vector<std::string> list_option(const boost::program_options::variables_map& values, const char* name);

}  // namespace codedriftd
