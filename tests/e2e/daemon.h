#pragma once
/// The built daemon between a simulated cloud and a simulated receiver, as an operator would run it.
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/json.h"
#include "support/process.h"
#include "support/receiver.h"
#include "support/simulated_scf.h"
#include "support/temp_dir.h"

namespace codedriftd::test {

/// A file of the build or of the sources, given by its path from there, where other users may use it too. A clone in a
/// folder that is its owner's alone (`mktemp -d`) cannot be passed through: then it is a copy, for as long as the
/// process lives.
std::string for_others(const std::string& from, const std::string& path);

/// Fake, and looks it when it is decoded.
inline constexpr std::string_view kWebhookSecret = "whsec_RkFLRS1XRUJIT09LLVNFQ1JFVC1OT1QtUkVBTC0wMDAx";

/// How long anything may take that has to happen: the machine may be busy.
inline constexpr Millis kSoonEnough{30'000};
/// True as soon as `predicate` is; false after `at_most`.
inline bool eventually(const std::function<bool()>& predicate, Millis at_most = kSoonEnough) {
  return wait_until(predicate, at_most);
}

/// 64 hex digits for a name of some code.
std::string hash_of(std::string_view code);
/// A whole [[alert]] with the webhook plugin. `more` are lines of [[alert]], `options` of [alert.options].
std::string webhook_alert(std::string_view name, std::string_view url, std::string_view secret_file,
                          std::string_view more = "", std::string_view options = "");
/// A whole [[alert]] with the misbehaving plugin of the plugin tests.
std::string faulty_alert(std::string_view name, std::string_view mode);

/// Two more keys, and a cloud that takes one key alone.
inline const ScfCredential kFirstKey{"FAKE-ID-ONE", "FAKE-KEY-ONE-NOT-REAL", ""};
inline const ScfCredential kSecondKey{"FAKE-ID-TWO", "FAKE-KEY-TWO-NOT-REAL", ""};
ScfOptions accepting(const ScfCredential& credential, ScfLatency latency = {});

/// How many of the kinds of events are this one.
std::ptrdiff_t count_kind(const std::vector<std::string>& kinds, std::string_view kind);

/// The configuration, in parts that a test may change. Everything is TOML.
struct Config {
  std::string interval = "1s";
  std::string defaults{};  ///< more lines of [defaults]
  std::string endpoint{};
  std::string account{};  ///< more lines of [account.prod]
  std::string credentials = "source = \"env\"";
  std::vector<std::pair<std::string, std::string>> functions{{"charge", ""}};  ///< name, more lines of its [[function]]
  std::string alerts{};                                                        ///< whole [[alert]] tables
  std::string more{};                                                          ///< at the end: more tables
  std::string daemon{};                                                        ///< more lines of [daemon]
  std::string instance = "e2e";
  bool status_page = false;  ///< on a port of its own choice
  std::string http{};        ///< more lines of [http]
};

struct DaemonOptions {
  ScfOptions cloud{};
  ReceiverOptions receiver{};
};

/// One state folder, one configuration, and at most one daemon at a time. Functions are in account "prod", region
/// ap-guangzhou, namespace default, qualifier $LATEST, unless a test says otherwise. Whatever still runs is killed in
/// the destructor. One thread, but for what cloud() and receiver() allow.
class Daemon {
 public:
  explicit Daemon(DaemonOptions options = {});
  ~Daemon();

  SimulatedScf& cloud() { return cloud_; }
  Receiver& receiver() { return receiver_; }
  const TempDir& dir() const { return dir_; }
  Config config;
  std::map<std::string, std::string> env;     ///< of the daemon and of the commands; the fake key is in it
  std::vector<std::string> before_command;    ///< options of `run`, such as --log-level debug
  std::vector<std::string> after_command;     ///< options of `run`
  std::optional<std::pair<uid_t, gid_t>> as;  ///< run the daemon as this user

  /// The daemon runs as this user from its next start on, and owns its folder and secret; other users may pass through.
  /// Needs root. Throws std::system_error.
  void run_as(std::pair<uid_t, gid_t> user);

  /// From now on the live code of a function is this one.
  void deploy(std::string_view function, std::string_view code);
  static std::string key(std::string_view function);
  static std::string address(std::string_view function);

  std::string config_file() const { return dir_ / "codedriftd.toml"; }
  std::string secret_file() const { return dir_ / "webhook.secret"; }
  std::string state_dir() const { return dir_ / "state"; }
  std::string database() const { return dir_ / "state/codedriftd.db"; }
  std::string config_text() const;
  void write_config() const;

  /// Writes the configuration and starts; returns when the daemon said it is ready. Throws std::runtime_error with its
  /// log otherwise.
  void start();
  /// The same, without waiting and without writing the configuration.
  void launch();
  void wait_until_ready();
  bool running() { return child_ && child_->running(); }
  Child& child() { return *child_; }
  /// How it ended; throws std::runtime_error if it still runs after `at_most`.
  ExitStatus stop(int signal = 15, Millis at_most = kSoonEnough);
  void kill();
  /// SIGHUP, with the configuration as it stands on disk; returns once the daemon said what came of it.
  void hangup();
  /// Everything written to stderr by every daemon so far.
  std::string log() const;
  bool logged(std::string_view text) const { return log().find(text) != std::string::npos; }
  std::size_t log_count(std::string_view text) const;

  /// Runs `codedriftd --config FILE ARGS…` to its end.
  RunResult command(const std::vector<std::string>& args,
                    std::optional<std::pair<uid_t, gid_t>> user = std::nullopt) const;
  /// `query ARGS… --json`; throws std::runtime_error if that exits with another code than 0.
  Json query(const std::vector<std::string>& args) const;
  Json rows(const std::vector<std::string>& args) const { return query(args).at("rows"); }
  /// The row of `query status` for one function of account prod.
  Json status(std::string_view function) const;
  /// True as soon as that row has this status; false after a while.
  bool wait_for_status(std::string_view function, std::string_view status, Millis at_most = kSoonEnough) const;
  /// True as soon as every configured function of account prod was answered at least once more from now on.
  bool wait_for_polls(unsigned more = 1, Millis at_most = kSoonEnough);
  /// The kinds of all events, in order.
  std::vector<std::string> kinds() const;

  /// The alerts that arrived at receiver(), as `data` of their CloudEvents, in order of arrival.
  std::vector<Json> alerts() const;
  bool wait_for_alert(std::string_view kind, std::size_t count = 1, Millis at_most = kSoonEnough) const;

  /// "http://127.0.0.1:PORT" (or https) of the status page of the running daemon.
  std::string status_page() const;

 private:
  ChildOptions options_of(std::vector<std::string> args) const;

  TempDir dir_;
  SimulatedScf cloud_;
  Receiver receiver_;
  std::string earlier_;  ///< the log of daemons that ended
  std::unique_ptr<Child> child_;
};

}  // namespace codedriftd::test
