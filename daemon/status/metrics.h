#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "polling/poller.h"
#include "sinks/runner.h"
#include "status/exposition.h"
#include "store/outbox/outbox.h"

namespace codedriftd {

/// All that /metrics, the status line and the hourly summary say, gathered at one moment. No function names in it.
struct StatusSnapshot {
  WallTime now{};
  PollStats polls;
  std::map<std::string, int64_t> functions;  ///< watched functions by status
  int64_t drifts_open = 0;
  int64_t log_size = 0;
  struct Destination {
    std::string name;
    RunnerState runner;
    outbox::Depth depth;
    DestinationState::Kind state = DestinationState::Kind::ok;
  };
  std::vector<Destination> destinations;
  struct Packages {  ///< looked into since the start
    uint64_t examined = 0, ambiguous = 0, unavailable = 0, mismatch = 0;
    uint64_t bytes = 0;  ///< downloaded
    std::size_t queued = 0;
  };
  Packages packages;
  /// Finding functions and changes, and asking who made them, since the start.
  struct Discovery {
    std::map<Action, uint64_t> calls;  ///< attempts
    uint64_t refused_by_limit = 0;
    uint64_t listings = 0, incomplete_listings = 0;
    uint64_t looks = 0, failed_looks = 0;  ///< at the newest changes of a namespace
    uint64_t details = 0, failed_details = 0;
    std::size_t details_waiting = 0;
    struct Region {
      std::string account, region;
      std::optional<WallTime> last_complete_at, last_good_look_at;
      Millis every{0};                 ///< a complete listing
      std::size_t failing_looks = 0;   ///< namespaces of which the last look failed
      int64_t found = 0, watched = 0;  ///< functions, at the last complete listing
    };
    std::vector<Region> regions;  ///< that are surveyed
  };
  Discovery discovery;
  struct Fleet {
    int64_t member = 0;
    std::size_t held = 0, leases = 0;  ///< those it holds, and those there are to be
    Millis clock_offset{0};            ///< the host's clock minus the database's
    bool outdated = false;             ///< its configuration does not count
  };
  std::optional<Fleet> fleet;  ///< nullopt: the record is a file
  std::size_t writer_queue = 0;
  std::map<std::string_view, uint64_t> store_errors;  ///< since the start, by StoreError::name()
  int64_t wal_bytes = 0, database_bytes = 0;
  int64_t disk_free_bytes = 0;  ///< of the file system of state_dir, for who is not root
  int64_t config_loads_failed = 0;
  bool last_load_failed = false;
  WallTime config_loaded_at{};  ///< the last time that worked; the start counts
};

/// What of this process itself goes with the rest. Not where node_exporter's own would be beside it.
enum class ProcessMetrics { with, without };

/// Metrics for Prometheus. Families and label sets are the same from the first scrape on; counters begin at the start
/// of the daemon. Those of a fleet are only there for a record on a server.
std::string metrics_text(const StatusSnapshot& snapshot, ExpositionFormat format, ProcessMetrics process);
/// One line for `systemctl status`: "42 functions, 1 drifted; last poll 12:00:03; 2 of 2 destinations up, 0 alerts
/// pending"; a destination counts as up if its plugin is open and it neither refuses nor fails.
std::string status_line(const StatusSnapshot& snapshot);

}  // namespace codedriftd
