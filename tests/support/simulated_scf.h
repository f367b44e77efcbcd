#pragma once
/// The cloud's side of the calls that read SCF (API 2018-04-16) and CloudAudit's DescribeEvents (2019-03-19), as strict
/// as documented, for tests and the demo. Both services answer on the one port; each has to be signed for by its name.
#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "model/target.h"
#include "support/fault.h"
#include "support/scf_credential.h"
#include "support/simulated_functions.h"
#include "support/simulated_packages.h"
#include "support/tls_files.h"

namespace codedriftd::test {

/// How long an answer takes: the sum of draws, uniform, from a seeded generator. "Before" and "after" are before and
/// after the request is counted against the rate limit.
struct ScfLatency {
  struct Range {
    Millis min{0};
    Millis max{0};
  };
  Range before{};
  Range after{};
  Range split{};  ///< one draw, half of it waited before and half after
};

struct ScfOptions {
  uint16_t port = 0;                       ///< 0: any. Always on 127.0.0.1
  std::optional<uint16_t> control_port{};  ///< also serve /_control (plain HTTP, JSON) here; 0: any
  std::optional<TlsFiles> tls{};           ///< else plain HTTP
  std::vector<ScfCredential> credentials{kFakeCredential};
  unsigned requests_per_second = 0;  ///< of GetFunctionAddress, for each region; 0: no limit
  ScfLatency latency{};
  uint64_t seed = 1;
  std::size_t keep_requests = 10000;  ///< the last so many are kept for requests()
};

struct ScfRequest {
  MonoTime arrived;  ///< when it was counted (after the latency "before")
  std::string method;
  std::string path;
  std::string action;  ///< empty if it could not be read; the target, too
  std::string target;  ///< "REGION/NAMESPACE/FUNCTION:QUALIFIER"; of other actions what they have (ScfCall::target)
  std::string body;
  std::vector<std::pair<std::string, std::string>> headers;  ///< names in lower case
  std::string answer;                                        ///< "ok", the error code, or "fault:NAME"
};

struct ScfActionStatistics {
  uint64_t calls = 0;    ///< accepted
  uint64_t refused = 0;  ///< RequestLimitExceeded
  // In any one-second window, all regions together:
  unsigned busiest_second = 0;       ///< accepted
  unsigned busiest_second_sent = 0;  ///< the refused, too
};

struct ScfStatistics {
  uint64_t connections = 0;
  uint64_t requests = 0;  ///< everything that was HTTP
  uint64_t accepted = 0;  ///< well signed, counted against the limit and let through
  uint64_t refused = 0;   ///< RequestLimitExceeded: not counted against the limit
  uint64_t rejected = 0;  ///< AuthFailure*, InvalidParameter* and the like: before the rate limit is asked
  std::map<std::string, uint64_t> by_target;  ///< accepted calls of GetFunctionAddress
  std::map<std::string, uint64_t> by_answer;  ///< as ScfRequest::answer
  std::map<std::string, ScfActionStatistics> by_action;
  unsigned busiest_second = 0;       ///< of GetFunctionAddress: most accepted in any one-second window of one region
  unsigned busiest_second_sent = 0;  ///< the same, the refused included: what the client really sent
  std::optional<MonoTime> first_arrival;  ///< of the accepted and refused
  std::optional<MonoTime> last_arrival;
  PackageStatistics packages;  ///< downloads by the links; in nothing of the above
};

/// A server on 127.0.0.1 with a thread for each connection. All methods are thread-safe and take effect with the next
/// request. The destructor ends every connection.
///
/// A target is "REGION/NAMESPACE/FUNCTION:QUALIFIER". What goes wrong is set for a key: a target (of
/// GetFunctionAddress), "REGION/NAMESPACE/FUNCTION/ACTION", "REGION/NAMESPACE/ACTION", "REGION/ACTION", "ACTION" or
/// "*"; the first of these that is set wins. A fault wins over an error, and an error over an answer.
class SimulatedScf {
 public:
  /// Listens when it returns. Throws std::runtime_error if it cannot.
  explicit SimulatedScf(ScfOptions options = {});
  ~SimulatedScf();

  uint16_t port() const;
  uint16_t control_port() const;  ///< 0 if there is none
  /// "http://127.0.0.1:PORT" or "https://127.0.0.1:PORT": for `endpoint` of an account.
  std::string endpoint() const;

  /// The target as this server names it: without the account's label.
  static std::string key(const Target& target);

  /// What there is and what is written (simulated_functions.h), and who is said to have written it.
  SimulatedFunctions& functions();
  SimulatedAudit& audit();

  /// From now on the function exists, and this is its CodeSha256 (sent as it is). It has no package: its Url leads to
  /// https://bucket.example.
  void set(const std::string& target, std::string sha256, const ScfCaller& by = {});
  /// The function exists, and its package holds these files, packed as SCF packs what is uploaded: CodeSha256 is that
  /// of the stored package, whose bytes are another zip each time. Files without a mode of their own have 0644.
  void deploy(const std::string& target, const std::map<std::string, std::string>& files,
              const std::map<std::string, uint32_t>& modes = {}, const ScfCaller& by = {});
  /// The stored package is exactly this.
  void deploy_zip(const std::string& target, std::string zip, const ScfCaller& by = {});
  /// The same files packed anew: another hash. Throws std::out_of_range for what was not deployed as files.
  void repack(const std::string& target, const ScfCaller& by = {});
  /// What is live: the stored package, and its CodeSha256. Throw std::out_of_range if there is none.
  std::string package(const std::string& target) const;
  std::string code_sha256(const std::string& target) const;
  /// A fresh link, as the `Url` of an answer; nullopt for what has no package.
  std::optional<std::string> sign_link(const std::string& target);
  /// What goes wrong with links or downloads, the next `times` times (0: until cleared). "*" allowed.
  /// PackageFault::none clears.
  void set_package_fault(const std::string& target, PackageFault fault, unsigned times = 0);
  /// Of links given out from now on; 10,060 s, as the cloud's, unless set.
  void set_link_lifetime(std::chrono::seconds lifetime);
  /// From now on it does not: ResourceNotFound.Function. Of `$LATEST`: the whole function.
  void remove(const std::string& target, const ScfCaller& by = {});
  /// Answers with an error, the next `times` times (0: until cleared). Code "" clears.
  void set_error(const std::string& key, std::string code, std::string message = "simulated", unsigned times = 0);
  /// Plays a fault, the next `times` times (0: until cleared). Fault::none clears.
  void set_fault(const std::string& key, Fault fault, unsigned times = 0);
  /// What is wrong with a listing, the next `times` times (0: until cleared). ListingFault::none clears.
  void set_listing_fault(const std::string& key, ListingFault fault, unsigned times = 0);
  /// Stops a thread of the process that asks, as support/wedge.h says: no answer can do that to a client that has a
  /// deadline for everything. Until clear(), or the process ends. Throws what Wedge throws.
  void wedge(pid_t process, const std::string& thread);
  /// Forgets every error, fault, race and lag, and lets go of what wedge() holds.
  void clear();

  /// Of GetFunctionAddress, for each region.
  void set_rate(unsigned requests_per_second);
  /// Of each action, for each key, all regions of this host together, counted on arrival: as the cloud does. Actions
  /// that are not named have no limit; 0 lets none through. See documented_rates() (support/scf_request.h).
  void set_rates(std::map<std::string, unsigned> per_second);
  void set_latency(const ScfLatency& latency);
  /// The cloud's clock minus this machine's: signatures are judged, Date and ModTime are written by it.
  void set_clock_offset(std::chrono::seconds offset);
  void set_credentials(std::vector<ScfCredential> credentials);

  ScfStatistics statistics() const;
  std::vector<ScfRequest> requests() const;
  /// Counts again from zero. The rate limit's window goes on.
  void reset_statistics();

  /// Ends every connection and listens no more (connects are refused). The destructor does it too.
  void stop();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace codedriftd::test
