#pragma once
/// Downloads a package by the signed link that came with an answer of the API.
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "base/secret.h"
#include "base/sha256.h"
#include "base/unique_fd.h"
#include "http/client.h"

namespace codedriftd {

struct FetchRules {
  std::vector<std::string> hosts{".myqcloud.com"};  ///< see check_link
  uint64_t max_package = uint64_t{100} << 20;       ///< bytes as downloaded; what is longer is given up
  Millis deadline{60'000};                          ///< over everything, from the lookup of the name to the last byte
  Millis stalled_after{10'000};                     ///< given up when for so long hardly anything came
  std::string ca_file;                              ///< PEM; empty: the system's
  std::string folder;                               ///< where the nameless file lies
};

struct FetchedPackage {
  UniqueFd file;       ///< has no name, holds the package, stands at its beginning
  uint64_t bytes = 0;  ///< of the package
  Sha256 sha256;       ///< of what came, which need not be the CodeSha256 that came with the link
};

struct FetchFailure {
  /// For people: harmless, one line, and of the link the host at most.
  std::string why;
  /// The link is no good or good no longer (HTTP 403, 404): a fresh one, from a fresh poll, may be.
  bool link_refused = false;
  bool cancelled = false;  ///< `cancel_fd` said so
  bool for_good = false;   ///< the same package would fail again: it is too large, or lies elsewhere
};

/// Whether a package may be fetched by this link: https at port 443, without user information, to a host that one of
/// `hosts` allows, in any case of letters. ".example.com" allows what lies below example.com, at any depth, and not
/// example.com itself; a name without a dot in front allows that name alone. An address is never allowed; loopback (an
/// address or localhost, at any port, over http too) always is. The error names the host at most.
Checked check_link(std::string_view link, const std::vector<std::string>& hosts);

/// Fetches packages one after the other. One thread owns an object and makes every call on it.
class PackageFetcher {
 public:
  /// Redirects are not followed; the environment's proxies are used, as everywhere. Memory does not grow with the
  /// package: what comes is hashed and written while it streams. When `cancel_fd` (-1: none) becomes readable the fetch
  /// ends at once. Nothing of the link stays in this process's memory but `url` itself. Throws std::bad_alloc.
  Result<FetchedPackage, FetchFailure> fetch(const Secret& url, const FetchRules& rules, int cancel_fd = -1);

 private:
  HttpClient http_;
};

}  // namespace codedriftd
