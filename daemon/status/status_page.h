#pragma once
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "settings/settings.h"
#include "status/access.h"
#include "status/exposition.h"
#include "status/web.h"

namespace codedriftd {

/// One check of /readyz or /healthz.
struct HealthCheck {
  std::string name;
  bool ok = false;
  std::string detail;
};

/// What is served at [http] listen: /metrics (OpenMetrics for whoever asks for it), /healthz (and /livez), /readyz, and
/// every other path from `site`; GET and HEAD only. Add `?verbose` to see the checks by name. It answers on a few
/// threads of its own, from the callbacks, which must be thread-safe; all but `site` must be quick. One request for
/// each connection. Whoever can connect can slow down neither the daemon nor other clients (page_server.h).
///
/// With a token everything asks for it, but whether it is healthy and ready is told to everybody, in one word: probes
/// have no secrets. Where only this machine can connect, it answers only to names that mean this machine. Every reply
/// forbids a browser to load anything from elsewhere, or to be shown inside another page.
class StatusPage {
 public:
  struct Source {
    std::function<std::string(ExpositionFormat)> metrics;
    std::function<std::vector<HealthCheck>()> healthy;  ///< do the main loops make progress?
    std::function<std::vector<HealthCheck>()> ready;    ///< can it do its work?
    std::function<WebReply(const WebRequest&)> site;    ///< every other path
  };
  /// Listens as `settings` say; port 0 for any. "localhost" is both 127.0.0.1 and ::1. Fails if it cannot listen there,
  /// if Access::load fails, and if other machines could connect though there is no token or no TLS.
  static Result<std::unique_ptr<StatusPage>> open(const HttpSettings& settings, Source source);
  ~StatusPage();

  int port() const;
  /// Another token and another certificate for who connects from now on. From any thread.
  void admit(std::shared_ptr<const Access> access);

 private:
  struct Impl;
  explicit StatusPage(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace codedriftd
