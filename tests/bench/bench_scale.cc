// The real daemon with 10,000 functions: memory, time to READY, and what it takes at rest.
#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <thread>

#include "base/unique_fd.h"
#include "bench/bench.h"
#include "bench/cost.h"
#include "bench/place.h"
#include "bench/rig.h"
#include "settings/load.h"
#include "support/process.h"
#include "support/program.h"

namespace codedriftd::test {
namespace {

double ms_between(MonoTime from, MonoTime to) { return std::chrono::duration<double, std::milli>(to - from).count(); }

class NotifySocket {
 public:
  explicit NotifySocket(const std::string& path) : path_(path), fd_(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    ::unlink(path.c_str());
    if (::bind(fd_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
      throw std::runtime_error("cannot bind " + path);
    const timeval patience{60, 0};
    ::setsockopt(fd_.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  }
  const std::string& path() const { return path_; }
  void wait_until_ready() const {
    char text[4096];
    for (;;) {
      const ssize_t got = ::recv(fd_.get(), text, sizeof text, 0);
      if (got <= 0) throw std::runtime_error("no READY=1 within a minute");
      if (std::string_view(text, static_cast<std::size_t>(got)).find("READY=1") != std::string_view::npos) return;
    }
  }

 private:
  std::string path_;
  UniqueFd fd_;
};

struct Stay {
  double ready_ms = 0, ready_cpu_ms = 0, peak_at_ready = 0, peak = 0, steady = 0, own = 0;
};

/// Starts the daemon and lets it poll everything; then, with `rest`, watches it do nothing.
Stay stay(const Place& place, unsigned rest_seconds, Effort& at_rest) {
  const SystemClock clock;
  const NotifySocket notify(place.dir() / "notify");
  Stay result;
  const MonoTime before = clock.mono();
  const auto daemon = place.start({{"NOTIFY_SOCKET", notify.path()}});
  notify.wait_until_ready();
  result.ready_ms = ms_between(before, clock.mono());
  result.ready_cpu_ms = effort_of({daemon->pid()}).cpu_us / 1000;
  result.peak_at_ready = peak_of(daemon->pid());
  place.wait_until_polled(*daemon);
  std::this_thread::sleep_for(Millis{rest_seconds > 0 ? 3'000 : 500});
  const Effort begin = effort_of({daemon->pid()});
  const MonoTime from = clock.mono();
  std::this_thread::sleep_for(std::chrono::seconds(rest_seconds));
  const Effort end = effort_of({daemon->pid()});
  const double minutes = ms_between(from, clock.mono()) / 60'000;
  at_rest = {(end.wakeups - begin.wakeups) / minutes, (end.cpu_us - begin.cpu_us) / minutes, end.threads};
  result.peak = peak_of(daemon->pid());
  const Memory memory = memory_of({daemon->pid()});
  result.steady = memory.resident;
  result.own = memory.own;
  if (daemon->terminate(Millis{10'000}) != ExitStatus{0, 0})
    throw std::runtime_error("the daemon did not stop cleanly: " + daemon->err());
  return result;
}

double settings_ms(const Place& place) {
  const SystemClock clock;
  std::vector<double> took;
  for (int i = 0; i < 3; ++i) {
    const MonoTime before = clock.mono();
    if (!load_settings(place.config())) throw std::runtime_error("the configuration was refused");
    took.push_back(ms_between(before, clock.mono()));
  }
  return quantile(took, 0.5);
}

std::string mib(double value) { return fmt::format("{:.1f} MiB", value); }
std::string ms(double value) { return fmt::format("{:.0f} ms", value); }

void bench(int argc, char** argv) {
  const Flags flags(argc, argv, {"functions", "seconds"}, {});
  const auto functions = static_cast<unsigned>(flags.number("functions", 10'000, 1'000'000));
  const auto seconds = static_cast<unsigned>(flags.number("seconds", 62, 3'600));
  prepare_process();
  const Place place({.functions = functions});

  const double loading = settings_ms(place);
  Effort at_rest, unused;
  const Stay first = stay(place, 0, unused);
  const Stay again = stay(place, seconds, at_rest);

  Table table(fmt::format("codedriftd run with {} functions, interval 1 h", functions));
  table.row("load_settings", judged(loading < 1000, ms(loading)), "1 s");
  table.row("exec to READY, first start", judged(first.ready_ms <= 1000, ms(first.ready_ms)), "1 s",
            fmt::format("its CPU time: {}", ms(first.ready_cpu_ms)));
  table.row("exec to READY, restart on a filled database", judged(again.ready_ms <= 1000, ms(again.ready_ms)), "1 s",
            fmt::format("its CPU time: {}", ms(again.ready_cpu_ms)));
  table.row("memory, most, first start up to READY", judged(first.peak_at_ready <= 25, mib(first.peak_at_ready)),
            "25 MiB");
  table.row("memory, most, first start and 1 poll of each", judged(first.peak <= 25, mib(first.peak)), "25 MiB",
            fmt::format("resident then: {}", mib(first.steady)));
  table.row("memory, most, restart", judged(again.peak <= 25, mib(again.peak)), "25 MiB",
            fmt::format("up to READY: {}", mib(again.peak_at_ready)));
  table.row("memory, resident at rest", judged(again.steady <= 25, mib(again.steady)), "25 MiB",
            fmt::format("of it its own: {}; the rest are pages of the program and its libraries", mib(again.own)));
  table.row("wake-ups a minute at rest", fmt::format("{:.0f}", at_rest.wakeups), "",
            "all threads of the daemon; bench_host has the whole, beside another program");
  table.row("CPU time a minute at rest", fmt::format("{:.0f} ms", at_rest.cpu_us / 1000), "",
            "about 167 polls fall due in that minute");
  table.print();
}

}  // namespace
}  // namespace codedriftd::test

int main(int argc, char** argv) {
  return codedriftd::test::guarded_main("bench_scale", [&] { codedriftd::test::bench(argc, argv); });
}
