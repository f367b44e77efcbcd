#pragma once
/// Alerts as the daemon composes them, for the tests of plugins.
#include <string>
#include <vector>

#include "base/json.h"
#include "http_sink/alert.h"
#include "model/changes.h"

namespace codedriftd::test {

inline const std::string kObserved(64, 'a'), kAccepted(64, 'b');
inline constexpr const char* kAddress = "prod/ap-guangzhou/default/charge:$LATEST";

inline Json target_json(const std::string& function) {
  return {{"address", "prod/ap-guangzhou/default/" + function + ":$LATEST"},
          {"account", "prod"},
          {"region", "ap-guangzhou"},
          {"namespace", "default"},
          {"function", function},
          {"qualifier", "$LATEST"}};
}

/// Of the function "charge".
inline Json alert_json(const std::string& kind, const std::string& severity = "critical") {
  return {{"schema", "codedriftd.alert.v1"},
          {"id", "alertid1"},
          {"kind", kind},
          {"severity", severity},
          {"time", "2026-11-24T03:04:05.678Z"},
          {"instance", "ops-1"},
          {"summary", std::string(kAddress) + " runs code aaaaaaaaaaaa, which is neither accepted nor announced."},
          {"actor", "daemon"},
          {"target", target_json("charge")},
          {"status", nullptr},
          {"observed_sha256", kObserved},
          {"accepted_sha256", kAccepted},
          {"drift_since", "2026-11-24T03:00:00.000Z"},
          {"error", nullptr},
          {"event_ids", {"alertid1"}}};
}

inline Json item_json(const std::string& function, const std::string& kind) {
  const std::string address = target_json(function)["address"];
  return {{"target", address},
          {"kind", kind},
          {"severity", "critical"},
          {"time", "2026-11-24T03:04:05.678Z"},
          {"summary", address + " runs code aaaaaaaaaaaa, which is neither accepted nor announced."},
          {"status", "drifted"},
          {"observed_sha256", kObserved},
          {"accepted_sha256", kAccepted},
          {"event_ids", {"e1"}}};
}

/// `count` functions named PREFIX0, PREFIX1, …
inline Json digest_json(std::size_t count, const std::string& prefix = "charge-") {
  Json digest = alert_json("digest");
  for (const char* none : {"target", "observed_sha256", "accepted_sha256", "drift_since"}) digest[none] = nullptr;
  digest["summary"] = std::to_string(count) + " functions: " + std::to_string(count) + " drift.detected.";
  digest["items"] = Json::array();
  for (std::size_t i = 0; i < count; ++i) {
    digest["items"].push_back(item_json(prefix + std::to_string(i), "drift.detected"));
  }
  return digest;
}

/// Drift whose package was looked into: seven files changed, with these names in their order, and the summary ends with
/// the sentence about them, as the daemon's does.
inline Json changes_alert_json(const std::vector<std::string>& names) {
  Changes changes;
  changes.same_content = false;
  for (const std::string& name : names) changes.files.push_back({name, FileChange::changed});
  changes.changed = changes.files.size();
  Json alert = alert_json("drift.detected");
  alert["summary"] = alert["summary"].get<std::string>() + " " + changes_sentence(changes) + ".";
  alert["changes"] = changes_json(changes);
  return alert;
}
/// Names that would be markup, a mention, a link or a line of its own somewhere.
inline const std::vector<std::string> kHostileNames{
    "index.py", "<!channel>.py", "a*b_[c](https://evil.example).md", "new\nline, and \"more\"", "`@all`\x1b[31m",
    "sixth.py", "seventh.py"};
/// The same as long as names may be.
inline std::vector<std::string> long_names() { return std::vector<std::string>(7, std::string(4'000, '*') + ".py"); }

/// What is told of functions that are found, of what is watched beside code, and of who changed it; as the daemon says
/// it.
struct FoundAlert {
  const char *kind, *severity;
  const char* qualifier;  ///< of charge; nullptr: it is about an account and a region
  const char* says;       ///< the summary; behind the address if it begins with ' ' or ':'
  const char* next_step;  ///< nullptr: none
  const char* alertname;  ///< Prometheus'
  bool once;              ///< it ends by itself
};
inline constexpr FoundAlert kFoundAlerts[] = {
    {"layer.changed", "critical", "$LAYERS",
     ": the layers of charge changed, from deps:1 111111111111 to deps:2 222222222222, agent:3 333333333333; that is "
     "neither accepted nor announced; the accepted layer list is bbbbbbbbbbbb.",
     "codedriftd plan --target 'prod/ap-guangzhou/default/charge:$LAYERS'", "CodeDrift", false},
    {"alias.moved", "critical", "$ALIAS.live",
     ": the alias live of charge changed, from version 7 to version 8, k exact \"<a&b>*_\" to version 7; that is "
     "neither "
     "accepted nor announced; the accepted route is bbbbbbbbbbbb.",
     "codedriftd plan --target 'prod/ap-guangzhou/default/charge:$ALIAS.live'", "CodeDrift", false},
    {"function.recreated", "critical", "$LATEST",
     " is another function than before: lam-2, created at 2026-11-24T03:00:00.000Z, took the place of lam-1, created "
     "at "
     "an unknown time. What was accepted was accepted of the function that is gone.",
     "codedriftd query history --target 'prod/ap-guangzhou/default/charge:$LATEST'", "CodeDriftFunctionRecreated",
     true},
    {"function.touched", "info", "$ALIAS.live",
     " was written at 2026-11-24T03:00:00.000Z, and its route is as before: configuration was changed, or the route "
     "was "
     "changed and changed back between two polls.",
     "codedriftd query history --target 'prod/ap-guangzhou/default/charge:$ALIAS.live'", "CodeDriftFunctionTouched",
     true},
    {"function.unmanaged", "warning", nullptr,
     "2 functions of account prod in ap-guangzhou are not watched: no [[function]] names them and no [[watch]] matches "
     "them: default/a, default/b.",
     "codedriftd discover", "CodeDriftFunctionUnmanaged", true},
    {"function.discovered", "info", "$LATEST",
     " was found, and is watched from now on, as the [[watch]] at codedriftd.toml:9 says.", nullptr,
     "CodeDriftFunctionDiscovered", true},
    {"change.attributed", "info", "$LAYERS",
     "The only recorded change of charge between 2026-11-24T02:58:00.000Z and 2026-11-24T03:02:00.000Z: "
     "UpdateFunctionConfiguration by sub-user ops from 192.0.2.7 (console), request r1.",
     nullptr, "CodeDriftChangeAttributed", true},
    {"discovery.failing", "warning", nullptr,
     "The functions of account prod in ap-guangzhou could not be listed completely, 3 times in a row (RequestLimit): "
     "functions that are new or gone go unnoticed.",
     "codedriftd check --online", "CodeDriftDiscoveryFailing", false},
    {"discovery.recovered", "info", nullptr,
     "The functions of account prod in ap-guangzhou are listed completely again; before that they were last at "
     "2026-11-24T03:00:00.000Z.",
     nullptr, "CodeDriftDiscoveryFailing", false},
};
inline bool behind_address(const FoundAlert& found) { return *found.says == ' ' || *found.says == ':'; }
inline Json found_alert_json(const FoundAlert& found) {
  Json alert = alert_json(found.kind, found.severity);
  for (const char* not_told : {"target", "observed_sha256", "accepted_sha256", "drift_since"}) {
    if (found.qualifier == nullptr) alert[not_told] = nullptr;
  }
  std::string address;
  if (found.qualifier == nullptr) {
    alert["account"] = "prod";
    alert["region"] = "ap-guangzhou";
  } else {
    address = std::string("prod/ap-guangzhou/default/charge:") + found.qualifier;
    alert["target"]["address"] = address;
    alert["target"]["qualifier"] = found.qualifier;
  }
  alert["summary"] = behind_address(found) ? address + found.says : std::string(found.says);
  alert["next_step"] = found.next_step == nullptr ? Json() : Json(found.next_step);
  return alert;
}

inline http_sink::Alert alert_of(const Json& json) { return http_sink::read_alert(json.dump()).value(); }

}  // namespace codedriftd::test
