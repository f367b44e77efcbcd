#pragma once
#include <sys/types.h>

#include <string>
#include <string_view>
#include <vector>

namespace codedriftd::test {

/// Where `text` stands in the memory of another process that it can write to (heaps, stacks, data), which is what a
/// core dump shows: each place with what surrounds it, for people. Throws std::runtime_error if that cannot be read: it
/// takes root, or a child.
std::vector<std::string> places_in_memory(pid_t pid, std::string_view text);

}  // namespace codedriftd::test
