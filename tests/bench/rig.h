#pragma once
/// The daemon's own parts, put together as service/app does, without its process.
#include <map>
#include <memory>
#include <string>

#include "polling/poller.h"
#include "scf/curl_api.h"
#include "store/db/writer.h"
#include "store/ledger/ledger.h"
#include "support/process.h"
#include "support/temp_dir.h"

namespace codedriftd::test {

/// Quiets the log and puts the fake credentials into the environment: before any thread is started.
void prepare_process();

/// `codedriftd run` with this configuration, saying no more than warnings; `env` beside the process's own.
std::unique_ptr<Child> start_daemon(const std::string& config, std::map<std::string, std::string> env = {});

/// An account named "bench" at `endpoint`.
ApiAccount bench_account(const Clock& clock, const std::string& endpoint, const std::string& ca_file = "");
/// "bench/ap-guangzhou/default/fN:$LATEST".
Target bench_target(unsigned n);

/// A store in a folder of its own, and a poller on it.
struct Rig {
  Rig();
  ~Rig();

  /// Functions f0 … f(count-1) into the store. Returns them as the poller needs them.
  std::vector<WatchedTarget> watch(unsigned count, Millis interval);

  TempDir dir;
  SystemClock clock;
  CurlApi api{clock};
  Ledger ledger{"bench", "bench/codedriftd"};
  std::unique_ptr<Writer> writer;
  std::unique_ptr<Poller> poller;
};

}  // namespace codedriftd::test
