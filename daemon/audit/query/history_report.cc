#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <span>

#include "audit/format/values.h"
#include "audit/query/reports.h"
#include "audit/story/target_story.h"
#include "model/value.h"
#include "store/ledger/inside.h"
#include "store/record/attributions.h"
#include "store/record/values.h"

namespace codedriftd {
namespace {

constexpr std::string_view kHistoryFields[] = {"target",          "outcome",      "code",  "sha256",
                                               "first_seen_at",   "last_seen_at", "polls", "longest_gap_s",
                                               "accepted_at_end", "content",      "who",   "value"};
constexpr Column kHistoryColumns[] = {
    {"target", "TARGET", 0}, {"outcome", "OUTCOME", 0},           {"code", "CODE", 40},
    {"sha256", "SHA256", 0}, {"first_seen_at", "FIRST SEEN", 0},  {"last_seen_at", "LAST SEEN", 0},
    {"polls", "POLLS", 0},   {"longest_gap_s", "LONGEST GAP", 0}, {"accepted_at_end", "ACCEPTED AT END", 0, 1}};
constexpr std::size_t kClaimsSpelled = 20;  // more are said in one sentence

struct Run {
  int64_t id;
  std::string outcome, code;
  std::optional<Sha256> sha256;
  WallTime first, last;
  int64_t polls;
  Millis longest_gap{};
  std::optional<bool> accepted_at_end;
  std::string content;  ///< of the package of `sha256`, with what the target leaves out left out; empty: not known
  std::string value;    ///< what `sha256` stands for; empty: code, or not known
  std::string who;      ///< what the audit log tells of the change that began it, and of writes within it; or empty
};

std::optional<Sha256> accepted_at(const std::vector<TargetRecord::Acceptance>& all, WallTime at) {
  std::optional<Sha256> accepted;
  for (const TargetRecord::Acceptance& acceptance : all) {
    if (acceptance.at <= at) accepted = acceptance.sha256;
  }
  return accepted;
}

/// The last three: a function that is written all the time is to fill no screen.
std::string who_of(const std::vector<attributions::Known>& changes, const Run& run) {
  constexpr int kMostTold = 3;
  std::string words;
  int told = 0;
  for (auto change = changes.rbegin(); change != changes.rend() && told < kMostTold; ++change) {
    if (change->to < run.first || change->to > run.last) continue;
    words = change->attribution.words + (words.empty() ? "" : " ") + words;
    ++told;
  }
  return words;
}

/// A function is made before it is first seen live: what is told of that belongs to the run that came first after it.
void move_to_runs(Database& db, TargetId target, std::vector<attributions::Known>& changes) {
  for (attributions::Known& change : changes) {
    if (change.event_kind != "function.discovered") continue;
    auto q = db.query(
        "SELECT first_seen_ms FROM run WHERE target = ? AND outcome = 'observed' AND last_seen_ms >= ? ORDER BY "
        "first_seen_ms, id LIMIT 1",
        target, change.to);
    if (q.step()) change.to = std::max(change.to, q.time(0));
  }
}

struct Found {
  const SelectedTarget* of;
  Run run;
};

/// Appends the runs of one target that overlap the window, by time; with a limit, the newest. How many there are.
std::size_t read_runs(Database& db, const SelectedTarget& of, const Selection& selection, std::vector<Found>& found) {
  const WallTime since = selection.since.value_or(WallTime::min()), until = selection.until.value_or(WallTime::max());
  const std::size_t before = found.size();
  {
    enum Column : int { kRun, kOutcome, kCode, kSha256, kFirst, kLast, kPolls, kLongestGap };
    auto q = db.query(
        "SELECT id, outcome, code, sha256, first_seen_ms, last_seen_ms, polls, longest_gap_ms FROM run WHERE target = "
        "? AND last_seen_ms >= ? AND first_seen_ms <= ? ORDER BY first_seen_ms DESC, id DESC LIMIT ?",
        of.row.id, since, until, selection.limit.value_or(std::numeric_limits<int64_t>::max()));
    while (q.step())
      found.push_back({&of,
                       {q.integer(kRun),
                        q.string(kOutcome),
                        q.string(kCode),
                        q.optional_sha256(kSha256),
                        q.time(kFirst),
                        q.time(kLast),
                        q.integer(kPolls),
                        q.millis(kLongestGap),
                        {},
                        {},
                        {},
                        {}}});
  }
  std::reverse(found.begin() + static_cast<std::ptrdiff_t>(before), found.end());
  const std::size_t read = found.size() - before;
  if (!selection.limit || read < static_cast<std::size_t>(*selection.limit)) return read;
  auto q = db.query("SELECT count(*) FROM run WHERE target = ? AND last_seen_ms >= ? AND first_seen_ms <= ?", of.row.id,
                    since, until);
  return q.step() ? static_cast<std::size_t>(q.integer(0)) : read;
}

/// What stands beside the runs of one target. REQUIRES: they are all of one, and there are some.
void describe(Database& db, std::span<Found> found, WallTime now) {
  const TargetRow& row = found.front().of->row;
  const auto accepted = read_acceptances(db, row.id, WallTime::max());
  auto changes = attributions::of_target(db, row.id);
  move_to_runs(db, row.id, changes);
  for (Found& each : found) {
    Run& run = each.run;
    if (run.outcome == "observed" || run.outcome == "missing") run.who = who_of(changes, run);
    if (!run.sha256) continue;
    run.value = values::text_of(db, row.target, run.sha256);
    if (const auto content = digest_on_record(db, run.sha256, row.state.ignore)) run.content = content->text();
    const bool open = row.answer_run == run.id;
    run.accepted_at_end = accepted_at(accepted, open ? std::max(now, run.last) : run.last) == run.sha256;
  }
}

Row history_row(const Target& target, const Run& run) {
  NamedValues beneath;
  if (run.sha256 && has_text(kind_of_qualifier(target.qualifier))) beneath.emplace_back("live", run.value);
  return {{target.address(), run.outcome, text_or_null(run.code), value_of(run.sha256), rfc3339(run.first),
           rfc3339(run.last), run.polls, seconds(run.longest_gap),
           run.accepted_at_end ? OrderedJson(*run.accepted_at_end) : OrderedJson(), text_or_null(run.content),
           text_or_null(run.who), text_or_null(run.value)},
          {},
          {},
          std::move(beneath)};
}

std::string claim(const Run& run) {
  const std::string when = run.polls == 1
                               ? fmt::format("at 1 instant, {}", rfc3339(run.first))
                               : fmt::format("at {} instants, never more than {} apart, from {} to {}", run.polls,
                                             spell(run.longest_gap), rfc3339(run.first), rfc3339(run.last));
  return fmt::format("{}, the live hash was {}.{}{}", when, run.sha256->hex(), run.who.empty() ? "" : " ", run.who);
}

/// The newest `limit`, in the order they were in.
void keep_newest(std::vector<Found>& found, int64_t limit) {
  const auto keep = static_cast<std::size_t>(limit);
  if (found.size() <= keep) return;
  std::vector<std::pair<WallTime, std::size_t>> order;
  order.reserve(found.size());
  for (std::size_t i = 0; i < found.size(); ++i) order.emplace_back(found[i].run.first, i);
  std::nth_element(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(keep), order.end(), std::greater<>());
  order.resize(keep);
  std::sort(order.begin(), order.end(), [](const auto& a, const auto& b) { return a.second < b.second; });
  std::vector<Found> newest;
  newest.reserve(keep);
  for (const auto& [first, index] : order) newest.push_back(std::move(found[index]));
  found = std::move(newest);
}

ReportEnd run_history(Database& db, const Selection& selection, WallTime now, const Emit& emit) {
  std::vector<Found> found;
  const std::vector<SelectedTarget> selected = selected_targets(db, selection, now);
  std::size_t in_all = 0;
  for (const SelectedTarget& target : selected) {
    in_all += read_runs(db, target, selection, found);
    // However many there are, no more are held than a few times what is asked for.
    if (selection.limit && found.size() / 2 > static_cast<std::size_t>(*selection.limit))
      keep_newest(found, *selection.limit);
  }
  if (selection.limit) keep_newest(found, *selection.limit);
  for (auto first = found.begin(); first != found.end();) {
    const auto last = std::find_if(first, found.end(), [&](const Found& each) { return each.of != first->of; });
    describe(db, {first, last}, now);
    first = last;
  }
  ReportEnd end;
  std::vector<std::string> claims;
  for (const Found& each : found) {
    emit(history_row(each.of->row.target, each.run));
    if (each.run.sha256 && selected.size() == 1) claims.push_back(claim(each.run));
  }
  end.rows = static_cast<int64_t>(found.size());
  end.summary["selected"] = in_all;
  if (found.size() < in_all)
    end.remarks.push_back(fmt::format("The newest {} of {} rows are shown.", found.size(), in_all));
  if (!claims.empty() && claims.size() <= kClaimsSpelled) {
    end.remarks.insert(end.remarks.end(), claims.begin(), claims.end());
    end.remarks.push_back("What lay between two of them is not known.");
  } else if (!found.empty()) {
    end.remarks.push_back(
        "Each row with a hash says: at POLLS instants, never more than LONGEST GAP apart, the live hash was SHA256. "
        "What "
        "lay between two of them is not known.");
  }
  return end;
}

}  // namespace

const Report kHistoryReport{"history", kHistoryFields, kHistoryColumns, run_history};

}  // namespace codedriftd
