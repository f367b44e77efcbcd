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

inline http_sink::Alert alert_of(const Json& json) { return http_sink::read_alert(json.dump()).value(); }

}  // namespace codedriftd::test
