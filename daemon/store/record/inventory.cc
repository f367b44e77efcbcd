#include "store/record/inventory.h"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>

#include "base/json.h"
#include "base/text.h"

namespace codedriftd::inventory {
namespace {

enum Column : int {
  kId,
  kAccount,
  kRegion,
  kNamespace,
  kName,
  kFunctionId,
  kType,
  kRuntime,
  kFunctionStatus,
  kAddedAt,
  kModifiedAt,
  kTags,
  kState,
  kRule,
  kFirstFoundAt,
  kGoneAt,
  kNotListed,
  kVersions,
  kAliases,
  kDeleted,
  kImage,
  kLastFoundAt,  // the last, because its text has commas
};

/// In the order of Column. Unless a complete listing did not show it, the last one of them did.
constexpr std::string_view kSelect =
    "SELECT i.id, i.account, i.region, i.namespace, i.name, i.function_id, i.type, i.runtime, i.status, i.added_at_ms, "
    "i.modified_at_ms, i.tags, i.state, i.rule, i.first_found_at_ms, i.gone_at_ms, i.not_listed, i.versions, "
    "i.aliases, i.deleted, i.image, coalesce((SELECT d.last_complete_at_ms FROM discovery d WHERE d.account = "
    "i.account AND d.region = i.region AND d.last_complete_at_ms > i.last_found_at_ms AND i.not_listed = 0 AND "
    "i.gone_at_ms IS NULL AND i.name != ''), i.last_found_at_ms) FROM inventory i ";

[[noreturn]] void damaged(const InventoryEntry& entry, std::string_view what) {
  throw std::runtime_error(fmt::format("the stored row of function {}/{}/{}/{} is damaged: {}; restore a backup",
                                       harmless(entry.account), harmless(entry.region), harmless(entry.function.ns),
                                       harmless(entry.function.name), what));
}

template <typename T>
T from_json(std::string_view text, const InventoryEntry& entry) {
  if (text == "[]" || text == "{}") return {};
  try {
    return Json::parse(text).get<T>();
  } catch (const Json::exception& error) {
    damaged(entry, error.what());
  }
}

InventoryEntry read(const Query& q) {
  InventoryEntry entry;
  entry.id = q.integer(kId);
  entry.account = q.string(kAccount);
  entry.region = q.string(kRegion);
  FoundFunction& f = entry.function;
  f.ns = q.string(kNamespace);
  f.name = q.string(kName);
  f.function_id = q.string(kFunctionId);
  f.type = q.string(kType);
  f.runtime = q.string(kRuntime);
  f.status = q.string(kFunctionStatus);
  f.added_at = q.optional_time(kAddedAt);
  f.modified_at = q.optional_time(kModifiedAt);
  f.tags = from_json<std::map<std::string, std::string>>(q.text(kTags), entry);
  const auto state = parse_inventory_state(q.text(kState));
  if (!state) damaged(entry, "state");
  entry.state = *state;
  entry.rule = q.string(kRule);
  entry.first_found_at = q.time(kFirstFoundAt);
  entry.last_found_at = q.time(kLastFoundAt);
  entry.gone_at = q.optional_time(kGoneAt);
  entry.not_listed = static_cast<unsigned>(q.integer(kNotListed));
  entry.versions = from_json<std::vector<std::string>>(q.text(kVersions), entry);
  entry.aliases = from_json<std::vector<std::string>>(q.text(kAliases), entry);
  for (const auto& [qualifier, since] : from_json<std::map<std::string, int64_t>>(q.text(kDeleted), entry))
    entry.deleted.emplace(qualifier, WallTime{Millis{since}});
  entry.image = q.boolean(kImage);
  return entry;
}

std::vector<InventoryEntry> read_all(Query q) {
  std::vector<InventoryEntry> entries;
  while (q.step()) entries.push_back(read(q));
  return entries;
}

std::string list_text(const std::vector<std::string>& list) { return list.empty() ? "[]" : Json(list).dump(); }

std::string times_text(const std::map<std::string, WallTime>& times) {
  Json object = Json::object();
  for (const auto& [name, time] : times) object[name] = time.time_since_epoch().count();
  return object.dump();
}

/// What the entry is from now on, if that differs from what it was.
void keep_state(Database& db, int64_t id, const InventoryEntry& entry, WallTime now) {
  WallTime from = now;
  {
    auto q = db.query(
        "SELECT state, rule, function_id, from_ms FROM inventory_state WHERE function = ? ORDER BY from_ms DESC LIMIT "
        "1",
        id);
    if (q.step()) {
      if (q.text(0) == to_string(entry.state) && q.text(1) == entry.rule && q.text(2) == entry.function.function_id)
        return;
      from = std::max(from, q.time(3));  // a clock that went back takes nothing away
    }
  }
  db.run(
      "INSERT INTO inventory_state (function, from_ms, state, rule, function_id) VALUES (?, ?, ?, ?, ?) ON CONFLICT "
      "(function, from_ms) DO UPDATE SET state = excluded.state, rule = excluded.rule, function_id = "
      "excluded.function_id",
      id, from, to_string(entry.state), entry.rule, entry.function.function_id);
}

// ---- listings -----------------------------------------------------------------------------------------------------

constexpr Millis kLongestBetween{3'600'000};

constexpr std::string_view kSelectRuns =
    "SELECT account, region, complete, error_code, error_message, error_request_id, from_ms, until_ms, listings, "
    "found, watched FROM listing ";

std::vector<ListingRun> read_runs(Query q) {
  enum RunColumn : int {
    kAccountOf,
    kRegionOf,
    kComplete,
    kCode,
    kMessage,
    kRequestId,
    kFrom,
    kUntil,
    kListings,
    kFound,
    kWatched
  };
  std::vector<ListingRun> runs;
  while (q.step()) {
    runs.push_back({q.string(kAccountOf),
                    q.string(kRegionOf),
                    q.boolean(kComplete),
                    {q.string(kCode), q.string(kMessage), q.string(kRequestId)},
                    q.time(kFrom),
                    q.time(kUntil),
                    q.integer(kListings),
                    q.integer(kFound),
                    q.integer(kWatched)});
  }
  return runs;
}

}  // namespace

std::vector<InventoryEntry> all(Database& db) {
  static const Sql kSql = Sql::forever(std::string(kSelect) + "ORDER BY i.account, i.region, i.namespace, i.name");
  return read_all(db.query(kSql));
}

std::vector<InventoryEntry> of_region(Database& db, std::string_view account, std::string_view region) {
  static const Sql kSql =
      Sql::forever(std::string(kSelect) + "WHERE i.account = ? AND i.region = ? ORDER BY i.namespace, i.name");
  return read_all(db.query(kSql, account, region));
}

std::optional<InventoryEntry> find(Database& db, std::string_view account, std::string_view region, std::string_view ns,
                                   std::string_view name) {
  static const Sql kSql =
      Sql::forever(std::string(kSelect) + "WHERE i.account = ? AND i.region = ? AND i.namespace = ? AND i.name = ?");
  auto q = db.query(kSql, account, region, ns, name);
  if (!q.step()) return std::nullopt;
  return read(q);
}

std::vector<InventoryEntry> at(Database& db, WallTime at) {
  std::vector<InventoryEntry> entries;
  auto then = [&db, at](InventoryEntry& entry) {
    auto q = db.query(
        "SELECT state, rule, function_id, from_ms FROM inventory_state WHERE function = ? AND from_ms <= ? ORDER BY "
        "from_ms DESC LIMIT 1",
        entry.id, at);
    if (!q.step()) return false;
    const auto state = parse_inventory_state(q.text(0));
    if (!state) damaged(entry, "an earlier state");
    entry.state = *state;
    entry.rule = q.string(1);
    entry.function.function_id = q.string(2);
    entry.gone_at = *state == InventoryState::gone ? std::optional(q.time(3)) : std::nullopt;
    entry.not_listed = 0;
    for (auto* time : {&entry.function.added_at, &entry.function.modified_at}) {
      if (*time && **time > at) time->reset();
    }
    return true;
  };
  for (InventoryEntry& entry : all(db)) {
    if (then(entry)) entries.push_back(std::move(entry));
  }
  return entries;
}

int64_t save(Database& db, const InventoryEntry& entry, WallTime now) {
  const FoundFunction& f = entry.function;
  // Whether there are none or none were told makes no difference once they are known.
  const std::string tags = !f.tags || f.tags->empty() ? "{}" : Json(*f.tags).dump();
  int64_t id = entry.id;
  if (id == 0) {
    auto q = db.query(
        "INSERT INTO inventory (account, region, namespace, name, function_id, type, runtime, status, added_at_ms, "
        "modified_at_ms, tags, state, rule, first_found_at_ms, last_found_at_ms, gone_at_ms, not_listed, versions, "
        "aliases, deleted, image) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) "
        "RETURNING id",
        entry.account, entry.region, f.ns, f.name, f.function_id, f.type, f.runtime, f.status, f.added_at,
        f.modified_at, tags, to_string(entry.state), entry.rule, entry.first_found_at, entry.last_found_at,
        entry.gone_at, entry.not_listed, list_text(entry.versions), list_text(entry.aliases), times_text(entry.deleted),
        entry.image);
    q.step();
    id = q.integer(0);
  } else {
    db.run(
        "UPDATE inventory SET function_id = ?, type = ?, runtime = ?, status = ?, added_at_ms = ?, modified_at_ms = ?, "
        "tags = ?, state = ?, rule = ?, first_found_at_ms = ?, last_found_at_ms = ?, gone_at_ms = ?, not_listed = ?, "
        "versions = ?, aliases = ?, deleted = ?, image = ? WHERE id = ?",
        f.function_id, f.type, f.runtime, f.status, f.added_at, f.modified_at, tags, to_string(entry.state), entry.rule,
        entry.first_found_at, entry.last_found_at, entry.gone_at, entry.not_listed, list_text(entry.versions),
        list_text(entry.aliases), times_text(entry.deleted), entry.image, id);
  }
  keep_state(db, id, entry, now);
  return id;
}

void move_rule(Database& db, int64_t id, std::string_view rule) {
  db.run("UPDATE inventory SET rule = ? WHERE id = ?", rule, id);
  db.run(
      "UPDATE inventory_state SET rule = ?1 WHERE function = ?2 AND from_ms = "
      "(SELECT max(from_ms) FROM inventory_state WHERE function = ?2)",
      rule, id);
}

int64_t watched_by(Database& db, std::string_view account, std::string_view rule) {
  auto q =
      db.query("SELECT count(*) FROM inventory WHERE account = ? AND rule = ? AND state = 'watched'", account, rule);
  return q.step() ? q.integer(0) : 0;
}

void record_listing(Database& db, const Listing& listing, int64_t found, int64_t watched) {
  // An incomplete one says why; one that does not is none the less.
  PollError trouble = listing.complete ? PollError{} : listing.trouble;
  if (!listing.complete && trouble.code.empty()) trouble.code = "Client.Incomplete";
  struct Last {
    int64_t id;
    bool alike;
  };
  std::optional<Last> last;
  {
    auto q = db.query(
        "SELECT id, complete, error_code, until_ms, found, watched FROM listing WHERE account = ? AND region = ? ORDER "
        "BY id DESC LIMIT 1",
        listing.account, listing.region);
    if (q.step()) {
      const Millis between = listing.began - q.time(3);
      const bool alike = q.boolean(1) == listing.complete && q.text(2) == trouble.code && between <= kLongestBetween &&
                         listing.ended >= q.time(3);
      last = Last{q.integer(0), alike};
      if (!listing.complete) {  // it did not see everything: what the last complete one saw stands
        found = q.integer(4);
        watched = q.integer(5);
      }
    } else if (!listing.complete) {
      found = watched = 0;
    }
  }
  if (last && last->alike) {
    db.run(
        "UPDATE listing SET error_message = ?, error_request_id = ?, until_ms = ?, listings = listings + 1, found = ?, "
        "watched = ? WHERE id = ?",
        trouble.message, trouble.request_id, listing.ended, found, watched, last->id);
    return;
  }
  db.run(
      "INSERT INTO listing (account, region, complete, error_code, error_message, error_request_id, from_ms, until_ms, "
      "listings, found, watched) VALUES (?, ?, ?, ?, ?, ?, ?, ?, 1, ?, ?)",
      listing.account, listing.region, listing.complete, trouble.code, trouble.message, trouble.request_id,
      listing.began, listing.ended, found, watched);
}

std::vector<ListingRun> listings(Database& db, std::optional<WallTime> since, std::optional<WallTime> until) {
  static const Sql kSql = Sql::forever(
      std::string(kSelectRuns) +
      "WHERE (CAST(?1 AS BIGINT) IS NULL OR until_ms >= ?1) AND (CAST(?2 AS BIGINT) IS NULL OR from_ms <= ?2) ORDER "
      "BY account, region, id");
  return read_runs(db.query(kSql, since, until));
}

std::vector<ListingRun> last_listings(Database& db) {
  static const Sql kSql = Sql::forever(std::string(kSelectRuns) +
                                       "WHERE id IN (SELECT max(id) FROM listing GROUP BY account, region) ORDER BY "
                                       "account, region");
  return read_runs(db.query(kSql));
}

// ---- regions ------------------------------------------------------------------------------------------------------

namespace {
std::vector<std::string> namespaces_from(std::string_view text, std::string_view account, std::string_view region) {
  InventoryEntry whole_region;
  whole_region.account = account;
  whole_region.region = region;
  return from_json<std::vector<std::string>>(text, whole_region);
}
}  // namespace

RegionState region_state(Database& db, std::string_view account, std::string_view region) {
  enum Of : int { kFailing, kReason, kIncomplete, kSince, kLastComplete, kNamespaces };
  auto q = db.query(
      "SELECT failing, reason, incomplete, incomplete_since_ms, last_complete_at_ms, namespaces FROM discovery WHERE "
      "account = ? AND region = ?",
      account, region);
  if (!q.step()) return {};
  return {q.boolean(kFailing),
          q.string(kReason),
          static_cast<unsigned>(q.integer(kIncomplete)),
          q.optional_time(kSince),
          q.optional_time(kLastComplete),
          namespaces_from(q.text(kNamespaces), account, region)};
}

void save_region_state(Database& db, std::string_view account, std::string_view region, const RegionState& state) {
  db.run(
      "INSERT INTO discovery (account, region, failing, reason, incomplete, incomplete_since_ms, last_complete_at_ms, "
      "namespaces) VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (account, region) DO UPDATE SET failing = "
      "excluded.failing, reason = excluded.reason, incomplete = excluded.incomplete, incomplete_since_ms = "
      "excluded.incomplete_since_ms, last_complete_at_ms = excluded.last_complete_at_ms, namespaces = "
      "excluded.namespaces",
      account, region, state.failing, state.reason, state.incomplete, state.incomplete_since, state.last_complete_at,
      list_text(state.namespaces));
}

std::vector<KnownRegion> known_regions(Database& db) {
  std::vector<KnownRegion> regions;
  {
    auto q = db.query(
        "SELECT account, region, last_complete_at_ms, namespaces FROM discovery WHERE last_complete_at_ms IS NOT NULL "
        "ORDER BY account, region");
    while (q.step()) {
      KnownRegion known{q.string(0), q.string(1), {}, q.optional_time(2)};
      for (const std::string& ns : namespaces_from(q.text(3), known.account, known.region))
        known.namespaces[ns] = std::nullopt;
      regions.push_back(std::move(known));
    }
  }
  for (KnownRegion& known : regions) {
    auto q = db.query(
        "SELECT namespace, max(modified_at_ms) FROM inventory WHERE account = ? AND region = ? AND gone_at_ms IS NULL "
        "GROUP BY namespace",
        known.account, known.region);
    while (q.step()) {
      const auto ns = known.namespaces.find(q.string(0));
      if (ns != known.namespaces.end()) ns->second = q.optional_time(1);
    }
  }
  return regions;
}

bool first_told(Database& db, std::string_view account, std::string_view region, std::string_view kind,
                const FoundFunction& function, WallTime now) {
  const std::string id =
      function.function_id.empty() ? fmt::format("{}/{}", function.ns, function.name) : function.function_id;
  return db.run(
             "INSERT INTO discovery_told (account, region, kind, function_id, at_ms) VALUES (?, ?, ?, ?, ?) ON "
             "CONFLICT DO NOTHING",
             account, region, kind, id, now) == 1;
}

}  // namespace codedriftd::inventory
