// How much of a strict rate limit is used, and how often it is hit: codedriftd's pace beside clients that do without.
#include <fmt/format.h>

#include <atomic>
#include <deque>
#include <functional>
#include <thread>

#include "base/sha256.h"
#include "bench/bench.h"
#include "bench/rig.h"
#include "support/program.h"
#include "support/simulated_scf.h"

namespace codedriftd::test {
namespace {

constexpr unsigned kLimit = 20;
constexpr ScfLatency::Range kJitter{Millis{60}, Millis{260}};

struct Outcome {
  std::string failure;
  ScfStatistics stats;
  double used() const {
    if (!stats.first_arrival || stats.accepted < 2) return 0;
    const double seconds = std::chrono::duration<double>(*stats.last_arrival - *stats.first_arrival).count();
    return static_cast<double>(stats.accepted - 1) / seconds / kLimit;
  }
  double refused() const {
    const auto sent = static_cast<double>(stats.accepted + stats.refused);
    return sent > 0 ? static_cast<double>(stats.refused) / sent : 0;
  }
  std::string text() const {
    if (!failure.empty()) return failure;
    return fmt::format("{:.1f} % used, {:.2f} % refused", 100 * used(), 100 * refused());
  }
};

/// A client has `functions` to call once each, and ends when all were answered or the time is over.
using Client = std::function<void(const SimulatedScf&, unsigned functions, Millis at_most)>;

void pace_of_the_daemon(const SimulatedScf& scf, unsigned functions, Millis at_most) {
  Rig rig;
  Poller::Watch watch;
  watch.targets = rig.watch(functions, std::chrono::hours(24));
  watch.paces["bench"] = {"bench", kLimit};
  watch.apply = [&] { rig.api.set_accounts({bench_account(rig.clock, scf.endpoint())}); };
  rig.poller->set_watch(std::move(watch));
  rig.poller->start();
  for (const MonoTime end = rig.clock.mono() + at_most; rig.clock.mono() < end;) {
    if (scf.statistics().accepted >= functions) break;
    std::this_thread::sleep_for(Millis{20});
  }
}

/// The same API client without the pace. `next` says when, counted from the start, call number n leaves; with
/// `one_at_a_time` that is counted from the last answer. What was refused is called again.
void without_pace(const SimulatedScf& scf, unsigned functions, Millis at_most, bool one_at_a_time,
                  const std::function<Millis(unsigned)>& next) {
  SystemClock clock;
  CurlApi api(clock);
  api.set_accounts({bench_account(clock, scf.endpoint())});
  std::deque<unsigned> left;
  for (unsigned i = 0; i < functions; ++i) left.push_back(i);
  MonoTime from = clock.mono();
  const MonoTime end = from + at_most;
  for (unsigned n = 0; (!left.empty() || api.in_flight() > 0) && clock.mono() < end;) {
    const MonoTime at = from + next(n);
    if (left.empty() || clock.mono() < at) {
      api.turn(left.empty() ? Millis{20} : std::chrono::ceil<Millis>(at - clock.mono()));
      continue;
    }
    const unsigned function = left.front();
    left.pop_front();
    ++n;
    api.start({bench_target(function)}, [&left, function](const ApiAnswer& answer) {
      if (answer.slow_down) left.push_back(function);
    });
    while (one_at_a_time && api.in_flight() > 0) api.turn(Millis{100});
    if (one_at_a_time) {
      from = clock.mono();
      n = 1;
    }
  }
}

void sleeping(const SimulatedScf& scf, unsigned functions, Millis at_most) {
  without_pace(scf, functions, at_most, true, [](unsigned n) { return Millis{n == 0 ? 0 : 1000 / kLimit}; });
}
void ticking(const SimulatedScf& scf, unsigned functions, Millis at_most) {
  without_pace(scf, functions, at_most, false, [](unsigned n) { return Millis{n * 1000 / kLimit}; });
}
void bursting(const SimulatedScf& scf, unsigned functions, Millis at_most) {
  without_pace(scf, functions, at_most, false, [](unsigned n) { return Millis{n / kLimit * 1000}; });
}

Outcome measure(const Client& client, const ScfLatency& latency, unsigned functions) {
  Outcome outcome;
  try {
    ScfOptions options;
    options.requests_per_second = kLimit;
    options.latency = latency;
    SimulatedScf scf(options);
    for (unsigned i = 0; i < functions; ++i) scf.set(SimulatedScf::key(bench_target(i)), sha256("reviewed").hex());
    const Millis enough{functions * 1000 / kLimit * 3 / 2 + 2000};
    client(scf, functions, enough);
    outcome.stats = scf.statistics();
  } catch (const std::exception& error) {
    outcome.failure = error.what();
  }
  return outcome;
}

void bench(int argc, char** argv) {
  const Flags flags(argc, argv, {"functions"}, {});
  const auto functions = static_cast<unsigned>(flags.number("functions", 600, 100'000));
  prepare_process();
  struct Way {
    const char* what;
    ScfLatency latency;
    double least, most_refused;
    const char* goal;
  };
  const Way ways[] = {
      {"answers 60-260 ms, after counting", {{}, kJitter, {}}, 0.97, 0.0, ">= 97 % used, none refused"},
      {"answers 60-260 ms, half before counting", {{}, {}, kJitter}, 0.85, 0.005, ">= 85 % used, <= 0.5 % refused"}};
  const std::pair<const char*, Client> clients[] = {{"codedriftd", pace_of_the_daemon},
                                                    {"call, sleep 1/20 s", sleeping},
                                                    {"a call every 1/20 s", ticking},
                                                    {"20 calls every second", bursting}};
  // All at the same time, each with a server of its own: they wait nearly always.
  Outcome outcomes[2][4];
  {
    std::vector<std::jthread> threads;
    for (std::size_t w = 0; w < 2; ++w) {
      for (std::size_t c = 0; c < 4; ++c) {
        threads.emplace_back([&, w, c] { outcomes[w][c] = measure(clients[c].second, ways[w].latency, functions); });
      }
    }
  }
  Table table(fmt::format("{} functions due at once, a strict limit of {}/s", functions, kLimit));
  for (std::size_t w = 0; w < 2; ++w) {
    const Outcome& ours = outcomes[w][0];
    const bool within = ours.failure.empty() && ours.used() >= ways[w].least && ours.refused() <= ways[w].most_refused;
    for (std::size_t c = 1; c < 4; ++c) {
      table.row(c == 1 ? ways[w].what : "", c == 1 ? judged(within, ours.text()) : "", c == 1 ? ways[w].goal : "",
                fmt::format("{}: {}", clients[c].first, outcomes[w][c].text()));
    }
  }
  table.print();
}

}  // namespace
}  // namespace codedriftd::test

int main(int argc, char** argv) {
  return codedriftd::test::guarded_main("bench_pace", [&] { codedriftd::test::bench(argc, argv); });
}
