#include "service/signals.h"

#include <fmt/format.h>
#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <system_error>
#include <utility>

#include "base/log.h"

namespace codedriftd {
namespace {

/// A signal that is ignored is a line in the log at most this often.
constexpr Millis kBetweenLines{60'000};

}  // namespace

Signals::Signals(Millis stop_within) : stop_within_(stop_within) {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal :
       {SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGUSR2, SIGALRM, SIGVTALRM, SIGPROF, SIGIO, SIGPWR, SIGSTKFLT})
    sigaddset(&set, signal);
  for (int signal = SIGRTMIN; signal <= SIGRTMAX; ++signal) sigaddset(&set, signal);
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  ::signal(SIGPIPE, SIG_IGN);
  fd_.reset(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
  wake_.reset(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!fd_.valid() || !wake_.valid()) throw std::system_error(errno, std::generic_category(), "signalfd");
  thread_ = std::jthread([this](std::stop_token stop) { listen(stop); });
}

Signals::~Signals() {
  thread_.request_stop();
  ::eventfd_write(wake_.get(), 1);
}

void Signals::listen(std::stop_token stop) {
  bool stopping = false;
  while (!stop.stop_requested()) {
    std::array<pollfd, 2> waiting{{{fd_.get(), POLLIN, 0}, {wake_.get(), POLLIN, 0}}};
    // Further signals do not prolong the time to stop: they are not waited for.
    const int ready = stopping ? ::poll(&waiting[1], 1, static_cast<int>(stop_within_.count()))
                               : ::poll(waiting.data(), waiting.size(), -1);
    if (stop.stop_requested()) return;
    // Without a word in the log: the disk it is written to may be what it hangs in.
    if (stopping && ready == 0) std::_Exit(EXIT_FAILURE);
    signalfd_siginfo info{};
    if (::read(fd_.get(), &info, sizeof info) != static_cast<ssize_t>(sizeof info)) continue;
    const auto number = static_cast<int>(info.ssi_signo);
    if (number == SIGHUP) {
      hang_up();
    } else if (number == SIGTERM || number == SIGINT) {
      stopping = true;
      {
        Locked state(state_);
        state->stop = number;
        state->stopping = true;
      }
      bell_.ring();
    } else {
      ignore(number);
    }
  }
}

void Signals::ignore(int number) {
  const MonoTime now = SystemClock{}.mono();
  const auto [told, first] = ignored_.try_emplace(number, now);
  if (!first && now - told->second < kBetweenLines) return;
  told->second = now;
  const char* name = ::sigabbrev_np(number);
  log(LogLevel::warning, "signal.ignored",
      fmt::format(
          "SIG{} came, which means nothing here: SIGHUP reloads the configuration, SIGTERM stops, and log lines go "
          "to stderr, where nothing has to be reopened",
          name == nullptr ? fmt::format("RTMIN+{}", number - SIGRTMIN) : name));
}

void Signals::hang_up() {
  state_.lock()->hang_up = true;
  bell_.ring();
}

void Signals::nudge() { bell_.ring(); }

std::optional<int> Signals::wait(Millis at_most) {
  const auto take = [this]() -> std::optional<int> {
    Locked state(state_);
    if (state->stop) return std::exchange(state->stop, std::nullopt);
    if (std::exchange(state->hang_up, false)) return SIGHUP;
    return std::nullopt;
  };
  if (const auto number = take()) return number;
  bell_.wait_for({}, at_most);
  return take();
}

}  // namespace codedriftd
