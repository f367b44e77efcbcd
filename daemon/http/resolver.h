#pragma once
/// Looks host names up for all clients of a process, on a few threads.
///
/// libcurl starts a thread for each name it looks up, and one that was given up hangs on until getaddrinfo comes back:
/// with a name server that does not answer they add up to hundreds, and then the process may start no others. Here each
/// name is looked up once at a time, whoever asks, and by kLookupThreads threads at most.
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"

namespace codedriftd {

inline constexpr unsigned kLookupThreads = 16;

/// What came of looking a name up.
struct Lookup {
  std::vector<std::string> addresses;  ///< as text, IPv6 in brackets, in the resolver's order; empty: none
  std::string problem;                 ///< why there are none, for people
};

/// The addresses of `host` if they are known; else nullptr, and `done` runs once on another thread when they were
/// looked up. It must not throw, and outlives the interest of whoever asked. What was found is kept for an hour, and
/// looked up anew behind the scenes when it is older than a minute: nobody waits for a name server twice, and one that
/// fails for a while fails nobody who was answered before. Thread-safe.
std::shared_ptr<const Lookup> look_up(const std::string& host, MonoTime now,
                                      std::function<void(std::shared_ptr<const Lookup>)> done);

}  // namespace codedriftd
