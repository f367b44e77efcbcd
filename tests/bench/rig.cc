#include "bench/rig.h"

#include <fmt/format.h>

#include <cstdlib>
#include <stdexcept>

#include "base/log.h"
#include "store/db/migrate.h"
#include "store/db/sqlite.h"
#include "store/ledger/watch_list.h"
#include "support/simulated_scf.h"

namespace codedriftd::test {

void prepare_process() {
  set_log(LogLevel::warning, LogFormat::text);
  ::setenv("TENCENTCLOUD_SECRET_ID", kFakeCredential.secret_id.c_str(), 1);
  ::setenv("TENCENTCLOUD_SECRET_KEY", kFakeCredential.secret_key.c_str(), 1);
  ::unsetenv("TENCENTCLOUD_TOKEN");
  ::unsetenv("TENCENTCLOUD_SESSION_TOKEN");
}

std::unique_ptr<Child> start_daemon(const std::string& config, std::map<std::string, std::string> env) {
  ChildOptions options;
  options.argv = {CODEDRIFTD_BINARY_DIR "/codedriftd", "--config", config, "--log-level", "warning", "run"};
  options.env = std::move(env);
  return std::make_unique<Child>(std::move(options));
}

ApiAccount bench_account(const Clock& clock, const std::string& endpoint, const std::string& ca_file) {
  CredentialSpec spec;
  spec.source = CredentialSpec::Source::env;
  auto provider = std::make_shared<CredentialProvider>("bench", spec, clock);
  if (const auto loaded = provider->load(); !loaded) throw std::runtime_error(loaded.error().message);
  return {"bench", endpoint, Millis{10'000}, ca_file, std::move(provider)};
}

Target bench_target(unsigned n) { return {"bench", "ap-guangzhou", "default", fmt::format("f{}", n), "$LATEST"}; }

Rig::Rig() {
  Database db = sqlite::open_writer(dir / "codedriftd.db");
  if (const auto migrated = migrate(db, embedded_migrations(), clock.wall()); !migrated)
    throw std::runtime_error(migrated.error().message);
  writer = std::make_unique<Writer>(std::move(db), clock, Writer::Options{});
  poller = std::make_unique<Poller>(api, *writer, ledger, clock);
}

Rig::~Rig() {
  poller->stop();
  writer->stop();
}

std::vector<WatchedTarget> Rig::watch(unsigned count, Millis interval) {
  WatchList list;
  for (unsigned i = 0; i < count; ++i) {
    Watched watched;
    watched.interval = interval;
    watched.stale_after = std::max<Millis>(3 * interval, Millis{60'000});
    watched.deploy_grace = Millis{3'600'000};
    list.entries.push_back({bench_target(i), watched});
  }
  WatchSync sync;
  writer->run([&](Tx& tx) { sync = sync_watch_list(tx, ledger, list, clock.wall()); });
  return std::move(sync.targets);
}

}  // namespace codedriftd::test
