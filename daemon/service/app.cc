#include "service/app.h"

#include <fmt/format.h>
#include <malloc.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <filesystem>

#include "actions/reconcile_actions.h"
#include "base/json.h"
#include "control/verbs.h"
#include "http/proxy.h"
#include "service/alert_setup.h"
#include "service/inspection.h"
#include "service/state_folder.h"
#include "service/stay.h"
#include "settings/digest.h"
#include "store/db/migrate.h"
#include "store/db/sqlite.h"
#include "store/outbox/outbox.h"
#include "store/record/facts.h"

namespace codedriftd {
namespace {

constexpr Millis kStopWithin{4'500};
constexpr Millis kBetweenTries{2'000};

/// An event of the record is a line of the log too, under the same name.
void log_event(const LoggedEvent& logged) {
  const NewEvent& event = logged.event;
  const LogLevel level = event.severity == Severity::critical  ? LogLevel::error
                         : event.severity == Severity::warning ? LogLevel::warning
                                                               : LogLevel::info;
  log(level, event.kind, event.facts.summary.empty() ? json_line(*event.data) : event.facts.summary,
      {field("seq", logged.seq), field("target", event.target), field("severity", to_string(event.severity))});
}

constexpr std::string_view kOriginTold = "log_origin_told";

}  // namespace

std::string words_of_origin(const std::string& fixed, const std::string& configured) {
  return fmt::format("[log] origin was fixed at the first start as '{}' and stays so: '{}' is not used", fixed,
                     configured);
}

App::App(Settings settings, LogLevel log_level, std::string textfile, Notify& notify)
    : settings_(std::move(settings)),
      log_level_(log_level),
      textfile_(std::move(textfile)),
      signals_(kStopWithin),
      notify_(notify),
      accounts_(clock_),
      digest_(settings_.store.server ? work_digest(settings_) : settings_.digest) {
  loads_.lock()->at = clock_.wall();
}

App::~App() = default;

int App::run() {
  // One heap for all threads: what reading the configuration took is used again by the writer and the poller.
  ::mallopt(M_ARENA_MAX, 1);
  int code = EXIT_FAILURE;
  try {
    for (const std::string& problem : ProxySettings::of_environment().problems())
      log(LogLevel::warning, "http.proxy", fmt::format("{}; calls that would go through it are refused", problem));
    using Steps = std::vector<void (App::*)()>;
    const Steps steps =
        settings_.store.server
            ? Steps{&App::take_state_folder,   &App::open_store, &App::open_status_page,
                    &App::open_control_socket, &App::begin_stay, &App::start_polling}
            : Steps{&App::take_state_folder, &App::open_store,       &App::begin_stay,         &App::start_alerts,
                    &App::start_polling,     &App::open_status_page, &App::open_control_socket};
    for (const auto step : steps) {
      for (bool done = false; !done && !signals_.stopping() && !anew();) {
        try {
          (this->*step)();
          done = true;
        } catch (const StoreError& error) {
          if (!error.full() && !error.passing() && error.kind() != StoreError::Kind::rolled_back && !error.shut_out())
            throw;
          wait_for_record(error);
        }
      }
    }
    if (signals_.stopping()) {
      stop();
      return EXIT_SUCCESS;
    }
    if (anew()) {
      stop();
      return code_of_end();
    }
    working_ = true;
    ready_ = true;
    *cached_.lock() = std::nullopt;
    notify_.ready(status_words());
    ::malloc_trim(0);  // starting needs more than running
    log(LogLevel::info, "daemon.ready",
        fmt::format("watching {} function{}, alerts to {} destination{}", functions_, functions_ == 1 ? "" : "s",
                    settings_.alerts.size(), settings_.alerts.size() == 1 ? "" : "s"),
        {field("version", CODEDRIFTD_VERSION), field("config", settings_.file)});
    code = serve();
  } catch (const std::exception& error) {
    log(LogLevel::error, "daemon.failed", error.what());
  }
  stop();
  return code == kAnew ? code_of_end() : code;
}

int App::code_of_end() const {
  if (signals_.stopping()) return EXIT_SUCCESS;
  return outgrown() ? kExitNewer : kAnew;
}

std::string App::status_words() {
  try {
    return status_line(snapshot());
  } catch (const StoreError& error) {
    return fmt::format("the record cannot be read: {}", error.what());
  }
}

/// A full disk at the start, somebody's lock on the record, a server that is away: to end would be tried a few times by
/// the service manager, and then given up for good.
void App::wait_for_record(const StoreError& error) {
  struct Words {
    const char *event, *status;
    std::string what;
  };
  const Words words = [&]() -> Words {
    if (error.kind() == StoreError::Kind::rolled_back)
      return {"store.rolled_back", "waits for an operator: the record was rolled back",
              "nothing is written until an operator has looked, and said `codedriftd adopt --rolled-back`"};
    if (error.shut_out()) return {"fleet.lost", "joins its fleet again", "this daemon joins its fleet again"};
    if (error.full()) return {"store.full", "waits for space on the disk", "the start waits for space"};
    if (settings_.store.server)
      return {"store.unavailable", "waits for the record's server", "the start waits for the server"};
    return {
        "store.locked", "waits for somebody else's lock on the record",
        fmt::format("the start waits until who holds a lock on it lets go (fuser {} says who)", settings_.database())};
  }();
  if (told_troubles_.insert(words.event).second)
    log(LogLevel::error, words.event, fmt::format("{}; {}", error.what(), words.what));
  notify_.extend(Millis{60'000});
  notify_.status(words.status);
  signals_.wait(kBetweenTries);
}

// ---- the start list -----------------------------------------------------------------------------------------------

void App::take_state_folder() {
  ::umask(027);
  prepare_state_folder(settings_.state_dir);
  auto lock = StateLock::take(settings_.lock_file());
  if (!lock) throw std::runtime_error(lock.error().message);
  lock_ = std::move(*lock);
}

void App::open_store() {
  notify_.extend(Millis{300'000});
  if (settings_.store.server) {
    open_server();
  } else {
    open_file();
  }
}

void App::open_file() {
  Database db = lock_->open_writer(settings_.database());
  database_ = settings_.database();
  record_file_ = file_at(database_);
  auto migrated = migrate(db, embedded_migrations(), clock_.wall());
  if (!migrated) throw std::runtime_error(migrated.error().message);
  if (!migrated->copy.empty()) {
    log(LogLevel::info, "store.migrated",
        fmt::format("the database went from schema {} to {}; the old one is kept in {}", migrated->from, migrated->to,
                    migrated->copy));
  }
  const std::string origin = stay::origin_of(db, settings_);
  if (origin != settings_.log_origin && facts::read(db, kOriginTold) != settings_.log_origin) {
    log(LogLevel::warning, "log.origin", words_of_origin(origin, settings_.log_origin));
    facts::write(db, kOriginTold, settings_.log_origin);
  }
  open_reader_ = [path = database_] { return sqlite::open_reader(path); };
  write_to(std::move(db), origin, {});
}

void App::write_to(Database db, const std::string& origin, Writer::Options options) {
  Ledger::Hooks hooks;
  hooks.written = [this, origin](const LoggedEvent& logged) {
    if (fleet_) fleet_->written(logged, origin);
    log_event(logged);
  };
  hooks.queued = [this](const std::string& destination) {
    Locked runners(runners_);
    const auto found = runners->find(destination);
    if (found != runners->end()) found->second->ring();
  };
  ledger_ = std::make_unique<Ledger>(stay::name_of(settings_), origin, std::move(hooks));
  writer_ = std::make_unique<Writer>(std::move(db), clock_, std::move(options));
}

void App::begin_stay() {
  // It compares the clocks with those of its making: a step from now on, when the first times are stored, is noticed.
  if (!poller_) {
    api_ = std::make_unique<CurlApi>(clock_);
    poller_ = std::make_unique<Poller>(*api_, *writer_, *ledger_, clock_);
    if (fleet_) {
      poller_->ask_only_while([this] { return fleet_->may_act(); });
      poller_->tell_steps_only_while([this] { return keeps_house_.load(); });
    }
  }
  const WallTime now = clock_.wall();
  const auto known = record_head::read(settings_.head_file());
  writer_->run([&](Tx& tx) {
    apply_routes();
    if (fleet_) return;  // the rest comes with the leases
    // First of all: it sees whether the record goes on from `known`.
    stay_ = stay::begin(tx, *ledger_, known, now);
    outbox::recover(tx.db, now);
    give_up_unconfigured(tx, house().alerts);
  });
  if (!fleet_) {
    wal_file_ = file_at(database_ + "-wal");  // the first commit makes it
    reader_.lock()->emplace(open_reader_());
  }
  keep_head();
}

void App::start_polling() {
  if (!inspector_) {
    Inspector::Hooks hooks;
    if (fleet_) hooks.may_fetch = [this] { return fleet_->may_act(); };
    hooks.poll_again = [this](TargetId id) { poller_->poll_now({id}, [](PollEnd) {}); };
    inspector_ = std::make_unique<Inspector>(*writer_, *ledger_, clock_, inspection_rules(settings_), std::move(hooks));
    poller_->on_unexamined([this](TargetId id, const Target& target, const Sha256& code, Secret url, Urgency urgency) {
      inspector_->want(id, target.account, code, std::move(url), urgency);
    });
  }
  if (!discovery_) {
    Discovery::Hooks hooks;
    hooks.moved = [this](std::vector<TargetId> ids) { poller_->poll_now(std::move(ids), [](PollEnd) {}); };
    if (fleet_) hooks.may_call = [this] { return fleet_->may_act(); };
    hooks.watch_changed = [this] {
      rewatch_ = true;
      signals_.nudge();
    };
    auto api = std::make_unique<CurlReadApi>(clock_);
    read_api_ = api.get();
    discovery_ = std::make_unique<Discovery>(std::move(api), *writer_, *ledger_, clock_, std::move(hooks));
  }
  if (fleet_) {
    share_with_others();
    share_ = Share({}, lanes_of(settings_));
    fleet_->wish(leases_of(settings_));
  } else {
    mend_packages(settings_, *writer_);
    prune_packages(settings_, *writer_);
  }
  // Kept until it was applied: the step is taken again where the disk is full.
  if (!first_watch_) {
    prepare_watches(settings_);
    *trust_.lock() = trust_of(settings_);
    first_watch_ = take_watches(settings_, digest_);
  }
  apply_watch(settings_, *first_watch_);
  if (!fleet_) {  // of a fleet it comes with the leases
    writer_->run([&](Tx& tx) {
      targets::wait_anew(tx.db, clock_.wall());
      withdraw_untrusted(tx, *ledger_, *trust_.copy(), clock_.wall());
    });
  }
  first_watch_.reset();
  poller_->start();
}

void App::start_alerts() {
  Locked runners(runners_);
  for (const AlertSettings& alert : settings_.alerts) start_runner(*runners, alert);
}

void App::start_runner(std::map<std::string, std::shared_ptr<Runner>>& runners, const AlertSettings& alert) {
  const std::string& name = alert.subscription.name;
  auto runner = std::make_shared<Runner>(name, channel_of(settings_, alert), *writer_, *ledger_, clock_);
  if (fleet_) runner->send_only_while([this, lease = lease_of_alert(name)] { return fleet_->may_act(lease); });
  runner->start();
  runners.emplace(name, std::move(runner));
}

void App::open_status_page() {
  if (settings_.http.listen.empty()) return;
  StatusPage::Source source;
  source.metrics = [this](ExpositionFormat format) { return metrics_text(snapshot(), format, ProcessMetrics::with); };
  source.healthy = [this] { return healthy(); };
  source.ready = [this] { return ready(); };
  site_ = std::make_unique<Site>(open_reader_, PageSetting{settings_.instance}, clock_);
  source.site = [this](const WebRequest& request) { return site_->answer(request); };
  auto page = StatusPage::open(settings_.http, std::move(source));
  if (!page) {  // it does its main work without: whoever takes the port first must not keep it from starting
    if (std::exchange(page_trouble_, page.error().message) != page.error().message)
      log(LogLevel::warning, "http.unavailable",
          fmt::format("{}; there is no page for now, it is tried again every minute", page.error().message));
    return;
  }
  page_trouble_.clear();
  status_page_ = std::move(*page);
  log(LogLevel::info, "http.listening",
      fmt::format("the page, the API, metrics and health at {}://{}:{}",
                  settings_.http.tls_certificate.empty() ? "http" : "https",
                  settings_.http.listen.substr(0, settings_.http.listen.rfind(':')), status_page_->port()));
}

void App::open_control_socket() {
  apply_permissions();
  ControlParts parts{
      settings_.runtime_dir, settings_.state_dir, open_reader_, permissions_, *writer_, *ledger_, clock_, trust_};
  parts.poll_now = [this](const std::vector<PollWish>& wishes, std::function<void(PollEnd)> over) {
    if (shared_polls_) return shared_polls_->poll_now(wishes, std::move(over));
    std::vector<TargetId> ids;
    for (const PollWish& wish : wishes) ids.push_back(wish.id);
    poller_->poll_now(std::move(ids), std::move(over));
  };
  parts.reload = [this](std::shared_ptr<Ticket> ticket) {
    reloads_.lock()->push_back(std::move(ticket));
    signals_.hang_up();
  };
  parts.packages_folder = settings_.packages_folder();
  if (fleet_) {
    parts.not_yet = [this] {
      return working_ ? std::string() : fmt::format("{} is about to start: ask again in a moment", settings_.instance);
    };
    parts.host = settings_.instance;
  }
  parts.forget_failure = [this](const Sha256& code) { inspector_->forget_failure(code); };
  parts.package_content = [folder = parts.packages_folder](const Sha256& code, const PackageFile& file,
                                                           const PackageLimits& limits) {
    return kept_file(folder, code, file, limits);
  };
  auto control = open_control(parts);
  if (!control) {  // it does its main work without
    log(LogLevel::warning, "control.unavailable",
        fmt::format("commands that write cannot reach this daemon: {}", control.error().message));
    return;
  }
  control_ = std::move(*control);
}

// ---- the stop list ------------------------------------------------------------------------------------------------

void App::stop() noexcept {
  if (outgrown()) {
    if (const auto why = fleet_ ? fleet_->leaving() : std::nullopt) log(LogLevel::error, "store.newer", *why);
  } else if (anew()) {
    log(LogLevel::info, "fleet.anew", "this member ends, and the daemon joins its fleet again");
  }
  if (!anew() || outgrown()) notify_.stopping();
  ready_ = false;
  const auto step = [](const char* what, auto&& action) {
    try {
      action();
    } catch (const std::exception& error) {
      log(LogLevel::error, "daemon.stop", fmt::format("{}: {}", what, error.what()));
    }
  };
  step("reports", [&] {
    if (site_) site_->stop();
  });
  step("control socket", [&] { control_.reset(); });
  std::map<std::string, std::shared_ptr<Runner>> runners;
  step("alerts", [&] {
    runners_.lock()->swap(runners);
    for (const auto& [name, runner] : runners) runner->cancel();
  });
  step("polling", [&] {
    if (poller_) poller_->stop();
  });
  step("discovery", [&] {
    if (discovery_) discovery_->stop();
  });
  step("packages", [&] {
    if (inspector_) inspector_->stop();
  });
  step("alerts", [&] {
    for (const auto& [name, runner] : runners) runner->stop();
  });
  step("last word", [&] {
    if (fleet_ && writer_ && !fleet_->over() && writer_->trouble().empty())
      writer_->run([&](Tx& tx) { fleet_->leave(tx, *ledger_, clock_.wall()); });
    if (fleet_) return keep_fleet_head();
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
  step("status page", [&] {
    status_page_.reset();  // waits for no report: the site was told to stop
    site_.reset();
  });
  step("store", [&] {
    *reader_.lock() = std::nullopt;
    if (writer_) writer_->stop();
  });
  // The lock goes last, with this object: after SQLite's connections.
}

}  // namespace codedriftd
