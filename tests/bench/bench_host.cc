// What the daemon costs its host at rest, with few functions and with many: memory, CPU time, wake-ups; beside it, in
// the same minutes, Debian's prometheus-node-exporter. All of them are scraped every 15 seconds, as Prometheus would.
// Then how long its page and its API take with many functions.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <functional>
#include <thread>

#include "base/duration.h"
#include "bench/bench.h"
#include "bench/cost.h"
#include "bench/place.h"
#include "bench/rig.h"
#include "http/client.h"
#include "support/free_port.h"
#include "support/program.h"
#include "support/raw_client.h"

namespace codedriftd::test {
namespace {

constexpr const char* kExporter = "/usr/bin/prometheus-node-exporter";
constexpr unsigned kScrapeEvery = 15;

/// A program that is there for all of the benchmark, and has a page.
struct Service {
  std::string name, remark;
  std::unique_ptr<Place> place;  ///< of a daemon
  std::unique_ptr<Child> child;
  std::string page;  ///< "http://127.0.0.1:PORT"
  std::vector<double> resident, proportional, own, cpu_ms, wakeups;
  unsigned processes = 0, threads = 0;
};

void scrape(const Service& service) {
  codedriftd::HttpRequest request;
  request.method = "GET";
  request.url = service.page + "/metrics";
  request.body_cap = 4 << 20;
  HttpClient client;
  const HttpResponse answer = client.fetch(std::move(request));
  if (answer.status != 200)
    throw std::runtime_error(
        fmt::format("{} does not answer on {}: {}", service.name, service.page, answer.failure_text));
}

/// Its page answers.
void wait_for_page(Service& service) {
  const auto there = [&] {
    try {
      scrape(service);
      return true;
    } catch (const std::runtime_error&) {
      return !service.child->running();
    }
  };
  if (!wait_until(there, Millis{60'000}) || !service.child->running())
    throw std::runtime_error(service.name + " did not start: " + service.child->err());
}

/// The daemon, once it polled each of `functions` functions.
Service daemon_with(unsigned functions, const std::string& interval) {
  Service service;
  const double polls = functions * 1e3 / static_cast<double>(parse_duration(interval).value_or(Millis{1}).count());
  service.name = fmt::format("codedriftd, {} functions", functions);
  service.remark = fmt::format("each polled every {}: {:.2f} calls a second", interval, polls);
  const uint16_t port = free_port();
  service.page = fmt::format("http://127.0.0.1:{}", port);
  service.place = std::make_unique<Place>(PlaceOptions{.functions = functions, .interval = interval, .port = port});
  service.child = service.place->start();
  wait_for_page(service);
  service.place->wait_until_polled(*service.child);
  return service;
}

Service exporter() {
  Service service;
  service.name = "prometheus-node-exporter";
  service.remark = "as Debian starts it";
  const uint16_t port = free_port();
  service.page = fmt::format("http://127.0.0.1:{}", port);
  ChildOptions options;
  options.argv = {kExporter, fmt::format("--web.listen-address=127.0.0.1:{}", port)};
  service.child = std::make_unique<Child>(std::move(options));
  wait_for_page(service);
  return service;
}

/// Lets them all be for `seconds`, but for the scrapes, and adds what that cost.
void rest(std::vector<Service>& services, unsigned seconds) {
  struct Begin {
    std::vector<pid_t> pids;
    Effort effort;
  };
  std::vector<Begin> begins;
  for (const Service& service : services) {
    const std::vector<pid_t> pids = with_children(service.child->pid());
    begins.push_back({pids, effort_of(pids)});
  }
  const SystemClock clock;
  const MonoTime from = clock.mono();
  for (unsigned at = 0; at < seconds; at += kScrapeEvery) {
    for (const Service& service : services) scrape(service);
    std::this_thread::sleep_until(from + std::chrono::seconds(std::min(at + kScrapeEvery, seconds)));
  }
  const double minutes = std::chrono::duration<double>(clock.mono() - from).count() / 60;
  for (std::size_t i = 0; i < services.size(); ++i) {
    Service& service = services[i];
    const Begin& begin = begins[i];
    const Effort end = effort_of(begin.pids);
    const Memory memory = memory_of(begin.pids);
    service.resident.push_back(memory.resident);
    service.proportional.push_back(memory.proportional);
    service.own.push_back(memory.own);
    service.cpu_ms.push_back((end.cpu_us - begin.effort.cpu_us) / 1e3 / minutes);
    service.wakeups.push_back((end.wakeups - begin.effort.wakeups) / minutes);
    service.processes = static_cast<unsigned>(begin.pids.size());
    service.threads = end.threads;
  }
}

void at_rest_table(const std::vector<Service>& services, unsigned seconds, unsigned rounds) {
  Table table(fmt::format("at rest, medians of {} times {} s, with all processes that each started", rounds, seconds));
  const auto median = [](const std::vector<double>& values) { return quantile(values, 0.5); };
  for (const Service& service : services) {
    table.row(service.name + ": memory",
              fmt::format("PSS {:.1f} MiB, RSS {:.1f} MiB, its own {:.1f} MiB", median(service.proportional),
                          median(service.resident), median(service.own)),
              "", fmt::format("{} processes, {} threads", service.processes, service.threads));
    table.row(service.name + ": CPU time a minute", fmt::format("{:.0f} ms", median(service.cpu_ms)), "",
              service.remark);
    table.row(service.name + ": wake-ups a minute", fmt::format("{:.0f}", median(service.wakeups)), "",
              fmt::format("context switches of all threads; from {:.0f} to {:.0f}", quantile(service.wakeups, 0),
                          quantile(service.wakeups, 1)));
  }
  table.print();
}

/// How long the page and the API take over the network, and how long until the first byte of them.
void latency_table(const Service& service, unsigned functions) {
  constexpr int kTimes = 15;
  constexpr double kFirstByteMs = 50, kWholeMs = 300;
  const int port = std::stoi(service.page.substr(service.page.rfind(':') + 1));
  const SystemClock clock;
  const auto milliseconds = [](auto time) { return std::chrono::duration<double, std::milli>(time).count(); };
  Table table(fmt::format("page and API of {} functions, medians of {} requests", functions, kTimes));
  const std::string last = fmt::format("/?page={}", (functions + 99) / 100);
  for (const std::string& path :
       std::vector<std::string>{"/", last, "/?q=7", "/alerts", "/log", "/api/v1/status", "/api/v1/status?function=*7",
                                "/api/v1/coverage", "/api/v1/events", "/metrics"}) {
    std::vector<double> first, whole;
    std::size_t size = 0;
    for (int i = 0; i < kTimes; ++i) {
      const MonoTime asked = clock.mono();
      const RawClient client(port, fmt::format("GET {} HTTP/1.1\r\nHost: localhost\r\n\r\n", path));
      client.wait_for_something();
      first.push_back(milliseconds(clock.mono() - asked));
      const std::string reply = client.rest();
      whole.push_back(milliseconds(clock.mono() - asked));
      size = reply.size();
      if (!reply.starts_with("HTTP/1.1 200 "))
        throw std::runtime_error(fmt::format("{}: {}", path, reply.substr(0, 200)));
    }
    const double a = quantile(first, 0.5), b = quantile(whole, 0.5);
    const bool page = !path.starts_with("/api/");
    const std::string measured = fmt::format("{:.0f} ms, {:.0f} ms, {} KiB", a, b, size / 1024);
    table.row(fmt::format("{}: first byte, whole", path),
              page ? judged(a <= kFirstByteMs && b <= kWholeMs, measured) : measured,
              page ? fmt::format("{:.0f} ms, {:.0f} ms", kFirstByteMs, kWholeMs) : "");
  }
  table.print();
}

void bench(int argc, char** argv) {
  const Flags flags(argc, argv, {"few", "many", "interval", "many-interval", "seconds", "rounds"}, {});
  const auto few = static_cast<unsigned>(flags.number("few", 10, 100'000));
  const auto many = static_cast<unsigned>(flags.number("many", 10'000, 100'000));
  const auto seconds = static_cast<unsigned>(flags.number("seconds", 60, 3'600));
  const auto rounds = static_cast<unsigned>(flags.number("rounds", 5, 1'000));
  prepare_process();

  std::vector<Service> services;
  services.push_back(daemon_with(few, flags.text("interval", "5m")));
  // Every five minutes would be 33 calls a second, more than the cloud's limit of 20.
  services.push_back(daemon_with(many, flags.text("many-interval", "15m")));
  const bool compared = ::access(kExporter, X_OK) == 0;
  if (compared) services.push_back(exporter());
  rest(services, std::min(seconds, 10U));  // the start is no part of it
  for (Service& service : services) {
    for (std::vector<double>* values :
         {&service.resident, &service.proportional, &service.own, &service.cpu_ms, &service.wakeups})
      values->clear();
  }
  for (unsigned i = 0; i < rounds; ++i) rest(services, seconds);
  at_rest_table(services, seconds, rounds);
  latency_table(services[1], many);
  if (!compared)
    fmt::print("compared with nothing: {} is not here, scripts/install-deps --test installs it\n", kExporter);
  for (const Service& service : services) {
    const auto ended = service.child->terminate(Millis{20'000});
    if (service.place && ended != ExitStatus{0, 0})
      throw std::runtime_error(service.name + " did not stop cleanly: " + service.child->err());
  }
}

}  // namespace
}  // namespace codedriftd::test

int main(int argc, char** argv) {
  return codedriftd::test::guarded_main("bench_host", [&] { codedriftd::test::bench(argc, argv); });
}
