#include "status/metrics.h"

#include <fmt/format.h>

#include <iterator>

#include "model/content.h"
#include "status/process_stats.h"

namespace codedriftd {
namespace {

using Type = Exposition::Type;

double seconds(WallTime time) { return static_cast<double>(to_ms(time)) / 1000; }
double seconds(Millis duration) { return static_cast<double>(duration.count()) / 1000; }

void polls(Exposition& page, const StatusSnapshot& s) {
  page.family("codedriftd_polls_total", Type::counter, "Finished polls by outcome.");
  for (std::size_t i = 0; i < s.polls.polls.size(); ++i) {
    page.sample(s.polls.polls[i], fmt::format("outcome=\"{}\"", to_string(static_cast<Outcome>(i))));
  }
  page.family("codedriftd_api_call_duration_seconds", Type::histogram,
              "Time of one call of the cloud API, everything included.");
  page.histogram(s.polls.took);
  page.single("codedriftd_api_calls_refused_total", Type::counter, "Calls that the cloud refused for the rate limit.",
              s.polls.refused_by_limit);
  page.single("codedriftd_last_successful_poll_timestamp_seconds", Type::gauge,
              "When a poll last brought a hash; 0: never since the start.",
              s.polls.last_success_at ? seconds(*s.polls.last_success_at) : 0.0);
  page.single("codedriftd_clock_error_seconds", Type::gauge,
              "This machine's clock minus the cloud's, at the last answer.",
              s.polls.clock_error ? seconds(*s.polls.clock_error) : 0.0);
  page.family("codedriftd_lane_behind_seconds", Type::gauge,
              "How long the most overdue poll of an account's region has been waiting.");
  for (const auto& lane : s.polls.lanes)
    page.sample(seconds(lane.behind),
                fmt::format("account=\"{}\",region=\"{}\"", label_value(lane.account), label_value(lane.region)));
  page.family(
      "codedriftd_lane_pace_calls_per_second", Type::gauge,
      "The pace at present that calls to an account's region have part in; see codedriftd_pace_calls_per_second.");
  for (const auto& lane : s.polls.lanes)
    page.sample(lane.rate,
                fmt::format("account=\"{}\",region=\"{}\"", label_value(lane.account), label_value(lane.region)));
  page.family(
      "codedriftd_pace_calls_per_second", Type::gauge,
      "The pace at present of all calls that one limit of the cloud counts: of the accounts named, in all regions.");
  const auto who = [](const PollStats::SharedPace& pace) {
    return fmt::format("accounts=\"{}\",action=\"{}\"", label_value(pace.accounts), traits(pace.action).name);
  };
  for (const auto& pace : s.polls.paces) page.sample(pace.rate, who(pace));
  page.family("codedriftd_pace_limit_calls_per_second", Type::gauge,
              "What they may be: of GetFunctionAddress their requests_per_second, the lowest of them.");
  for (const auto& pace : s.polls.paces) page.sample(pace.limit, who(pace));
}

void destinations(Exposition& page, const StatusSnapshot& s) {
  const auto each = [&](std::string_view name, Type type, std::string_view help, auto value) {
    page.family(name, type, help);
    for (const auto& d : s.destinations) page.sample(value(d), fmt::format("destination=\"{}\"", label_value(d.name)));
  };
  using D = StatusSnapshot::Destination;
  using Kind = DestinationState::Kind;
  each("codedriftd_destination_plugin_up", Type::gauge,
       "1 if the destination's plugin is loaded and opened; it says nothing of its receiver.",
       [](const D& d) { return d.runner.up ? 1 : 0; });
  each("codedriftd_destination_held", Type::gauge, "1 if the destination refuses alerts and its queue is held.",
       [](const D& d) { return d.state == Kind::held ? 1 : 0; });
  each("codedriftd_destination_backing_off", Type::gauge,
       "1 if the last try failed and the destination waits for the next.",
       [](const D& d) { return d.state == Kind::backing_off ? 1 : 0; });
  each("codedriftd_destination_last_delivery_timestamp_seconds", Type::gauge,
       "When the destination last accepted an alert; 0: never.",
       [](const D& d) { return d.depth.last_delivered ? seconds(*d.depth.last_delivered) : 0.0; });
  each("codedriftd_plugin_faults_total", Type::counter,
       "Crashes, hangs and nonsense of the destination's plugin since the start.",
       [](const D& d) { return d.runner.faults; });
  page.family("codedriftd_delivery_attempts_total", Type::counter,
              "Attempts to deliver an alert since the start, by how they ended.");
  for (const auto& d : s.destinations) {
    for (const DeliveryResult result : {DeliveryResult::delivered, DeliveryResult::retry, DeliveryResult::rejected,
                                        DeliveryResult::refused, DeliveryResult::fault}) {
      const auto count = d.runner.attempts.find(result);
      page.sample(count == d.runner.attempts.end() ? uint64_t{0} : count->second,
                  fmt::format("destination=\"{}\",result=\"{}\"", label_value(d.name), to_string(result)));
    }
  }
  page.family("codedriftd_delivery_delay_seconds", Type::histogram,
              "Time from when an alert was made to when the destination accepted it.");
  for (const auto& d : s.destinations)
    page.histogram(d.runner.delay, fmt::format("destination=\"{}\"", label_value(d.name)));
  each("codedriftd_outbox_pending", Type::gauge,
       "Alerts that wait for the destination; what is held on purpose is not among them.",
       [](const D& d) { return d.depth.pending; });
  each("codedriftd_outbox_suspended", Type::gauge, "Alerts that are held because somebody suspended their functions.",
       [](const D& d) { return d.depth.suspended; });
  each("codedriftd_outbox_flapping", Type::gauge, "Alerts that are held because their functions change too often.",
       [](const D& d) { return d.depth.flapping; });
  each("codedriftd_outbox_oldest_pending_age_seconds", Type::gauge,
       "Age of the oldest of codedriftd_outbox_pending; 0: none.", [&](const D& d) {
         return d.depth.oldest_pending ? seconds(std::max(Millis{0}, Millis{s.now - *d.depth.oldest_pending})) : 0.0;
       });
  each("codedriftd_alerts_delivered", Type::gauge, "Alerts in the record that the destination accepted.",
       [](const D& d) { return d.depth.delivered; });
  each("codedriftd_alerts_dead", Type::gauge, "Alerts in the record that were given up.",
       [](const D& d) { return d.depth.dead; });
}

void packages(Exposition& page, const StatusSnapshot::Packages& p) {
  page.family("codedriftd_packages_total", Type::counter,
              "Packages that were looked into since the start, by what came of it.");
  for (const auto& [state, count] : {std::pair(PackageState::examined, p.examined),
                                     {PackageState::ambiguous, p.ambiguous},
                                     {PackageState::unavailable, p.unavailable},
                                     {PackageState::mismatch, p.mismatch}})
    page.sample(count, fmt::format("state=\"{}\"", to_string(state)));
  page.single("codedriftd_package_downloaded_bytes_total", Type::counter, "Bytes of packages that were downloaded.",
              p.bytes);
  page.single("codedriftd_packages_queued", Type::gauge, "Packages that wait to be looked into.", p.queued);
}

void discovery(Exposition& page, const StatusSnapshot::Discovery& d) {
  page.family("codedriftd_discovery_calls_total", Type::counter,
              "Calls of the cloud API that find functions, their changes and who made them, tries included.");
  for (const auto& [action, count] : d.calls) page.sample(count, fmt::format("action=\"{}\"", traits(action).name));
  page.single("codedriftd_discovery_calls_refused_total", Type::counter,
              "Calls of discovery that the cloud refused for a rate limit.", d.refused_by_limit);
  const auto outcomes = [&](std::string_view name, std::string_view help, uint64_t all, uint64_t failed) {
    page.family(name, Type::counter, help);
    page.sample(all - failed, "outcome=\"complete\"");
    page.sample(failed, "outcome=\"incomplete\"");
  };
  outcomes("codedriftd_discovery_listings_total", "Listings of all functions of a region.", d.listings,
           d.incomplete_listings);
  outcomes("codedriftd_discovery_looks_total", "Looks at the newest changes of a namespace.", d.looks, d.failed_looks);
  outcomes("codedriftd_discovery_details_total", "Readings of the versions, aliases and kind of a function.", d.details,
           d.failed_details);
  page.single("codedriftd_discovery_details_waiting", Type::gauge,
              "Functions whose versions, aliases and kind wait to be read.", d.details_waiting);
  const auto each = [&](std::string_view name, std::string_view help, auto value) {
    page.family(name, Type::gauge, help);
    for (const auto& region : d.regions)
      page.sample(value(region),
                  fmt::format("account=\"{}\",region=\"{}\"", label_value(region.account), label_value(region.region)));
  };
  using Region = StatusSnapshot::Discovery::Region;
  each("codedriftd_discovery_last_complete_listing_timestamp_seconds",
       "When the last complete listing of an account's region ended; 0: never.",
       [](const Region& r) { return r.last_complete_at ? seconds(*r.last_complete_at) : 0.0; });
  each("codedriftd_discovery_interval_seconds", "How often an account's region is listed completely, as configured.",
       [](const Region& r) { return std::chrono::duration<double>(r.every).count(); });
  each("codedriftd_discovery_last_good_look_timestamp_seconds",
       "When a look at the newest changes in an account's region last was complete; 0: never since the start.",
       [](const Region& r) { return r.last_good_look_at ? seconds(*r.last_good_look_at) : 0.0; });
  each("codedriftd_discovery_failing_namespaces",
       "Namespaces of an account's region whose last look at the newest changes failed.",
       [](const Region& r) { return r.failing_looks; });
  each("codedriftd_discovery_functions_found", "Functions that the last complete listing of an account's region found.",
       [](const Region& r) { return r.found; });
  each("codedriftd_discovery_functions_watched", "Of these, functions that are watched.",
       [](const Region& r) { return r.watched; });
}

void store(Exposition& page, const StatusSnapshot& s) {
  page.single("codedriftd_log_size", Type::gauge, "Events in the log.", s.log_size);
  page.single("codedriftd_store_queue", Type::gauge, "Pieces of work that wait for the writer.", s.writer_queue);
  page.family("codedriftd_store_errors_total", Type::counter,
              "What the database refused the writer since the start, by why.");
  for (const std::string_view name : StoreError::kNames) {
    const auto count = s.store_errors.find(name);
    page.sample(count == s.store_errors.end() ? uint64_t{0} : count->second, fmt::format("error=\"{}\"", name));
  }
  page.single("codedriftd_store_wal_size_bytes", Type::gauge, "Size of the write-ahead log.", s.wal_bytes);
  page.single("codedriftd_store_database_size_bytes", Type::gauge, "Size of the database file.", s.database_bytes);
  page.single("codedriftd_disk_free_bytes", Type::gauge, "What is free for the daemon on the file system of state_dir.",
              s.disk_free_bytes);
}

/// Only where the record is on a server, which is so from the start of the daemon or never: another daemon's 0 would
/// look like a fleet without work.
void fleet(Exposition& page, const StatusSnapshot::Fleet& f) {
  page.single("codedriftd_fleet_member", Type::gauge, "The number of this daemon's membership in its fleet.", f.member);
  page.single("codedriftd_fleet_leases_held", Type::gauge,
              "How many of its fleet's leases this daemon holds: what it does of the work.", f.held);
  page.single("codedriftd_fleet_leases", Type::gauge, "How many leases the fleet has by this daemon's configuration.",
              f.leases);
  page.single("codedriftd_fleet_config_outdated", Type::gauge,
              "1 if the configuration of this daemon is not the one that counts in its fleet: it takes no work.",
              f.outdated ? 1 : 0);
  page.single("codedriftd_fleet_clock_offset_seconds", Type::gauge, "This machine's clock minus the record's server's.",
              seconds(f.clock_offset));
}

void configuration(Exposition& page, const StatusSnapshot& s) {
  page.single("codedriftd_config_reload_failures_total", Type::counter,
              "Reloads that changed nothing because the file was wrong.", s.config_loads_failed);
  page.single("codedriftd_config_last_reload_successful", Type::gauge,
              "1 if the configuration was loaded the last time that was tried.", s.last_load_failed ? 0 : 1);
  page.single("codedriftd_config_last_reload_success_timestamp_seconds", Type::gauge,
              "When the configuration in force was loaded.", seconds(s.config_loaded_at));
}

/// Under the names that Prometheus's client libraries give them.
void process(Exposition& page, const ProcessStats& p) {
  page.single("process_cpu_seconds_total", Type::counter, "User and system CPU time in seconds.", p.cpu_seconds);
  page.single("process_start_time_seconds", Type::gauge, "When the process started, in Unix seconds.", p.start_time);
  page.single("process_resident_memory_bytes", Type::gauge, "Resident memory in bytes.", p.resident_bytes);
  page.single("process_virtual_memory_bytes", Type::gauge, "Virtual memory in bytes.", p.virtual_bytes);
  page.single("process_open_fds", Type::gauge, "Open file descriptors.", p.open_fds);
  page.single("process_max_fds", Type::gauge, "How many file descriptors may be open.", p.most_fds);
  page.single("process_threads", Type::gauge, "Threads.", p.threads);
}

}  // namespace

std::string metrics_text(const StatusSnapshot& s, ExpositionFormat format, ProcessMetrics with) {
  Exposition page(format);
  page.family("codedriftd_build_info", Type::gauge, "Always 1; the version is the label.");
  page.sample(1, fmt::format("version=\"{}\"", CODEDRIFTD_VERSION));
  polls(page, s);
  page.family("codedriftd_functions", Type::gauge, "Watched functions by status.");
  for (const auto& [status, count] : s.functions) page.sample(count, fmt::format("status=\"{}\"", status));
  page.single("codedriftd_drifts_open", Type::gauge, "Watched functions whose drift is open.", s.drifts_open);
  destinations(page, s);
  packages(page, s.packages);
  discovery(page, s.discovery);
  store(page, s);
  if (s.fleet) fleet(page, *s.fleet);
  configuration(page, s);
  if (with == ProcessMetrics::with) process(page, process_stats());
  return page.take();
}

std::string status_line(const StatusSnapshot& s) {
  int64_t functions = 0;
  for (const auto& [status, count] : s.functions) functions += count;
  std::size_t up = 0;
  int64_t pending = 0;
  for (const auto& d : s.destinations) {
    up += d.runner.up && d.state == DestinationState::Kind::ok ? 1 : 0;
    pending += d.depth.pending;
  }
  const std::string last =
      s.polls.last_poll_at ? "last poll " + rfc3339(*s.polls.last_poll_at).substr(11, 8) + "Z" : "not polled yet";
  return fmt::format("{} function{}, {} drifted; {}; {} of {} destination{} up, {} alert{} pending", functions,
                     functions == 1 ? "" : "s", s.drifts_open, last, up, s.destinations.size(),
                     s.destinations.size() == 1 ? "" : "s", pending, pending == 1 ? "" : "s");
}

}  // namespace codedriftd
