#pragma once
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "status/exposition.h"
#include "status/web.h"

namespace codedriftd {

/// One check of /readyz or /healthz.
struct HealthCheck {
  std::string name;
  bool ok = false;
  std::string detail;
};

/// /metrics (OpenMetrics for whoever asks for it), /healthz (and /livez), /readyz over HTTP; GET and HEAD only. Add
/// `?verbose` for the checks by name. It answers on a few threads of its own, from the callbacks, which must be
/// thread-safe and quick. One request for each connection. Whoever can connect can slow down neither the daemon nor
/// other clients (page_server.h). Where only this machine can, it answers only to names that mean this machine.
class StatusPage {
 public:
  struct Source {
    std::function<std::string(ExpositionFormat)> metrics;
    std::function<std::vector<HealthCheck>()> healthy;  ///< do the main loops make progress?
    std::function<std::vector<HealthCheck>()> ready;    ///< can it do its work?
    std::function<WebReply(const WebRequest&)> site;    ///< every other path
  };
  /// `listen` is "HOST:PORT", port 0 for any. "localhost" is both 127.0.0.1 and
  /// ::1. Fails if it cannot listen there.
  static Result<std::unique_ptr<StatusPage>> open(const std::string& listen, Source source);
  ~StatusPage();

  int port() const;

 private:
  struct Impl;
  explicit StatusPage(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace codedriftd
