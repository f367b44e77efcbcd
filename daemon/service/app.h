#pragma once
#include <sys/types.h>

#include <atomic>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "attest/load_trust.h"
#include "base/guarded.h"
#include "control/permissions.h"
#include "control/server.h"
#include "control/tickets.h"
#include "inspection/inspector.h"
#include "model/storage.h"
#include "polling/poller.h"
#include "scf/curl_read_api.h"
#include "service/accounts.h"
#include "service/discovery.h"
#include "service/fleet_part.h"
#include "service/leases.h"
#include "service/notify.h"
#include "service/record_head.h"
#include "service/shared_polls.h"
#include "service/signals.h"
#include "service/timetable.h"
#include "settings/settings.h"
#include "sinks/runner.h"
#include "status/metrics.h"
#include "status/status_page.h"
#include "store/db/lock.h"
#include "store/db/writer.h"
#include "store/ledger/ledger.h"
#include "store/ledger/watch_list.h"
#include "web/site.h"

namespace codedriftd {

/// The daemon: what it is made of, the order in which that starts, and the order in which it stops. One object, on the
/// program's first thread.
class App {
 public:
  /// `log_level` and the format of the log stay as the command line and the settings say.
  /// `textfile`: where the metrics are written to, for node_exporter's textfile collector; empty: nowhere.
  /// `notify` outlives it.
  App(Settings settings, LogLevel log_level, std::string textfile, Notify& notify);
  ~App();

  /// Runs until SIGTERM or SIGINT. The program's exit code: 0 after a clean stop, 1 if it could not start, kExitNewer
  /// if the record on the server is one of a newer program's, which is to go on. kAnew: its membership in a fleet has
  /// ended; another App, with the configuration as it is then, is to go on.
  static constexpr int kAnew = -1;
  static constexpr int kExitNewer = 75;  ///< EX_TEMPFAIL
  int run();

 private:
  // The start list, in order. Each throws std::runtime_error if the daemon cannot start without it.
  void take_state_folder();
  void open_store();
  void open_file();
  void open_server();  // in app_fleet.cc, as all that is fleet's
  void begin_stay();
  void start_polling();
  void start_alerts();
  void open_status_page();
  void open_control_socket();

  // While it runs, in app_serve.cc.
  int serve();
  void reload();
  JsonBox load_again();
  void keep_time(Timetable& timetable);
  void tell_how_it_stands(const Timetable::Due& due);
  static void log_summary(const StatusSnapshot& snapshot);
  /// The second copy of where the record ends, if it moved.
  void keep_head();
  void write_textfile();
  void wait_for_record(const StoreError& error);
  /// The same of a fleet's record: what this daemon was told is durable, whatever the server has now.
  void keep_fleet_head();
  void write_to(Database db, const std::string& origin, Writer::Options options);
  /// Does what the leases say that it holds, and no more.
  void share_with_others();
  void take_share();
  void change_share(const FleetPart::Leases& leases);
  void watch_share(const FleetPart::Leases& gone, const FleetPart::Leases& gained);
  void end_deliveries();
  void begin_deliveries(const FleetPart::Leases& gained);
  void keep_house();
  /// What the house needs of the settings: on the writer's thread they may be others by then.
  struct House {
    std::map<std::string, std::string> lanes;
    std::vector<std::string> alerts;
  };
  House house() const;
  void look_after_house(Tx& tx, const House& house);
  /// On the writer's thread, with each turn: what other members left in the record.
  void look_around(Tx& tx);
  /// This App is to end, and another one to begin, or another program.
  bool anew() const;
  bool outgrown() const { return outgrown_ || (fleet_ && fleet_->outgrown()); }
  int code_of_end() const;
  void wait_for_newer_program(const std::string& why);
  /// Why a configuration of this digest would not be taken over; empty: it would, or it is not known.
  std::string outdated(const std::string& digest);
  void refresh_trust();
  /// For systemd. What cannot be read is said to be so.
  std::string status_words();

  // How it stands, in app_status.cc.
  StatusSnapshot snapshot();
  std::vector<HealthCheck> healthy() const;
  std::vector<HealthCheck> ready() const;
  std::vector<HealthCheck> record_files() const;
  StorageLook storage() const;
  using FileIdentity = std::pair<dev_t, ino_t>;
  /// Which file stands at `path`: nobody may put another one there while it is written to.
  static FileIdentity file_at(const std::string& path);

  // The stop list; runs to its end whatever fails, within 5 seconds.
  void stop() noexcept;

  void start_runner(std::map<std::string, std::shared_ptr<Runner>>& runners, const AlertSettings& alert);
  // In app_reload.cc, as reload().
  /// What of `settings` there is to survey, and what its rules match now (match_rules).
  void prepare_watches(Settings& settings);
  /// The watch list anew: the inventory is another one.
  void rewatch();
  /// Takes the watches out of `settings`, after a look at whether their schedule can be kept.
  static WatchList take_watches(Settings& settings, std::string digest);
  /// How many came and went, and what looks like a mistake; its targets are taken. Where it throws, what was watched
  /// is.
  WatchSync apply_watch(const Settings& settings, const WatchList& list, std::function<void()> then = {});
  WatchSync sync_watch(const WatchList& list);
  /// `apply`: of Poller::Watch.
  void watch(const Settings& settings, std::vector<WatchedTarget> targets, std::function<void()> apply);
  std::string leaves_nothing(const Settings& loaded) const;
  /// On the writer's thread, as the next one: where events go from now on.
  void apply_routes();
  /// Gives up what waits for destinations that are not configured any more, and says so in the record.
  void give_up_unconfigured(Tx& tx, std::vector<std::string> configured);
  void apply_permissions();
  void replace_runners();
  void let_deliver(const std::map<std::string, std::shared_ptr<Runner>>& leaving);

  Settings settings_;
  const LogLevel log_level_;
  const std::string textfile_;
  std::string textfile_trouble_;  ///< why it could not be written, as it was logged
  const SystemClock host_clock_;
  FleetClock clock_{host_clock_};
  Signals signals_;
  Notify& notify_;
  std::optional<StateLock> lock_;
  std::unique_ptr<FleetPart> fleet_;  ///< nullptr: the record is a file, and this daemon alone writes it
  std::unique_ptr<Ledger> ledger_;
  std::unique_ptr<Writer> writer_;
  std::function<Database()> open_reader_;
  Guarded<std::optional<Database>> reader_;  ///< for snapshots
  std::string database_;                     ///< its path, fixed at the start
  FileIdentity record_file_{}, wal_file_{};  ///< what stood there when it was opened
  std::set<std::string> told_troubles_;      ///< of the record's files, as logged
  std::optional<RecordHead> head_;           ///< as it was written last
  bool anew_ = false;                        ///< somebody asked for it
  Share share_ = Share::all();               ///< of the work
  std::atomic<bool> keeps_house_{false};     ///< it is in the share, for other threads
  int64_t outbox_seen_ = 0;                  ///< the writer's thread's: the newest row that the runners were told of
  bool outgrown_ = false;                    ///< it could not begin with a newer program's record
  int64_t stay_ = 0;                         ///< this stay's row in daemon_run
  std::optional<DiscoveryRules> survey_;     ///< of the settings that are being taken over
  std::set<std::string> told_overfull_;      ///< rules that match more than their max_targets, as logged
  std::atomic<bool> rewatch_{false};
  MonoTime last_rewatch_{};
  std::string told_not_watched_;          ///< why what was found is not watched, as it was logged
  std::optional<WatchList> first_watch_;  ///< of the start, until it was applied
  std::size_t functions_ = 0;             ///< watched
  std::size_t listed_ = 0;                ///< of the configuration, whoever watches them
  Accounts accounts_;
  std::unique_ptr<CurlApi> api_;
  std::unique_ptr<Poller> poller_;
  std::unique_ptr<Inspector> inspector_;
  std::unique_ptr<SharedPolls> shared_polls_;  ///< of a fleet
  std::unique_ptr<Discovery> discovery_;
  CurlReadApi* read_api_ = nullptr;  ///< its own
  Guarded<std::map<std::string, std::shared_ptr<Runner>>> runners_;
  std::unique_ptr<Site> site_;
  std::unique_ptr<StatusPage> status_page_;  ///< nullptr: none is wanted, or it cannot listen yet
  std::string page_trouble_;                 ///< why not, as it was logged
  Guarded<std::shared_ptr<const Permissions>> permissions_;
  Guarded<std::shared_ptr<const Trust>> trust_{std::make_shared<const Trust>()};
  std::unique_ptr<ControlServer> control_;
  Guarded<std::vector<std::shared_ptr<Ticket>>> reloads_;  ///< those who asked for a reload and wait for its outcome
  std::string digest_;  ///< of the settings in force: of their text, or, in a fleet, of what they say
  std::atomic<bool> ready_{false};
  std::atomic<bool> working_{false};  ///< poller, inspector and discovery are there
  struct Loads {
    int64_t failed = 0;
    bool last_failed = false;
    WallTime at{};  ///< the last that worked
  };
  Guarded<Loads> loads_;  ///< of the configuration
  void note_failed_load();
  Guarded<std::optional<std::pair<MonoTime, StatusSnapshot>>> cached_;
};

/// That the log's origin is another than the one that is configured now.
std::string words_of_origin(const std::string& fixed, const std::string& configured);

}  // namespace codedriftd
