#include "service/app.h"

#include <fmt/format.h>
#include <malloc.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <filesystem>

#include "base/duration.h"
#include "base/json.h"
#include "control/verbs.h"
#include "service/alert_setup.h"
#include "store/db/migrate.h"
#include "store/ledger/suspensions.h"
#include "store/log/event_log.h"
#include "store/outbox/outbox.h"
#include "store/record/clock_step.h"
#include "store/record/facts.h"
#include "store/record/history.h"

namespace codedriftd {
namespace {

constexpr Millis kStopWithin{4'500};
constexpr Millis kSnapshotFor{5'000};

/// Which file stands at `path`: nobody may put another one there while it is written to.
std::pair<dev_t, ino_t> file_at(const std::string& path) {
  struct stat info {};
  return ::stat(path.c_str(), &info) == 0 ? std::pair{info.st_dev, info.st_ino} : std::pair<dev_t, ino_t>{};
}

int64_t file_size(const std::string& path) {
  struct stat info {};
  return ::stat(path.c_str(), &info) == 0 ? info.st_size : 0;
}

/// An event of the record is a line of the log too, under the same name.
void log_event(const LoggedEvent& logged) {
  const NewEvent& event = logged.event;
  const LogLevel level = event.severity == Severity::critical  ? LogLevel::error
                         : event.severity == Severity::warning ? LogLevel::warning
                                                               : LogLevel::info;
  log(level, event.kind, event.facts.summary.empty() ? json_line(*event.data) : event.facts.summary,
      {field("seq", logged.seq), field("target", event.target.value_or("-")),
       field("severity", to_string(event.severity))});
}

constexpr std::string_view kOriginTold = "log_origin_told";

}  // namespace

std::string words_of_origin(const std::string& fixed, const std::string& configured) {
  return fmt::format("[log] origin is '{}' since the first start and stays it: '{}' is not used; take it back out",
                     fixed, configured);
}

App::App(Settings settings, LogLevel log_level)
    : settings_(std::move(settings)), log_level_(log_level), signals_(kStopWithin), accounts_(clock_) {}

App::~App() = default;

int App::run() {
  // One heap for all threads: what reading the configuration took is used again by the writer and the poller.
  ::mallopt(M_ARENA_MAX, 1);
  int code = EXIT_FAILURE;
  try {
    for (const auto step : {&App::take_state_folder, &App::open_store, &App::begin_stay, &App::start_alerts,
                            &App::start_polling, &App::open_status_page, &App::open_control_socket}) {
      if (signals_.stopping()) break;
      (this->*step)();
    }
    if (signals_.stopping()) {
      stop();
      return EXIT_SUCCESS;
    }
    ready_ = true;
    notify_.ready(status_line(snapshot()));
    ::malloc_trim(0);  // starting needs more than running
    log(LogLevel::info, "daemon.ready",
        fmt::format("watching {} functions, alerting {} destinations", functions_, settings_.alerts.size()),
        {field("version", CODEDRIFTD_VERSION), field("config", settings_.file)});
    serve();
    code = EXIT_SUCCESS;
  } catch (const std::exception& error) {
    log(LogLevel::error, "daemon.failed", error.what());
  }
  stop();
  return code;
}

// ---- the start list -----------------------------------------------------------------------------------------------

void App::take_state_folder() {
  ::umask(027);
  std::error_code error;
  if (std::filesystem::create_directories(settings_.state_dir, error)) ::chmod(settings_.state_dir.c_str(), 0750);
  if (error)
    throw std::runtime_error(
        fmt::format("{}: cannot be created: {}; create it, or set state_dir", settings_.state_dir, error.message()));
  struct stat info {};
  if (::stat(settings_.state_dir.c_str(), &info) == 0 && (info.st_mode & S_IWOTH) != 0)
    throw std::runtime_error(
        fmt::format("{}: everybody can write to it, so its record proves nothing; chmod o-w it", settings_.state_dir));
  auto lock = StateLock::take(settings_.lock_file());
  if (!lock) throw std::runtime_error(lock.error().message);
  lock_ = std::move(*lock);
}

void App::open_store() {
  notify_.extend(Millis{300'000});
  Database db = Database::open_writer(settings_.database());
  database_ = settings_.database();
  record_file_ = file_at(database_);
  auto migrated = migrate(db, embedded_migrations(), clock_.wall());
  if (!migrated) throw std::runtime_error(migrated.error().message);
  if (!migrated->copy.empty()) {
    log(LogLevel::info, "store.migrated",
        fmt::format("the database went from schema {} to {}; the old one is kept in {}", migrated->from, migrated->to,
                    migrated->copy));
  }
  const auto origin = facts::read(db, "log_origin");
  if (origin && *origin != settings_.log_origin && facts::read(db, kOriginTold) != settings_.log_origin) {
    log(LogLevel::warning, "log.origin", words_of_origin(*origin, settings_.log_origin));
    facts::write(db, kOriginTold, settings_.log_origin);
  }
  Ledger::Hooks hooks;
  hooks.written = log_event;
  hooks.queued = [this](const std::string& destination) {
    auto runners = runners_.lock();
    const auto found = runners->find(destination);
    if (found != runners->end()) found->second->ring();
  };
  ledger_ = std::make_unique<Ledger>(settings_.instance, origin.value_or(settings_.log_origin), std::move(hooks));
  writer_ = std::make_unique<Writer>(std::move(db), clock_, Writer::Options{});
}

void App::begin_stay() {
  const WallTime now = clock_.wall();
  apply_routes();
  const auto known = record_head::read(head_file());
  writer_->run([&](Tx& tx) {
    const auto restored = known ? record_head::restored(tx.db, *known) : std::nullopt;
    if (event_log::size(tx.db) == 0) {
      facts::write(tx.db, "log_origin", ledger_->origin());
      NewEvent genesis;
      genesis.kind = "log.genesis";
      genesis.data = Json{{"origin", ledger_->origin()}, {"version", CODEDRIFTD_VERSION}};
      genesis.facts.summary = fmt::format("The log {} begins.", ledger_->origin());
      ledger_->append(tx, genesis, now);
    }
    if (restored) ledger_->append(tx, *restored, now);
    if (const Millis ahead = clock_step::ahead(tx.db, now); ahead > Millis{0}) {
      clock_step::bring_back(tx.db, now, -ahead);
      history::end_open_runs(tx.db);
      outbox::move_times(tx.db, -ahead);
      NewEvent stepped;
      stepped.kind = "clock.stepped";
      stepped.data = Json{{"by_s", -ahead.count() / 1000}};
      stepped.facts.summary = fmt::format(
          "The last sign of life on record is {} s ahead of the clock of this machine: what was stored of times ahead "
          "of now was moved back.",
          ahead.count() / 1000);
      ledger_->append(tx, stepped, now);
    }
    const auto previous = daemon_runs::last(tx.db);
    const auto last_event = event_log::last_time(tx.db);
    NewEvent started;
    started.kind = "daemon.started";
    started.data = Json{{"previous_stop", nullptr}, {"last_event_at", nullptr}};
    if (previous) {
      (*started.data)["previous_stop"] = previous->stopped ? "clean" : "unclean";
      if (last_event) (*started.data)["last_event_at"] = rfc3339(*last_event);
    }
    started.facts.summary = previous ? fmt::format("The daemon started; it was last alive at {} and its stop was {}.",
                                                   rfc3339(previous->alive_at), previous->stopped ? "clean" : "unclean")
                                     : "The daemon started for the first time.";
    ledger_->append(tx, started, now);
    stay_ = daemon_runs::begin(tx.db, ::getpid(), now);
    outbox::recover(tx.db, now);
  });
  reader_.lock()->emplace(Database::open_reader(settings_.database()));
}

void App::start_polling() {
  api_ = std::make_unique<CurlApi>(clock_);
  poller_ = std::make_unique<Poller>(*api_, *writer_, *ledger_, clock_);
  apply_watch(settings_);
  poller_->start();
}

void App::start_alerts() {
  auto runners = runners_.lock();
  for (const AlertSettings& alert : settings_.alerts) start_runner(*runners, alert);
}

void App::start_runner(std::map<std::string, std::shared_ptr<Runner>>& runners, const AlertSettings& alert) {
  const std::string& name = alert.subscription.name;
  auto runner = std::make_shared<Runner>(name, channel_of(settings_, alert), *writer_, *ledger_, clock_);
  runner->start();
  runners.emplace(name, std::move(runner));
}

void App::open_status_page() {
  if (settings_.http_listen.empty()) return;
  StatusPage::Source source;
  source.metrics = [this] { return metrics_text(snapshot()); };
  source.healthy = [this] { return healthy(); };
  source.ready = [this] { return ready(); };
  auto page = StatusPage::open(settings_.http_listen, std::move(source));
  if (!page) throw std::runtime_error(page.error().message);
  status_page_ = std::move(*page);
  log(LogLevel::info, "http.listening",
      fmt::format("metrics and health at http://{}:{}",
                  settings_.http_listen.substr(0, settings_.http_listen.rfind(':')), status_page_->port()));
}

void App::open_control_socket() {
  apply_permissions();
  ControlParts parts{settings_.runtime_dir, settings_.state_dir, database_, permissions_, *writer_, *ledger_, clock_};
  parts.poll_now = [this](std::vector<TargetId> ids, std::function<void(PollEnd)> over) {
    poller_->poll_now(std::move(ids), std::move(over));
  };
  parts.reload = [this](std::shared_ptr<Ticket> ticket) {
    reloads_.lock()->push_back(std::move(ticket));
    signals_.hang_up();
  };
  auto control = open_control(parts);
  if (!control) {  // it does its main work without
    log(LogLevel::warning, "control.unavailable",
        fmt::format("commands that write cannot reach this daemon: {}", control.error().message));
    return;
  }
  control_ = std::move(*control);
}

// ---- while it runs ------------------------------------------------------------------------------------------------

void App::serve() {
  Timetable timetable(clock_.mono());
  for (;;) {
    keep_time(timetable);
    const MonoTime next = timetable.next(notify_.watchdog_interval().has_value());
    const auto signal = signals_.wait(std::max(Millis{1}, std::chrono::ceil<Millis>(next - clock_.mono())));
    if (signal == SIGHUP) reload();
    if (signal == SIGTERM || signal == SIGINT) {
      log(LogLevel::info, "daemon.stopping", fmt::format("{} received", signal == SIGTERM ? "SIGTERM" : "SIGINT"));
      return;
    }
  }
}

void App::keep_time(Timetable& timetable) {
  const auto checks = healthy();
  const bool progress = std::all_of(checks.begin(), checks.end(), [](const HealthCheck& check) { return check.ok; });
  const Timetable::Due due = timetable.due(clock_.mono(), notify_.watchdog_interval(), progress);
  if (due.watchdog) notify_.watchdog();
  if (due.alive) {
    writer_->post([this, at = clock_.wall()](Tx& tx) {
      daemon_runs::alive(tx.db, stay_, at);
      suspensions::end_over(tx, *ledger_, at);
    });
  }
  if (due.alive) keep_head();
  if (due.status && notify_.heard()) notify_.status(status_line(snapshot()));
  if (due.status && file_at(database_) != record_file_) {
    log(LogLevel::error, "store.replaced",
        fmt::format("{}: was moved or replaced; what is written now is lost; restart the service", database_));
  }
  if (due.summary) {
    const Snapshot s = snapshot();
    log(LogLevel::info, "daemon.summary", status_line(s),
        {field("observed", s.polls.polls[0]), field("missing", s.polls.polls[1]), field("updating", s.polls.polls[2]),
         field("denied", s.polls.polls[3]), field("failed", s.polls.polls[4]), field("events", s.log_size)});
    for (const auto& lane : s.polls.lanes) {
      if (lane.behind < Millis{60'000}) continue;
      log(LogLevel::warning, "schedule.behind",
          fmt::format("{}/{}: the most overdue of {} functions has been waiting for {}; `codedriftd check` says what "
                      "would help",
                      lane.account, lane.region, lane.watched,
                      format_duration(std::chrono::floor<std::chrono::seconds>(lane.behind))));
    }
  }
}

void App::keep_head() {
  std::optional<RecordHead> head;
  {
    auto reader = reader_.lock();
    head = record_head::of(reader->value(), ledger_->origin());
  }
  if (!head || head == head_) return;
  try {
    record_head::write(head_file(), *head);
    head_ = std::move(head);
  } catch (const std::exception& error) {
    log(LogLevel::warning, "record.head", fmt::format("{}: a restored record would not be noticed", error.what()));
  }
}

Snapshot App::snapshot() {
  auto cached = cached_.lock();
  if (*cached && clock_.mono() - (*cached)->first < kSnapshotFor) return (*cached)->second;
  Snapshot s;
  s.now = clock_.wall();
  s.polls = poller_->stats();
  std::map<std::string, outbox::Depth> depths;
  {
    auto reader = reader_.lock();
    Database& db = reader->value();
    targets::Census census = targets::count_watched(db, s.now);
    s.functions = std::move(census.by_status);
    s.drifts_open = census.drifts_open;
    for (outbox::Depth& depth : outbox::depths(db)) depths[depth.destination] = depth;
    s.log_size = event_log::size(db);
    auto runners = runners_.lock();
    for (const auto& [name, runner] : *runners) {
      const DestinationState state = outbox::destination(db, name);
      const char* words[] = {"ok", "backing_off", "held"};
      s.destinations.push_back({name, runner->state(), depths[name], words[static_cast<int>(state.kind)]});
    }
  }
  s.writer_queue = writer_->queued();
  s.database_bytes = file_size(database_);
  s.wal_bytes = file_size(database_ + "-wal");
  s.config_loads_failed = failed_reloads_;
  *cached = std::pair(clock_.mono(), s);
  return s;
}

std::vector<HealthCheck> App::healthy() const {
  const MonoTime now = clock_.mono();
  const auto check = [&](const char* name, MonoTime last) {
    const auto age = std::chrono::duration_cast<Millis>(now - last);
    return HealthCheck{name, makes_progress(last, now), fmt::format("last came round {} ms ago", age.count())};
  };
  return {check("poller", poller_->last_turn()), check("store", writer_->last_turn())};
}

std::vector<HealthCheck> App::ready() const {
  std::vector<HealthCheck> checks = healthy();
  const std::string trouble = writer_->trouble();
  checks.push_back({"record", trouble.empty(), trouble.empty() ? "the last commit succeeded" : trouble});
  const bool in_place = file_at(database_) == record_file_;
  checks.push_back({"record file", in_place,
                    in_place ? "in its place" : "moved or replaced: what is written now is lost; restart the service"});
  checks.push_back({"started", ready_, ready_ ? "all of the start list is up" : "starting or stopping"});
  return checks;
}

// ---- the stop list ------------------------------------------------------------------------------------------------

void App::stop() noexcept {
  notify_.stopping();
  ready_ = false;
  const auto step = [](const char* what, auto&& action) {
    try {
      action();
    } catch (const std::exception& error) {
      log(LogLevel::error, "daemon.stop", fmt::format("{}: {}", what, error.what()));
    }
  };
  step("control socket", [&] { control_.reset(); });
  std::map<std::string, std::shared_ptr<Runner>> runners;
  step("alerts", [&] {
    runners_.lock()->swap(runners);
    for (const auto& [name, runner] : runners) runner->cancel();
  });
  step("polling", [&] {
    if (poller_) poller_->stop();
  });
  step("alerts", [&] {
    for (const auto& [name, runner] : runners) runner->stop();
  });
  step("last word", [&] {
    if (!writer_ || stay_ == 0) return;
    writer_->run([&](Tx& tx) {
      NewEvent stopped;
      stopped.kind = "daemon.stopped";
      stopped.facts.summary = "The daemon stopped.";
      ledger_->append(tx, stopped, clock_.wall());
      daemon_runs::end(tx.db, stay_, clock_.wall());
    });
    keep_head();
  });
  step("status page", [&] { status_page_.reset(); });  // may wait for a slow client
  step("store", [&] {
    *reader_.lock() = std::nullopt;
    if (writer_) writer_->stop();
  });
  step("lock", [&] { lock_.reset(); });
}

}  // namespace codedriftd
