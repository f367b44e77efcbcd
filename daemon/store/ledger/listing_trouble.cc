#include "store/ledger/listing_trouble.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "base/json.h"
#include "base/text.h"
#include "store/record/inventory.h"

namespace codedriftd {
namespace {

constexpr unsigned kThriceInARow = 3;
constexpr Millis kTooLong{3'600'000};

NewEvent discovery_event(const Listing& listing, std::string_view kind, Severity severity,
                         const inventory::RegionState& state) {
  NewEvent event;
  event.kind = kind;
  event.severity = severity;
  event.facts.account = listing.account;
  event.facts.region = listing.region;
  event.facts.reason = state.reason;
  Json error;
  if (!listing.complete) {
    error = {{"code", clean_utf8(listing.trouble.code)},
             {"message", clean_utf8(listing.trouble.message)},
             {"request_id", or_null(clean_utf8(listing.trouble.request_id))}};
    event.facts.request_id = clean_utf8(listing.trouble.request_id);
  }
  event.facts.error = error;
  event.data = Json{{"account", listing.account},
                    {"region", listing.region},
                    {"reason", or_null(state.reason)},
                    {"error", error},
                    {"last_complete_at", or_null(state.last_complete_at)},
                    {"incomplete", state.incomplete}};
  return event;
}

}  // namespace

bool stands_for_unreadable(const InventoryByName::key_type& key) { return key.first.empty() || key.second.empty(); }

void note_unreadable(Tx& tx, const Listing& listing, InventoryByName& known, WallTime now) {
  std::set<InventoryByName::key_type> unreadable;
  for (const std::string& ns : listing.unread) unreadable.emplace(ns, "");
  for (const std::string& name : listing.unreadable) unreadable.emplace("", name);
  if (listing.may_have_more()) unreadable.emplace("", "");
  for (const auto& [ns, name] : unreadable) {
    InventoryEntry& entry = known[{ns, name}];
    if (entry.id != 0 && entry.state == InventoryState::unreadable) continue;
    if (entry.id == 0) entry.first_found_at = listing.ended;
    entry.account = listing.account;
    entry.region = listing.region;
    entry.function.ns = ns;
    entry.function.name = name;
    entry.state = InventoryState::unreadable;
    entry.last_found_at = listing.ended;
    entry.gone_at.reset();
    entry.id = inventory::save(tx.db, entry, now);
  }
  for (auto& [key, entry] : known) {
    if (!stands_for_unreadable(key) || entry.state != InventoryState::unreadable || unreadable.contains(key)) continue;
    const bool listed =
        std::find(listing.namespaces.begin(), listing.namespaces.end(), key.first) != listing.namespaces.end();
    const bool of_region = key.first.empty() && key.second.empty();  // each listing says it anew
    if (!listing.complete && !listed && !of_region) continue;
    entry.state = InventoryState::gone;
    entry.gone_at = now;
    inventory::save(tx.db, entry, now);
  }
}

void judge_discovery(Tx& tx, Ledger& ledger, const Listing& listing, WallTime now) {
  inventory::RegionState state = inventory::region_state(tx.db, listing.account, listing.region);
  const std::string place = fmt::format("account {} in {}", listing.account, listing.region);
  if (listing.complete) {
    if (state.failing) {
      NewEvent event = discovery_event(listing, "discovery.recovered", Severity::info, state);
      event.facts.summary =
          fmt::format("The functions of {} are listed completely again; before that they were last at {}.", place,
                      state.last_complete_at ? rfc3339(*state.last_complete_at) : "no time");
      ledger.append(tx, event, now);
    }
    state = {false, {}, 0, std::nullopt, listing.ended, listing.namespaces};
  } else {
    if (!state.incomplete_since || *state.incomplete_since > listing.ended) state.incomplete_since = listing.began;
    ++state.incomplete;
    const bool long_ago = state.incomplete > 1 && listing.ended - *state.incomplete_since >= kTooLong;
    if (!state.failing && (state.incomplete >= kThriceInARow || long_ago)) {
      state.failing = true;
      state.reason = clean_utf8(listing.trouble.code);
      NewEvent event = discovery_event(listing, "discovery.failing", Severity::warning, state);
      event.facts.summary = fmt::format(
          "The functions of {} could not be listed completely, {} times in a row ({}{}{}): functions that are new or "
          "gone go unnoticed.",
          place, state.incomplete, harmless(state.reason), listing.trouble.message.empty() ? "" : ": ",
          harmless(clean_utf8(listing.trouble.message, 200)));
      ledger.append(tx, event, now);
    }
  }
  inventory::save_region_state(tx.db, listing.account, listing.region, state);
}

}  // namespace codedriftd
