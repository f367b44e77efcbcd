#pragma once
/// The events of a verdict: their kind, severity, data and what an alert says of them. Private to model/, but for the
/// reminder, which no input causes.
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/json_box.h"
#include "base/sha256.h"
#include "model/event.h"
#include "model/observation.h"
#include "model/status.h"
#include "model/target.h"
#include "model/target_state.h"
#include "model/value.h"
#include "model/verdict.h"

namespace codedriftd {

/// What all events of one input have in common, and the state as it is when the event is made.
struct Scene {
  const Target& target;
  const TargetState& state;
  WallTime now{};
  std::string_view actor = "daemon";
  std::string_view request_id = {};                ///< of the answer that the event is about
  const Inside* inside = nullptr;                  ///< of what is live, where this input brought it
  bool obtainable = false;                         ///< its package can be had, and is about to be looked at
  std::string_view unexamined = {};                ///< why nobody waited on for what is inside
  std::string_view value_before = {}, value = {};  ///< canonical texts of a value that is no code; empty: not known
};

/// The kind of drift of such a target; `again`: drift that was told before changed, or nothing is accepted.
std::string_view drift_kind(const Target& target, bool again);
/// The sentence for drift of layers or of an alias.
std::string value_summary(const Scene& scene, const std::optional<Sha256>& previous);

/// `drift.detected`, or `drift.changed` where it was told before or nothing is accepted (`again`); of layers and
/// aliases `layer.changed` and `alias.moved`. `previous` is what was live before.
NewEvent drift_event(const Scene& scene, bool again, const std::optional<Sha256>& previous);
/// `previous` is what was live before the hash that ended the drift, or, where the live hash was accepted, what was
/// accepted before. The state is the one after: `drift_since` of the drift that ended is given beside it.
NewEvent drift_resolved(const Scene& scene, std::string_view resolution, const std::optional<Sha256>& previous,
                        const std::optional<WallTime>& drift_since);

/// What is said again of a target whose drift is still open: kind `drift.reminder`, no event of the log.
NewEvent drift_reminder(const Target& target, const TargetState& state, WallTime now);

NewEvent function_missing(const Scene& scene);
NewEvent function_returned(const Scene& scene);
/// The state is the one after, with the function that stands under the name now.
NewEvent function_recreated(const Scene& scene, const Listed& before);
/// The function was written at the state's modified_at, and runs what it ran before. Alertable where its target is
/// configured so.
NewEvent function_touched(const Scene& scene);

/// The state's failing_reason and last_error say why.
NewEvent poll_failing(const Scene& scene);
/// `before` is the state in which it still failed.
NewEvent poll_recovered(const Scene& scene, const TargetState& before);

/// `deploy.expected`, `.arrived`, `.superseded`, `.withdrawn` or `.overdue`.
NewEvent deploy_event(const Scene& scene, std::string_view kind, const Announcement& announcement);

/// Why somebody accepted something, in their words.
struct Grounds {
  std::string_view reason, ticket, claimed;
  std::optional<Attestation> attested = {};
};
/// The state is the one after; `previous` was accepted before.
NewEvent baseline_set(const Scene& scene, const std::optional<Sha256>& previous, const Grounds& grounds = {});

/// What is inside the package of the hash that is live; or that its bytes were never those of its hash.
NewEvent package_examined(const Scene& scene, const Examined& examined);
NewEvent package_mismatch(const Scene& scene, const Examined& examined);

NewEvent watch_added(const Scene& scene);
NewEvent watch_removed(const Scene& scene);

/// {code, message, request_id}, or null.
Json error_json(const std::optional<PollError>& error);
/// The 12 hex digits people are shown; "no hash" for none.
std::string short_hash(const std::optional<Sha256>& hash);

}  // namespace codedriftd
