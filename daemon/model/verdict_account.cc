/// One cause, many functions: the verdict on an account in one region.
#include <fmt/format.h>

#include "base/json.h"
#include "base/text.h"
#include "model/verdict.h"
#include "model/verdict_events.h"

namespace codedriftd {
namespace {

constexpr unsigned kFewestStale = 5;

bool fails(const AccountInput& input) {
  return input.cause_open || (input.stale >= kFewestStale && input.stale > input.watched / 2);
}

/// `functions` is how many cannot be seen now: all of them, where the cause is the account's.
NewEvent account_event(std::string_view kind, Severity severity, std::string_view reason, unsigned functions,
                       const std::optional<PollError>& error) {
  NewEvent event;
  event.kind = kind;
  event.severity = severity;
  event.facts.reason = reason;
  event.facts.error = error_json(error);
  if (error) event.facts.request_id = clean_utf8(error->request_id);
  event.data = Json{{"reason", clean_utf8(reason)}, {"error", *event.facts.error}, {"functions", functions}};
  return event;
}

/// The clock's own words have a colon: what was measured stands before it, or before what the cloud says of it.
std::string clock_summary(std::string_view account, std::string_view region, unsigned functions,
                          std::string_view message) {
  const std::string measured = harmless(message.substr(0, message.find_first_of(";:")));
  return functions == 1 ? fmt::format("{}: the function of {}/{} cannot be polled.", measured, account, region)
                        : fmt::format("{}: none of the {} functions of {}/{} can be polled.", measured, functions,
                                      account, region);
}

}  // namespace

AccountDecision decide_account(std::string_view account, std::string_view region, const AccountState& state,
                               const AccountInput& input, WallTime now) {
  AccountDecision decision{state, {}};
  const bool failing = fails(input);
  if (failing == state.failing) return decision;
  if (failing) {
    decision.state = {true, input.reason.empty() ? "stale" : input.reason, now};
    const unsigned functions = input.cause_open ? input.watched : input.stale;
    NewEvent event = account_event("account.failing", Severity::warning, decision.state.reason, functions, input.error);
    event.facts.summary = fmt::format("{} of {} functions of account {} in {} cannot be seen ({}{}{}).", functions,
                                      input.watched, account, region, harmless(decision.state.reason),
                                      input.error ? ": " : "", input.error ? harmless(input.error->code) : "");
    if (decision.state.reason == kClockReason && input.error)
      event.facts.summary = clock_summary(account, region, functions, input.error->message);
    decision.events.push_back(std::move(event));
  } else {
    decision.state = {};
    NewEvent event = account_event("account.recovered", Severity::info, state.reason, input.stale, std::nullopt);
    event.facts.summary =
        input.stale == 0 ? fmt::format("The functions of account {} in {} can be seen again.", account, region)
                         : fmt::format("Most functions of account {} in {} can be seen again; {} of {} still cannot.",
                                       account, region, input.stale, input.watched);
    decision.events.push_back(std::move(event));
  }
  for (NewEvent& event : decision.events) {
    event.facts.account = account;
    event.facts.region = region;
  }
  return decision;
}

}  // namespace codedriftd
