#pragma once
/// The simulated API over HTTP, for scripts: curl -d '{"target":"…","sha256":"…"}' 127.0.0.1:PORT/_control/set
///
///   POST /_control/set         {"target","sha256"}
///   POST /_control/deploy      {"target","files":{NAME:CONTENT,…},"modes"?:{NAME:"755",…}}   answers "sha256", too
///   POST /_control/deploy_zip  {"target","zip"}                        base64: the package as it is stored
///   POST /_control/repack      {"target"}
///   POST /_control/package_fault {"target","fault","times"?}           support/simulated_packages.h; "none" clears
///   POST /_control/link_lifetime {"seconds"}
///   POST /_control/remove      {"target"}
///   POST /_control/error       {"target","code","message"?,"times"?}   code "" clears
///   POST /_control/fault       {"target","fault","times"?}             fault "none" clears
///   POST /_control/clear       {}                                      every error and fault
///   POST /_control/rate        {"per_second"}
///   POST /_control/latency     {"before":[min,max]?,"after":…?,"split":…?}   milliseconds
///   POST /_control/clock       {"offset_seconds"}
///   POST /_control/reset       {}                                      the statistics
///   GET  /_control/statistics
///   GET  /_control/requests
///
/// 200 with a JSON object on success; 400 or 404 with {"error"} otherwise.
namespace codedriftd::test {

class Connection;
class SimulatedScf;

/// Serves one connection until it ends.
void serve_control(SimulatedScf& scf, Connection& connection);

}  // namespace codedriftd::test
