#include "store/ledger/discoveries.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <span>
#include <utility>

#include "base/json.h"
#include "base/text.h"
#include "store/ledger/listing_trouble.h"
#include "store/ledger/seen_change.h"
#include "store/record/inventory.h"

namespace codedriftd {
namespace {

constexpr unsigned kTwiceInARow = 2;
constexpr std::size_t kMostTold = 100;  ///< functions that one function.unmanaged names
constexpr std::size_t kMostNamed = 5;   ///< of those, in its sentence
constexpr std::size_t kLongestIdTold = 64;
constexpr unsigned kFewFailures = 3;

Listed listed_of(const FoundFunction& function) {
  return {function.function_id, function.added_at, function.modified_at};
}

/// A time that no clock which is right can have written is not told.
FoundFunction believed(FoundFunction function, WallTime now) {
  const Listed times = believed(listed_of(function), now);
  function.added_at = times.added_at;
  function.modified_at = times.modified_at;
  return function;
}

/// What is known of a function after it was seen again. A listing that lags behind takes nothing back.
FoundFunction renewed(const FoundFunction& known, const FoundFunction& seen, Sighting sighting) {
  if (sighting == Sighting::outdated) return known;
  FoundFunction now = seen;
  if (sighting == Sighting::another) return now;
  if (now.function_id.empty()) now.function_id = known.function_id;
  if (!now.added_at) now.added_at = known.added_at;
  if (!now.tags) now.tags = known.tags;
  if (known.modified_at && (!now.modified_at || *now.modified_at < *known.modified_at))
    now.modified_at = known.modified_at;
  return now;
}

bool version(const Target& target) { return target.qualifier.find_first_not_of("0123456789") == std::string::npos; }

bool contains(const std::vector<std::string>& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

/// Of the list that `target` is in, if it is a version or an alias, the name that it has there.
struct Listable {
  bool is_version = false;
  std::string name;
};
std::optional<Listable> listable(const Target& target) {
  if (version(target)) return Listable{true, target.qualifier};
  if (kind_of_qualifier(target.qualifier) != TargetKind::alias) return std::nullopt;
  return Listable{false, target.qualifier.substr(kAliasPrefix.size())};
}

/// True if `version` would not be among the newest `most` of `versions`, were it one of them.
bool displaced(const std::string& version, const std::vector<std::string>& versions, std::size_t most) {
  const auto newer = std::count_if(versions.begin(), versions.end(), [&](const std::string& other) {
    return other.size() != version.size() ? other.size() > version.size() : other > version;  // numbers
  });
  return static_cast<std::size_t>(newer) >= most;
}

/// Of the watched `targets` of a function those that its lists do not show any more, and did before: they are kept in
/// `entry`, which has the lists of now, until they were missing for long enough. Those to be polled: they are not
/// missing yet, or are back. Of versions only those that were among the newest `most_versions` still.
std::vector<TargetId> keep_until_missing(std::span<const targets::OfFunction> targets, std::size_t most_versions,
                                         const InventoryEntry& before, InventoryEntry& entry, WallTime now) {
  std::vector<TargetId> to_poll;
  entry.deleted.clear();
  for (const targets::OfFunction& each : targets) {
    const auto listed = listable(each.target);
    if (!listed) continue;
    const auto known = before.deleted.find(each.target.qualifier);
    const bool kept = known != before.deleted.end();
    if (contains(listed->is_version ? entry.versions : entry.aliases, listed->name)) {
      if (kept) to_poll.push_back(each.id);
      continue;
    }
    if (!kept && !contains(listed->is_version ? before.versions : before.aliases, listed->name)) continue;
    if (listed->is_version && displaced(listed->name, entry.versions, most_versions)) continue;
    const WallTime since = kept ? std::min(known->second, now) : now;
    if (now - since >= kGoneKept) continue;
    entry.deleted.emplace(each.target.qualifier, since);
    if (!each.missing) to_poll.push_back(each.id);
  }
  return to_poll;
}

/// One listing, or one look at the newest changes, while it is taken.
class Taking {
 public:
  Taking(Tx& tx, Ledger& ledger, std::string account, std::string region, WallTime ended, Millis clock_error,
         const WatchPlan& plan, bool report_unmanaged, WallTime now)
      : tx_(tx),
        ledger_(ledger),
        account_(std::move(account)),
        region_(std::move(region)),
        ended_(ended),
        clock_error_(clock_error),
        plan_(plan),
        report_unmanaged_(report_unmanaged),
        now_(now) {}

  /// It is there. `known` is its entry, or null, and becomes what it is now; `targets`: those of it that are watched.
  void see(const FoundFunction& shown, InventoryEntry* known, std::span<const targets::OfFunction> targets) {
    const bool fresh = known == nullptr;
    const FoundFunction function = believed(shown, now_);
    FoundFunction before;
    InventoryEntry next;
    Sighting sighting = Sighting::same;
    if (fresh) {
      next.account = account_;
      next.region = region_;
      next.function = function;
      next.first_found_at = ended_;
    } else {
      next = *known;
      const auto let_go = [&](const auto& deleted) { return now_ - deleted.second >= kGoneKept; };
      if (std::erase_if(next.deleted, let_go) > 0) discovered_.watch_changed = true;
      before = believed(known->function, now_);
      sighting = compare(listed_of(before), listed_of(function));
      next.function = renewed(before, function, sighting);
    }
    const bool returned = !fresh && known->state == InventoryState::gone;
    Judgement judged = judge(account_, region_, next.function, plan_);
    const bool by_rule =
        judged.state == InventoryState::watched && judged.rule != nullptr && judged.where == judged.rule->where;
    const bool has_its_place = !fresh && known->state == InventoryState::watched && known->rule == judged.where;
    if (by_rule && !has_its_place && !take_place(*judged.rule)) judged.state = InventoryState::unmanaged;
    next.state = judged.state;
    next.rule = judged.where;
    next.not_listed = 0;
    next.gone_at.reset();
    const bool moved =
        sighting == Sighting::another || returned ||
        (!fresh && before.modified_at && next.function.modified_at && *next.function.modified_at > *before.modified_at);
    const bool written = tell(targets, next.function, fresh ? nullptr : &before);
    if (moved || written) poll(targets);
    const bool matched_anew = fresh || known->state != next.state || known->rule != next.rule;
    const bool first = fresh || (known->state != InventoryState::watched && !(returned && !known->rule.empty()));
    note_match(next, judged, matched_anew, moved, first, fresh || returned, fresh ? nullptr : known);
    if (by_rule && next.state == InventoryState::watched && !next.image && code_cannot_be_asked_for(targets))
      discovered_.details.push_back({{account_, region_, next.function.ns, next.function.name}, next.rule, true});
    note_unmanaged(next);
    if (fresh || !(next == *known)) {
      next.last_found_at = ended_;
      next.id = inventory::save(tx_.db, next, now_);
    }
    count(next);
    if (!fresh) *known = std::move(next);
  }

  /// A complete listing that began at `began` did not show it.
  void miss(InventoryEntry& entry, WallTime began, std::span<const targets::OfFunction> targets) {
    // It was found while the listing was made, by a look at the newest changes: a listing is not made at one moment.
    const bool found_since = entry.last_found_at > began && entry.last_found_at <= now_;
    if (entry.state == InventoryState::gone) return let_go_of(entry);
    if (found_since) return count(entry);
    entry.not_listed = std::min(entry.not_listed + 1, kTwiceInARow);
    if (entry.not_listed == kTwiceInARow) {
      entry.state = InventoryState::gone;
      entry.gone_at = now_;
    }
    poll(targets);
    inventory::save(tx_.db, entry, now_);
    count(entry);
  }

  /// Neither seen nor missed.
  void count(const InventoryEntry& entry) {
    if (entry.state == InventoryState::gone || entry.state == InventoryState::unreadable) return;
    ++found_;
    if (entry.state == InventoryState::watched) ++watched_;
  }
  int64_t found() const { return found_; }
  int64_t watched() const { return watched_; }

  Discovered finish() && {
    tell_unmanaged();
    std::sort(discovered_.moved.begin(), discovered_.moved.end());
    discovered_.moved.erase(std::unique(discovered_.moved.begin(), discovered_.moved.end()), discovered_.moved.end());
    return std::move(discovered_);
  }

 private:
  void let_go_of(InventoryEntry& entry) {
    if (entry.not_listed == kLetGo || !entry.gone_at || now_ - *entry.gone_at < kGoneKept) return;
    entry.not_listed = kLetGo;
    inventory::save(tx_.db, entry, now_);
    if (!entry.rule.empty()) discovered_.watch_changed = true;
  }

  /// False if the rule watches as many as its max_targets already.
  bool take_place(const WatchRule& rule) {
    const auto [room, unknown] = room_.try_emplace(rule.where, 0);
    if (unknown)
      room->second = static_cast<int64_t>(rule.max_targets) - inventory::watched_by(tx_.db, account_, rule.where);
    if (room->second <= 0) return false;
    --room->second;
    return true;
  }

  /// One of a function's targets is told what a listing says of it: what runs under `$LATEST` if that is watched. One
  /// that was told nothing yet begins with what was `earlier` known of the function. True if the function was written
  /// since that target was told last, or a write of it is not explained yet.
  bool tell(std::span<const targets::OfFunction> targets, const FoundFunction& function, const FoundFunction* earlier) {
    if (targets.empty()) return false;
    const auto under = [&](std::string_view qualifier) {
      return std::find_if(targets.begin(), targets.end(),
                          [&](const auto& each) { return each.target.qualifier == qualifier; });
    };
    auto chosen = under(kLatestQualifier);
    if (chosen == targets.end()) chosen = under(kImageQualifier);
    if (chosen == targets.end()) chosen = targets.begin();
    Listed known = believed(chosen->listed, now_);
    if (earlier != nullptr && known.function_id.empty() && !known.added_at && !known.modified_at) {
      known = listed_of(*earlier);
      known.clock_error = clock_error_;
      ledger_.apply(tx_, chosen->id, known, now_);
    }
    Listed now = listed_of(function);
    now.clock_error = clock_error_;
    const Sighting sighting = compare(known, now);
    if (sighting == Sighting::outdated) return false;
    const bool written = known.modified_at && now.modified_at && *now.modified_at > *known.modified_at;
    const bool learned = (known.function_id.empty() && !now.function_id.empty()) || (!known.added_at && now.added_at) ||
                         (!known.modified_at && now.modified_at);
    if (sighting == Sighting::another || written || learned) ledger_.apply(tx_, chosen->id, now, now_);
    // Asked again with every reading until an answer tells, but not where nobody answers: there the interval has to do.
    return sighting == Sighting::another || written || (chosen->touched && chosen->consecutive_failures < kFewFailures);
  }

  static bool code_cannot_be_asked_for(std::span<const targets::OfFunction> targets) {
    return std::any_of(targets.begin(), targets.end(), [](const targets::OfFunction& each) {
      return each.target.qualifier == kLatestQualifier && each.consecutive_failures >= kFewFailures;
    });
  }

  void poll(std::span<const targets::OfFunction> targets) {
    for (const targets::OfFunction& each : targets) {
      if (!version(each.target)) discovered_.moved.push_back(each.id);
    }
  }

  /// `first`: it was not watched before; `made`: it was not there before.
  void note_match(const InventoryEntry& next, const Judgement& judged, bool matched_anew, bool moved, bool first,
                  bool made, const InventoryEntry* known) {
    const bool was_watched = known != nullptr && known->state == InventoryState::watched;
    const bool is_watched = judged.state == InventoryState::watched && judged.rule != nullptr;
    if (matched_anew && (is_watched || was_watched)) discovered_.watch_changed = true;
    if (judged.state != InventoryState::watched || judged.rule == nullptr) return;
    const WatchRule& rule = *judged.rule;
    if ((matched_anew || moved) && (rule.versions > 0 || rule.aliases || rule.layers))
      discovered_.details.push_back({{account_, region_, next.function.ns, next.function.name}, rule.where, false});
    // One that a [[function]] names was not discovered.
    if (first && judged.where == rule.where) tell_discovered(next.function, rule, made);
  }

  void tell_discovered(const FoundFunction& function, const WatchRule& rule, bool made) {
    if (!inventory::first_told(tx_.db, account_, region_, "function.discovered", function, now_)) return;
    NewEvent event;
    event.kind = "function.discovered";
    const Target target{account_, region_, function.ns, function.name, std::string(kLatestQualifier)};
    event.target = target.address();
    // Its row comes with the watch list; the event is about it already.
    const auto row = targets::find(tx_.db, *event.target);
    event.target_id = row ? row->id : targets::insert(tx_.db, target);
    event.data = Json{{"function_id", or_null(clean_utf8(function.function_id, kLongestIdTold))},
                      {"rule", rule.where},
                      {"added_at", or_null(function.added_at)},
                      {"modified_at", or_null(function.modified_at)}};
    event.facts.summary = fmt::format("{} was found, and is watched from now on, as the [[watch]] at {} says.",
                                      *event.target, harmless(rule.where));
    const LoggedEvent logged = ledger_.append(tx_, event, now_);
    // Nobody is asked who made what no rule matches: function.unmanaged is about many, and none has a target.
    if (!made) return;
    const auto before = inventory::region_state(tx_.db, account_, region_).last_complete_at;
    if (const auto window = making_window(before, function.added_at, ended_, now_))
      ledger_.ask_who(tx_, logged, target, *event.target_id, *window, now_);
  }

  void note_unmanaged(const InventoryEntry& entry) {
    // That a rule has no place left is told whoever wants to know of what no rule matches.
    if (entry.state != InventoryState::unmanaged || (!report_unmanaged_ && entry.rule.empty())) return;
    if (inventory::first_told(tx_.db, account_, region_, "function.unmanaged", entry.function, now_))
      unmanaged_.push_back({entry.function, entry.rule});
  }

  /// One event for all that a listing found.
  void tell_unmanaged() {
    if (unmanaged_.empty()) return;
    NewEvent event;
    event.kind = "function.unmanaged";
    event.severity = Severity::warning;
    event.facts.account = account_;
    event.facts.region = region_;
    Json functions = Json::array();
    std::string names;
    std::size_t without_place = 0;
    for (const auto& [each, rule] : unmanaged_) {
      without_place += rule.empty() ? 0 : 1;
      if (functions.size() == kMostTold) break;
      if (functions.size() < kMostNamed) names += fmt::format("{}{}/{}", names.empty() ? "" : ", ", each.ns, each.name);
      functions.push_back({{"namespace", each.ns},
                           {"function", each.name},
                           {"function_id", or_null(clean_utf8(each.function_id, kLongestIdTold))},
                           {"rule", or_null(rule)}});
    }
    const std::size_t count = unmanaged_.size();
    if (count > kMostNamed) names += fmt::format(" and {} more", count - kMostNamed);
    event.data =
        Json{{"account", account_}, {"region", region_}, {"functions", std::move(functions)}, {"count", count}};
    const std::string_view them = count == 1 ? "it" : "them";
    std::string why = fmt::format("no [[function]] names {0} and no [[watch]] matches {0}", them);
    if (without_place == count) {
      why = fmt::format("the [[watch]] that matches {} watches as many as its max_targets", them);
    } else if (without_place > 0) {
      why += fmt::format(", or the one that does watches as many as its max_targets ({} of them)", without_place);
    }
    event.facts.summary = fmt::format("{} of account {} in {} {} not watched: {}: {}.",
                                      count == 1 ? "A function" : fmt::format("{} functions", count), account_, region_,
                                      count == 1 ? "is" : "are", why, names);
    ledger_.append(tx_, event, now_);
  }

  Tx& tx_;
  Ledger& ledger_;
  const std::string account_, region_;
  const WallTime ended_;
  const Millis clock_error_;
  const WatchPlan& plan_;
  const bool report_unmanaged_;
  const WallTime now_;
  Discovered discovered_;
  struct Unmanaged {
    FoundFunction function;
    std::string rule;  ///< the full one that matches it; empty: none does
  };
  std::vector<Unmanaged> unmanaged_;
  std::map<std::string, int64_t> room_;  ///< of rules, by their place: functions that they may still take
  int64_t found_ = 0, watched_ = 0;
};

using FunctionKey = std::pair<std::string_view, std::string_view>;
struct ByFunction {
  static FunctionKey key(const targets::OfFunction& each) { return {each.target.ns, each.target.function}; }
  bool operator()(const targets::OfFunction& a, const FunctionKey& b) const { return key(a) < b; }
  bool operator()(const FunctionKey& a, const targets::OfFunction& b) const { return a < key(b); }
};
/// The targets of one function among all of a region, which are by namespace and function.
std::span<const targets::OfFunction> of(std::span<const targets::OfFunction> all, std::string_view ns,
                                        std::string_view name) {
  const auto range = std::equal_range(all.begin(), all.end(), FunctionKey(ns, name), ByFunction{});
  return {range.first, range.second};
}

}  // namespace

Discovered take_listing(Tx& tx, Ledger& ledger, const Listing& listing, const WatchPlan& plan, bool report_unmanaged,
                        WallTime now) {
  InventoryByName known;
  for (InventoryEntry& entry : inventory::of_region(tx.db, listing.account, listing.region)) {
    std::pair name(entry.function.ns, entry.function.name);
    known.emplace_hint(known.end(), std::move(name), std::move(entry));
  }
  const std::vector<targets::OfFunction> watched = targets::watched_in(tx.db, listing.account, listing.region);
  Taking taking(tx, ledger, listing.account, listing.region, listing.ended, listing.clock_error, plan, report_unmanaged,
                now);
  std::map<std::pair<std::string_view, std::string_view>, bool> seen;
  for (const FoundFunction& function : listing.functions) {
    if (!valid_part(function.ns) || !valid_part(function.name)) continue;
    if (!seen.emplace(std::pair(std::string_view(function.ns), std::string_view(function.name)), true).second) continue;
    const auto entry = known.find({function.ns, function.name});
    taking.see(function, entry == known.end() ? nullptr : &entry->second, of(watched, function.ns, function.name));
  }
  for (auto& [name, entry] : known) {
    if (stands_for_unreadable(name) || seen.contains(name)) continue;
    if (listing.complete) {
      taking.miss(entry, listing.began, of(watched, name.first, name.second));
    } else {
      taking.count(entry);
    }
  }
  note_unreadable(tx, listing, known, now);
  inventory::record_listing(tx.db, listing, taking.found(), taking.watched());
  judge_discovery(tx, ledger, listing, now);
  return std::move(taking).finish();
}

Discovered take_changes(Tx& tx, Ledger& ledger, const NewestChanges& changes, const WatchPlan& plan,
                        bool report_unmanaged, WallTime now) {
  if (!changes.complete) return {};
  Taking taking(tx, ledger, changes.account, changes.region, changes.ended, changes.clock_error, plan, report_unmanaged,
                now);
  for (const FoundFunction& function : changes.functions) {
    if (!valid_part(function.ns) || !valid_part(function.name)) continue;
    auto entry = inventory::find(tx.db, changes.account, changes.region, function.ns, function.name);
    const auto watched = targets::watched_of(tx.db, changes.account, changes.region, function.ns, function.name);
    taking.see(function, entry ? &*entry : nullptr, watched);
  }
  return std::move(taking).finish();
}

Discovered take_details(Tx& tx, const FunctionName& function, std::size_t most_versions,
                        const std::optional<std::vector<std::string>>& versions,
                        const std::optional<std::vector<std::string>>& aliases, std::optional<bool> image,
                        WallTime now) {
  Discovered discovered;
  auto entry = inventory::find(tx.db, function.account, function.region, function.ns, function.name);
  if (!entry) return discovered;
  const InventoryEntry before = *entry;
  if (versions) entry->versions = *versions;
  if (aliases) entry->aliases = *aliases;
  if (image) entry->image = *image;
  const auto watched = targets::watched_of(tx.db, function.account, function.region, function.ns, function.name);
  discovered.moved = keep_until_missing(watched, most_versions, before, *entry, now);
  if (*entry == before) return discovered;
  inventory::save(tx.db, *entry, now);
  discovered.watch_changed = !entry->rule.empty();
  return discovered;
}

}  // namespace codedriftd
