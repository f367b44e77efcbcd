#include <iostream>

#include "base/descriptors.h"
#include "commands/command_line.h"

int main(int argc, char* argv[]) {
  codedriftd::open_standard_descriptors();
  return codedriftd::run_command_line(argc, argv, std::cout, std::cerr);
}
