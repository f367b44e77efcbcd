#include "store/fleet/poll_requests.h"

namespace codedriftd::poll_requests {

int64_t ask(Database& db, int64_t target, bool wants_package, int64_t member, WallTime now) {
  auto row = db.query(
      "INSERT INTO poll_request (target, wants_package, asked_by, asked_at_ms) VALUES (?, ?, ?, ?) RETURNING id",
      target, static_cast<int64_t>(wants_package), member, now);
  row.step();
  return row.integer(0);
}

std::vector<Asked> open(Database& db) {
  std::vector<Asked> asked;
  auto rows = db.query(
      "SELECT p.id, p.target, t.account, p.wants_package FROM poll_request AS p JOIN target AS t ON t.id = p.target "
      "WHERE p.outcome IS NULL ORDER BY p.id");
  while (rows.step()) asked.push_back({rows.integer(0), rows.integer(1), rows.string(2), rows.boolean(3)});
  return asked;
}

void end(Database& db, int64_t id, std::string_view outcome) {
  db.run("UPDATE poll_request SET outcome = ? WHERE id = ?", outcome, id);
}

std::vector<Answer> take_answers(Database& db, int64_t member) {
  std::vector<Answer> answers;
  {
    auto rows =
        db.query("SELECT id, outcome FROM poll_request WHERE asked_by = ? AND outcome IS NOT NULL ORDER BY id", member);
    while (rows.step()) answers.push_back({rows.integer(0), rows.string(1)});
  }
  for (const Answer& answer : answers) db.run("DELETE FROM poll_request WHERE id = ?", answer.id);
  return answers;
}

void forget(Database& db, WallTime before) { db.run("DELETE FROM poll_request WHERE asked_at_ms < ?", before); }

}  // namespace codedriftd::poll_requests
