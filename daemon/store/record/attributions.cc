#include "store/record/attributions.h"

#include <fmt/format.h>

#include "model/change_kind.h"
#include "store/record/history.h"

namespace codedriftd::attributions {
namespace {

constexpr Millis kDay{86'400'000};

/// The row that `q` stands at. REQUIRES: the statement begins with these columns.
Question read_question(const Query& q) {
  enum Column : int {
    kSeq,
    kId,
    kAt,
    kTarget,
    kAddress,
    kAccount,
    kRegion,
    kNamespace,
    kFunction,
    kFrom,
    kTo,
    kTries,
    kAskedAt,
    kKind,
    kQualifier
  };
  const std::string qualifier = q.string(kQualifier);
  // An event of another kind is not asked about.
  const ChangeKind kind = change_kind(q.text(kKind), qualifier).value_or(ChangeKind::touched);
  return {q.integer(kSeq),
          q.string(kId),
          q.time(kAt),
          q.integer(kTarget),
          q.string(kAddress),
          q.string(kAccount),
          {q.string(kRegion), q.string(kNamespace), q.string(kFunction), q.time(kFrom), q.time(kTo), kind, qualifier},
          static_cast<unsigned>(q.integer(kTries)),
          q.optional_time(kAskedAt)};
}

Sql questions(std::string_view rest) {
  return Sql::forever(fmt::format(
      "SELECT a.event_seq, e.id, e.time_ms, a.target, t.address, t.account, t.region, t.namespace, t.function, "
      "a.from_ms, a.to_ms, a.tries, a.asked_at_ms, e.kind, t.qualifier FROM attribution a JOIN event e ON e.seq = "
      "a.event_seq JOIN target t ON t.id = a.target {}",
      rest));
}

Known read_known(const Query& q) {
  enum Column : int { kSeq, kId, kKind, kAt, kFrom, kTo, kOpen, kAskedAt, kGrade, kWords, kByDeploy };
  Known known{q.integer(kSeq), q.string(kId),    q.string(kKind),           q.time(kAt), q.time(kFrom),
              q.time(kTo),     q.boolean(kOpen), q.optional_time(kAskedAt), {}};
  if (!q.null(kGrade)) {
    // What the table's CHECK lets through has a name.
    known.attribution.grade = parse_grade(q.text(kGrade)).value_or(Attribution::Grade::none);
    known.attribution.words = q.string(kWords);
    known.attribution.by_deploy_principal = q.boolean(kByDeploy);
  }
  return known;
}

Sql known_rows(std::string_view rest) {
  return Sql::forever(fmt::format(
      "SELECT a.event_seq, e.id, e.kind, e.time_ms, a.from_ms, a.to_ms, a.next_at_ms IS NOT NULL, a.asked_at_ms, "
      "a.grade, a.words, a.by_deploy_principal FROM attribution a JOIN event e ON e.seq = a.event_seq {}",
      rest));
}

void save_records(Database& db, int64_t seq, const std::vector<ChangeRecord>& records, int64_t& number) {
  const std::size_t first = records.size() - std::min(records.size(), kMostKept);
  for (std::size_t i = first; i < records.size(); ++i) {
    const ChangeRecord& r = records[i];
    db.run(
        "INSERT INTO change_record (attribution, number, event_id, action, time_ms, principal_type, principal, "
        "key_suffix, source_ip, user_agent, request_id, console, error_code) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, "
        "?, ?)",
        seq, number++, r.event_id, r.action, r.time, r.principal_type, r.principal, r.key_suffix, r.source_ip,
        r.user_agent, r.request_id, r.console, r.error_code);
  }
}

void read_records(Database& db, Known& known) {
  enum Column : int {
    kId,
    kAction,
    kTime,
    kPrincipalType,
    kPrincipal,
    kKey,
    kIp,
    kAgent,
    kRequest,
    kConsole,
    kError,
    kRegion,
    kNamespace,
    kFunction
  };
  auto q = db.query(
      "SELECT r.event_id, r.action, r.time_ms, r.principal_type, r.principal, r.key_suffix, r.source_ip, r.user_agent, "
      "r.request_id, r.console, r.error_code, t.region, t.namespace, t.function FROM change_record r JOIN attribution "
      "a ON a.event_seq = r.attribution JOIN target t ON t.id = a.target WHERE r.attribution = ? ORDER BY r.number",
      known.event_seq);
  while (q.step()) {
    ChangeRecord record{q.string(kId),        q.string(kAction),   q.time(kTime),    q.string(kPrincipalType),
                        q.string(kPrincipal), q.string(kKey),      q.string(kIp),    q.string(kAgent),
                        q.string(kRequest),   q.boolean(kConsole), q.string(kError), q.string(kRegion),
                        q.string(kNamespace), q.string(kFunction)};
    (record.error_code.empty() ? known.attribution.records : known.attribution.failed).push_back(std::move(record));
  }
}

}  // namespace

void ask(Database& db, int64_t seq, TargetId target, WallTime from, WallTime to, WallTime first_try) {
  db.run(
      "INSERT INTO attribution (event_seq, target, from_ms, to_ms, tries, next_at_ms, words, by_deploy_principal) "
      "VALUES (?, ?, ?, ?, 0, ?, '', 0)",
      seq, target, from, to, first_try);
}

std::vector<Question> due(Database& db, WallTime until, WallTime now) {
  static const Sql kDue =
      questions("WHERE a.next_at_ms IS NOT NULL AND (a.next_at_ms <= ? OR a.next_at_ms > ?) ORDER BY a.event_seq");
  std::vector<Question> all;
  auto q = db.query(kDue, until, now + kDay);
  while (q.step()) all.push_back(read_question(q));
  return all;
}

std::optional<Question> open(Database& db, int64_t seq) {
  static const Sql kOpen = questions("WHERE a.event_seq = ? AND a.next_at_ms IS NOT NULL");
  auto q = db.query(kOpen, seq);
  if (!q.step()) return std::nullopt;
  return read_question(q);
}

void save(Database& db, int64_t seq, const Attribution& found, WallTime asked_at, unsigned tries,
          std::optional<WallTime> next_try) {
  db.run(
      "UPDATE attribution SET tries = ?, next_at_ms = ?, asked_at_ms = ?, grade = ?, words = ?, by_deploy_principal = "
      "? WHERE event_seq = ?",
      tries, next_try, asked_at, to_string(found.grade), found.words, found.by_deploy_principal, seq);
  db.run("DELETE FROM change_record WHERE attribution = ?", seq);
  int64_t number = 0;
  save_records(db, seq, found.records, number);
  save_records(db, seq, found.failed, number);
}

void put_off(Database& db, int64_t seq, unsigned tries, std::optional<WallTime> next_try) {
  db.run("UPDATE attribution SET tries = ?, next_at_ms = ? WHERE event_seq = ?", tries, next_try, seq);
}

void set_told(Database& db, int64_t seq, int64_t told_seq) {
  db.run("UPDATE attribution SET told_seq = ? WHERE event_seq = ?", told_seq, seq);
}

std::optional<Known> of_event(Database& db, int64_t seq) {
  static const Sql kOfEvent = known_rows("WHERE a.event_seq = ?");
  std::optional<Known> known;
  {
    auto q = db.query(kOfEvent, seq);
    if (!q.step()) return std::nullopt;
    known = read_known(q);
  }
  read_records(db, *known);
  return known;
}

std::vector<Known> of_target(Database& db, TargetId target) {
  static const Sql kOfTarget = known_rows("WHERE a.target = ? AND a.asked_at_ms IS NOT NULL ORDER BY a.event_seq");
  std::vector<Known> all;
  auto q = db.query(kOfTarget, target);
  while (q.step()) all.push_back(read_known(q));
  return all;
}

std::string words_about(Database& db, TargetId target, const std::optional<Sha256>& sha256) {
  const auto change = history::last_change_to(db, target, sha256);
  auto q = change ? db.query(
                        "SELECT a.words FROM attribution a JOIN event e ON e.seq = a.event_seq WHERE a.target = ? AND "
                        "a.to_ms = ? AND a.asked_at_ms IS NOT NULL AND e.kind NOT IN ('function.touched', "
                        "'function.recreated', 'function.discovered') ORDER BY a.event_seq DESC LIMIT 1",
                        target, change->to)
                  : db.query(
                        "SELECT a.words FROM attribution a JOIN event e ON e.seq = a.event_seq WHERE a.target = ? AND "
                        "e.kind IN ('function.recreated', 'function.discovered') AND EXISTS (SELECT 1 FROM run r WHERE "
                        "r.target = a.target AND r.sha256 = ? AND r.last_seen_ms >= a.to_ms) ORDER BY a.event_seq DESC "
                        "LIMIT 1",
                        target, sha256);
  return q.step() ? q.string(0) : std::string();
}

}  // namespace codedriftd::attributions
