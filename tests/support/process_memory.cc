#include "support/process_memory.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <stdexcept>
#include <string>

#include "base/text.h"
#include "base/unique_fd.h"

namespace codedriftd::test {

std::vector<std::string> places_in_memory(pid_t pid, std::string_view text) {
  std::ifstream maps(fmt::format("/proc/{}/maps", pid));
  const std::string name = fmt::format("/proc/{}/mem", pid);
  const UniqueFd memory(::open(name.c_str(), O_RDONLY | O_CLOEXEC));
  if (!maps || !memory.valid()) throw std::runtime_error(fmt::format("{}: {}", name, std::strerror(errno)));
  std::vector<std::string> places;
  std::size_t bytes_read = 0;
  std::string piece;
  for (std::string line; std::getline(maps, line);) {
    unsigned long from = 0;
    unsigned long to = 0;
    char writable = '-';
    if (std::sscanf(line.c_str(), "%lx-%lx %*c%c", &from, &to, &writable) != 3 || writable != 'w') continue;
    piece.clear();
    for (unsigned long at = from; at < to;) {
      // What is left of the piece before: the text may begin in it.
      const std::size_t kept = std::min(piece.size(), text.size() - 1);
      piece.erase(0, piece.size() - kept);
      const std::size_t length = std::min<std::size_t>(to - at, 1 << 20);
      piece.resize(kept + length);
      const ssize_t got = ::pread(memory.get(), piece.data() + kept, length, static_cast<off_t>(at));
      if (got <= 0) break;  // a mapping that was given back meanwhile
      piece.resize(kept + static_cast<std::size_t>(got));
      bytes_read += static_cast<std::size_t>(got);
      at += static_cast<unsigned long>(got);
      for (std::size_t found = piece.find(text); found != std::string::npos; found = piece.find(text, found + 1)) {
        const std::size_t before = std::min<std::size_t>(found, 64);
        places.push_back(fmt::format("{} at {:#x}: {}", line, at - piece.size() + found,
                                     harmless(piece.substr(found - before, before + text.size() + 64))));
      }
    }
  }
  if (bytes_read == 0) throw std::runtime_error(name + " has no memory that can be read");
  return places;
}

}  // namespace codedriftd::test
