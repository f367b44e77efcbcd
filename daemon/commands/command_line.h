#pragma once
#include <iosfwd>

namespace codedriftd {

/// The whole program behind main(): reads the command line, runs the command, says what is wrong with either. The exit
/// code.
int run_command_line(int argc, const char* const argv[], std::ostream& out, std::ostream& err);

}  // namespace codedriftd
