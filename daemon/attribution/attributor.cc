#include "attribution/attributor.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "base/json.h"
#include "base/log.h"
#include "base/text.h"

namespace codedriftd {
namespace {

/// Answers that one work of the writer takes: others wait behind it.
constexpr std::size_t kTogetherInTx = 100;

/// Calls `take` for pieces of `all` of at most kTogetherInTx.
template <typename T, typename Take>
void in_pieces(const std::vector<T>& all, const Take& take) {
  for (auto from = all.begin(); from != all.end();) {
    const auto to = from + static_cast<std::ptrdiff_t>(
                               std::min(kTogetherInTx, static_cast<std::size_t>(std::distance(from, all.end()))));
    take(std::vector<T>(from, to));
    from = to;
  }
}

}  // namespace

Attributor::Attributor(Writer& writer, Ledger& ledger, const Clock& clock, Run run)
    : writer_(writer), ledger_(ledger), clock_(clock), run_(std::move(run)) {}

void Attributor::set_accounts(std::map<std::string, std::vector<std::string>> deploy_principals) {
  *accounts_.lock() = std::move(deploy_principals);
}

void Attributor::ask_due() {
  writer_.post([this](Tx& tx) { begin(tx); });
}

void Attributor::begin(Tx& tx) {
  Database& db = tx.db;
  const WallTime now = clock_.wall();
  const auto accounts = accounts_.copy();
  std::set<int64_t> under_way;
  {
    Locked known(under_way_);
    std::erase_if(*known, [&](const auto& each) { return clock_.mono() - each.second > kLost; });
    for (const auto& [seq, since] : *known) under_way.insert(seq);
  }
  std::set<std::pair<std::string, std::string>> lanes;
  for (const attributions::Question& question : attributions::due(db, now, now)) {
    if (under_way.contains(question.event_seq)) continue;
    if (!accounts.contains(question.account)) {
      attributions::put_off(db, question.event_seq, question.tries, std::nullopt);
    } else {
      lanes.emplace(question.account, question.change.region);
    }
  }
  if (lanes.empty()) return;
  Questions questions = attributions::due(db, now + kTogether, now);
  std::erase_if(questions, [&](const attributions::Question& question) {
    return under_way.contains(question.event_seq) || !lanes.contains({question.account, question.change.region});
  });
  // Only then are the events on record that it asks about.
  tx.after_commit([this, queries = audit_queries(std::move(questions))] {
    for (const AuditQuery& query : queries) ask(query);
  });
}

void Attributor::ask(AuditQuery query) {
  {
    Locked known(under_way_);
    for (const attributions::Question& question : query.questions) (*known)[question.event_seq] = clock_.mono();
  }
  auto job = std::make_shared<AuditJob>(query.account, query.region, query.from, query.to, query.actions);
  run_(job, [this, job, query = std::move(query)] { over(*job, query); });
}

void Attributor::over(const AuditJob& job, const AuditQuery& query) {
  if (job.too_large()) {
    std::vector<AuditQuery> parts = halves(query);
    for (AuditQuery& part : parts) ask(std::move(part));
    if (!parts.empty()) return;
  }
  log_trouble(job, query);
  if (!job.trouble().code.empty()) {
    in_pieces(query.questions, [this, again = !job.too_large()](Questions piece) {
      writer_.post(
          [this, piece, again](Tx& tx) {
            for (const auto& question : piece) put_off(tx, question, again);
          },
          [this, piece](const std::exception_ptr&) { let_go(piece); });
    });
    return;
  }
  auto records = std::make_shared<Records>();
  for (const ChangeRecord& record : job.records()) (*records)[record.function].push_back(record);
  in_pieces(query.questions, [&](Questions piece) {
    writer_.post(
        [this, piece, records, account = query.account, asked_at = job.asked_at()](Tx& tx) {
          const auto accounts = accounts_.copy();
          const auto principals = accounts.find(account);
          static const std::vector<std::string> kNone;
          for (const auto& question : piece)
            take_answer(tx, question, *records, principals == accounts.end() ? kNone : principals->second, asked_at);
        },
        [this, piece](const std::exception_ptr&) { let_go(piece); });
  });
}

void Attributor::take_answer(Tx& tx, const attributions::Question& asked, const Records& records,
                             const std::vector<std::string>& deploy_principals, WallTime asked_at) {
  const auto question = attributions::open(tx.db, asked.event_seq);
  if (!question) return;
  static const std::vector<ChangeRecord> kNone;
  // By what was asked: an account may have got another label meanwhile, the function's own name stays.
  const auto of_function = records.find(asked.change.function);
  const Attribution found =
      attribute(asked.change, of_function == records.end() ? kNone : of_function->second, deploy_principals, asked_at);
  const unsigned tries = question->tries + 1;
  const auto next = found.grade == Attribution::Grade::none
                        ? next_audit_try(question->event_at, tries, true, clock_.wall())
                        : std::nullopt;
  attributions::save(tx.db, question->event_seq, found, asked_at, tries, next);
  if (!next) tell(tx, *question, found, asked_at);
}

void Attributor::put_off(Tx& tx, const attributions::Question& asked, bool again) {
  const auto question = attributions::open(tx.db, asked.event_seq);
  if (!question) return;
  const unsigned tries = question->tries + 1;
  const auto next = again ? next_audit_try(question->event_at, tries, false, clock_.wall()) : std::nullopt;
  attributions::put_off(tx.db, question->event_seq, tries, next);
  if (next || !question->asked_at) return;
  // An earlier query had an answer, and found nothing: that is what stays.
  if (const auto known = attributions::of_event(tx.db, question->event_seq))
    tell(tx, *question, known->attribution, *question->asked_at);
}

void Attributor::tell(Tx& tx, const attributions::Question& about, const Attribution& found, WallTime asked_at) {
  const TargetRow row = targets::load(tx.db, about.target);
  NewEvent event;
  event.kind = "change.attributed";
  event.target = about.address;
  event.target_id = about.target;
  event.data = to_json(found, asked_at);
  (*event.data)["event"] = about.event_id;
  (*event.data)["final"] = true;
  event.facts.summary = summary_of(found);
  event.facts.observed = row.state.live;
  event.facts.accepted = row.state.accepted;
  event.facts.drift_since = row.state.drift_since;
  event.facts.follows = about.event_id;
  const LoggedEvent logged = ledger_.append(tx, event, clock_.wall());
  attributions::set_told(tx.db, about.event_seq, logged.seq);
}

void Attributor::log_trouble(const AuditJob& job, const AuditQuery& query) {
  const PollError& trouble = job.trouble();
  if (job.too_large()) {
    // Said each time: nobody asks again. That the audit log answers it shows, too.
    log(LogLevel::warning, "audit.too_large",
        fmt::format("{} in {} of account {}, from {} to {}: who made {} in that time is not asked again",
                    trouble.message, query.region, query.account, rfc3339(query.from), rfc3339(query.to),
                    query.questions.size() == 1 ? "the change of " + harmless(query.questions[0].address)
                                                : fmt::format("{} changes", query.questions.size())),
        {field("account", query.account), field("region", query.region)});
    return;
  }
  {
    Locked told(troubles_);
    std::string& last = (*told)[{query.account, query.region}];
    if (last == trouble.code) return;
    last = trouble.code;
  }
  if (trouble.code.empty()) {
    log(LogLevel::info, "audit.recovered",
        fmt::format("the audit log of account {} answers again in {}", query.account, query.region),
        {field("account", query.account), field("region", query.region)});
    return;
  }
  log(LogLevel::warning, job.denied() ? "audit.denied" : "audit.failed",
      fmt::format("the audit log of account {} gave no answer in {}: {}: {}; who made a change is asked again later{}",
                  query.account, query.region, trouble.code, trouble.message,
                  job.denied() ? "; the permission it takes is cloudaudit:DescribeEvents, and `codedriftd policy "
                                 "--who` prints the policy"
                               : ""),
      {field("account", query.account), field("region", query.region), field("request", trouble.request_id)});
}

void Attributor::let_go(const Questions& questions) {
  Locked known(under_way_);
  for (const attributions::Question& question : questions) known->erase(question.event_seq);
}

}  // namespace codedriftd
