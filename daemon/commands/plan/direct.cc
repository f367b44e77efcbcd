/// A plan without a daemon.
#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <unordered_map>
#include <utility>

#include "audit/story/changes_inside.h"
#include "base/text.h"
#include "commands/options/usage.h"
#include "commands/plan/sources.h"
#include "commands/reach/reading.h"
#include "polling/sweep.h"
#include "settings/schedule.h"
#include "store/record/facts.h"

namespace codedriftd {
namespace {

/// What is on record, as far as it can be read.
struct Record {
  std::unordered_map<std::string, TargetRow> rows;  ///< by address
  std::optional<DaemonStay> stay;
  std::string trouble;  ///< why there is none
};

Record what_is_on_record(const Settings& settings) {
  try {
    return read_record(settings, [](Database& db) {
      Record record;
      record.stay = daemon_runs::last(db);
      for (TargetRow& row : targets::all(db, true)) {
        std::string address = row.target.address();
        record.rows.emplace(std::move(address), std::move(row));
      }
      return record;
    });
  } catch (const std::runtime_error& error) {
    return {{}, {}, error.what()};
  }
}

class DirectPlan {
 public:
  DirectPlan(Settings settings, Selection selection, const Clock& clock, Progress& progress)
      : settings_(std::move(settings)), selection_(std::move(selection)), clock_(clock), progress_(progress) {}

  Result<Plan, NoPlan> make(const MakeApi& make_api) {
    Record record = what_is_on_record(settings_);
    match_rules_on_record(settings_);
    KnownTargets known;
    known.rules = !settings_.rules.empty();
    for (const WatchSettings& watch : settings_.watches) known.watched.push_back(watch.target);
    if (auto resolved = resolve_names(known, selection_); !resolved)
      return NoPlan{kExitUsage, resolved.error().message};
    select(record);
    if (plan_.items.empty()) return NoPlan{EXIT_FAILURE, explain_nothing(known, selection_, [&] { return statuses_; })};
    poll(*make_api(settings_));
    look_inside();
    remark(record);
    sort_plan(plan_);
    return std::move(plan_);
  }

 private:
  void select(Record& record) {
    const WallTime now = clock_.wall();
    for (const WatchSettings& watch : settings_.watches) {
      if (!selects(selection_, watch.target)) continue;
      SelectedTarget selected{{}, status_of({}, now, record.stay)};
      if (TargetRow* row = stored(record, watch.target)) {
        selected.row = std::move(*row);
        selected.status = status_of(selected.row.state, now, record.stay);
      }
      selected.row.target = watch.target;
      statuses_.emplace(to_string(selected.status.status));
      if (!any_matches(selection_.statuses, to_string(selected.status.status)) ||
          !selection_.in_window(selected.status.since))
        continue;
      TargetState& state = selected.row.state;
      Watched watched{watch.pin,
                      watch.pin_where,
                      watch.baseline,
                      watch.interval,
                      watch.stale_after,
                      watch.deploy_grace,
                      settings_.packages.examine_within,
                      watch.content,
                      watch.same_content_accepted,
                      watch.ignore};
      // The daemon may trust what it sees first. Here nobody would know.
      if (!state.accepted && watched.baseline == Baseline::first_seen) {
        first_sights_.push_back(plan_.items.size());
        watched.baseline = Baseline::review;
      }
      state = decide(watch.target, state, watched, now).state;
      plan_.items.push_back({std::move(selected), false, "not asked"});
    }
  }

  TargetRow* stored(Record& record, const Target& target) const {
    if (const auto row = record.rows.find(target.address()); row != record.rows.end()) return &row->second;
    Target earlier = target;
    earlier.account = settings_.accounts.at(target.account).previous;
    if (earlier.account.empty()) return nullptr;
    const auto row = record.rows.find(earlier.address());
    return row == record.rows.end() ? nullptr : &row->second;
  }

  void poll(Api& api) {
    std::vector<const Target*> targets;
    Paces paces;
    for (const Plan::Item& item : plan_.items) {
      targets.push_back(&item.selected.row.target);
      const AccountSettings& account = settings_.accounts.at(item.selected.row.target.account);
      paces[account.name] = {pace_key(account), account.requests_per_second};
    }
    SweepHooks hooks;
    hooks.answered = [this](std::size_t index, const Observation& observation, WallTime at) {
      judge(plan_.items[index], observation, at);
    };
    hooks.progress = [this](std::size_t done) { progress_.at(done, plan_.items.size()); };
    given_up_ = sweep(api, clock_, targets, paces, hooks);
    const WallTime now = clock_.wall();
    for (Plan::Item& item : plan_.items)
      item.selected.status = status_of(item.selected.row.state, now, DaemonStay{now, false});
  }

  /// What is on record of the packages. Where it cannot be read what changed is not known, as the remark about it says.
  void look_inside() {
    try {
      read_record(settings_, [&](Database& db) {
        for (Plan::Item& item : plan_.items) find_changes_inside(db, item.selected);
        return 0;
      });
    } catch (const std::runtime_error&) {
    }
  }

  void judge(Plan::Item& item, const Observation& observation, WallTime at) {
    TargetRow& row = item.selected.row;
    item.note.clear();
    item.answered = observation.outcome == Outcome::observed || observation.outcome == Outcome::missing;
    Decision decision = decide(row.target, row.state, observation, at);
    row.state = std::move(decision.state);
    if (observation.sha256 && row.state.live == observation.sha256) item.selected.observed_value = observation.value;
    arrivals_ +=
        static_cast<std::size_t>(std::count_if(decision.events.begin(), decision.events.end(),
                                               [](const NewEvent& event) { return event.kind == "deploy.arrived"; }));
  }

  void remark(const Record& record) {
    const auto add = [&](std::string text) { plan_.remarks.push_back(std::move(text)); };
    add("These calls were made with your credentials, and nothing was recorded.");
    if (!record.trouble.empty()) add(fmt::format("What was accepted before is not known: {}", record.trouble));
    const auto trusted = std::count_if(first_sights_.begin(), first_sights_.end(), [&](std::size_t i) {
      return plan_.items[i].selected.status.status == Status::unreviewed;
    });
    if (trusted > 0) {
      add(fmt::format("{} not reviewed {} baseline = \"first-seen\": the daemon would trust what it sees first.",
                      trusted, trusted == 1 ? "has" : "have"));
    }
    if (arrivals_ > 0) {
      add(fmt::format("{} announced {} arrived: that is recorded when the daemon sees it.", arrivals_,
                      arrivals_ == 1 ? "deployment has" : "deployments have"));
    }
    for (const GivenUp& lane : given_up_) {
      add(fmt::format("{}/{} was not asked further after several refusals in a row: {}: {}", lane.account, lane.region,
                      lane.error.code, lane.error.message));
    }
  }

  Settings settings_;
  Selection selection_;
  const Clock& clock_;
  Progress& progress_;
  Plan plan_;
  std::set<std::string> statuses_;  ///< of what matches apart from the status
  std::vector<GivenUp> given_up_;
  std::vector<std::size_t> first_sights_;  ///< items whose first hash the daemon would accept
  std::size_t arrivals_ = 0;
};

}  // namespace

Result<Plan, NoPlan> plan_directly(const Settings& settings, Selection selection, const MakeApi& make_api,
                                   const Clock& clock, Progress& progress) {
  return DirectPlan(settings, std::move(selection), clock, progress).make(make_api);
}

}  // namespace codedriftd
