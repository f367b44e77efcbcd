#pragma once
/// The packages of simulated functions and the links to them, as COS serves them to who has a signed link.
#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "support/http_message.h"

namespace codedriftd::test {

/// In the `Url` of every success: it must be found nowhere in logs, database or alerts.
inline constexpr std::string_view kUrlSecret = "SIMULATED-URL-SECRET";

enum class PackageFault {
  none,
  // Of the link.
  other_host,  ///< leads to another host, over https
  plain_http,  ///< leads to the cloud's host, over http
  no_link,     ///< there is none in the answer: "Url" is empty
  // Of the download.
  slow,         ///< good headers, then one byte every 20 ms, without end
  endless,      ///< a chunked body without end
  silent,       ///< no answer until the other side hangs up
  truncated,    ///< ends when half of it was sent
  huge_length,  ///< Content-Length of 9e18, a little of it sent, then silence
  wrong_bytes,  ///< another package, whole and well sent
  redirect,     ///< 302
  refused,      ///< 403, with the signature in the body
  failing,      ///< 503
};
/// As the enumerators are called.
std::optional<PackageFault> parse_package_fault(std::string_view name);

struct PackageStatistics {
  std::map<std::string, uint64_t> by_target;  ///< requests with a good link, faults included
  uint64_t sent = 0;                          ///< whole packages
  uint64_t refused = 0;                       ///< links that were bad or too old: 403; no such object: 404
  unsigned most_at_once = 0;
};

class Connection;

/// One object for each target, which the next deployment overwrites: an older link leads to the newer code.
/// A link is https://HOST/1253970226/REGION/NAMESPACE/FUNCTION/FUNCTION_LATEST.zip (or _QUALIFIER) with COS's q-sign
/// parameters; kUrlSecret is in q-signature. Thread-safe.
class SimulatedPackages {
 public:
  SimulatedPackages();
  ~SimulatedPackages();

  /// "https://127.0.0.1:PORT": what links begin with.
  void set_origin(std::string origin);
  /// These return the CodeSha256.
  std::string deploy(const std::string& target, const std::map<std::string, std::string>& files,
                     const std::map<std::string, uint32_t>& modes);
  std::string deploy_zip(const std::string& target, std::string zip);
  std::string repack(const std::string& target);  ///< Throws std::out_of_range if there are no files to pack.
  void copy(const std::string& from, const std::string& to);  ///< what has no package leaves none at `to`
  void remove(const std::string& target);
  std::string package(const std::string& target) const;  ///< Throws std::out_of_range if there is none.

  void set_fault(const std::string& target, PackageFault fault, unsigned times);
  void clear_faults();
  void set_lifetime(std::chrono::seconds lifetime);

  /// A link signed at `now`; nullopt if the target has no package.
  std::optional<std::string> link(const std::string& target, WallTime now);
  /// Whether the request is for a package.
  static bool serves(const HttpRequest& request);
  /// Answers it; false if the connection has to end.
  bool serve(Connection& connection, const HttpRequest& request, WallTime now);

  PackageStatistics statistics() const;
  void reset_statistics();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace codedriftd::test
