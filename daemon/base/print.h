#pragma once
/// fmt::print to a stream. That of fmt/ostream.h is compiled anew in every file that calls it, which takes seconds.
#include <fmt/format.h>

#include <ostream>
#include <utility>

namespace codedriftd {

template <typename... Args>
void print(std::ostream& out, fmt::format_string<Args...> format, Args&&... args) {
  out << fmt::format(format, std::forward<Args>(args)...);
}

}  // namespace codedriftd
