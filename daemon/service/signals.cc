#include "service/signals.h"

#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <system_error>

namespace codedriftd {

Signals::Signals(Millis stop_within) : stop_within_(stop_within) {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&set, signal);
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
    // Without a word in the log: a log that nobody reads any more may be what it hangs in.
    if (stopping && ready == 0) std::_Exit(EXIT_FAILURE);
    signalfd_siginfo info{};
    if (::read(fd_.get(), &info, sizeof info) != static_cast<ssize_t>(sizeof info)) continue;
    const auto number = static_cast<int>(info.ssi_signo);
    stopping = stopping || number != SIGHUP;
    {
      Locked state(state_);
      state->queue.push_back(number);
      state->stopping = stopping;
    }
    bell_.ring();
  }
}

void Signals::hang_up() {
  state_.lock()->queue.push_back(SIGHUP);
  bell_.ring();
}

std::optional<int> Signals::wait(Millis at_most) {
  const auto take = [this]() -> std::optional<int> {
    Locked state(state_);
    if (state->queue.empty()) return std::nullopt;
    const int number = state->queue.front();
    state->queue.pop_front();
    return number;
  };
  if (const auto number = take()) return number;
  bell_.wait_for({}, at_most);
  return take();
}

}  // namespace codedriftd
