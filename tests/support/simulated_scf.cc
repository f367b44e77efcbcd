#include "support/simulated_scf.h"

#include <fmt/format.h>

#include <atomic>
#include <deque>
#include <random>

#include "base/json.h"
#include "base/mutex.h"
#include "support/http_message.h"
#include "support/rate_window.h"
#include "support/raw_server.h"
#include "support/scf_control.h"
#include "support/scf_request.h"
#include "support/script.h"
#include "support/tc3_check.h"

namespace codedriftd::test {
namespace {

using std::chrono::microseconds;

struct Answer {
  std::string label;  ///< ScfRequest::answer
  std::string body;
  Fault fault = Fault::none;
};

struct Draw {
  microseconds before{0};
  microseconds after{0};
};

std::string text(const std::string& value) { return json_line(Json(value)); }

std::string error_body(const ScfRefusal& refusal, const std::string& id) {
  return fmt::format(R"({{"Response":{{"Error":{{"Code":{},"Message":{}}},"RequestId":"{}"}}}})", text(refusal.code),
                     text(refusal.message), id);
}

/// For a function that has a hash and no package.
std::string link_to_nothing() { return fmt::format("https://bucket.example/code.zip?sign={}", kUrlSecret); }

std::string success_body(const std::string& url, const std::string& sha_member, const std::string& id) {
  return fmt::format(R"({{"Response":{{"Url":{},{},"RequestId":"{}"}}}})", text(url), sha_member, id);
}

std::string upper(std::string value) {
  for (char& c : value) c = (c >= 'a' && c <= 'f') ? static_cast<char>(c - 'a' + 'A') : c;
  return value;
}

/// Faults that are a well sent answer with something wrong in it; nullopt for the others.
std::optional<std::string> wrong_body(Fault fault, const std::string& sha256, const std::string& id) {
  switch (fault) {
    case Fault::sha_missing:
      return fmt::format(R"({{"Response":{{"Url":"{}","RequestId":"{}"}}}})", link_to_nothing(), id);
    case Fault::sha_empty:
      return success_body(link_to_nothing(), R"("CodeSha256":"")", id);
    case Fault::sha_not_hex:
      return success_body(link_to_nothing(),
                          R"("CodeSha256":"fsdfgdgfdgfdgfdgfdgfdgfdgfdgfdgfdgfdgfdgfdgfdgfdgfdgfdgfdgfdgfdg")", id);
    case Fault::sha_upper_case:
      return success_body(link_to_nothing(), R"("CodeSha256":)" + text(upper(sha256)), id);
    case Fault::sha_null:
      return success_body(link_to_nothing(), R"("CodeSha256":null)", id);
    case Fault::terminal_escapes:
      return error_body({"InternalError", std::string(kTerminalEscapes)}, id);
    default:
      return std::nullopt;
  }
}

}  // namespace

struct SimulatedScf::Impl {
  struct Region {
    RateWindow accepted;
    RateWindow sent;
  };

  explicit Impl(ScfOptions given)
      : options(std::move(given)),
        credentials(std::make_shared<const std::vector<ScfCredential>>(options.credentials)),
        random(options.seed) {}

  // Set once.
  ScfOptions options;
  SystemClock clock;
  SimulatedPackages packages;  ///< has a lock of its own, taken after `mutex`

  mutable Mutex mutex;  ///< for what follows, to the blank line
  std::shared_ptr<const std::vector<ScfCredential>> credentials GUARDED_BY(mutex);
  std::mt19937_64 random GUARDED_BY(mutex);
  std::chrono::seconds offset GUARDED_BY(mutex){0};
  std::map<std::string, std::string> functions GUARDED_BY(mutex);
  Script<ScfRefusal> errors GUARDED_BY(mutex);
  Script<Fault> faults GUARDED_BY(mutex);
  std::map<std::string, Region> regions GUARDED_BY(mutex);
  ScfStatistics statistics GUARDED_BY(mutex);
  uint64_t connections_before GUARDED_BY(mutex) = 0;  ///< accepted before the statistics were reset
  std::deque<ScfRequest> requests GUARDED_BY(mutex);
  uint64_t next_id GUARDED_BY(mutex) = 1;

  std::unique_ptr<RawServer> server;
  std::unique_ptr<RawServer> control;

  void serve(Connection& connection);
  bool answer(Connection& connection, HttpRequest& request, Tc3Check& check);
  Answer judge(HttpRequest& request, const std::optional<ScfRefusal>& bad_signature);
  Answer decide(const ScfCall& call, MonoTime now, const std::string& id) REQUIRES(mutex);
  microseconds draw(const ScfLatency::Range& range) REQUIRES(mutex);
  Draw draw_latency();
  WallTime cloud_time() const {
    MutexLock guard(mutex);
    return clock.wall() + offset;
  }
};

microseconds SimulatedScf::Impl::draw(const ScfLatency::Range& range) {
  if (range.max <= range.min) return range.min;
  return microseconds(
      std::uniform_int_distribution<int64_t>(microseconds(range.min).count(), microseconds(range.max).count())(random));
}

Draw SimulatedScf::Impl::draw_latency() {
  MutexLock guard(mutex);
  const ScfLatency& latency = options.latency;
  const microseconds split = draw(latency.split);
  return {draw(latency.before) + split / 2, draw(latency.after) + split / 2};
}

void SimulatedScf::Impl::serve(Connection& connection) {
  Tc3Check check;
  while (connection.wait_readable()) {
    bool reset = false;
    {
      MutexLock guard(mutex);
      const auto fault = faults.find("*");
      if (fault != faults.end() && fault->second.what == Fault::reset_before_reading) {
        next(faults, "*");
        reset = true;
      }
    }
    if (reset) return connection.reset();
    auto request = connection.read_request();
    if (!request || !answer(connection, *request, check)) return;
  }
}

bool SimulatedScf::Impl::answer(Connection& connection, HttpRequest& request, Tc3Check& check) {
  const bool keep_alive = request.keep_alive;
  if (SimulatedPackages::serves(request)) return packages.serve(connection, request, cloud_time());
  const Draw latency = draw_latency();
  if (latency.before.count() > 0 && !connection.pause(latency.before)) return false;

  std::shared_ptr<const std::vector<ScfCredential>> known;
  WallTime now;
  {
    MutexLock guard(mutex);
    known = credentials;
    now = clock.wall() + offset;
  }
  const auto bad_signature = check(request, *known, to_ms(now) / 1000);
  const Answer answer = judge(request, bad_signature);
  if (latency.after.count() > 0 && !connection.pause(latency.after)) return false;

  Headers headers{{"Date", http_date(cloud_time())}, {"Content-Type", "application/json"}};
  if (!keep_alive) headers.emplace_back("Connection", "close");
  if (answer.label == "404") return connection.send(http_response(404, headers, "")) && keep_alive;
  const bool sent = answer.fault == Fault::none
                        ? connection.send(http_response(200, headers, answer.body))
                        : play_fault(connection, answer.fault, {headers, answer.body, cloud_time()});
  return sent && keep_alive;
}

Answer SimulatedScf::Impl::judge(HttpRequest& request, const std::optional<ScfRefusal>& bad_signature) {
  auto call = read_call(request);
  if (bad_signature) call = *bad_signature;

  MutexLock guard(mutex);
  const MonoTime now = clock.mono();
  const std::string id = fmt::format("51acf000-0000-4000-8000-{:012x}", next_id++);
  ++statistics.requests;
  Answer answer;
  std::string target;
  if (request.path != "/") {
    answer.label = "404";
  } else if (const auto* refusal = std::get_if<ScfRefusal>(&call)) {
    ++statistics.rejected;
    answer = {refusal->code, error_body(*refusal, id)};
  } else {
    target = std::get<ScfCall>(call).target;
    answer = decide(std::get<ScfCall>(call), now, id);
  }
  ++statistics.by_answer[answer.label];
  if (options.keep_requests > 0) {
    if (requests.size() >= options.keep_requests) requests.pop_front();
    requests.push_back({now, std::move(request.method), std::move(request.path), std::move(target),
                        std::move(request.body), std::move(request.headers), answer.label});
  }
  return answer;
}

Answer SimulatedScf::Impl::decide(const ScfCall& call, MonoTime now, const std::string& id) {
  Region& region = regions[call.region];
  region.sent.add(now);
  if (!statistics.first_arrival) statistics.first_arrival = now;
  statistics.last_arrival = now;
  if (options.requests_per_second != 0 && region.accepted.count(now) >= options.requests_per_second) {
    ++statistics.refused;
    const ScfRefusal refusal{"RequestLimitExceeded.UinLimitExceeded", "the rate limit of the account is exceeded"};
    return {refusal.code, error_body(refusal, id)};
  }
  region.accepted.add(now);
  ++statistics.accepted;
  ++statistics.by_target[call.target];

  const auto function = functions.find(call.target);
  const std::string sha256 = function == functions.end() ? std::string(64, '0') : function->second;
  const std::string url = packages.link(call.target, clock.wall() + offset).value_or(link_to_nothing());
  const std::string good = success_body(url, R"("CodeSha256":)" + text(sha256), id);
  if (const auto fault = next(faults, call.target)) {
    const std::string label = fmt::format("fault:{}", fault_name(*fault));
    if (auto body = wrong_body(*fault, sha256, id)) return {label, *std::move(body)};
    return {label, good, *fault};
  }
  if (const auto error = next(errors, call.target)) return {error->code, error_body(*error, id)};
  if (function != functions.end()) return {"ok", good};
  const ScfRefusal missing{"ResourceNotFound.Function", "the function does not exist"};
  return {missing.code, error_body(missing, id)};
}

SimulatedScf::SimulatedScf(ScfOptions options) : impl_(new Impl(std::move(options))) {
  impl_->server = std::make_unique<RawServer>(impl_->options.port, impl_->options.tls,
                                              [this](Connection& connection) { impl_->serve(connection); });
  impl_->packages.set_origin(endpoint());
  if (impl_->options.control_port)
    impl_->control = std::make_unique<RawServer>(*impl_->options.control_port, std::nullopt,
                                                 [this](Connection& connection) { serve_control(*this, connection); });
}

SimulatedScf::~SimulatedScf() { stop(); }

void SimulatedScf::stop() {
  if (impl_->control) impl_->control->stop();
  impl_->server->stop();
}

uint16_t SimulatedScf::port() const { return impl_->server->port(); }
uint16_t SimulatedScf::control_port() const { return impl_->control ? impl_->control->port() : uint16_t{0}; }

std::string SimulatedScf::endpoint() const {
  return fmt::format("{}://127.0.0.1:{}", impl_->options.tls ? "https" : "http", port());
}

std::string SimulatedScf::key(const Target& target) {
  return fmt::format("{}/{}/{}:{}", target.region, target.ns, target.function, target.qualifier);
}

void SimulatedScf::set(const std::string& target, std::string sha256) {
  MutexLock guard(impl_->mutex);
  impl_->packages.remove(target);
  impl_->functions[target] = std::move(sha256);
}

void SimulatedScf::remove(const std::string& target) {
  MutexLock guard(impl_->mutex);
  impl_->packages.remove(target);
  impl_->functions.erase(target);
}

// The hash and the object change together, as one answer would show them.
void SimulatedScf::deploy(const std::string& target, const std::map<std::string, std::string>& files,
                          const std::map<std::string, uint32_t>& modes) {
  MutexLock guard(impl_->mutex);
  impl_->functions[target] = impl_->packages.deploy(target, files, modes);
}

void SimulatedScf::deploy_zip(const std::string& target, std::string zip) {
  MutexLock guard(impl_->mutex);
  impl_->functions[target] = impl_->packages.deploy_zip(target, std::move(zip));
}

void SimulatedScf::repack(const std::string& target) {
  MutexLock guard(impl_->mutex);
  impl_->functions[target] = impl_->packages.repack(target);
}

std::string SimulatedScf::package(const std::string& target) const { return impl_->packages.package(target); }

std::string SimulatedScf::code_sha256(const std::string& target) const {
  MutexLock guard(impl_->mutex);
  return impl_->functions.at(target);
}

std::optional<std::string> SimulatedScf::sign_link(const std::string& target) {
  return impl_->packages.link(target, impl_->cloud_time());
}

void SimulatedScf::set_package_fault(const std::string& target, PackageFault fault, unsigned times) {
  impl_->packages.set_fault(target, fault, times);
}

void SimulatedScf::set_link_lifetime(std::chrono::seconds lifetime) { impl_->packages.set_lifetime(lifetime); }

void SimulatedScf::set_error(const std::string& target, std::string code, std::string message, unsigned times) {
  MutexLock guard(impl_->mutex);
  if (code.empty()) {
    impl_->errors.erase(target);
  } else {
    impl_->errors[target] = {{std::move(code), std::move(message)}, times};
  }
}

void SimulatedScf::set_fault(const std::string& target, Fault fault, unsigned times) {
  MutexLock guard(impl_->mutex);
  if (fault == Fault::none) {
    impl_->faults.erase(target);
  } else {
    impl_->faults[target] = {fault, times};
  }
}

void SimulatedScf::clear() {
  MutexLock guard(impl_->mutex);
  impl_->errors.clear();
  impl_->faults.clear();
  impl_->packages.clear_faults();
}

void SimulatedScf::set_rate(unsigned requests_per_second) {
  MutexLock guard(impl_->mutex);
  impl_->options.requests_per_second = requests_per_second;
}

void SimulatedScf::set_latency(const ScfLatency& latency) {
  MutexLock guard(impl_->mutex);
  impl_->options.latency = latency;
}

void SimulatedScf::set_clock_offset(std::chrono::seconds offset) {
  MutexLock guard(impl_->mutex);
  impl_->offset = offset;
}

void SimulatedScf::set_credentials(std::vector<ScfCredential> credentials) {
  MutexLock guard(impl_->mutex);
  impl_->credentials = std::make_shared<const std::vector<ScfCredential>>(std::move(credentials));
}

ScfStatistics SimulatedScf::statistics() const {
  MutexLock guard(impl_->mutex);
  ScfStatistics out = impl_->statistics;
  out.packages = impl_->packages.statistics();
  out.connections = impl_->server->connections() - impl_->connections_before;
  for (const auto& [name, region] : impl_->regions) {
    out.busiest_second = std::max(out.busiest_second, static_cast<unsigned>(region.accepted.busiest()));
    out.busiest_second_sent = std::max(out.busiest_second_sent, static_cast<unsigned>(region.sent.busiest()));
  }
  return out;
}

std::vector<ScfRequest> SimulatedScf::requests() const {
  MutexLock guard(impl_->mutex);
  return {impl_->requests.begin(), impl_->requests.end()};
}

void SimulatedScf::reset_statistics() {
  MutexLock guard(impl_->mutex);
  impl_->statistics = {};
  impl_->packages.reset_statistics();
  impl_->connections_before = impl_->server->connections();
  impl_->requests.clear();
  for (auto& [name, region] : impl_->regions) {
    region.accepted.forget_busiest();
    region.sent.forget_busiest();
  }
}

}  // namespace codedriftd::test
