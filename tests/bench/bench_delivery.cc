// From the COMMIT that holds a drift to its webhook at the receiver, on loopback.
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <map>
#include <stdexcept>
#include <thread>

#include "base/guarded.h"
#include "base/json.h"
#include "base/sha256.h"
#include "bench/bench.h"
#include "bench/rig.h"
#include "sinks/process.h"
#include "sinks/runner.h"
#include "store/outbox/flapping.h"
#include "support/process.h"
#include "support/program.h"
#include "support/receiver.h"

namespace codedriftd::test {
namespace {

double ms_between(MonoTime from, MonoTime to) { return std::chrono::duration<double, std::milli>(to - from).count(); }

/// Appends a page to a file of the same folder and flushes it, as a COMMIT does to the write-ahead log.
std::vector<double> fsync_ms(const std::string& file, const Clock& clock, int times) {
  const UniqueFd fd(::open(file.c_str(), O_CREAT | O_WRONLY | O_TRUNC | O_CLOEXEC, 0600));
  const std::string page(4096, 'x');
  std::vector<double> took;
  for (int i = 0; i < times; ++i) {
    if (::write(fd.get(), page.data(), page.size()) < 0) throw std::runtime_error("cannot write " + file);
    const MonoTime before = clock.mono();
    if (::fsync(fd.get()) != 0) throw std::runtime_error("cannot flush " + file);
    took.push_back(ms_between(before, clock.mono()));
  }
  return took;
}

/// An Observation of a hash that changes with `n`: each is news.
Observation observed(unsigned n) {
  Observation seen;
  seen.outcome = codedriftd::Outcome::observed;
  seen.sha256 = sha256(fmt::format("version {}", n));
  return seen;
}

SinkSpec webhook(const TempDir& dir, const Receiver& receiver) {
  const Place here{"bench", 1, 1};
  SinkSpec spec;
  spec.name = "ops";
  spec.sinkhost = CODEDRIFTD_BINARY_DIR "/codedriftd-sinkhost";
  spec.plugin = CODEDRIFTD_BINARY_DIR "/plugins/webhook.so";
  spec.options["url"] = {receiver.url(), here};
  spec.options["secret_file"] = {dir.write("secret", "whsec_RkFLRS1TRUNSRVQtRkFLRS1TRUNSRVQtRkFLRQ==\n"), here};
  return spec;
}

void bench(int argc, char** argv) {
  const Flags flags(argc, argv, {"drifts"}, {});
  const auto drifts = static_cast<unsigned>(flags.number("drifts", 200, 100'000));
  const TempDir dir;
  Receiver receiver;
  prepare_process();
  Rig rig;

  Guarded<std::map<std::string, MonoTime>> committed;  // by event id
  std::unique_ptr<Runner> runner;
  Ledger::Hooks hooks;
  hooks.written = [&](const LoggedEvent& logged) { committed.lock()->emplace(logged.id, rig.clock.mono()); };
  hooks.queued = [&](const std::string&) {
    if (runner) runner->ring();
  };
  Ledger ledger("bench", "bench/codedriftd", std::move(hooks));
  // As many functions as it takes for none of them to flap: the alerts of one that does are held.
  const unsigned functions = drifts / outbox::kFlappingEvents + 1;
  const std::vector<WatchedTarget> targets = rig.watch(functions, Millis{60'000});
  rig.writer->run([&](Tx& tx) {
    ledger.set_routes({{{"ops", {"drift.*"}, {"*"}}, Millis{3'600'000}, ""}});
    for (const WatchedTarget& target : targets) ledger.apply(tx, target.id, observed(0), rig.clock.wall());
  });
  runner = std::make_unique<Runner>("ops", std::make_shared<SinkProcess>(webhook(dir, receiver)), *rig.writer, ledger,
                                    rig.clock);
  runner->start();
  if (!wait_until([&] { return runner->state().up; }, Millis{20'000}))
    throw std::runtime_error("the plugin does not come up: " + runner->state().down_reason);

  std::vector<double> flush = fsync_ms(dir / "flush", rig.clock, static_cast<int>(drifts) / 2 + 1);
  for (unsigned n = 1; n <= drifts; ++n) {
    rig.writer->run(
        [&, n](Tx& tx) { ledger.apply(tx, targets[n % targets.size()].id, observed(n), rig.clock.wall()); });
    if (!receiver.wait_for(n, Millis{20'000})) throw std::runtime_error("an alert did not arrive");
    // The delivery's own end is being recorded: the next drift is not to wait behind it.
    rig.writer->run([](Tx&) {});
    std::this_thread::sleep_for(Millis{5});
  }
  for (const double took : fsync_ms(dir / "flush", rig.clock, static_cast<int>(drifts) / 2 + 1)) flush.push_back(took);
  runner->stop();

  std::vector<double> took;
  for (const ReceivedRequest& request : receiver.requests()) {
    const Json body = Json::parse(request.body);
    const std::string id = body.at("data").at("id").get<std::string>();
    took.push_back(ms_between(committed.lock()->at(id), request.arrived));
  }
  const double one_fsync = quantile(flush, 0.5);
  const double median = quantile(took, 0.5);
  const double goal = 5 * one_fsync + 5;
  Table table(fmt::format("{} drifts, from COMMIT to the webhook's arrival on loopback", took.size()));
  table.row("one fsync of 4 kB in the same folder, median", fmt::format("{:.2f} ms", one_fsync), "",
            fmt::format("p99 {:.2f} ms", quantile(flush, 0.99)));
  table.row("COMMIT to arrival, median", judged(median <= goal, fmt::format("{:.2f} ms", median)),
            fmt::format("{:.2f} ms (5 fsyncs + 5 ms)", goal), fmt::format("{:.1f} fsyncs", median / one_fsync));
  table.row("COMMIT to arrival, p99", fmt::format("{:.2f} ms", quantile(took, 0.99)), "",
            fmt::format("{:.1f} fsyncs of its p99", quantile(took, 0.99) / quantile(flush, 0.99)));
  table.print();
}

}  // namespace
}  // namespace codedriftd::test

int main(int argc, char** argv) {
  return codedriftd::test::guarded_main("bench_delivery", [&] { codedriftd::test::bench(argc, argv); });
}
