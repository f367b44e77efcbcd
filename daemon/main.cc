#include <iostream>

#include "commands/command_line.h"

int main(int argc, char* argv[]) { return codedriftd::run_command_line(argc, argv, std::cout, std::cerr); }
