#include "discovery/surveyor.h"

#include <fmt/format.h>

#include <algorithm>
#include <exception>

#include "base/backoff.h"
#include "base/bell.h"
#include "base/log.h"
#include "base/text.h"
#include "discovery/changes_job.h"
#include "discovery/listing_job.h"
#include "model/verdict.h"
#include "polling/slots.h"

namespace codedriftd {
namespace {

constexpr Millis kLongestPause{300'000};
/// Changes so much older than the newest known one are asked for once more: the cloud writes whole seconds, and need
/// not show changes in the order in which they were made.
constexpr Millis kLate{60'000};
/// How far the clocks may differ: calls are refused from there on.
constexpr Millis kClocksDiffer{300'000};
constexpr std::size_t kDetailsAtOnce = 8;
constexpr unsigned kDetailTries = 5;
constexpr Backoff kBetweenDetails{Millis{30'000}, Millis{60'000}, Millis{600'000}};

std::optional<WallTime> newest_of(const std::vector<FoundFunction>& functions, std::string_view ns) {
  std::optional<WallTime> newest;
  for (const FoundFunction& function : functions) {
    if (function.ns == ns && function.modified_at) newest = std::max(newest, function.modified_at);
  }
  return newest;
}

std::optional<WallTime> oldest_of(const std::vector<FoundFunction>& functions) {
  std::optional<WallTime> oldest;
  for (const FoundFunction& function : functions) {
    if (function.modified_at) oldest = std::min(oldest.value_or(*function.modified_at), *function.modified_at);
  }
  return oldest;
}

/// Whether a complete look shows something that the one before it did not; it is the one before it from then on.
bool shows_news(std::optional<std::map<std::string, FoundFunction>>& shown,
                const std::vector<FoundFunction>& functions) {
  std::map<std::string, FoundFunction> now;
  for (const FoundFunction& function : functions) now.emplace(function.name, function);
  const bool news = !shown || std::any_of(now.begin(), now.end(), [&](const auto& item) {
    const auto before = shown->find(item.first);
    return before == shown->end() || before->second != item.second;
  });
  shown = std::move(now);
  return news;
}

/// Whether a look shows a change of its last minute.
bool shows_young(const NewestChanges& changes) {
  const WallTime began = changes.began - changes.clock_error;  // by the cloud's clock
  return std::any_of(changes.functions.begin(), changes.functions.end(), [&](const FoundFunction& function) {
    return function.modified_at && *function.modified_at > began - kLate &&
           *function.modified_at <= changes.ended - changes.clock_error + kSameMoment;
  });
}

void log_trouble(const std::string& what, const std::string& account, const std::string& region,
                 const PollError& trouble, std::string& last_code) {
  if (std::exchange(last_code, trouble.code) == trouble.code) return;
  if (trouble.code.empty()) {
    log(LogLevel::info, "discovery.recovered", fmt::format("{}: complete again", what),
        {field("account", account), field("region", region)});
  } else {
    log(LogLevel::warning, "discovery.incomplete", fmt::format("{}: {}", what, trouble.message),
        {field("account", account), field("region", region), field("code", trouble.code),
         field("request_id", trouble.request_id)});
  }
}

}  // namespace

Surveyor::Surveyor(std::unique_ptr<ReadApi> api, const Clock& clock, Hooks hooks)
    : api_(std::move(api)), clock_(clock), hooks_(std::move(hooks)), runner_(*api_, clock) {}

Surveyor::~Surveyor() { stop(); }

void Surveyor::set_scopes(std::vector<Scope> scopes, Paces paces, std::function<void()> apply) {
  {
    Locked mail(mailbox_);
    mail->scopes = std::move(scopes);
    mail->paces = std::move(paces);
    if (apply) mail->apply.push_back(std::move(apply));
  }
  api_->wake();
}

void Surveyor::list_now(std::string account, std::string region) {
  mailbox_.lock()->list_now.emplace_back(std::move(account), std::move(region));
  api_->wake();
}

void Surveyor::want_details(std::vector<DetailWish> wishes) {
  {
    Locked mail(mailbox_);
    std::move(wishes.begin(), wishes.end(), std::back_inserter(mail->wishes));
  }
  api_->wake();
}

void Surveyor::run(std::shared_ptr<ReadJob> job, std::function<void()> over) {
  mailbox_.lock()->jobs.emplace_back(std::move(job), std::move(over));
  api_->wake();
}

void Surveyor::look_again(const NewestChanges& lost) {
  mailbox_.lock()->look_again.push_back({{lost.account, lost.region}, lost.ns, oldest_of(lost.functions)});
}

void Surveyor::start() {
  if (thread_.joinable()) return;
  *last_turn_.lock() = clock_.mono();
  thread_ = std::jthread([this](std::stop_token stop) { loop(stop); });
}

void Surveyor::stop() {
  if (!thread_.joinable()) return;
  thread_.request_stop();
  api_->wake();
  thread_.join();
  last_turn_.lock()->reset();
}

void Surveyor::loop(std::stop_token stop) {
  constexpr Millis kLongestTurn{5'000};
  constexpr Millis kPause{1'000}, kNotNow{250};
  Bell pause;
  while (!stop.stop_requested()) {
    if (may_call_ && !may_call_()) {
      *last_turn_.lock() = clock_.mono();
      pause.wait_for(stop, kNotNow);
      continue;
    }
    try {
      turn(kLongestTurn);
    } catch (const std::exception& error) {
      log(LogLevel::error, "discovery.failed", fmt::format("discovery goes on after a pause: {}", error.what()));
      pause.wait_for(stop, kPause);
    }
  }
}

void Surveyor::turn(Millis at_most) {
  surveying_.assume();
  take_mail();
  const MonoTime now = clock_.mono();
  const MonoTime next = std::max(now, start_due(now));
  const auto until_next = next == MonoTime::max() ? at_most : std::chrono::ceil<Millis>(next - now);
  runner_.turn(std::min(at_most, until_next));
  take_stock();
  *last_turn_.lock() = clock_.mono();  // last: a turn that fails is no progress
}

void Surveyor::take_mail() {
  Mail mail;
  std::swap(*mailbox_.lock(), mail);
  if (mail.scopes) {
    for (const auto& apply : mail.apply) apply();
    runner_.set_paces(std::move(mail.paces));
    take_over(std::move(*mail.scopes));
  }
  const MonoTime now = clock_.mono();
  for (const RegionKey& key : mail.list_now) {
    const auto region = regions_.find(key);
    if (region == regions_.end()) continue;
    region->second->list_again = region->second->listing;
    region->second->listing_due = now;
  }
  for (const LostLook& lost : mail.look_again) {
    const auto region = regions_.find(lost.region);
    if (region == regions_.end()) continue;
    const auto look = region->second->looks.find(lost.ns);
    if (look == region->second->looks.end()) continue;
    if (look->second.under_way) {  // it asks for less
      mailbox_.lock()->look_again.push_back(lost);
      continue;
    }
    look->second.shown.reset();
    if (lost.oldest) look->second.since = std::min(look->second.since, lost.oldest);
  }
  for (DetailWish& wish : mail.wishes) wish_for(std::move(wish), now, 0);
  for (auto& [job, over] : mail.jobs) runner_.start(std::move(job), std::move(over));
}

void Surveyor::take_over(std::vector<Scope> scopes) {
  const MonoTime now = clock_.mono();
  const WallTime wall = clock_.wall();
  std::map<RegionKey, std::shared_ptr<Region>> old;
  old.swap(regions_);
  for (Scope& scope : scopes) {
    const RegionKey key{scope.account, scope.region};
    if (regions_.contains(key)) continue;
    const auto known = old.find(key);
    if (known != old.end()) {
      Region& region = *known->second;
      const bool listing_moves = region.scope.every != scope.every,
                 looks_move = region.scope.changes_every != scope.changes_every;
      region.scope.every = scope.every;
      region.scope.changes_every = scope.changes_every;
      if (listing_moves) region.listing_due = std::min(region.listing_due, listing_slot(scope));
      for (auto& [ns, look] : region.looks) {
        if (looks_move) look.due = look_slot(scope, ns);
      }
      regions_.emplace(key, known->second);
      continue;
    }
    auto region = std::make_shared<Region>();
    region->listing_due =
        now + (first_due(scope.account + "/" + scope.region, scope.every, scope.last_complete_at, wall) - wall);
    for (const auto& [ns, newest] : scope.namespaces) {
      Look& look = region->looks[ns];
      // A ModTime of the future would hide all changes until then.
      if (newest) look.since = std::min(*newest, wall);
      look.due = look_slot(scope, ns);
    }
    region->stats.account = scope.account;
    region->stats.region = scope.region;
    region->stats.last_complete_at = scope.last_complete_at;
    region->scope = std::move(scope);
    regions_.emplace(key, std::move(region));
  }
}

/// The next time that something is due.
MonoTime Surveyor::start_due(MonoTime now) {
  MonoTime next = MonoTime::max();
  for (const auto& [key, region] : regions_) {
    if (!region->listing) {
      if (region->listing_due <= now) {
        list(region);
      } else {
        next = std::min(next, region->listing_due);
      }
    }
    for (auto& [ns, look] : region->looks) {
      if (look.under_way) continue;
      if (look.due <= now) {
        look_at(region, ns, look);
      } else {
        next = std::min(next, look.due);
      }
    }
  }
  while (!waiting_order_.empty() && reading_.size() < kDetailsAtOnce) {
    const auto& [due, key] = *waiting_order_.begin();
    if (due > now) {
      next = std::min(next, due);
      break;
    }
    Waiting waiting = std::move(waiting_.extract(key).mapped());
    waiting_order_.erase(waiting_order_.begin());
    read_details(std::move(waiting));
  }
  return next;
}

bool Surveyor::is_there(const std::shared_ptr<Region>& region) const {
  const auto found = regions_.find({region->scope.account, region->scope.region});
  return found != regions_.end() && found->second == region;
}

void Surveyor::list(const std::shared_ptr<Region>& region) {
  region->listing = true;
  const Scope& scope = region->scope;
  auto job = std::make_shared<ListingJob>(scope.account, scope.region, clock_.wall());
  runner_.start(job, [this, job, region] {
    surveying_.assume();  // inside turn()
    if (is_there(region)) listed(*region, job->take_listing());
  });
}

void Surveyor::listed(Region& region, Listing listing) {
  region.listing = false;
  if (!std::exchange(region.list_again, false)) region.listing_due = listing_slot(region.scope);
  ++counts_.listings;
  if (!listing.complete) ++counts_.incomplete_listings;
  if (listing.complete) region.stats.last_complete_at = listing.ended;
  log_trouble(fmt::format("functions of {} in {}", listing.account, listing.region), listing.account, listing.region,
              listing.trouble, region.last_code);

  const std::set<std::string> namespaces(listing.namespaces.begin(), listing.namespaces.end());
  if (listing.complete) std::erase_if(region.looks, [&](const auto& item) { return !namespaces.contains(item.first); });
  for (const std::string& ns : namespaces) {
    const bool unread = std::binary_search(listing.unread.begin(), listing.unread.end(), ns);
    if (unread && !region.looks.contains(ns)) continue;
    const auto [look, fresh] = region.looks.try_emplace(ns);
    if (fresh) look->second.due = look_slot(region.scope, ns);
    // Pages are read one after the other: what changed meanwhile may be on none of them, and older than what is.
    const auto newest = newest_of(listing.functions, ns);
    if (newest && !unread)
      look->second.since =
          std::max(look->second.since, std::optional(std::min(*newest, listing.began - kClocksDiffer)));
  }
  if (hooks_.listed) hooks_.listed(std::move(listing));
}

void Surveyor::look_at(const std::shared_ptr<Region>& region, const std::string& ns, Look& look) {
  look.under_way = true;
  const Scope& scope = region->scope;
  const auto since = look.since ? std::optional(*look.since - kLate) : std::nullopt;
  auto job = std::make_shared<ChangesJob>(scope.account, scope.region, ns, since, clock_.wall());
  runner_.start(job, [this, job, region] {
    surveying_.assume();  // inside turn()
    if (is_there(region)) looked(*region, job->take_changes());
  });
}

void Surveyor::looked(Region& region, NewestChanges changes) {
  ++counts_.looks;
  if (!changes.complete) ++counts_.failed_looks;
  const auto found = region.looks.find(changes.ns);
  if (found == region.looks.end()) return;  // a listing did not show its namespace any more
  Look& look = found->second;
  look.under_way = false;
  const Millis every = region.scope.changes_every;
  if (changes.complete) {
    look.failures = 0;
    region.stats.last_good_look_at = changes.ended;
    look.due = look_slot(region.scope, changes.ns);
    const auto newest = newest_of(changes.functions, changes.ns);
    if (newest) look.since = std::max(look.since, std::optional(std::min(*newest, changes.began)));
  } else {
    const Millis most = std::max(every, kLongestPause);
    look.due = clock_.mono() + backoff_delay({every, std::min(2 * every, most), most}, ++look.failures, random_unit());
    if (changes.trouble.code == kTooManyCode) {
      region.list_again = region.listing;  // one under way may have read what changed before it did
      region.listing_due = clock_.mono();
    }
  }
  log_trouble(
      fmt::format("newest changes of {} in {}, namespace {}", changes.account, changes.region, harmless(changes.ns)),
      changes.account, changes.region, changes.trouble, look.last_code);
  if (changes.complete) {
    const bool again = std::exchange(look.young, shows_young(changes));
    if (!shows_news(look.shown, changes.functions) && !again) return;
  }
  if (hooks_.changed) hooks_.changed(std::move(changes));
}

void Surveyor::wish_for(DetailWish wish, MonoTime due, unsigned failures) {
  const auto merge = [](DetailWish& into, const DetailWish& from) {
    into.versions = std::max(into.versions, from.versions);
    into.aliases |= from.aliases;
    into.layers |= from.layers;
    into.image |= from.image;
  };
  const DetailKey key{wish.account, wish.region, wish.ns, wish.name};
  if (const auto reading = reading_.find(key); reading != reading_.end()) {
    if (reading->second) {
      merge(*reading->second, wish);
    } else {
      reading->second = std::move(wish);
    }
    return;
  }
  const auto [waiting, fresh] = waiting_.try_emplace(key, Waiting{wish, due, failures});
  if (fresh) {
    waiting_order_.emplace(due, key);
    return;
  }
  merge(waiting->second.wish, wish);
  if (due < waiting->second.due) {  // it was to be tried again later, and somebody asks now
    waiting_order_.erase({waiting->second.due, key});
    waiting_order_.emplace(due, key);
    waiting->second.due = due;
    waiting->second.failures = failures;
  }
}

void Surveyor::read_details(Waiting waiting) {
  const DetailWish& wish = waiting.wish;
  reading_.emplace(DetailKey{wish.account, wish.region, wish.ns, wish.name}, std::nullopt);
  auto job = std::make_shared<DetailsJob>(wish);
  runner_.start(job, [this, job, failures = waiting.failures] {
    surveying_.assume();  // inside turn()
    detailed(job->take_details(), failures);
  });
}

void Surveyor::detailed(Details details, unsigned failures) {
  const DetailWish& wish = details.wish;
  std::optional<DetailWish> since =
      std::move(reading_.extract({wish.account, wish.region, wish.ns, wish.name}).mapped());
  ++counts_.details;
  if (!details.complete) ++counts_.failed_details;
  const MonoTime now = clock_.mono();
  if (since) wish_for(std::move(*since), now, 0);
  if (!details.complete && !details.missing && ++failures < kDetailTries)
    wish_for(wish, now + backoff_delay(kBetweenDetails, failures, random_unit()), failures);
  if (hooks_.detailed) hooks_.detailed(std::move(details));
}

MonoTime Surveyor::listing_slot(const Scope& scope) const {
  const WallTime wall = clock_.wall();
  return clock_.mono() + (next_slot(scope.account + "/" + scope.region, scope.every, wall) - wall);
}

MonoTime Surveyor::look_slot(const Scope& scope, const std::string& ns) const {
  const WallTime wall = clock_.wall();
  return clock_.mono() + (next_slot(scope.account + "/" + scope.region + "/" + ns, scope.changes_every, wall) - wall);
}

void Surveyor::take_stock() {
  counts_.calls = runner_.stats();
  counts_.details_waiting = waiting_.size() + reading_.size();
  counts_.regions.clear();
  for (const auto& [key, region] : regions_) {
    SurveyStats::Region& stats = counts_.regions.emplace_back(region->stats);
    stats.every = region->scope.every;
    for (const auto& [ns, look] : region->looks) stats.failing_looks += look.failures > 0 ? 1 : 0;
  }
  *stats_.lock() = counts_;
}

}  // namespace codedriftd
