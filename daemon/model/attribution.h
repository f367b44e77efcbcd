#pragma once
/// Who made a change, as far as the cloud's audit log tells. Pure. The log shows calls, not bytes; keys are shared,
/// roles act for people, records come late or not at all: what is said here is what was recorded, never who did it.
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/json_box.h"

namespace codedriftd {

/// One audited call, with what is kept of it and nothing more. All text is clean UTF-8.
struct ChangeRecord {
  std::string event_id, action;           ///< "UpdateFunctionCode"
  WallTime time{};                        ///< whole seconds, the cloud's clock
  std::string principal_type, principal;  ///< "sub-user", "root", "role", …; the name
  std::string key_suffix;                 ///< the last four characters of the key's id; empty: none
  std::string source_ip, user_agent, request_id;
  bool console = false;              ///< made in the console, not by the API
  std::string error_code;            ///< empty: it succeeded
  std::string region, ns, function;  ///< what it was about; empty: not told

  friend bool operator==(const ChangeRecord&, const ChangeRecord&) = default;
};

/// A change that was seen: after `from` (the last sight of the old state) and not after `to` (the first of the new).
struct SeenChange {
  std::string region, ns, function;
  WallTime from{}, to{};
};

struct Attribution {
  enum class Grade { one, several, none };
  Grade grade = Grade::none;
  std::vector<ChangeRecord> records;  ///< that succeeded, oldest first
  std::vector<ChangeRecord> failed;   ///< calls of the kind that failed, apart
  bool by_deploy_principal = false;   ///< every one of `records` is of a deploy principal: a label, never an acceptance
  /// "The only recorded code change of charge between T1 and T2: UpdateFunctionCode by sub-user X from IP (console),
  /// request R." / "3 recorded changes of charge between T1 and T2, the last by …" / "No record found as of T; records
  /// can be late or absent."
  std::string words;
};

/// The calls that can change what is live (code, layers, aliases, the function itself).
const std::vector<std::string_view>& code_changing_actions();

/// Which of `records` are about `change`, within two minutes around it, and what they say.
Attribution attribute(const SeenChange& change, const std::vector<ChangeRecord>& records,
                      const std::vector<std::string>& deploy_principals, WallTime asked_at);

/// As an event's data and an alert have it: {grade, words, by_deploy_principal, records:[…], failed:[…], asked_at}.
JsonBox to_json(const Attribution& attribution, WallTime asked_at);

}  // namespace codedriftd
