#pragma once
/// CloudAudit's DescribeEvents (2019-03-19) over what was written in the simulated cloud.
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include "base/mutex.h"
#include "support/cloud_clock.h"
#include "support/scf_request.h"

namespace codedriftd::test {

/// In the session context, the uploaded bytes and the answers of audited calls: it must be found nowhere in logs,
/// database or alerts.
inline constexpr std::string_view kAuditSecret = "SIMULATED-AUDIT-SECRET";

/// Who makes a call, as the audit log tells it. All of it is fake.
struct ScfCaller {
  std::string principal = "ci-deploy";
  std::string type = "CAMUser";  ///< of userIdentity: "CAMUser" (a sub-user), "Root", "AssumedRole" (a role)
  std::string ip = "203.0.113.7";
  std::string key_id = "FAKE-CI-KEY-ID-0042";  ///< the console's have none
  std::string user_agent = "FAKE-TCCLI/3.0";
  std::string request_id{};  ///< empty: one is made
  bool console = false;
  std::string error{};  ///< the call failed with this code, and changed nothing
};

/// One audited call.
struct AuditEntry {
  std::string action{};
  std::string region{}, ns{}, function{};
  std::string resource{};                     ///< what it was about, where that is no function: a layer
  std::map<std::string, std::string> more{};  ///< further request parameters
  ScfCaller by{};
  bool read = false;
  int64_t time = 0;  ///< Unix seconds; 0: now, by the cloud's clock
};

/// Thread-safe. Newest first, all regions together whatever X-TC-Region says: whoever asks for one has to choose.
class SimulatedAudit {
 public:
  explicit SimulatedAudit(const CloudClock& clock) : clock_(clock) {}

  void record(AuditEntry entry);
  /// How long it takes until a record can be seen, also for those that are there already.
  void set_delay(Millis delay);
  /// The next so many records are lost.
  void drop(unsigned next);
  void clear();

  /// The members of the answer, without its RequestId. `garbled`: CloudAuditEvent is no JSON.
  std::variant<std::string, ScfRefusal> answer(const ScfCall& call, bool garbled = false) const;

 private:
  struct Record {
    AuditEntry entry;
    MonoTime written;
  };
  using Place = std::pair<int64_t, uint64_t>;  ///< its time and its number: in one second the later one is the newer

  const CloudClock& clock_;
  mutable Mutex mutex_;
  std::map<Place, Record, std::greater<>> records_ GUARDED_BY(mutex_);
  Millis delay_ GUARDED_BY(mutex_){0};
  unsigned to_drop_ GUARDED_BY(mutex_) = 0;
  uint64_t next_number_ GUARDED_BY(mutex_) = 1;
};

}  // namespace codedriftd::test
