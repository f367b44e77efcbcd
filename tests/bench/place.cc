#include "bench/place.h"

#include <fmt/format.h>

#include <filesystem>
#include <fstream>
#include <thread>

#include "base/sha256.h"
#include "bench/rig.h"
#include "store/db/sqlite.h"
#include "support/simulated_scf.h"

namespace codedriftd::test {
namespace {

std::unique_ptr<Child> start_api(const TempDir& dir, const PlaceOptions& place, std::string& endpoint) {
  std::string list;
  for (unsigned i = 0; i < place.functions; ++i)
    list += fmt::format("{}={}\n", SimulatedScf::key(bench_target(i)), sha256("reviewed").hex());
  const std::string port_file = dir / "port";
  ChildOptions options;
  options.argv = {CODEDRIFTD_BINARY_DIR "/codedriftd-simulated-scf",
                  "--functions",
                  dir.write("functions", list),
                  "--port-file",
                  port_file,
                  "--die-with-parent",
                  "--max-seconds",
                  std::to_string(place.patience_s)};
  auto api = std::make_unique<Child>(std::move(options));
  if (!wait_until([&] { return std::filesystem::exists(port_file); }, Millis{20'000}))
    throw std::runtime_error("the simulated API did not start: " + api->err());
  unsigned port = 0;
  std::ifstream(port_file) >> port;
  endpoint = fmt::format("http://127.0.0.1:{}", port);
  return api;
}

}  // namespace

Place::Place(const PlaceOptions& options) : functions_(options.functions) {
  std::string endpoint;
  api_ = start_api(dir_, options, endpoint);
  std::string text = fmt::format(
      "[daemon]\nstate_dir = \"{0}/state\"\nruntime_dir = \"{0}/run\"\nplugin_dir = \"{1}/plugins\"\ninstance = "
      "\"bench\"\n[http]\nlisten = \"{2}\"\n[defaults]\naccount = \"bench\"\nregion = \"ap-guangzhou\"\ninterval = "
      "\"{3}\"\n[account.bench]\nendpoint = \"{4}\"\nrequests_per_second = 500\n[account.bench.credentials]\nsource = "
      "\"env\"\n[[alert]]\nname = \"ops\"\nplugin = \"webhook\"\n[alert.options]\nurl = \"{5}\"\nsecret_file = "
      "\"{6}\"\n",
      dir_.path().string(), CODEDRIFTD_BINARY_DIR, options.port == 0 ? "" : fmt::format("127.0.0.1:{}", options.port),
      options.interval, endpoint, receiver_.url(),
      dir_.write("secret", "whsec_RkFLRS1TRUNSRVQtRkFLRS1TRUNSRVQtRkFLRQ==\n"));
  for (unsigned i = 0; i < options.functions; ++i) text += fmt::format("\n[[function]]\nname = \"f{}\"\n", i);
  config_ = dir_.write("codedriftd.toml", text);
}

std::unique_ptr<Child> Place::start(std::map<std::string, std::string> env) const {
  return start_daemon(config_, std::move(env));
}

void Place::wait_until_polled(Child& daemon) const {
  const auto all_polled = [&] {
    std::this_thread::sleep_for(Millis{100});
    try {
      Database db = sqlite::open_reader(dir_ / "state/codedriftd.db");
      auto q = db.query("SELECT count(*) FROM target WHERE last_polled_at_ms IS NOT NULL");
      return q.step() && q.integer(0) == functions_;
    } catch (const StoreError&) {
      return false;  // there is none yet
    }
  };
  if (!wait_until(all_polled, Millis{120'000})) throw std::runtime_error("not everything was polled: " + daemon.err());
}

}  // namespace codedriftd::test
