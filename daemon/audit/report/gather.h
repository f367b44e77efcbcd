#pragma once
/// What an auditor is given of a period: gathered here, written by report_html.h, report_markdown.h and report_json.h.
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "audit/story/coverage.h"
#include "audit/story/looks.h"
#include "audit/story/state_at.h"

namespace codedriftd {

/// An event of the log as the report shows it.
struct LoggedFact {
  int64_t seq = 0;
  std::string id;
  WallTime time{};
  std::string kind, severity, actor;
  std::optional<TargetId> target_id;  ///< nullopt: it concerns the whole daemon
  std::optional<std::string> target;  ///< what it is called now
  std::string target_then;            ///< and what it was called then, if that was something else
  OrderedJson data;
  OrderedJson changes;  ///< drift: what changed inside against what was accepted (model/changes.h); null: not known
  std::string problem;  ///< not empty: what is stored contradicts itself, and how

  /// Text of a member of `data`; empty if there is none.
  std::string text(std::string_view name) const { return text_in(data, name); }
};

/// One hash that became the accepted one, and on whose word.
struct Accepted {
  std::string target;
  TargetRecord::Acceptance how;
  std::optional<Sha256> previous;
};

/// One time of open drift, from its detection to its resolution.
struct DriftStory {
  TargetId target_id = 0;
  std::string target;
  WallTime since{};
  bool began_before = false;         ///< before the period
  bool published_version = false;    ///< of a version, whose code is meant never to change
  std::vector<LoggedFact> moments;   ///< drift.*; of layers and aliases layer.changed and alias.moved, too
  std::optional<WallTime> resolved;  ///< nullopt: open at the end of the period
  std::string resolution;            ///< returned, approved, deployed, pinned
  std::string resolved_by;           ///< the actor of the acceptance that ended it, or of the event
  std::optional<Accepted> acceptance;
  std::optional<Sha256> live, accepted;  ///< at its end
};

/// One function of the report's scope: watched at some time of the period.
struct AuditedFunction {
  std::string address;
  TargetAt then;                                        ///< at the end of the period
  Coverage coverage;                                    ///< within the period
  std::vector<Sightings::Period> watched;               ///< within the period
  std::vector<std::pair<WallTime, WallTime>> drifting;  ///< within the period
  std::map<Sha256, std::string> values;  ///< of layers and aliases: what each hash of `then` stands for, where known

  const TargetState& state() const { return then.known.row.state; }
  const StatusView& status() const { return then.known.status; }
};

struct DeadAlert {
  std::string id, destination, kind;
  std::optional<std::string> target;
  WallTime created_at{};
  int64_t attempts = 0;
  std::string last_error;
};

struct AuditReport {
  WallTime generated_at{}, since{}, until{};
  std::string origin;     ///< of the event log: which installation this is
  std::string selection;  ///< the options that narrow it, or empty: everything

  std::vector<AuditedFunction> functions;  ///< by address
  std::vector<RegionLook> looks;           ///< at the end of the period, by account and region
  std::vector<DriftStory> drifts;          ///< the open ones first, then by beginning
  std::vector<Accepted> accepted;          ///< within the period, by time

  std::optional<LoggedFact> configured_before;  ///< the configuration in force as the period began
  // Events of the period, each in one of these, by seq.
  std::vector<LoggedFact> configurations;  ///< config.loaded
  std::vector<LoggedFact> refused;         ///< control.denied
  std::vector<LoggedFact> pins;            ///< announcements and acceptances of pins, and watching that began with one
  std::vector<LoggedFact> deployments;     ///< deploy.* of pipelines
  std::vector<LoggedFact> unreviewed;      ///< drift.changed and the like of what nobody had accepted
  std::vector<LoggedFact> watching;        ///< watch.added, watch.removed
  std::vector<LoggedFact> holding;         ///< watch.suspended, watch.resumed
  std::vector<LoggedFact> seeing;          ///< poll.*, account.*, function.missing and .returned, package.*
  std::vector<LoggedFact> finding;         ///< discovery.*, and of function.* what listings told
  std::vector<LoggedFact> attributed;      ///< change.attributed
  std::vector<LoggedFact> deliveries;      ///< delivery.*, alert.*
  std::vector<LoggedFact> daemon;          ///< daemon.*, account.renamed, clock.stepped, record.restored, log.genesis
  std::vector<DeadAlert> dead;             ///< made in the period or before, and still not delivered

  int64_t events = 0;                 ///< read and compared with what was written
  std::vector<std::string> problems;  ///< stored events that contradict themselves, or are missing

  WallTime drawn_since{};  ///< where timelines begin: nothing of the scope was watched before

  // Of all functions together.
  int64_t polls = 0;
  Millis observed{0}, unobserved{0}, longest_gap{0};
};

constexpr Millis kReportWindow = std::chrono::hours(24 * 30);

/// Everything of `selection` between its `since` and `until` (by default the last 30 days). Functions that were watched
/// at some time of it are in its scope, whether they still are or not; what concerns the whole daemon is in it whatever
/// is selected. Throws StoreError, and std::runtime_error for a row that cannot be read.
AuditReport gather_audit_report(Database& db, const Selection& selection, WallTime now);

}  // namespace codedriftd
