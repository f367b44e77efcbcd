#pragma once
/// Who made a change, as far as the cloud's audit log tells. Pure. The log shows calls, not bytes; keys are shared,
/// roles act for people, records come late or not at all: what is said here is what was recorded, never who did it.
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/json_box.h"
#include "model/change_kind.h"

namespace codedriftd {

/// One audited call, with what is kept of it and nothing more. All text is clean UTF-8.
struct ChangeRecord {
  std::string event_id, action;           ///< "UpdateFunctionCode"
  WallTime time{};                        ///< whole seconds, the cloud's clock
  std::string principal_type, principal;  ///< "sub-user", "root", "role", …; the name
  std::string key_suffix;                 ///< the last four characters of the key's id; empty: none
  std::string source_ip, user_agent, request_id;
  bool console = false;    ///< made in the console, not by the API
  std::string error_code;  ///< empty: it succeeded; kOutcomeUnread: the record does not tell
  /// What it was about; of a CopyFunction what it made. Empty: not told; then `ns` means "default", as the API takes
  /// it, and a record that tells no function or no region is about none that is asked for.
  std::string region, ns, function;
  std::string qualifier = {};  ///< the version or alias that it names; empty: none. Not kept in the record.

  friend bool operator==(const ChangeRecord&, const ChangeRecord&) = default;
};

/// The error_code of a record out of which it cannot be read whether its call succeeded.
inline constexpr std::string_view kOutcomeUnread = "Client.OutcomeUnread";

/// A change that was seen: after `from` (the last sight of the old state) and not after `to` (the first of the new).
struct SeenChange {
  std::string region, ns, function;
  WallTime from{}, to{};
  ChangeKind kind = ChangeKind::code;
  std::string qualifier = "$LATEST";  ///< of the target that it was seen of
};

/// By so much a record may lie outside of a change: two clocks are compared, and an answer takes its time.
inline constexpr Millis kAuditSlack{120'000};
/// By so much one that lies within it may: records have whole seconds, and clocks that are kept right differ by less.
inline constexpr Millis kClockSlack{5'000};

struct Attribution {
  enum class Grade { one, several, none };
  Grade grade = Grade::none;
  std::vector<ChangeRecord> records;  ///< that succeeded, oldest first
  std::vector<ChangeRecord> failed;   ///< calls of the kind that failed, or may have, apart
  bool by_deploy_principal = false;   ///< every one of `records` is of a deploy principal: a label, never an acceptance
  /// "The only recorded code change of charge between T1 and T2: UpdateFunctionCode by sub-user X from IP (console),
  /// request R." (of another kind than ChangeKind::code: "The only recorded change of …") / "3 recorded changes of
  /// charge between T1 and T2, the last by sub-user X from IP (console): UpdateFunctionCode, request R." / "No record
  /// found as of T; records can be late or absent." T1 and T2 are what was looked through, kAuditSlack around the
  /// change. Harmless text.
  std::string words;
};
std::string_view to_string(Attribution::Grade grade);
std::optional<Attribution::Grade> parse_grade(std::string_view name);

/// Which of `records` can have made `change` (model/change_kind.h), are about it and not further than kAuditSlack
/// around it, and what they say. Records with the same event_id count once; in any order.
Attribution attribute(const SeenChange& change, const std::vector<ChangeRecord>& records,
                      const std::vector<std::string>& deploy_principals, WallTime asked_at);

/// The words, and what else is to be said of them: that all are a deploy principal's, how many calls failed, and of how
/// many that is not told.
std::string summary_of(const Attribution& attribution);

/// As an event's data and an alert have it: {grade, words, by_deploy_principal, records:[…], failed:[…], asked_at}.
/// The newest kMostTold of each list, whose texts are harmless and cut: it fits into an event whatever the audit log
/// holds. `left_out`, where there are more: how many.
JsonBox to_json(const Attribution& attribution, WallTime asked_at);
inline constexpr std::size_t kMostTold = 8;

}  // namespace codedriftd
