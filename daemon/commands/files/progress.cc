#include "commands/files/progress.h"

#include <fmt/format.h>

#include <ostream>
#include <utility>

namespace codedriftd {
namespace {

constexpr Millis kPatience{1'000};
constexpr Millis kBetweenRewrites{200};
constexpr Millis kBetweenLines{10'000};

}  // namespace

Progress::Progress(std::ostream& err, bool terminal, const Clock& clock)
    : err_(err), terminal_(terminal), clock_(clock), next_(clock.mono() + kPatience) {}

void Progress::at(std::size_t done, std::size_t total) { say(fmt::format("polled {} of {} …", done, total)); }

void Progress::say(std::string_view words) {
  const MonoTime now = clock_.mono();
  if (now < next_) return;
  next_ = now + (terminal_ ? kBetweenRewrites : kBetweenLines);
  if (terminal_) {
    err_ << '\r' << words << "\x1b[K" << std::flush;
    shown_ = true;
  } else {
    err_ << words << '\n' << std::flush;
  }
}

void Progress::clear() {
  if (std::exchange(shown_, false)) err_ << "\r\x1b[K" << std::flush;
}

}  // namespace codedriftd
