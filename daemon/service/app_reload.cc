/// App's configuration: what the start and a reload have in common, and the reload.
#include <fmt/format.h>
#include <malloc.h>
#include <unistd.h>

#include <algorithm>
#include <thread>
#include <utility>

#include "actions/reconcile_actions.h"
#include "base/duration.h"
#include "base/json.h"
#include "service/alert_setup.h"
#include "service/app.h"
#include "service/foresight.h"
#include "service/inspection.h"
#include "settings/digest.h"
#include "settings/load.h"
#include "settings/schedule.h"
#include "sinks/process.h"
#include "store/outbox/outbox.h"
#include "store/record/facts.h"

namespace codedriftd {
namespace {

/// What whoever asked for the reload is told.
JsonBox told(const std::vector<Mistake>& mistakes) {
  constexpr std::size_t kMostTold = 500;
  Json lines = Json::array();
  for (const Mistake& mistake : mistakes) {
    if (lines.size() == kMostTold) {
      lines.push_back(fmt::format("… and {} more, see the log", mistakes.size() - kMostTold));
      break;
    }
    lines.push_back(fmt::format("{}: {}", mistake.place.text(), mistake.message));
  }
  return Json{{"mistakes", std::move(lines)}};
}

void warn_of_schedule(const Settings& settings) {
  for (const PaceLoad& load : schedule_of(settings)) {
    if (load.fits()) continue;
    log(LogLevel::warning, "schedule.unmeetable",
        fmt::format("{}: {} targets ask for {:.1f} calls a second against {}: intervals shorter than {} become about "
                    "that long; {}",
                    load.name(), load.targets, load.demand, load.limit_in_words(), format_duration(load.shortest_kept),
                    load.remedy));
  }
}

/// What of [store] is text. `server` is what `url` says.
constexpr std::pair<const char*, std::string StoreSettings::*> kStoreTexts[] = {
    {"[store] url", &StoreSettings::url},
    {"[store] user", &StoreSettings::user},
    {"[store] password_file", &StoreSettings::password_file},
    {"[store] reader", &StoreSettings::reader},
    {"[store] reader_password_file", &StoreSettings::reader_password_file},
    {"[store] tls", &StoreSettings::tls},
    {"[store] ca_file", &StoreSettings::ca_file},
    {"[store] certificate", &StoreSettings::certificate},
    {"[store] key", &StoreSettings::key},
    {"[store] fleet", &StoreSettings::fleet}};

}  // namespace

/// Out of them, because ten thousand weigh several megabytes, and nobody needs them any more.
WatchList App::take_watches(Settings& settings, std::string digest) {
  warn_of_schedule(settings);
  WatchList list;
  list.digest = std::move(digest);
  list.entries.reserve(settings.watches.size());
  for (WatchSettings& w : settings.watches) {
    list.entries.push_back({std::move(w.target),
                            {w.pin, std::move(w.pin_where), w.baseline, w.interval, w.stale_after, w.deploy_grace,
                             settings.packages.examine_within, w.content, w.same_content_accepted, std::move(w.ignore),
                             w.touched_alerts}});
  }
  settings.watches = {};
  for (const auto& [name, account] : settings.accounts) {
    if (!account.previous.empty()) list.renamed_accounts.emplace_back(account.previous, name);
  }
  return list;
}

void App::prepare_watches(Settings& settings) {
  survey_ = discovery_rules(settings);
  if (fleet_ && settings.rules.empty()) settings.named = settings.watches;  // for when another share is to be watched
  Locked reader(reader_);
  for (const OverfullRule& rule : match_rules(settings, reader->value())) {
    if (!told_overfull_.insert(rule.where).second) continue;
    log(LogLevel::warning, "discovery.overfull",
        fmt::format("{}: this [[watch]] matches {} functions and watches the {} that were found first: raise its "
                    "max_targets, or match less",
                    rule.where, rule.matched, rule.watched));
  }
}

void App::rewatch() {
  if (settings_.rules.empty()) return;  // what is found changes nothing then
  last_rewatch_ = clock_.mono();
  try {
    settings_.watches = settings_.named;
    prepare_watches(settings_);
    survey_.reset();  // the configuration is the same
    if (settings_.watches.empty() && listed_ > 0 && !settings_.allow_empty) {
      log(LogLevel::error, "discovery.watch",
          fmt::format("by what was found nothing would be watched any more, and {} functions are: that list stays; if "
                      "it is meant, say [daemon] allow_empty = true",
                      listed_));
      return;
    }
    auto trust = std::make_shared<Trust>(*trust_.copy());
    trust->attested_only = attested_only(settings_);
    const std::size_t before = functions_;
    WatchSync sync = sync_watch(take_watches(settings_, digest_));
    watch(settings_, std::move(sync.targets), {});
    *trust_.lock() = std::move(trust);
    const bool large = leaves_many(sync.removed, static_cast<int64_t>(before));
    log(large ? LogLevel::warning : LogLevel::info, "discovery.watch",
        fmt::format("watching {} function{} (+{} −{}) by what was found", functions_, functions_ == 1 ? "" : "s",
                    sync.added, sync.removed));
    if (notify_.heard()) notify_.status(status_line(snapshot()));
  } catch (const std::exception& error) {  // the record cannot be written to for now: what was watched is
    rewatch_ = true;
    if (std::exchange(told_not_watched_, error.what()) != error.what())
      log(LogLevel::error, "discovery.watch", fmt::format("what was found is not watched yet: {}", error.what()));
    return;
  }
  told_not_watched_.clear();
}

WatchSync App::sync_watch(const WatchList& list) {
  WatchSync sync;
  listed_ = list.entries.size();
  if (fleet_ && share_.leases().empty() && list.digest == fleet_->digest()) return sync;  // nothing of it is its own
  const auto keeps = [this](std::string_view account) { return share_.keeps_watch_of(account); };
  // Of a fleet's record each takes some round trips, and the other members wait meanwhile.
  constexpr int64_t kMostNewAtOnce = 200;
  std::optional<bool> told;  // of this generation, before it was taken up here
  do {
    notify_.watchdog();
    if (fleet_) fleet_->turn(*writer_, *ledger_, clock_.mono());  // nobody else posts it meanwhile
    const WatchSync before = std::exchange(sync, {});
    writer_->run([&](Tx& tx) {
      const WallTime now = clock_.wall();
      std::optional<ListGeneration> generation;
      if (fleet_) {
        generation = fleet_->take_up(tx, list.digest, now);
        generation->told = told.value_or(generation->told);
        tx.after_commit([&told, was = generation->told] { told = was; });
      }
      sync = fleet_ ? sync_watch_list(tx, *ledger_, list, now, generation, keeps, kMostNewAtOnce, before)
                    : sync_watch_list(tx, *ledger_, list, now);
    });
  } while (sync.more);
  for (const std::string& warning : sync.warnings) log(LogLevel::warning, "config.suspicious", warning);
  return sync;
}

void App::watch(const Settings& settings, std::vector<WatchedTarget> targets, std::function<void()> apply) {
  Poller::Watch watch;
  watch.targets = std::move(targets);
  watch.paces = fleet_ ? paces_of_lanes(accounts_.paces(settings), lanes_of(settings)) : accounts_.paces(settings);
  watch.apply = std::move(apply);
  if (settings.packages.keep != PackageSettings::Keep::off) watch.package_link = package_links(settings);
  functions_ = watch.targets.size();
  poller_->set_watch(std::move(watch));
}

WatchSync App::apply_watch(const Settings& settings, const WatchList& list, std::function<void()> then) {
  WatchSync sync = sync_watch(list);
  const std::vector<ApiAccount> accounts = accounts_.apply(settings);
  if (settings.packages.keep != PackageSettings::Keep::off) inspector_->start();
  inspector_->set_rules(inspection_rules(settings));
  {
    DiscoveryRules mine = survey_.value();
    for (const auto& [account, unmanaged] : mine.report_unmanaged) {
      if (!share_.has_account(account)) mine.elsewhere.insert(account);
    }
    const auto others = [this](const auto& account) { return !share_.has_account(account.first); };
    std::erase_if(mine.scopes, [&](const auto& scope) { return !share_.has_account(scope.account); });
    std::erase_if(mine.report_unmanaged, others);
    std::erase_if(mine.deploy_principals, others);
    Locked reader(reader_);
    discovery_->apply(
        std::move(mine), accounts_.paces(settings), [api = read_api_, accounts] { api->set_accounts(accounts); },
        reader->value());
  }
  survey_.reset();
  watch(settings, std::move(sync.targets), [api = api_.get(), accounts, then = std::move(then)] {
    api->set_accounts(accounts);
    if (then) then();
  });
  return sync;
}

void App::apply_routes() {
  ledger_->set_routes(routes_of(settings_));
  ledger_->set_link(settings_.link);
  std::set<std::string> audited;
  for (const auto& [name, account] : settings_.accounts) {
    if (account.audit.enabled) audited.insert(name);
  }
  ledger_->set_audited(std::move(audited));
  const bool looks = settings_.packages.keep != PackageSettings::Keep::off;
  ledger_->set_explain_within(looks ? settings_.packages.explain_within : Millis{0});
}

void App::give_up_unconfigured(Tx& tx, std::vector<std::string> configured) {
  // Another member may still be at one of its deliveries: once it has let go, that lease is no more.
  auto q = tx.db.query("SELECT name FROM lease");
  while (q.step()) {
    if (const auto name = alert_of_lease(q.text(0))) configured.emplace_back(*name);
  }
  for (const outbox::Expired& gone : outbox::expire_unconfigured(tx.db, configured)) {
    NewEvent event;
    event.kind = "delivery.dead";
    event.severity = Severity::warning;
    event.target = gone.target;
    event.target_id = gone.target_id;
    event.data = Json{{"alert", gone.destination}, {"id", gone.alert_id}, {"reason", gone.reason}};
    event.facts.summary =
        fmt::format("Alert {} was given up for destination {}: {}.", gone.alert_id, gone.destination, gone.reason);
    ledger_->append_about_delivery(tx, event, gone.destination, clock_.wall(), gone.kind);
  }
}

void App::apply_permissions() {
  auto permissions = std::make_shared<const Permissions>(settings_.control, ::geteuid());
  *permissions_.lock() = std::move(permissions);
}

void App::note_failed_load() {
  {
    Locked loads(loads_);
    ++loads->failed;
    loads->last_failed = true;
  }
  *cached_.lock() = std::nullopt;
}

void App::reload() {
  // Those who ask from now on ask for another one.
  std::vector<std::shared_ptr<Ticket>> waiting;
  reloads_.lock()->swap(waiting);
  JsonBox outcome;
  try {
    outcome = load_again();
  } catch (const std::exception& error) {
    note_failed_load();
    log(LogLevel::error, "config.refused",
        fmt::format("the reload failed half way, the next one starts anew: {}", error.what()));
    notify_.ready("the last reload failed, see the log");
    outcome = Json{{"failed", error.what()}};
    if (fleet_ && fleet_->digest() != digest_) anew_ = true;  // it counts in the fleet, and is not in force here
  }
  for (const auto& ticket : waiting) ticket->finish(outcome);
}

std::string App::outdated(const std::string& digest) {
  if (!fleet_) return {};
  try {
    Locked reader(reader_);
    Database& db = reader->value();
    if (generations::standing_of(db, digest) != generations::Standing::replaced) return {};
    return fmt::format("{}: {}", settings_.file, words_of_outdated(digest, generations::current(db).value()));
  } catch (const StoreError&) {
    return {};  // what writes it will tell
  }
}

/// Why nothing of `loaded` is taken over: it would end the watch, or the alerts, where there are some.
std::string App::leaves_nothing(const Settings& loaded) const {
  if (loaded.allow_empty) return {};
  const auto words = [&](std::string_view what) {
    return fmt::format("{}: {}; if that is meant, say [daemon] allow_empty = true", loaded.file, what);
  };
  if (loaded.watches.empty() && loaded.rules.empty() && listed_ > 0)
    return words(fmt::format("it names no function to watch, and {} are watched", listed_));
  if (loaded.alerts.empty() && !settings_.alerts.empty())
    return words(fmt::format("it has no [[alert]], so that nobody would be told of drift, and there are {}",
                             settings_.alerts.size()));
  return {};
}

JsonBox App::load_again() {
  notify_.reloading(clock_.mono());
  if (fleet_) notify_.extend(Millis{300'000});  // many functions, each some round trips
  auto loaded = load_settings(settings_.file);
  DestinationReport report;
  if (loaded) report = look_ahead(*loaded, find_sinkhost(), Looking::as_the_service);
  const std::vector<Mistake>& mistakes = loaded ? report.mistakes : loaded.error();
  if (!mistakes.empty()) {
    note_failed_load();
    for (const Mistake& mistake : mistakes)
      log(LogLevel::error, "config.mistake", fmt::format("{}: {}", mistake.place.text(), mistake.message));
    log(LogLevel::error, "config.refused",
        fmt::format("the reload changed nothing: {} mistake{} in the configuration", mistakes.size(),
                    mistakes.size() == 1 ? "" : "s"));
    notify_.ready("the last reload changed nothing: mistakes in the configuration, see the log");
    return told(mistakes);
  }
  log_warnings(report);
  std::string digest = fleet_ ? work_digest(*loaded) : loaded->digest;
  std::string nothing = leaves_nothing(*loaded);
  if (nothing.empty()) nothing = outdated(digest);
  if (!nothing.empty()) {
    note_failed_load();
    log(LogLevel::error, "config.refused", "the reload changed nothing: " + nothing);
    notify_.ready("the last reload changed nothing: " + nothing);
    return Json{{"failed", nothing}};
  }
  Json warnings = Json::array();
  for (const std::vector<Mistake>* list : {&report.warnings, &report.faults}) {
    for (const Mistake& warning : *list)
      warnings.push_back(fmt::format("{}: {}", warning.place.text(), warning.message));
  }
  const auto keep = [&warnings](const char* key, std::string& now, const std::string& before) {
    if (now == before) return;
    const auto shown = [](const std::string& text) { return text.empty() ? std::string("none") : "'" + text + "'"; };
    std::string words =
        fmt::format("{} is now {}: that needs a restart, until then it is {}", key, shown(now), shown(before));
    log(LogLevel::warning, "config.restart", words);
    warnings.push_back(std::move(words));
    now = before;
  };
  keep("[daemon] state_dir", loaded->state_dir, settings_.state_dir);
  keep("[daemon] runtime_dir", loaded->runtime_dir, settings_.runtime_dir);
  keep("[daemon] instance", loaded->instance, settings_.instance);
  for (const auto& [key, setting] : kStoreTexts) keep(key, loaded->store.*setting, settings_.store.*setting);
  loaded->store.server = settings_.store.server;
  // The two exclude each other, and the server is kept until the restart.
  if (loaded->store.server && loaded->packages.keep == PackageSettings::Keep::files)
    loaded->packages.keep = settings_.packages.keep;
  keep("[http] listen", loaded->http.listen, settings_.http.listen);
  keep("[http] token_file", loaded->http.token_file, settings_.http.token_file);
  keep("[http] tls_certificate", loaded->http.tls_certificate, settings_.http.tls_certificate);
  keep("[http] tls_key", loaded->http.tls_key, settings_.http.tls_key);
  // The record first: if it cannot be written, the settings in force stay.
  prepare_watches(*loaded);
  auto trust = trust_of(*loaded);
  const Share before = share_;
  if (fleet_) share_ = Share(share_.leases(), lanes_of(*loaded));
  WatchSync sync;
  try {
    sync = apply_watch(*loaded, take_watches(*loaded, digest));
  } catch (const std::exception&) {
    share_ = before;
    throw;
  }
  if (fleet_) {
    fleet_->wish(leases_of(*loaded));
    shared_polls_->set_share(share_);
  }
  *trust_.lock() = trust;
  if (status_page_) {  // a renewed certificate, another token in the same file
    if (auto access = Access::load(loaded->http)) {
      status_page_->admit(std::move(*access));
    } else {
      log(LogLevel::warning, "http.refused",
          fmt::format("[http] {}; the page keeps what it has", access.error().message));
      warnings.push_back("[http] " + access.error().message);
    }
  }
  writer_->run([&](Tx& tx) { withdraw_untrusted(tx, *ledger_, *trust, clock_.wall()); });
  for (const std::string& warning : sync.warnings) warnings.push_back(warning);
  if (loaded->log_origin != settings_.log_origin && loaded->log_origin != ledger_->origin()) {
    std::string words = words_of_origin(ledger_->origin(), loaded->log_origin);
    log(LogLevel::warning, "log.origin", words);
    writer_->run([&](Tx& tx) { facts::write(tx.db, "log_origin_told", loaded->log_origin); });
    warnings.push_back(std::move(words));
  }
  settings_ = std::move(*loaded);
  digest_ = std::move(digest);
  set_log(log_level_, settings_.log_form());
  apply_permissions();
  if (share_.has_house()) prune_packages(settings_, *writer_);
  replace_runners();
  if (!status_page_) open_status_page();
  {
    Locked loads(loads_);
    loads->last_failed = false;
    loads->at = clock_.wall();
  }
  *cached_.lock() = std::nullopt;
  notify_.ready(status_words());
  ::malloc_trim(0);
  const std::string changed = sync.added + sync.removed == 0 ? "" : fmt::format(" (+{} −{})", sync.added, sync.removed);
  const std::string words =
      fmt::format("watching {} function{}{}, alerts to {} destination{}", functions_, functions_ == 1 ? "" : "s",
                  changed, settings_.alerts.size(), settings_.alerts.size() == 1 ? "" : "s");
  log(LogLevel::info, "config.reloaded", words);
  return Json{{"loaded", words}, {"warnings", std::move(warnings)}};
}

/// Gives destinations that leave the configuration a moment to deliver what is due: it may be what tells of their end.
void App::let_deliver(const std::map<std::string, std::shared_ptr<Runner>>& leaving) {
  constexpr Millis kAtMost{5'000}, kBetweenLooks{20};
  const MonoTime until = clock_.mono() + kAtMost;
  const auto busy = [&] {
    Locked reader(reader_);
    return std::any_of(leaving.begin(), leaving.end(), [&](const auto& runner) {
      const auto due = outbox::next_due_at(reader->value(), runner.first);
      return due && *due <= clock_.wall();
    });
  };
  for (const auto& [name, runner] : leaving) runner->ring();
  while (busy() && clock_.mono() < until && !signals_.stopping()) std::this_thread::sleep_for(kBetweenLooks);
}

void App::replace_runners() {
  std::map<std::string, std::shared_ptr<Runner>> gone = *runners_.lock();
  for (const AlertSettings& alert : settings_.alerts) gone.erase(alert.subscription.name);
  let_deliver(gone);
  {
    Locked runners(runners_);
    for (const auto& [name, runner] : gone) runners->erase(name);
  }
  // They end before their alerts are given up: none of them may still be on its way.
  for (const auto& [name, runner] : gone) runner->cancel();
  gone.clear();
  writer_->run([&](Tx& tx) {
    apply_routes();
    if (fleet_ && share_.has_house()) return look_after_house(tx, house());
    if (!fleet_) give_up_unconfigured(tx, house().alerts);
  });
  Locked runners(runners_);
  for (const AlertSettings& alert : settings_.alerts) {
    if (!share_.has_alert(alert.subscription.name)) continue;
    const auto known = runners->find(alert.subscription.name);
    if (known != runners->end()) {
      known->second->replace_channel(channel_of(settings_, alert));
    } else {
      start_runner(*runners, alert);
    }
  }
}

}  // namespace codedriftd
