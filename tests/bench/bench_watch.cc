// How soon a deployment is told, and what that costs in calls: found by a rule and looked for by ModTime, beside plain
// polling, all three at once, each with a daemon and a simulated cloud of its own.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <future>
#include <map>
#include <random>
#include <thread>

#include "base/duration.h"
#include "base/guarded.h"
#include "base/json.h"
#include "base/sha256.h"
#include "bench/bench.h"
#include "bench/rig.h"
#include "settings/schedule.h"
#include "store/db/sqlite.h"
#include "support/process.h"
#include "support/program.h"
#include "support/receiver.h"
#include "support/scf_request.h"
#include "support/simulated_scf.h"

namespace codedriftd::test {
namespace {

constexpr std::array kRegions{"ap-guangzhou", "ap-shanghai", "ap-beijing", "ap-singapore", "ap-hongkong"};
constexpr unsigned kNamespaces = 4;  ///< of each region
constexpr unsigned kFastest = 20;    ///< calls of GetFunctionAddress a second, as documented
constexpr double kGoalSeconds = 20;

struct Plan {
  unsigned functions, deployments, seconds;
  std::string interval, changes_every, every;
};

/// One way to watch.
struct Way {
  std::string name;
  std::string watches;           ///< TOML
  std::string interval;          ///< TOML
  unsigned requests_per_second;  ///< of GetFunctionAddress; what is more than kFastest no cloud grants
};

struct Outcome {
  std::vector<double> delays;  ///< from each deployment to its alert, in seconds
  double calls_a_day = 0;      ///< for each function, while deployments came
  std::map<std::string, uint64_t> calls;
  uint64_t refused = 0;
};

Target target_of(unsigned i) {
  return {"bench", kRegions.at(i % kRegions.size()), fmt::format("ns{}", i / kRegions.size() % kNamespaces),
          fmt::format("f{}", i), "$LATEST"};
}

std::string named_functions(const Plan& plan) {
  std::map<std::pair<std::string, std::string>, std::string> names;
  for (unsigned i = 0; i < plan.functions; ++i) {
    const Target target = target_of(i);
    names[{target.region, target.ns}] += fmt::format("\"{}\",", target.function);
  }
  std::string text;
  for (const auto& [place, list] : names)
    text += fmt::format("[[function]]\nregion = \"{}\"\nnamespace = \"{}\"\nnames = [{}]\n", place.first, place.second,
                        list);
  return text;
}

std::string one_rule(const Plan& plan) {
  std::string regions;
  for (const char* region : kRegions) regions += fmt::format("\"{}\",", region);
  return fmt::format(
      "[[watch]]\nregions = [{}]\nbaseline = \"first-seen\"\nmax_targets = {}\n[account.bench.discovery]\nevery = "
      "\"{}\"\nchanges_every = \"{}\"\n",
      regions, plan.functions, plan.every, plan.changes_every);
}

class Watch {
 public:
  Watch(const Plan& plan, Way way) : plan_(plan), way_(std::move(way)) {
    for (unsigned i = 0; i < plan_.functions; ++i)
      cloud_.set(SimulatedScf::key(target_of(i)), sha256("reviewed").hex());
    receiver_.on_request([this](const ReceivedRequest& request) {
      const Json data = Json::parse(request.body).at("data");
      if (data.at("kind") == "drift.detected")
        alerted_.lock()->emplace(data.at("target").at("address").get<std::string>(), request.arrived);
    });
  }

  Outcome run() {
    // Everything is seen and accepted first, faster than any cloud allows.
    start(500);
    wait_for("every function is accepted", [&] { return accepted() == plan_.functions; });
    stop();
    std::map<std::string, unsigned> rates = documented_rates();
    if (way_.requests_per_second > kFastest) rates.erase("GetFunctionAddress");
    cloud_.set_rates(std::move(rates));
    start(way_.requests_per_second);
    std::this_thread::sleep_for(std::chrono::seconds(std::min(plan_.seconds, 30U)));  // the start is no part of it
    cloud_.reset_statistics();
    const std::map<std::string, MonoTime> deployed = deploy();
    const ScfStatistics statistics = cloud_.statistics();
    wait_for("every deployment is told", [&] { return alerted_.lock()->size() >= deployed.size(); });
    stop();

    Outcome outcome;
    const std::map<std::string, MonoTime> alerted = alerted_.copy();
    for (const auto& [address, at] : deployed)
      outcome.delays.push_back(std::chrono::duration<double>(alerted.at(address) - at).count());
    uint64_t calls = 0;
    for (const auto& [action, each] : statistics.by_action) {
      outcome.calls[action] = each.calls;
      outcome.refused += each.refused;
      calls += each.calls + each.refused;
    }
    outcome.calls_a_day = static_cast<double>(calls) * 86'400 / plan_.seconds / plan_.functions;
    return outcome;
  }

 private:
  void start(unsigned requests_per_second) {
    const std::string text = fmt::format(
        "[daemon]\nstate_dir = \"{0}/state\"\nruntime_dir = \"{0}/run\"\nplugin_dir = \"{1}/plugins\"\ninstance = "
        "\"bench\"\n[http]\nlisten = \"\"\n[packages]\nkeep = \"off\"\n[defaults]\naccount = \"bench\"\ninterval = "
        "\"{2}\"\n[account.bench]\nendpoint = \"{3}\"\nrequests_per_second = {4}\n[account.bench.credentials]\nsource "
        "= \"env\"\n{5}[[alert]]\nname = \"ops\"\nplugin = \"webhook\"\n[alert.options]\nurl = \"{6}\"\nsecret_file = "
        "\"{7}\"\n",
        dir_.path().string(), CODEDRIFTD_BINARY_DIR, way_.interval, cloud_.endpoint(), requests_per_second,
        way_.watches, receiver_.url(), dir_.write("secret", "whsec_RkFLRS1TRUNSRVQtRkFLRS1TRUNSRVQtRkFLRQ==\n"));
    daemon_ = start_daemon(dir_.write("codedriftd.toml", text));
  }
  void stop() {
    if (daemon_->terminate(Millis{20'000}) != ExitStatus{0, 0}) throw std::runtime_error(daemon_->err());
    daemon_.reset();
  }
  int64_t accepted() const {
    try {
      Database db = sqlite::open_reader(dir_ / "state/codedriftd.db");
      auto q = db.query("SELECT count(*) FROM target WHERE accepted IS NOT NULL");
      return q.step() ? q.integer(0) : 0;
    } catch (const std::exception&) {
      return 0;  // there is none yet
    }
  }
  template <typename Predicate>
  void wait_for(const char* what, Predicate predicate) const {
    const auto there = [&] {
      std::this_thread::sleep_for(Millis{100});
      return predicate();
    };
    if (!wait_until(there, Millis{1'800'000}))
      throw std::runtime_error(fmt::format("{}: not until {}; {}", way_.name, what, daemon_->err()));
  }
  /// One function after the other, each once, at random moments.
  std::map<std::string, MonoTime> deploy() {
    std::mt19937 random(7);
    std::vector<unsigned> order(plan_.functions);
    for (unsigned i = 0; i < plan_.functions; ++i) order[i] = i;
    std::ranges::shuffle(order, random);
    std::vector<double> moments(plan_.deployments);
    std::uniform_real_distribution<double> within(0, plan_.seconds);
    for (double& moment : moments) moment = within(random);
    std::ranges::sort(moments);
    const MonoTime begun = clock_.mono();
    std::map<std::string, MonoTime> deployed;
    for (unsigned i = 0; i < plan_.deployments; ++i) {
      std::this_thread::sleep_until(
          begun + std::chrono::duration_cast<MonoTime::duration>(std::chrono::duration<double>(moments[i])));
      const Target target = target_of(order[i]);
      deployed[target.address()] = clock_.mono();
      cloud_.set(SimulatedScf::key(target), sha256(fmt::format("deployment {}", i)).hex());
    }
    std::this_thread::sleep_until(begun + std::chrono::seconds(plan_.seconds));
    return deployed;
  }

  const Plan plan_;
  const Way way_;
  const SystemClock clock_;
  TempDir dir_;
  SimulatedScf cloud_{ScfOptions{.keep_requests = 0}};
  Guarded<std::map<std::string, MonoTime>> alerted_;  ///< by address
  Receiver receiver_;
  std::unique_ptr<Child> daemon_;
};

std::string words(const Outcome& outcome) {
  return fmt::format("median {:.1f} s, p99 {:.1f} s, worst {:.1f} s", quantile(outcome.delays, 0.5),
                     quantile(outcome.delays, 0.99), quantile(outcome.delays, 1));
}

std::string cost(const Outcome& outcome) {
  std::string text;
  for (const auto& [action, calls] : outcome.calls)
    text += fmt::format("{}{} {}", text.empty() ? "" : ", ", calls, action);
  return fmt::format("{:.1f} calls a day for each function; {} refused; counted: {}", outcome.calls_a_day,
                     outcome.refused, text);
}

void bench(int argc, char** argv) {
  const Flags flags(argc, argv, {"functions", "deployments", "seconds", "interval", "changes-every", "every"}, {});
  const Plan plan{.functions = static_cast<unsigned>(flags.number("functions", 10'000, 100'000)),
                  .deployments = static_cast<unsigned>(flags.number("deployments", 300, 10'000)),
                  .seconds = static_cast<unsigned>(flags.number("seconds", 600, 86'400)),
                  .interval = flags.text("interval", "5m"),
                  .changes_every = flags.text("changes-every", "15s"),
                  .every = flags.text("every", "10m")};
  if (plan.deployments > plan.functions) throw WrongUsage("each function is deployed once at most");
  prepare_process();
  const auto fastest = static_cast<unsigned>(plan.functions / (kFastest * kUsableShare)) + 1;
  const std::string named = named_functions(plan);
  const std::vector<Way> ways{
      {fmt::format("a [[watch]], changes_every = {}, interval = 1h", plan.changes_every), one_rule(plan), "1h",
       kFastest},
      {fmt::format("polling every {}: {:.1f} calls a second, where {} are granted", plan.interval,
                   plan.functions / (static_cast<double>(parse_duration(plan.interval)->count()) / 1e3), kFastest),
       named, plan.interval, 500},
      {fmt::format("polling as fast as the limit lets, every {} s", fastest), named, fmt::format("{}s", fastest),
       kFastest}};
  std::vector<std::future<Outcome>> running;
  for (const Way& way : ways) {
    running.push_back(std::async(std::launch::async, [&plan, &way] {
      Watch watch(plan, way);
      return watch.run();
    }));
  }
  Table table(
      fmt::format("from a deployment to its alert at the receiver, {} functions in {} regions, {} deployments in "
                  "{} s, at the documented limits",
                  plan.functions, kRegions.size(), plan.deployments, plan.seconds));
  for (std::size_t i = 0; i < ways.size(); ++i) {
    const Outcome outcome = running[i].get();
    const bool within = i != 0 || quantile(outcome.delays, 0.99) <= kGoalSeconds;
    table.row(ways[i].name, judged(within, words(outcome)), i == 0 ? "p99 20 s" : "", cost(outcome));
  }
  table.print();
}

}  // namespace
}  // namespace codedriftd::test

int main(int argc, char** argv) {
  return codedriftd::test::guarded_main("bench_watch", [&] { codedriftd::test::bench(argc, argv); });
}
