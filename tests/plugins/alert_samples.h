#pragma once
/// Alerts as the daemon composes them, for the tests of plugins.
#include <string>
#include <vector>

#include "base/json.h"
#include "http_sink/alert.h"

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

inline http_sink::Alert alert_of(const Json& json) { return http_sink::read_alert(json.dump()).value(); }

}  // namespace codedriftd::test
