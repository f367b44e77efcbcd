#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/json_box.h"
#include "base/sha256.h"

namespace codedriftd {

enum class Severity { info, warning, critical };
std::string_view to_string(Severity severity);

/// What an alert says beside its event: the target's situation at that moment. Unset members are null in the alert.
struct AlertFacts {
  std::string summary;  ///< one plain sentence
  std::string status, previous_status;
  std::optional<Sha256> observed, accepted, previous, expected;
  std::optional<WallTime> drift_since;
  std::string resolution, reason, request_id;
  JsonBox error;                ///< {code, message, request_id} or null
  JsonBox changes;              ///< what changed inside, as model/changes.h has it, or null
  std::string follows;          ///< the id of the event that this one adds to, which is its alert's too; empty: none
  std::string account, region;  ///< of an event about a whole account in a region; a target says it itself
};

/// An event that is to be written: without its place in the log, which the store gives it.
struct NewEvent {
  std::string kind;  ///< "drift.detected", …: the contract's table
  Severity severity = Severity::info;
  std::string actor = "daemon";        ///< `daemon`, `config` or `uid:1001(alice)`
  std::optional<std::string> target;   ///< an address, or nullopt for the whole daemon
  std::optional<int64_t> target_id{};  ///< its row, where that is known better than by the address
  JsonBox data = empty_object();       ///< the members the contract gives this kind
  bool awaits_explanation = false;     ///< what changed is about to be known: its alert may wait a moment for that
  bool alertable = true;  ///< false: recorded, but no alert, whatever is subscribed (an account is failing)
  AlertFacts facts;
};

/// True if an event of this kind alerts when an `[[alert]]` names no kinds: the contract's column. `event` is asked
/// because `watch.removed` and `config.loaded` alert only at severity warning.
bool alerts_by_default(const NewEvent& event);
/// True for `delivery.*`, `alert.*`: events about deliveries never cause alerts by subscription.
bool about_delivery(std::string_view kind);

/// The event's leaf: canonical JSON of exactly {v, log, seq, id, time, kind, severity, actor, target, data}.
/// Throws std::length_error over 60,000 bytes.
std::string event_body(const NewEvent& event, std::string_view log_origin, int64_t seq, std::string_view id,
                       WallTime time);
/// SHA-256(0x00 ‖ body), RFC 6962 2.1.
Sha256 leaf_hash(std::string_view body);

}  // namespace codedriftd
