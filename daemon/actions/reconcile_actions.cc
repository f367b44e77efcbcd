#include "actions/reconcile_actions.h"

#include <fmt/format.h>

#include <set>

#include "actions/vouching.h"
#include "base/duration.h"
#include "base/json.h"
#include "base/text.h"
#include "model/value.h"
#include "select/selection.h"
#include "store/ledger/suspensions.h"
#include "store/record/attestations.h"
#include "store/record/targets.h"
#include "store/record/values.h"

namespace codedriftd {
namespace {

using Reply = Result<JsonBox, NothingDone>;

constexpr std::size_t kMostNamed = 10, kMostListed = 1'000;

/// Finds stored targets by what TARGET says. The names of all of them are read once, and only if one is no address.
class Finder {
 public:
  explicit Finder(Database& db) : db_(db) {}

  Result<TargetRow, NothingDone> operator()(const std::string& name) {
    Selection selection;
    selection.names = {name};
    const bool whole = name.find('/') != std::string::npos && name.find(':') != std::string::npos;
    if (!whole && !known_) known_ = present_targets(db_);
    if (auto one = resolve_names(known_ ? *known_ : KnownTargets{}, selection); !one)
      return NothingDone{"usage", one.error().message};
    if (auto row = targets::find(db_, selection.targets.front())) return std::move(*row);
    return NothingDone{"nothing", explain_nothing(db_, selection, WallTime{})};
  }

 private:
  Database& db_;
  std::optional<KnownTargets> known_;
};

/// What is to be done to one target.
struct Step {
  TargetRow row;
  Input input;
  std::string objection;                          ///< why not, beside what the verdict says
  std::optional<SignedStatement> statement = {};  ///< what vouches for it: is kept
};

/// Those steps that cannot be taken, and why, for people; empty: all can.
std::string objections(const std::vector<Step>& steps, WallTime now) {
  std::string all;
  std::size_t count = 0;
  for (const Step& step : steps) {
    std::string why = step.objection;
    if (why.empty()) why = decide(step.row.target, step.row.state, step.input, now).refused.value_or("");
    if (why.empty()) continue;
    if (++count <= kMostNamed) all += fmt::format("{}{}: {}", all.empty() ? "" : "\n", step.row.target.address(), why);
  }
  if (count > kMostNamed) all += fmt::format("\n… and {} more", count - kMostNamed);
  if (steps.size() > 1 && count > 0) all += "\nnothing was done for the others either";
  return all;
}

/// Refused by the record. What is merely a mistake, a count that is wrong or nothing to resume, is no such event: an
/// auditor who reads of a refusal looks for somebody who tried.
Reply refuse(Tx& tx, Ledger& ledger, const Caller& caller, std::string_view verb,
             const std::optional<std::string>& target, std::string why, WallTime now) {
  ledger.append(tx, control_denied(caller, verb, target, why), now);
  return NothingDone{"refused", std::move(why)};
}

/// Takes all steps, or none. `told` makes what the reply says of one, from the row before and after.
template <typename Told>
Reply take(Tx& tx, Ledger& ledger, const Caller& caller, std::string_view verb, std::vector<Step> steps, WallTime now,
           Told told) {
  if (std::string why = objections(steps, now); !why.empty()) {
    const auto target = steps.size() == 1 ? std::optional(steps.front().row.target.address()) : std::nullopt;
    return refuse(tx, ledger, caller, verb, target, std::move(why), now);
  }
  Json targets = Json::array();
  for (Step& step : steps) {
    if (step.statement) attestations::keep(tx, step.row.id, *step.statement, now);
    const TargetState before = step.row.state;
    const Applied applied = ledger.apply(tx, step.row, step.input, now);
    if (applied.refused) throw std::runtime_error(*applied.refused);  // which takes the others back
    if (targets.size() < kMostListed) targets.push_back(told(before, step.row));
  }
  return JsonBox(Json{{"count", steps.size()}, {"targets", std::move(targets)}});
}

/// The items' targets; an item that names none, or one twice, is the end.
template <typename Item, typename Make>
Result<std::vector<Step>, NothingDone> steps_of(Database& db, const std::vector<Item>& items, Make make) {
  Finder find(db);
  std::vector<Step> steps;
  std::set<TargetId> seen;
  for (const Item& item : items) {
    auto row = find(item.target);
    if (!row) return row.error();
    if (!seen.insert(row->id).second)
      return NothingDone{"usage", fmt::format("{} is named twice", row->target.address())};
    steps.push_back(make(item, std::move(*row)));
  }
  return steps;
}

/// Why a row of a plan is no longer what it was.
std::string moved(const ApproveRequest::Item& item, const TargetState& state, std::string_view noun) {
  if (!item.planned || item.accepted == state.accepted) return {};
  return fmt::format("changed after the plan was made: {}",
                     state.accepted ? fmt::format("{} {} was accepted at {} ({})", noun, state.accepted->hex(),
                                                  state.accepted_at ? rfc3339(*state.accepted_at) : "an unknown time",
                                                  to_string(state.accepted_source))
                                    : "nothing is accepted any more");
}

/// Why what is attested is no ground for accepting the hash; empty: it is.
std::string off_the_point(const Vouched& vouched, const Sha256& wanted, const TargetState& state) {
  if (vouched.sha256 && *vouched.sha256 != wanted)
    return fmt::format("the attestation is about code {}", vouched.sha256->hex());
  if (!vouched.content || state.live != wanted) return {};
  if (!state.live_content)
    return fmt::format("the attestation is about content {}, and what is inside the live package is not known",
                       vouched.content->text());
  if (state.live_content->digest != *vouched.content)
    return fmt::format("the attestation is about content {}, and {} is live", vouched.content->text(),
                       state.live_content->digest.text());
  return {};
}

Step step_of(const ApproveRequest& request, const ApproveRequest::Item& item, TargetRow row, const Caller& caller) {
  Approved approved{item.sha256, request.reason, request.ticket, caller.actor, caller.claimed};
  std::string objection = moved(item, row.state, words_for(row.target).noun);
  if (item.attestation.empty()) {
    if (objection.empty()) objection = needs_attestation(request.trust.get(), row.target);
    return {std::move(row), std::move(approved), std::move(objection)};
  }
  Vouched vouched = vouch(item.attestation, request.trust.get(), row.target, caller);
  if (objection.empty()) objection = std::move(vouched.objection);
  if (objection.empty()) objection = off_the_point(vouched, item.sha256, row.state);
  approved.attested = std::move(vouched.said);
  return {std::move(row), std::move(approved), std::move(objection), std::move(vouched.statement)};
}

/// Why an attestation does nothing for somebody without a permission; empty: it does. Whoever reads the record has
/// those that were believed before: announced again they would take back what others announced, or let old code return.
std::string worn_out(Database& db, const Vouched& vouched, const TargetRow& row) {
  if (attestations::believed(db, row.id, vouched.said->sha256))
    return "it was announced with this attestation before; only who may `expect` announces it again";
  const TargetState& state = row.state;
  const bool live = vouched.sha256 ? state.live == vouched.sha256
                                   : state.live_content && state.live_content->digest == vouched.content;
  return live && state.accepted == state.live ? "what the attestation names is live and accepted already"
                                              : std::string();
}

Step step_of(Database& db, const ExpectRequest& request, const ExpectRequest::Item& item, TargetRow row,
             const Caller& caller, WallTime now) {
  const WallTime until = now + item.valid.value_or(row.state.deploy_grace);
  Expected expected{item.sha256, until, item.build, item.commit, caller.actor, caller.claimed, item.content};
  if (item.content && kind_of_qualifier(row.target.qualifier) != TargetKind::code) {
    std::string objection = "a content is what is in a package, and it has none; announce its --sha256";
    return {std::move(row), std::move(expected), std::move(objection)};
  }
  if (item.attestation.empty()) {
    std::string objection = request.only_attested ? std::string("without a permission it needs an --attestation")
                                                  : needs_attestation(request.trust.get(), row.target);
    return {std::move(row), std::move(expected), std::move(objection)};
  }
  Vouched vouched = vouch(item.attestation, request.trust.get(), row.target, caller);
  if (!vouched.objection.empty()) return {std::move(row), std::move(expected), std::move(vouched.objection)};
  std::string objection = request.only_attested ? worn_out(db, vouched, row) : std::string();
  expected.sha256 = vouched.sha256;
  expected.content = vouched.content;
  expected.actor = "key:" + vouched.said->key;
  expected.commit = vouched.said->commit;
  expected.attested = std::move(vouched.said);
  for (const Announcement& open : row.state.announced) {
    // Who has no permission shortens nothing that was promised before.
    if (request.only_attested && open.sha256 == expected.sha256 && open.content == expected.content)
      expected.valid_until = std::max(expected.valid_until, open.valid_until);
  }
  return {std::move(row), std::move(expected), std::move(objection), std::move(vouched.statement)};
}

}  // namespace

// ---- what is done ---------------------------------------------------------------------------------------------------

NewEvent control_denied(const Caller& caller, std::string_view verb, const std::optional<std::string>& target,
                        std::string_view reason) {
  NewEvent event;
  event.kind = "control.denied";
  event.severity = Severity::warning;
  event.actor = caller.actor;
  event.facts.reason = clean_utf8(reason);
  event.data =
      Json{{"uid", caller.uid}, {"verb", or_null(verb)}, {"target", or_null(target)}, {"reason", event.facts.reason}};
  if (!caller.claimed.empty()) (*event.data)["claimed"] = caller.claimed;
  event.facts.summary = fmt::format("{} asked for {} and was refused: {}.", caller.actor,
                                    verb.empty() ? "something" : verb, event.facts.reason);
  return event;
}

Reply perform(Tx& tx, Ledger& ledger, const ApproveRequest& request, const Caller& caller, WallTime now) {
  if (auto good = check_request(request); !good) return NothingDone{"usage", good.error().message};
  const auto size = static_cast<int64_t>(request.items.size());
  if (request.count && *request.count != size) {
    return NothingDone{"refused", fmt::format("the plan has {} row{} to accept, not {}: nothing was accepted", size,
                                              size == 1 ? "" : "s", *request.count)};
  }
  auto steps = steps_of(tx.db, request.items, [&](const ApproveRequest::Item& item, TargetRow row) {
    return step_of(request, item, std::move(row), caller);
  });
  if (!steps) return steps.error();
  return take(tx, ledger, caller, "approve", std::move(*steps), now,
              [&tx](const TargetState& before, const TargetRow& row) {
                return Json{{"target", row.target.address()},
                            {"sha256", or_null(row.state.accepted)},
                            {"previous_sha256", or_null(before.accepted)},
                            {"value", or_null(values::text_of(tx.db, row.target, row.state.accepted))},
                            {"previous_value", or_null(values::text_of(tx.db, row.target, before.accepted))}};
              });
}

Reply perform(Tx& tx, Ledger& ledger, const ExpectRequest& request, const Caller& caller, WallTime now) {
  if (auto good = check_request(request); !good) return NothingDone{"usage", good.error().message};
  auto steps = steps_of(tx.db, request.items, [&](const ExpectRequest::Item& item, TargetRow row) {
    return step_of(tx.db, request, item, std::move(row), caller, now);
  });
  if (!steps) return steps.error();
  return take(tx, ledger, caller, "expect", std::move(*steps), now,
              [](const TargetState& before, const TargetRow& row) {
                if (row.state.announced.empty())
                  return Json{{"target", row.target.address()}, {"sha256", or_null(row.state.live)}, {"arrived", true}};
                const Announcement& announced = row.state.announced.back();
                Json told{{"target", row.target.address()},
                          {"sha256", or_null(announced.sha256)},
                          {"valid_until", rfc3339(announced.valid_until)}};
                if (announced.content) told["content"] = announced.content->text();
                for (const Announcement& earlier : before.announced) {
                  if (earlier.sha256 == announced.sha256 && earlier.content == announced.content && !earlier.overdue &&
                      earlier.valid_until > announced.valid_until)
                    told["previous_until"] = rfc3339(earlier.valid_until);
                }
                return told;
              });
}

Reply perform(Tx& tx, Ledger& ledger, const WithdrawRequest& request, const Caller& caller, WallTime now) {
  if (auto good = check_request(request); !good) return NothingDone{"usage", good.error().message};
  auto row = Finder(tx.db)(request.target);
  if (!row) return row.error();
  const TargetState before = row->state;
  std::vector<Step> steps;
  steps.push_back(
      {std::move(*row), Withdrawn{request.sha256, request.reason, caller.actor, caller.claimed, request.content}, {}});
  auto done =
      take(tx, ledger, caller, "withdraw", std::move(steps), now, [](const TargetState&, const TargetRow& after) {
        return Json{{"target", after.target.address()}, {"left", after.state.announced.size()}};
      });
  if (!done) return done;
  Json targets = Json::array();
  const std::string address = (**done).at("targets").at(0).at("target").get<std::string>();
  for (const Announcement& each : before.announced) {
    const bool one = request.sha256 || request.content;
    if (each.pin || (one && (each.sha256 != request.sha256 || each.content != request.content))) continue;
    targets.push_back({{"target", address}, {"sha256", or_null(each.sha256)}});
    if (each.content) targets.back()["content"] = each.content->text();
  }
  return JsonBox(Json{{"count", targets.size()}, {"targets", std::move(targets)}});
}

namespace {

/// The targets a suspension or its end is about: the one that is named, or those that a pattern matches.
Result<std::vector<TargetRow>, NothingDone> rows_of(Database& db, const SuspendRequest& request) {
  std::vector<TargetRow> rows;
  if (request.target.find_first_of("*?") == std::string::npos) {
    auto row = Finder(db)(request.target);
    if (!row) return row.error();
    rows.push_back(std::move(*row));
    return rows;
  }
  if (request.resume) {
    for (const suspensions::Suspended& held : suspensions::all(db)) {
      TargetRow row = targets::load(db, held.id);
      if (target_matches(request.target, row.target)) rows.push_back(std::move(row));
    }
    if (rows.empty())
      return NothingDone{"nothing",
                         fmt::format("'{}' matches no function whose alerts are held; see codedriftd suspend "
                                     "--list",
                                     harmless(clean_utf8(request.target, 400)))};
    return rows;
  }
  targets::each(db, false, [&](TargetRow&& row) {
    if (target_matches(request.target, row.target)) rows.push_back(std::move(row));
  });
  if (rows.empty()) {
    Selection selection;
    selection.targets = {request.target};
    return NothingDone{"nothing", explain_nothing(db, selection, WallTime{})};
  }
  return rows;
}

}  // namespace

Reply perform(Tx& tx, Ledger& ledger, const SuspendRequest& request, const Caller& caller, WallTime now) {
  if (auto good = check_request(request); !good) return NothingDone{"usage", good.error().message};
  const WallTime until = request.until.value_or(now + kSuspended);
  if (!request.resume && (until <= now || until > now + kLongestSuspended)) {
    return NothingDone{"usage", fmt::format("--until {} is not within the next {} (it is {})", rfc3339(until),
                                            format_duration(kLongestSuspended), rfc3339(now))};
  }
  const auto rows = rows_of(tx.db, request);
  if (!rows) return rows.error();
  if (const auto matched = static_cast<int64_t>(rows->size()); request.count && *request.count != matched) {
    return NothingDone{
        "refused",
        fmt::format("'{}' is {} function{}, not {}: nothing was {}", harmless(clean_utf8(request.target, 400)), matched,
                    matched == 1 ? "" : "s", *request.count, request.resume ? "resumed" : "suspended")};
  }
  for (const TargetRow& row : *rows) {
    const std::string address = row.target.address();
    if (request.resume && !suspensions::find(tx.db, row.id))
      return NothingDone{"refused", address + ": its alerts are not held"};
    if (!request.resume && !row.state.watched)
      return NothingDone{"refused", address + ": it is not watched: no [[function]] of the configuration names it"};
  }
  Json targets = Json::array();
  for (const TargetRow& row : *rows) {
    Json told{{"target", row.target.address()}};
    if (request.resume) {
      suspensions::end(tx, ledger, row, caller.actor, caller.claimed, request.reason, now);
    } else {
      told["until"] = rfc3339(until);
      if (const auto before = suspensions::find(tx.db, row.id); before && before->until > until)
        told["previous_until"] = rfc3339(before->until);
      suspensions::begin(tx, ledger, row, {now, until, caller.actor, caller.claimed, request.reason});
    }
    if (targets.size() < kMostListed) targets.push_back(std::move(told));
  }
  return JsonBox(Json{{"count", rows->size()}, {"targets", std::move(targets)}});
}

void withdraw_untrusted(Tx& tx, Ledger& ledger, const Trust& trust, WallTime now) {
  for (const TargetId id : targets::waiting(tx.db)) {
    TargetRow row = targets::load(tx.db, id);
    const bool only_attested = trust.attested_only.contains(row.target.address());
    const std::vector<Announcement> announced = row.state.announced;
    for (const Announcement& each : announced) {
      const bool believed = each.attested && std::ranges::any_of(trust.keys, [&](const TrustKey& trusted) {
                              return trusted.key.id() == each.attested->key_id;
                            });
      if (each.pin || (each.attested ? believed : !only_attested)) continue;
      Withdrawn withdrawn{
          each.sha256,
          each.attested ? fmt::format("the key {} is in no [trust] of the configuration any more", each.attested->key)
                        : "require = \"attested\" in the configuration, and it is not attested",
          "config", "", each.content};
      ledger.apply(tx, row, withdrawn, now);
    }
  }
}

}  // namespace codedriftd
