/// App's look at itself: what the status page, the status line and the watchdog are told.
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include <utility>

#include "base/output_file.h"
#include "service/app.h"
#include "service/timetable.h"
#include "store/log/event_log.h"
#include "store/outbox/outbox.h"
#include "store/record/inventory.h"
#include "store/record/targets.h"

namespace codedriftd {
namespace {

constexpr Millis kSnapshotFor{5'000};

/// What discovery says of itself, and what the record has of the regions that it surveys now.
StatusSnapshot::Discovery discovered(SurveyStats stats, const std::vector<inventory::ListingRun>& recorded) {
  StatusSnapshot::Discovery d;
  d.calls = std::move(stats.calls.calls);
  d.refused_by_limit = stats.calls.refused_by_limit;
  d.listings = stats.listings;
  d.incomplete_listings = stats.incomplete_listings;
  d.looks = stats.looks;
  d.failed_looks = stats.failed_looks;
  d.details = stats.details;
  d.failed_details = stats.failed_details;
  d.details_waiting = stats.details_waiting;
  for (const SurveyStats::Region& region : stats.regions) {
    auto& told = d.regions.emplace_back();
    told.account = region.account;
    told.region = region.region;
    told.last_complete_at = region.last_complete_at;
    told.last_good_look_at = region.last_good_look_at;
    told.every = region.every;
    told.failing_looks = region.failing_looks;
    for (const inventory::ListingRun& run : recorded) {
      if (run.account != region.account || run.region != region.region) continue;
      told.found = run.found;
      told.watched = run.watched;
    }
  }
  return d;
}

int64_t file_size(const std::string& path) {
  struct stat info {};
  return ::stat(path.c_str(), &info) == 0 ? info.st_size : 0;
}

/// What a user who is not root can still write to the file system of `path`; nullopt: unknown.
std::optional<int64_t> disk_free_at(const std::string& path) {
  struct statvfs info {};
  if (::statvfs(path.c_str(), &info) != 0) return std::nullopt;
  return static_cast<int64_t>(info.f_bavail) * static_cast<int64_t>(info.f_frsize);
}

}  // namespace

App::FileIdentity App::file_at(const std::string& path) {
  struct stat info {};
  return ::stat(path.c_str(), &info) == 0 ? FileIdentity{info.st_dev, info.st_ino} : FileIdentity{};
}

StatusSnapshot App::snapshot() {
  Locked cached(cached_);
  if (*cached && clock_.mono() - (*cached)->first < kSnapshotFor) return (*cached)->second;
  StatusSnapshot s;
  s.now = clock_.wall();
  const bool working = working_;
  if (working) s.polls = poller_->stats();
  std::map<std::string, outbox::Depth> depths;
  {
    Locked reader(reader_);
    Database& db = reader->value();
    targets::Census census = targets::count_watched(db, s.now);
    s.functions = std::move(census.by_status);
    s.drifts_open = census.drifts_open;
    for (outbox::Depth& depth : outbox::depths(db, s.now)) depths[depth.destination] = depth;
    s.log_size = event_log::size(db);
    if (working) s.discovery = discovered(discovery_->stats(), inventory::last_listings(db));
    Locked runners(runners_);
    for (const auto& [name, runner] : *runners) {
      const DestinationState state = outbox::destination(db, name);
      s.destinations.push_back({name, runner->state(), depths[name], state.kind});
    }
  }
  if (working) {
    const Inspector::Stats looked = inspector_->stats();
    s.packages = {looked.examined, looked.ambiguous, looked.unavailable, looked.mismatch, looked.bytes, looked.queued};
  }
  s.writer_queue = writer_->queued();
  s.database_bytes = file_size(database_);
  s.wal_bytes = file_size(database_ + "-wal");
  s.store_errors = writer_->errors();
  s.disk_free_bytes = disk_free_at(settings_.state_dir).value_or(0);
  if (fleet_)
    s.fleet = StatusSnapshot::Fleet{fleet_->member(), fleet_->held(), fleet_->wished(), fleet_->clock_offset(),
                                    fleet_->outdated().has_value()};
  const Loads loads = loads_.copy();
  s.config_loads_failed = loads.failed;
  s.last_load_failed = loads.last_failed;
  s.config_loaded_at = loads.at;
  *cached = std::pair(clock_.mono(), s);
  return s;
}

void App::write_textfile() {
  const std::string text = metrics_text(snapshot(), ExpositionFormat::prometheus, ProcessMetrics::without);
  const auto written = write_public_file(textfile_, text);
  const std::string trouble = written ? "" : written.error().message;
  if (std::exchange(textfile_trouble_, trouble) == trouble) return;
  if (trouble.empty()) {
    log(LogLevel::info, "textfile.recovered", fmt::format("{}: is written again", textfile_));
  } else {
    log(LogLevel::warning, "textfile.failed", fmt::format("the metrics are not told: {}", trouble));
  }
}

std::vector<HealthCheck> App::healthy() const {
  const MonoTime now = clock_.mono();
  const auto check = [&](const char* name, MonoTime last) {
    const auto age = std::chrono::duration_cast<Millis>(now - last);
    return HealthCheck{name, makes_progress(last, now), fmt::format("last came round {} ms ago", age.count())};
  };
  std::vector<HealthCheck> checks{check("store", writer_->last_turn())};
  if (!working_) return checks;
  checks.insert(checks.begin(), check("poller", poller_->last_turn()));
  if (const auto last = discovery_->last_turn()) checks.push_back(check("discovery", *last));
  return checks;
}

StorageLook App::storage() const {
  return {settings_.state_dir, database_, disk_free_at(settings_.state_dir), static_cast<int64_t>(settings_.disk_floor),
          file_size(database_ + "-wal")};
}

std::vector<HealthCheck> App::ready() const {
  std::vector<HealthCheck> checks = healthy();
  const std::string trouble = writer_->trouble();
  checks.push_back({"record", trouble.empty(), trouble.empty() ? "can be written to" : trouble});
  if (fleet_) {
    const bool may_act = fleet_->may_act();
    const auto outdated = fleet_->outdated();
    const std::size_t held = fleet_->held();
    checks.push_back({"fleet", !fleet_->over() && may_act && !outdated,
                      fmt::format("member {}: {}", fleet_->member(),
                                  fleet_->over() ? std::string("this membership has ended")
                                  : outdated     ? "it takes no work: " + *outdated
                                  : !may_act     ? "it could not be renewed: nothing is polled"
                                  : held == 0    ? "stands by"
                                                 : fmt::format("holds {} lease{}", held, held == 1 ? "" : "s"))});
    checks.push_back({"started", ready_, ready_ ? "all of the start list is up" : "starting or stopping"});
    return checks;
  }
  for (HealthCheck& check : record_files()) checks.push_back(std::move(check));
  const int64_t wal = file_size(database_ + "-wal");
  checks.push_back(
      {"record log size", wal <= kMostWalBytes,
       wal <= kMostWalBytes
           ? "moved into the database in time"
           : fmt::format("its -wal has {} MiB: somebody keeps a transaction open on it (fuser {} says who)",
                         wal / (1024 * 1024), database_)});
  checks.push_back({"started", ready_, ready_ ? "all of the start list is up" : "starting or stopping"});
  return checks;
}

/// What somebody else may do to the files of the record while they are written to.
std::vector<HealthCheck> App::record_files() const {
  std::vector<HealthCheck> checks;
  if (fleet_) return checks;
  const auto check = [&](const char* name, bool ok, const char* well, std::string trouble) {
    checks.push_back({name, ok, ok ? well : std::move(trouble)});
  };
  check("record file", file_at(database_) == record_file_, "in its place",
        "the database was moved or replaced: what is written now is lost; restart the service");
  check("record log", file_at(database_ + "-wal") == wal_file_, "in its place",
        "its -wal was removed or replaced: what was written lately is lost at the next start; restart the service and "
        "look at `codedriftd query events`");
  check("lock", lock_ && lock_->in_place(), "in its place",
        "codedriftd.lock was removed or replaced: commands take it that no daemon runs; restart the service");
  return checks;
}

}  // namespace codedriftd
