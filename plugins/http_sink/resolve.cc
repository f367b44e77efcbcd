#include "http_sink/resolve.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/eventfd.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <system_error>

#include "base/guarded.h"
#include "base/unique_fd.h"
#include "http/resolver.h"

namespace codedriftd::http_sink {
namespace {

/// Where the answer arrives, from another thread, perhaps after nobody waits any more.
struct Arrival {
  UniqueFd bell{::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
  Guarded<std::shared_ptr<const Lookup>> found;
};

std::shared_ptr<const Lookup> wait_for_arrival(const Arrival& arrival, MonoTime until, int cancel_fd) {
  const SystemClock clock;
  for (;;) {
    if (auto found = arrival.found.copy()) return found;
    const auto left = std::chrono::ceil<Millis>(until - clock.mono()).count();
    if (left <= 0) return nullptr;
    pollfd waits[] = {{arrival.bell.get(), POLLIN, 0}, {cancel_fd, POLLIN, 0}};
    ::poll(waits, 2, static_cast<int>(std::min<int64_t>(left, 60'000)));
    if (waits[0].revents == 0 && waits[1].revents != 0) return nullptr;
  }
}

}  // namespace

Result<std::vector<std::string>> resolve(const std::string& host, MonoTime until, int cancel_fd) {
  const auto arrival = std::make_shared<Arrival>();
  if (!arrival->bell.valid()) throw std::system_error(errno, std::generic_category(), "eventfd");
  auto known = look_up(host, SystemClock{}.mono(), [arrival](std::shared_ptr<const Lookup> found) {
    *arrival->found.lock() = std::move(found);
    ::eventfd_write(arrival->bell.get(), 1);
  });
  if (!known) known = wait_for_arrival(*arrival, until, cancel_fd);
  if (!known) return Error{fmt::format("the address of {} was not found in time", host)};
  if (known->addresses.empty()) return Error{fmt::format("the address of {} is not found: {}", host, known->problem)};
  return known->addresses;
}

}  // namespace codedriftd::http_sink
