// The real daemon with 10,000 functions: memory, time to READY, and what it takes at rest.
#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <charconv>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>

#include "base/sha256.h"
#include "base/unique_fd.h"
#include "bench/bench.h"
#include "bench/rig.h"
#include "settings/load.h"
#include "store/db/sqlite.h"
#include "support/process.h"
#include "support/program.h"
#include "support/receiver.h"
#include "support/simulated_scf.h"

namespace codedriftd::test {
namespace {

double ms_between(MonoTime from, MonoTime to) { return std::chrono::duration<double, std::milli>(to - from).count(); }

/// The number after `name` in a file of /proc.
int64_t proc_number(const std::string& file, const std::string& name) {
  std::ifstream in(file);
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with(name)) return std::stoll(line.substr(name.size()));
  }
  return 0;
}

double rss_mib(pid_t pid, const char* which) {
  return static_cast<double>(proc_number(fmt::format("/proc/{}/status", pid), which)) / 1024;
}

/// All threads: how often they woke up by themselves, and user and system time in microseconds.
struct Effort {
  double wakeups = 0;
  double cpu_us = 0;
};
Effort effort_of(pid_t pid) {
  Effort effort;
  for (const auto& task : std::filesystem::directory_iterator(fmt::format("/proc/{}/task", pid))) {
    effort.wakeups += static_cast<double>(proc_number(task.path() / "status", "voluntary_ctxt_switches:"));
    // In nanoseconds; the ticks of /proc/PID/stat are too coarse for a program at rest.
    std::ifstream schedstat(task.path() / "schedstat");
    double ns = 0;
    schedstat >> ns;
    effort.cpu_us += ns / 1e3;
  }
  return effort;
}

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

struct Place {
  TempDir dir;
  std::string config, functions;
};

void write_config(Place& place, unsigned functions, const std::string& endpoint, const std::string& webhook) {
  std::string text = fmt::format(
      "[daemon]\nstate_dir = \"{0}/state\"\nruntime_dir = \"{0}/run\"\nplugin_dir = \"{1}/plugins\"\ninstance = "
      "\"bench\"\n[http]\nlisten = \"\"\n[defaults]\naccount = \"bench\"\nregion = \"ap-guangzhou\"\ninterval = "
      "\"1h\"\n[account.bench]\nendpoint = \"{2}\"\nrequests_per_second = 500\n[account.bench.credentials]\nsource = "
      "\"env\"\n[[alert]]\nname = \"ops\"\nplugin = \"webhook\"\n[alert.options]\nurl = \"{3}\"\nsecret_file = "
      "\"{4}\"\n",
      place.dir.path().string(), CODEDRIFTD_BINARY_DIR, endpoint, webhook,
      place.dir.write("secret", "whsec_RkFLRS1TRUNSRVQtRkFLRS1TRUNSRVQtRkFLRQ==\n"));
  for (unsigned i = 0; i < functions; ++i) text += fmt::format("\n[[function]]\nname = \"f{}\"\n", i);
  place.config = place.dir.write("codedriftd.toml", text);
}

int64_t polled(const Place& place) {
  Database db = Database::open_reader(place.dir / "state/codedriftd.db");
  auto q = db.query("SELECT count(*) FROM target WHERE last_polled_at_ms IS NOT NULL");
  return q.step() ? q.integer(0) : 0;
}

struct Stay {
  double ready_ms = 0, ready_cpu_ms = 0, peak_at_ready = 0, peak = 0, steady = 0, own = 0;
};

/// Starts the daemon and lets it poll everything; then, with `rest`, watches it do nothing.
Stay stay(const Place& place, unsigned functions, unsigned rest_seconds, Effort& at_rest) {
  const SystemClock clock;
  const NotifySocket notify(place.dir / "notify");
  Stay result;
  const MonoTime before = clock.mono();
  const auto daemon = start_daemon(place.config, {{"NOTIFY_SOCKET", notify.path()}});
  notify.wait_until_ready();
  result.ready_ms = ms_between(before, clock.mono());
  result.ready_cpu_ms = effort_of(daemon->pid()).cpu_us / 1000;
  result.peak_at_ready = rss_mib(daemon->pid(), "VmHWM:");
  const auto all_polled = [&] {
    std::this_thread::sleep_for(Millis{100});
    return polled(place) == functions;
  };
  if (!wait_until(all_polled, Millis{120'000})) throw std::runtime_error("not everything was polled: " + daemon->err());
  std::this_thread::sleep_for(Millis{rest_seconds > 0 ? 3'000 : 500});
  const Effort begin = effort_of(daemon->pid());
  const MonoTime from = clock.mono();
  std::this_thread::sleep_for(std::chrono::seconds(rest_seconds));
  const Effort end = effort_of(daemon->pid());
  const double minutes = ms_between(from, clock.mono()) / 60'000;
  at_rest = {(end.wakeups - begin.wakeups) / minutes, (end.cpu_us - begin.cpu_us) / minutes};
  result.peak = rss_mib(daemon->pid(), "VmHWM:");
  result.steady = rss_mib(daemon->pid(), "VmRSS:");
  result.own = rss_mib(daemon->pid(), "RssAnon:");
  if (daemon->terminate(Millis{10'000}) != ExitStatus{0, 0})
    throw std::runtime_error("the daemon did not stop cleanly: " + daemon->err());
  return result;
}

double settings_ms(const Place& place) {
  const SystemClock clock;
  std::vector<double> took;
  for (int i = 0; i < 3; ++i) {
    const MonoTime before = clock.mono();
    if (!load_settings(place.config)) throw std::runtime_error("the configuration was refused");
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
  Place place;
  std::string list;
  for (unsigned i = 0; i < functions; ++i)
    list += fmt::format("{}={}\n", SimulatedScf::key(bench_target(i)), sha256("reviewed").hex());
  const std::string port_file = place.dir / "port";
  ChildOptions options;
  options.argv = {CODEDRIFTD_BINARY_DIR "/codedriftd-simulated-scf",
                  "--functions",
                  place.dir.write("functions", list),
                  "--port-file",
                  port_file,
                  "--die-with-parent",
                  "--max-seconds",
                  "900"};
  Child server(std::move(options));
  if (!wait_until([&] { return std::filesystem::exists(port_file); }, Millis{20'000}))
    throw std::runtime_error("the simulated API did not start: " + server.err());
  unsigned port = 0;
  std::ifstream(port_file) >> port;
  Receiver receiver;
  write_config(place, functions, fmt::format("http://127.0.0.1:{}", port), receiver.url());

  const double loading = settings_ms(place);
  Effort at_rest, unused;
  const Stay first = stay(place, functions, 0, unused);
  const Stay again = stay(place, functions, seconds, at_rest);

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
  table.row("wake-ups a minute at rest", fmt::format("{:.0f}", at_rest.wakeups), "", "all threads of the daemon");
  table.row("CPU time a minute at rest", fmt::format("{:.0f} ms", at_rest.cpu_us / 1000), "",
            "about 167 polls fall due in that minute");
  table.print();
}

}  // namespace
}  // namespace codedriftd::test

int main(int argc, char** argv) {
  return codedriftd::test::guarded_main("bench_scale", [&] { codedriftd::test::bench(argc, argv); });
}
