// What looking inside costs the daemon: how much later an alert comes when it says what changed, and what the first
// sight of many functions takes.
#include <fmt/format.h>
#include <sys/resource.h>

#include <chrono>
#include <fstream>
#include <thread>

#include "base/json.h"
#include "bench/bench.h"
#include "bench/rig.h"
#include "store/db/sqlite.h"
#include "support/process.h"
#include "support/program.h"
#include "support/receiver.h"
#include "support/simulated_scf.h"

namespace codedriftd::test {
namespace {

using Files = std::map<std::string, std::string>;

/// A package of a few files whose code says `what`.
Files files_of(const std::string& what) {
  return {{"index.py", "def main(event, context):\n    return '" + what + "'\n"},
          {"lib/pay.py", std::string(20'000, '#') + "\n"},
          {"requirements.txt", "requests==2.32.3\n"}};
}

double cpu_of_children_ms() {
  rusage used{};
  ::getrusage(RUSAGE_CHILDREN, &used);
  const auto ms = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) * 1e3 + static_cast<double>(time.tv_usec) / 1e3;
  };
  return ms(used.ru_utime) + ms(used.ru_stime);
}

/// The daemon with `functions` functions, all deployed with packages, and what [packages] and [defaults] say.
class Watch {
 public:
  Watch(unsigned functions, const std::string& interval, const std::string& packages, const std::string& defaults) {
    std::string text = fmt::format(
        "[daemon]\nstate_dir = \"{0}/state\"\nruntime_dir = \"{0}/run\"\nplugin_dir = \"{1}/plugins\"\ninstance = "
        "\"bench\"\n[http]\nlisten = \"\"\n[packages]\n{2}\n[defaults]\naccount = \"bench\"\nregion = "
        "\"ap-guangzhou\"\ninterval = \"{3}\"\n{4}\n[account.bench]\nendpoint = \"{5}\"\nrequests_per_second = "
        "500\n[account.bench.credentials]\nsource = \"env\"\n[[alert]]\nname = \"ops\"\nplugin = "
        "\"webhook\"\n[alert.options]\nurl = \"{6}\"\nsecret_file = \"{7}\"\n",
        dir_.path().string(), CODEDRIFTD_BINARY_DIR, packages, interval, defaults, cloud_.endpoint(), receiver_.url(),
        dir_.write("secret", "whsec_RkFLRS1TRUNSRVQtRkFLRS1TRUNSRVQtRkFLRQ==\n"));
    for (unsigned i = 0; i < functions; ++i) {
      text += fmt::format("[[function]]\nname = \"f{}\"\n", i);
      cloud_.deploy(key(i), files_of(fmt::format("function {}", i)));
    }
    before_ms_ = cpu_of_children_ms();
    daemon_ = start_daemon(dir_.write("codedriftd.toml", text));
  }

  static std::string key(unsigned i) { return SimulatedScf::key(bench_target(i)); }
  SimulatedScf& cloud() { return cloud_; }
  Receiver& receiver() { return receiver_; }
  /// The one number that a query gives; 0 while there is no database.
  int64_t number(const std::string& sql) const {
    try {
      Database db = sqlite::open_reader(dir_ / "state/codedriftd.db");
      auto q = db.query_once(sql);
      return q.step() ? q.integer(0) : 0;
    } catch (const std::exception&) {
      return 0;
    }
  }
  void wait_for(const std::string& sql, int64_t count, Millis at_most) const {
    const auto there = [&] {
      std::this_thread::sleep_for(Millis{50});
      return number(sql) >= count;
    };
    if (!wait_until(there, at_most)) throw std::runtime_error(fmt::format("{} of {}: {}", number(sql), count, sql));
  }
  double peak_mib() const {
    std::ifstream status(fmt::format("/proc/{}/status", daemon_->pid()));
    for (std::string line; std::getline(status, line);) {
      if (line.starts_with("VmHWM:")) return std::stod(line.substr(6)) / 1024;
    }
    return 0;
  }
  /// Ends it. CPU time that it and its examiners took.
  double stop() {
    if (daemon_->terminate(Millis{20'000}) != ExitStatus{0, 0}) throw std::runtime_error(daemon_->err());
    daemon_.reset();
    return cpu_of_children_ms() - before_ms_;
  }

 private:
  TempDir dir_;
  SimulatedScf cloud_{ScfOptions{}};
  Receiver receiver_;
  double before_ms_ = 0;
  std::unique_ptr<Child> daemon_;
};

/// From the poll that first saw each of `changes` edits to the arrival of its alert, in milliseconds.
std::vector<double> delays(unsigned changes, const std::string& packages, const std::string& defaults) {
  constexpr unsigned kFunctions = 20;
  Watch watch(kFunctions, "1s", packages, defaults);
  watch.wait_for(packages.find("off") == std::string::npos
                     ? "SELECT count(*) FROM target WHERE accepted_content IS NOT NULL"
                     : "SELECT count(*) FROM target WHERE accepted IS NOT NULL",
                 kFunctions, Millis{60'000});
  const SystemClock clock;
  std::vector<double> found;
  for (unsigned change = 0; change < changes; ++change) {
    const std::string key = Watch::key(change % kFunctions);
    const std::size_t before = watch.receiver().requests().size();
    watch.cloud().deploy(key, files_of(fmt::format("edit {}", change)));
    if (!wait_until([&] { return watch.receiver().requests().size() > before; }, Millis{30'000}))
      throw std::runtime_error("an edit was not told");
    const WallTime arrived =
        clock.wall() + std::chrono::duration_cast<Millis>(watch.receiver().requests().back().arrived - clock.mono());
    const int64_t seen =
        watch.number(fmt::format("SELECT first_seen_ms FROM run WHERE sha256 = x'{}'", watch.cloud().code_sha256(key)));
    found.push_back(static_cast<double>(to_ms(arrived) - seen));
  }
  watch.stop();
  return found;
}

struct FirstSight {
  double seconds = 0, cpu_ms = 0, peak = 0;
};
FirstSight first_sight(unsigned functions, bool inside) {
  const SystemClock clock;
  // What is too much for the queue of packages comes again with the next poll.
  Watch watch(functions, "2m", inside ? "keep = \"manifest\"" : "keep = \"off\"", "");
  const MonoTime begun = clock.mono();
  watch.wait_for(inside ? "SELECT count(*) FROM target WHERE accepted_content IS NOT NULL"
                        : "SELECT count(*) FROM target WHERE accepted IS NOT NULL",
                 functions, Millis{1'200'000});
  FirstSight found;
  found.seconds = std::chrono::duration<double>(clock.mono() - begun).count();
  found.peak = watch.peak_mib();
  found.cpu_ms = watch.stop();
  return found;
}

void bench(int argc, char** argv) {
  const Flags flags(argc, argv, {"changes", "functions"}, {});
  const auto changes = static_cast<unsigned>(flags.number("changes", 100, 10'000));
  const auto functions = static_cast<unsigned>(flags.number("functions", 10'000, 100'000));
  prepare_process();
  const auto words = [](const std::vector<double>& took) {
    return fmt::format("median {:.0f} ms, 95 % within {:.0f} ms", quantile(took, 0.5), quantile(took, 0.95));
  };
  Table alerts(fmt::format("from the poll that saw an edit to its alert at the receiver, {} edits", changes));
  const std::vector<double> without = delays(changes, "keep = \"off\"", "");
  alerts.row("the alert alone, keep = \"off\"", words(without));
  alerts.row("with what changed, same_content = \"tell\"",
             words(delays(changes, "keep = \"manifest\"", "same_content = \"tell\"")), "within explain_within (10 s)",
             "the alert waits for the examination");
  alerts.row("with what changed, same_content = \"accept\"", words(delays(changes, "keep = \"manifest\"", "")),
             "within examine_within (1 m)", "the verdict waits for it");
  alerts.print();

  const FirstSight off = first_sight(functions, false), on = first_sight(functions, true);
  Table sights(fmt::format("the first sight of {} functions, 500 polls a second at most", functions));
  sights.row("until all are accepted, keep = \"off\"", fmt::format("{:.1f} s", off.seconds), "",
             fmt::format("CPU time {:.1f} s, memory at most {:.1f} MiB", off.cpu_ms / 1e3, off.peak));
  sights.row("until all are looked into, keep = \"manifest\"", fmt::format("{:.1f} s", on.seconds), "",
             fmt::format("CPU time with the examiners {:.1f} s, memory of the daemon at most {:.1f} MiB",
                         on.cpu_ms / 1e3, on.peak));
  sights.row("each package", fmt::format("{:.1f} ms of CPU time", (on.cpu_ms - off.cpu_ms) / functions), "",
             "fetched, hashed, read by a process of its own, recorded");
  sights.print();
}

}  // namespace
}  // namespace codedriftd::test

int main(int argc, char** argv) {
  return codedriftd::test::guarded_main("bench_inside", [&] { codedriftd::test::bench(argc, argv); });
}
