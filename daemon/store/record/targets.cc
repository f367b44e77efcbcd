#include "store/record/targets.h"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>

#include "base/json.h"
#include "store/db/pg_array.h"

namespace codedriftd::targets {
namespace {

enum Column : int {
  kId,
  kAccount,
  kRegion,
  kNamespace,
  kFunction,
  kQualifier,
  kWatched,
  kBaseline,
  kPin,
  kPinWhere,
  kInterval,
  kStaleAfter,
  kDeployGrace,
  kLive,
  kAccepted,
  kAcceptedSource,
  kAcceptedAt,
  kAnnounced,
  kDriftOpen,
  kDriftSince,
  kNotFoundInARow,
  kMissing,
  kMissingCode,
  kFailing,
  kFailingReason,
  kLastPolledAt,
  kLastSuccessAt,
  kConsecutiveFailures,
  kErrorCode,
  kErrorMessage,
  kErrorRequestId,
  kLastReason,
  kStatusSince,
  kAnswerRun,
  kFailureRun,
  kLiveSince,
  kFailingQuiet,
  kContentPin,
  kExamineWithin,
  kSameContentAccepted,
  kPackage,
  kLiveContent,
  kLiveExact,
  kAcceptedContent,
  kAcceptedExact,
  kExaminingUntil,
  kExaminingPrevious,
  kIgnore,
  kFunctionId,
  kAddedAt,
  kModifiedAt,
  kTouched,
  kTouchedAlerts,
  kColumns
};

/// In the order of Column.
constexpr std::string_view kSelect =
    "SELECT id, account, region, namespace, function, qualifier, watched, baseline, pin, pin_where, interval_ms, "
    "stale_after_ms, deploy_grace_ms, live, accepted, accepted_source, accepted_at_ms, announced, drift_open, "
    "drift_since_ms, not_found_in_a_row, missing, missing_code, failing, failing_reason, last_polled_at_ms, "
    "last_success_at_ms, consecutive_failures, error_code, error_message, error_request_id, last_reason, "
    "status_since_ms, answer_run, failure_run, live_since_ms, failing_quiet, content_pin, examine_within_ms, "
    "same_content_accepted, package, live_content, live_exact, accepted_content, accepted_exact, examining_until_ms, "
    "examining_previous, ignore, function_id, added_at_ms, modified_at_ms, touched, touched_alerts FROM target ";
static_assert(std::ranges::count(kSelect, ',') == kColumns - 1);

/// The year 9999: what lies beyond is no time of ours.
constexpr int64_t kLatestMs = 253'402'300'800'000;

[[noreturn]] void damaged(std::string_view address, std::string_view what) {
  throw std::runtime_error(fmt::format("the stored row of {} is damaged: {}; restore a backup", address, what));
}

Json to_json(const Attestation& attested) {
  return {{"key", attested.key},
          {"key_id", attested.key_id},
          {"sha256", attested.sha256.hex()},
          {"predicate_type", attested.predicate_type},
          {"builder", attested.builder},
          {"source", attested.source},
          {"commit", attested.commit},
          {"sent_by", attested.sent_by}};
}

Attestation attestation_from(const Json& json, std::string_view address) {
  const auto text = [&](const char* name) { return json.at(name).get<std::string>(); };
  const auto sha256 = Sha256::from_hex(text("sha256"));
  if (!sha256) damaged(address, "the attestation of an announcement");
  return {text("key"),     text("key_id"), *sha256,        text("predicate_type"),
          text("builder"), text("source"), text("commit"), text("sent_by")};
}

std::string to_text(const std::vector<Announcement>& announced) {
  if (announced.empty()) return "[]";
  Json list = Json::array();
  for (const Announcement& a : announced) {
    Json item{{"sha256", or_null(a.sha256)},
              {"content", a.content ? Json(a.content->text()) : Json()},
              {"pin", a.pin},
              {"announced_at", to_ms(a.announced_at)},
              {"valid_until", to_ms(a.valid_until)},
              {"overdue", a.overdue},
              {"build", a.build},
              {"commit", a.commit},
              {"actor", a.actor},
              {"claimed", a.claimed}};
    if (a.attested) item["attested"] = to_json(*a.attested);
    list.push_back(std::move(item));
  }
  return json_line(list);
}

std::vector<Announcement> announced_from(std::string_view text, std::string_view address) {
  std::vector<Announcement> announced;
  if (text == "[]") return announced;
  try {
    for (const Json& item : Json::parse(text)) {
      const auto& hash = item.at("sha256");
      const auto digest = hash.is_null() ? std::nullopt : Sha256::from_hex(hash.get<std::string>());
      const Json named = item.value("content", Json());
      const auto content = named.is_null() ? std::nullopt : ContentDigest::parse(named.get<std::string>());
      if (digest.has_value() == content.has_value()) damaged(address, "an announced hash or content");
      for (const char* time : {"announced_at", "valid_until"}) {
        if (std::abs(item.at(time).get<int64_t>()) > kLatestMs) damaged(address, "the time of an announcement");
      }
      announced.push_back(
          {digest, item.at("pin").get<bool>(), from_ms(item.at("announced_at").get<int64_t>()),
           from_ms(item.at("valid_until").get<int64_t>()), item.at("overdue").get<bool>(),
           item.at("build").get<std::string>(), item.at("commit").get<std::string>(), item.value("actor", "unknown"),
           item.value("claimed", ""), content,
           item.contains("attested") ? std::optional(attestation_from(item.at("attested"), address)) : std::nullopt});
    }
  } catch (const Json::exception& error) {
    damaged(address, error.what());
  }
  return announced;
}

std::optional<KnownContent> known_content(const std::optional<Sha256>& digest, const std::optional<Sha256>& exact) {
  if (!digest || !exact) return std::nullopt;
  return KnownContent{{*digest}, *exact};
}

std::vector<std::string> globs_from(std::string_view text, std::string_view address) {
  try {
    return Json::parse(text).get<std::vector<std::string>>();
  } catch (const Json::exception& error) {
    damaged(address, error.what());
  }
}

TargetRow read(Query& q) {
  TargetRow row;
  row.id = q.integer(kId);
  row.target = {q.string(kAccount), q.string(kRegion), q.string(kNamespace), q.string(kFunction), q.string(kQualifier)};
  TargetState& s = row.state;
  s.watched = q.boolean(kWatched);
  s.baseline = q.text(kBaseline) == "review" ? Baseline::review : Baseline::first_seen;
  s.pin = q.optional_sha256(kPin);
  s.pin_where = q.string(kPinWhere);
  s.interval = q.millis(kInterval);
  s.stale_after = q.millis(kStaleAfter);
  s.deploy_grace = q.millis(kDeployGrace);
  s.live = q.optional_sha256(kLive);
  s.accepted = q.optional_sha256(kAccepted);
  const auto source = parse_accepted_source(q.text(kAcceptedSource));
  if (!source) damaged(row.target.address(), "accepted_source");
  s.accepted_source = *source;
  s.accepted_at = q.optional_time(kAcceptedAt);
  if (q.text(kAnnounced) != "[]") s.announced = announced_from(q.text(kAnnounced), row.target.address());
  s.drift_open = q.boolean(kDriftOpen);
  s.drift_since = q.optional_time(kDriftSince);
  s.not_found_in_a_row = static_cast<unsigned>(q.integer(kNotFoundInARow));
  s.missing = q.boolean(kMissing);
  s.missing_code = q.string(kMissingCode);
  s.failing = q.boolean(kFailing);
  s.failing_reason = q.string(kFailingReason);
  s.last_polled_at = q.optional_time(kLastPolledAt);
  s.last_success_at = q.optional_time(kLastSuccessAt);
  s.consecutive_failures = static_cast<unsigned>(q.integer(kConsecutiveFailures));
  if (!q.null(kErrorCode))
    s.last_error = PollError{q.string(kErrorCode), q.string(kErrorMessage), q.string(kErrorRequestId)};
  s.last_reason = q.string(kLastReason);
  s.status_since = q.optional_time(kStatusSince);
  row.answer_run = q.optional_integer(kAnswerRun);
  row.failure_run = q.optional_integer(kFailureRun);
  s.live_since = q.optional_time(kLiveSince);
  s.failing_quiet = q.boolean(kFailingQuiet);
  if (const auto pin = q.optional_sha256(kContentPin)) s.content_pin = ContentDigest{*pin};
  s.examine_within = q.millis(kExamineWithin);
  s.same_content_accepted = q.boolean(kSameContentAccepted);
  const auto package = parse_package_state(q.text(kPackage));
  if (!package) damaged(row.target.address(), "package");
  s.package = *package;
  s.live_content = known_content(q.optional_sha256(kLiveContent), q.optional_sha256(kLiveExact));
  s.accepted_content = known_content(q.optional_sha256(kAcceptedContent), q.optional_sha256(kAcceptedExact));
  s.examining_until = q.optional_time(kExaminingUntil);
  s.examining_previous = q.optional_sha256(kExaminingPrevious);
  if (q.text(kIgnore) != "[]") s.ignore = globs_from(q.text(kIgnore), row.target.address());
  s.function_id = q.string(kFunctionId);
  s.added_at = q.optional_time(kAddedAt);
  s.modified_at = q.optional_time(kModifiedAt);
  s.touched = q.boolean(kTouched);
  s.touched_alerts = q.boolean(kTouchedAlerts);
  return row;
}

std::optional<Sha256> bytes_of(const std::optional<ContentDigest>& digest) {
  return digest ? std::optional(digest->sha256) : std::nullopt;
}
std::optional<Sha256> digest_of(const std::optional<KnownContent>& content) {
  return content ? std::optional(content->digest.sha256) : std::nullopt;
}
std::optional<Sha256> exact_of(const std::optional<KnownContent>& content) {
  return content ? std::optional(content->exact) : std::nullopt;
}

}  // namespace

TargetRow load(Database& db, TargetId id) {
  static const Sql kSql = Sql::forever(std::string(kSelect) + "WHERE id = ?");
  auto q = db.query(kSql, id);
  if (!q.step()) throw std::out_of_range(fmt::format("no target has the id {}", id));
  return read(q);
}

std::vector<TargetRow> load_many(Database& db, std::span<const TargetId> ids) {
  const bool as_array = db.engine() == Engine::postgres;
  static const Sql kOfArray = Sql::forever(std::string(kSelect) + "WHERE id = ANY (CAST(? AS bigint[]))");
  static const Sql kOne = Sql::forever(std::string(kSelect) + "WHERE id = ?");
  std::vector<TargetRow> rows;
  const auto take = [&](Query q) {
    while (q.step()) rows.push_back(read(q));
  };
  if (as_array) {
    take(db.query(kOfArray, pg_array(ids)));
  } else {
    for (const TargetId id : ids) take(db.query(kOne, id));
  }
  return rows;
}

std::optional<TargetRow> find(Database& db, std::string_view address) {
  static const Sql kSql = Sql::forever(std::string(kSelect) + "WHERE address = ?");
  auto q = db.query(kSql, address);
  if (!q.step()) return std::nullopt;
  return read(q);
}

void each(Database& db, bool also_unwatched, const std::function<void(TargetRow&&)>& take) {
  static const Sql kSql = Sql::forever(std::string(kSelect) + "WHERE watched >= ? ORDER BY address");
  auto q = db.query(kSql, also_unwatched ? 0 : 1);
  while (q.step()) take(read(q));
}

std::vector<TargetRow> all(Database& db, bool also_unwatched) {
  std::vector<TargetRow> rows;
  each(db, also_unwatched, [&](TargetRow&& row) { rows.push_back(std::move(row)); });
  return rows;
}

std::vector<TargetId> waiting(Database& db) {
  std::vector<TargetId> ids;
  auto q = db.query("SELECT id FROM target WHERE announced != '[]' OR examining_until_ms IS NOT NULL ORDER BY id");
  while (q.step()) ids.push_back(q.integer(0));
  return ids;
}

void wait_anew(Database& db, WallTime now) {
  db.run(
      "UPDATE target SET examining_until_ms = ?1 + examine_within_ms "
      "WHERE examining_until_ms IS NOT NULL AND package = 'unknown'",
      now);
}

std::size_t count(Database& db) {
  auto q = db.query("SELECT count(*) FROM target");
  return q.step() ? static_cast<std::size_t>(q.integer(0)) : 0;
}

std::map<std::string, Known> known(Database& db) {
  std::map<std::string, Known> rows;
  auto q = db.query("SELECT address, id, watched FROM target ORDER BY address");
  while (q.step()) rows.emplace_hint(rows.end(), q.string(0), Known{q.integer(1), q.boolean(2)});
  return rows;
}

Census count_watched(Database& db, WallTime now) {
  Census census;
  for (const Status status : kStatuses) census.by_status[std::string(to_string(status))] = 0;
  static const Sql kSql = Sql::forever(std::string(kSelect) + "WHERE watched = 1");
  auto q = db.query(kSql);
  while (q.step()) {  // one row at a time: all of them together weigh several megabytes
    const TargetState state = read(q).state;
    ++census.watched;
    ++census.by_status[std::string(to_string(status_of(state, now, DaemonStay{now}).status))];
    census.drifts_open += state.drift_open ? 1 : 0;
    const auto& seen = state.last_success_at;
    if (seen && (!census.oldest_success || *seen < *census.oldest_success)) census.oldest_success = seen;
  }
  return census;
}

std::vector<TargetId> waiting(Database& db, WallTime polled_since) {
  std::vector<TargetId> ids;
  auto q = db.query(
      "SELECT id FROM target WHERE (announced != '[]' OR examining_until_ms IS NOT NULL) AND watched = 1 AND "
      "last_polled_at_ms >= ? ORDER BY id",
      polled_since);
  while (q.step()) ids.push_back(q.integer(0));
  return ids;
}

TargetId insert(Database& db, const Target& target) {
  const TargetState fresh;
  // Not RETURNING: with it SQLite reads all of the tables that could refer to the new row.
  db.run(
      "INSERT INTO target (address, account, region, namespace, function, qualifier, watched, baseline, pin_where, "
      "interval_ms, stale_after_ms, deploy_grace_ms, accepted_source, announced, drift_open, not_found_in_a_row, "
      "missing, missing_code, failing, failing_reason, failing_quiet, consecutive_failures, last_reason) "
      "VALUES (?, ?, ?, ?, ?, ?, 0, 'first-seen', '', ?, ?, ?, 'first_seen', '[]', 0, 0, 0, '', 0, '', 0, 0, '')",
      target.address(), target.account, target.region, target.ns, target.function, target.qualifier, fresh.interval,
      fresh.stale_after, fresh.deploy_grace);
  auto q = db.query("SELECT id FROM target WHERE address = ?", target.address());
  q.step();
  return q.integer(0);
}

void save(Database& db, TargetId id, const TargetState& before, const TargetState& after) {
  if (after == before) return;
  if (only_polled(before, after)) {
    const Polled polled{id, after.last_polled_at, after.last_success_at};
    touch_many(db, std::span(&polled, 1));
    return;
  }
  const TargetState& s = after;
  std::optional<std::string_view> code, message, request_id;
  if (s.last_error) {
    code = s.last_error->code;
    message = s.last_error->message;
    request_id = s.last_error->request_id;
  }
  db.run(
      "UPDATE target SET watched = ?, baseline = ?, pin = ?, pin_where = ?, interval_ms = ?, stale_after_ms = ?, "
      "deploy_grace_ms = ?, live = ?, accepted = ?, accepted_source = ?, accepted_at_ms = ?, announced = ?, drift_open "
      "= ?, "
      "drift_since_ms = ?, not_found_in_a_row = ?, missing = ?, missing_code = ?, failing = ?, failing_reason = ?, "
      "last_polled_at_ms = ?, last_success_at_ms = ?, consecutive_failures = ?, error_code = ?, error_message = ?, "
      "error_request_id = ?, last_reason = ?, status_since_ms = ?, live_since_ms = ?, failing_quiet = ?, content_pin = "
      "?, examine_within_ms = ?, same_content_accepted = ?, package = ?, live_content = ?, live_exact = ?, "
      "accepted_content = ?, accepted_exact = ?, examining_until_ms = ?, examining_previous = ?, ignore = ?, "
      "function_id = ?, added_at_ms = ?, modified_at_ms = ?, touched = ?, touched_alerts = ? WHERE id = ?",
      s.watched, s.baseline == Baseline::review ? "review" : "first-seen", s.pin, s.pin_where, s.interval,
      s.stale_after, s.deploy_grace, s.live, s.accepted, to_string(s.accepted_source), s.accepted_at,
      to_text(s.announced), s.drift_open, s.drift_since, s.not_found_in_a_row, s.missing, s.missing_code, s.failing,
      s.failing_reason, s.last_polled_at, s.last_success_at, s.consecutive_failures, code, message, request_id,
      s.last_reason, s.status_since, s.live_since, s.failing_quiet, bytes_of(s.content_pin), s.examine_within,
      s.same_content_accepted, to_string(s.package), digest_of(s.live_content), exact_of(s.live_content),
      digest_of(s.accepted_content), exact_of(s.accepted_content), s.examining_until, s.examining_previous,
      s.ignore.empty() ? std::string("[]") : json_line(Json(s.ignore)), s.function_id, s.added_at, s.modified_at,
      s.touched, s.touched_alerts, id);
}

bool only_polled(const TargetState& before, const TargetState& after) {
  TargetState same = before;
  same.last_polled_at = after.last_polled_at;
  same.last_success_at = after.last_success_at;
  return same == after;
}

void touch_many(Database& db, std::span<const Polled> polled) {
  if (db.engine() == Engine::postgres) {
    const auto number = [](const std::optional<WallTime>& time) {
      return time ? std::optional(to_ms(*time)) : std::nullopt;
    };
    std::vector<int64_t> ids;
    std::vector<std::optional<int64_t>> polled_at, success_at;
    for (const Polled& each : polled) {
      ids.push_back(each.id);
      polled_at.push_back(number(each.last_polled_at));
      success_at.push_back(number(each.last_success_at));
    }
    db.run(
        "UPDATE target SET last_polled_at_ms = seen, last_success_at_ms = success FROM "
        "unnest(CAST(? AS bigint[]), CAST(? AS bigint[]), CAST(? AS bigint[])) AS polled (target, seen, success) WHERE "
        "id = polled.target",
        pg_array(ids), pg_array(polled_at), pg_array(success_at));
    return;
  }
  for (const Polled& each : polled) {
    db.run("UPDATE target SET last_polled_at_ms = ?, last_success_at_ms = ? WHERE id = ?", each.last_polled_at,
           each.last_success_at, each.id);
  }
}

void save_runs(Database& db, TargetId id, std::optional<int64_t> answer_run, std::optional<int64_t> failure_run) {
  db.run("UPDATE target SET answer_run = ?, failure_run = ? WHERE id = ?", answer_run, failure_run, id);
}

}  // namespace codedriftd::targets
