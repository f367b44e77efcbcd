/// A plan with the daemon's polls.
#include <fmt/format.h>

#include <map>
#include <set>

#include "actions/poll_requests.h"
#include "audit/story/changes_inside.h"
#include "base/json.h"
#include "commands/options/usage.h"
#include "commands/plan/sources.h"
#include "commands/reach/await.h"
#include "commands/reach/reading.h"
#include "store/record/facts.h"

namespace codedriftd {
namespace {

/// When each target was last polled.
using Polls = std::map<std::string, std::optional<WallTime>>;

Result<Polls, NoPlan> polls_so_far(Database& db, Selection& selection, WallTime now) {
  if (auto resolved = resolve_names(db, selection); !resolved) return NoPlan{kExitUsage, resolved.error().message};
  auto before = plan_from_record(db, selection, now);
  if (!before) return before.error();
  Polls polls;
  for (const Plan::Item& item : before->items)
    polls.emplace(item.selected.row.target.address(), item.selected.row.state.last_polled_at);
  return polls;
}

/// The same targets, as they stand now.
Plan plan_after(Database& db, const Polls& before, WallTime now) {
  const daemon_runs::Stays stays(db);
  Plan plan;
  for (TargetRow& row : targets::all(db, false)) {
    const auto known = before.find(row.target.address());
    if (known == before.end()) continue;
    const bool answered = row.state.last_polled_at != known->second && row.state.consecutive_failures == 0;
    StatusView status = status_of(row.state, now, stays.of(row.target.account));
    SelectedTarget selected{std::move(row), std::move(status)};
    find_changes_inside(db, selected);
    plan.items.push_back({std::move(selected), answered});
  }
  if (plan.items.size() < before.size())
    plan.remarks.push_back(fmt::format("{} of {} are not watched any more: the configuration was loaded meanwhile.",
                                       before.size() - plan.items.size(), before.size()));
  sort_plan(plan);
  return plan;
}

}  // namespace

Result<std::optional<Plan>, NoPlan> plan_by_daemon(const Settings& settings, Selection selection, const Clock& clock,
                                                   Progress& progress) {
  const Patience patience;
  Selection resolved;
  const auto before = read_record(settings, [&](Database& db) {
    resolved = selection;
    return polls_so_far(db, resolved, clock.wall());
  });
  selection = std::move(resolved);
  if (!before) return before.error();
  const auto reply = ask_running_daemon(settings, "plan", plan_arguments(selection), clock, patience);
  if (!reply) {
    const NothingDone& nothing = reply.error();
    return NoPlan{exit_code_of(nothing),
                  nothing.message + (nothing.code == "denied" ? "; with --refresh=false nothing is polled" : "")};
  }
  if (!*reply) return std::optional<Plan>();
  const auto ticket = (**reply)->at("ticket").get<std::string>();
  auto over = await_ticket(settings, ticket, clock, patience,
                           [&](std::size_t done, std::size_t total) { progress.at(done, total); });
  progress.clear();
  if (!over) return NoPlan{EXIT_FAILURE, over.error().message};
  Plan plan = read_record(settings, [&](Database& db) { return plan_after(db, *before, clock.wall()); });
  if (const auto lost = (*over)->value("unrecorded", std::size_t{0}); lost > 0)
    plan.remarks.push_back(fmt::format("The answers of {} could not be recorded: see the daemon's log.", lost));
  return std::optional(std::move(plan));
}

}  // namespace codedriftd
