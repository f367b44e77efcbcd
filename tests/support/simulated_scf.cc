#include "support/simulated_scf.h"

#include <fmt/format.h>

#include <atomic>
#include <deque>
#include <random>

#include "base/mutex.h"
#include "support/http_message.h"
#include "support/raw_server.h"
#include "support/scf_budgets.h"
#include "support/scf_control.h"
#include "support/scf_request.h"
#include "support/script.h"
#include "support/tc3_check.h"
#include "support/wedge.h"

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

std::string error_body(const ScfRefusal& refusal, const std::string& id) {
  return fmt::format(R"({{"Response":{{"Error":{{"Code":{},"Message":{}}},"RequestId":"{}"}}}})",
                     json_text(refusal.code), json_text(refusal.message), id);
}

/// `sha_member`: `"CodeSha256":"…"`, or nothing.
std::string success_body(const ScfReply& reply, const std::string& sha_member, const std::string& id) {
  return fmt::format(R"({{"Response":{{{}{}{}{}"RequestId":"{}"}}}})", reply.members, reply.members.empty() ? "" : ",",
                     sha_member, sha_member.empty() ? "" : ",", id);
}

std::string body_of(const ScfAnswer& answer, const std::string& id) {
  if (const auto* refusal = std::get_if<ScfRefusal>(&answer)) return error_body(*refusal, id);
  const auto& reply = std::get<ScfReply>(answer);
  return success_body(reply, reply.sha256 ? R"("CodeSha256":)" + json_text(*reply.sha256) : "", id);
}

std::string upper(std::string value) {
  for (char& c : value) c = (c >= 'a' && c <= 'f') ? static_cast<char>(c - 'a' + 'A') : c;
  return value;
}

/// Faults that are a well sent answer with something wrong in it; nullopt for the others. Those of the hash are for
/// answers that have one.
std::optional<std::string> wrong_body(Fault fault, const ScfAnswer& answer, const std::string& id) {
  if (fault == Fault::terminal_escapes) return error_body({"InternalError", std::string(kTerminalEscapes)}, id);
  const auto* const reply = std::get_if<ScfReply>(&answer);
  if (reply == nullptr || !reply->sha256) return std::nullopt;
  switch (fault) {
    case Fault::sha_missing:
      return success_body(*reply, "", id);
    case Fault::sha_empty:
      return success_body(*reply, R"("CodeSha256":"")", id);
    case Fault::sha_not_hex:
      return success_body(*reply, R"("CodeSha256":"fsdfgdgfdgfdgfdgfdgfdgfdgfdgfdgfdgfdgfdgfdgfdgfdgfdgfdgfdgfdgfdg")",
                          id);
    case Fault::sha_upper_case:
      return success_body(*reply, R"("CodeSha256":)" + json_text(upper(*reply->sha256)), id);
    case Fault::sha_null:
      return success_body(*reply, R"("CodeSha256":null)", id);
    default:
      return std::nullopt;
  }
}

bool only_of_hashes(Fault fault) {
  return fault == Fault::sha_missing || fault == Fault::sha_empty || fault == Fault::sha_not_hex ||
         fault == Fault::sha_upper_case || fault == Fault::sha_null;
}

}  // namespace

struct SimulatedScf::Impl {
  explicit Impl(ScfOptions given)
      : options(std::move(given)),
        credentials(std::make_shared<const std::vector<ScfCredential>>(options.credentials)),
        random(options.seed) {
    budgets.set_region_rate(options.requests_per_second);
  }

  // Set once.
  ScfOptions options;
  CloudClock clock;
  // They have locks of their own, taken after `mutex`.
  SimulatedPackages packages;
  SimulatedAudit audit{clock};
  SimulatedFunctions functions{clock, packages, audit};

  mutable Mutex mutex;  ///< for what follows, to the blank line
  std::shared_ptr<const std::vector<ScfCredential>> credentials GUARDED_BY(mutex);
  std::mt19937_64 random GUARDED_BY(mutex);
  Script<ScfRefusal> errors GUARDED_BY(mutex);
  Script<Fault> faults GUARDED_BY(mutex);
  Script<ListingFault> listing_faults GUARDED_BY(mutex);
  ScfBudgets budgets GUARDED_BY(mutex);
  ScfStatistics statistics GUARDED_BY(mutex);
  uint64_t connections_before GUARDED_BY(mutex) = 0;  ///< accepted before the statistics were reset
  std::deque<ScfRequest> requests GUARDED_BY(mutex);
  uint64_t next_id GUARDED_BY(mutex) = 1;
  std::vector<std::unique_ptr<Wedge>> wedges GUARDED_BY(mutex);

  std::unique_ptr<RawServer> server;
  std::unique_ptr<RawServer> control;

  void serve(Connection& connection);
  bool answer(Connection& connection, HttpRequest& request, Tc3Check& check);
  Answer judge(HttpRequest& request, const std::optional<ScfRefusal>& bad_signature);
  Answer decide(const ScfCall& call, MonoTime now, const std::string& id) REQUIRES(mutex);
  ScfAnswer look_up(const ScfCall& call) REQUIRES(mutex);
  microseconds draw(const ScfLatency::Range& range) REQUIRES(mutex);
  Draw draw_latency();
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
  if (SimulatedPackages::serves(request)) return packages.serve(connection, request, clock.wall());
  const Draw latency = draw_latency();
  if (latency.before.count() > 0 && !connection.pause(latency.before)) return false;

  std::shared_ptr<const std::vector<ScfCredential>> known;
  {
    MutexLock guard(mutex);
    known = credentials;
  }
  const auto bad_signature = check(request, *known, clock.seconds(), service_of(request));
  const Answer answer = judge(request, bad_signature);
  if (latency.after.count() > 0 && !connection.pause(latency.after)) return false;

  Headers headers{{"Date", http_date(clock.wall())}, {"Content-Type", "application/json"}};
  if (!keep_alive) headers.emplace_back("Connection", "close");
  if (answer.label == "404") return connection.send(http_response(404, headers, "")) && keep_alive;
  const bool sent = answer.fault == Fault::none
                        ? connection.send(http_response(200, headers, answer.body))
                        : play_fault(connection, answer.fault, {headers, answer.body, clock.wall()});
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
  std::string action;
  std::string target;
  if (request.path != "/") {
    answer.label = "404";
  } else if (const auto* refusal = std::get_if<ScfRefusal>(&call)) {
    ++statistics.rejected;
    answer = {refusal->code, error_body(*refusal, id)};
  } else {
    action = std::get<ScfCall>(call).action;
    target = std::get<ScfCall>(call).target();
    answer = decide(std::get<ScfCall>(call), now, id);
  }
  ++statistics.by_answer[answer.label];
  if (options.keep_requests > 0) {
    if (requests.size() >= options.keep_requests) requests.pop_front();
    requests.push_back({now, std::move(request.method), std::move(request.path), std::move(action), std::move(target),
                        std::move(request.body), std::move(request.headers), answer.label});
  }
  return answer;
}

Answer SimulatedScf::Impl::decide(const ScfCall& call, MonoTime now, const std::string& id) {
  if (!statistics.first_arrival) statistics.first_arrival = now;
  statistics.last_arrival = now;
  if (!budgets.take(call, now)) {
    ++statistics.refused;
    const ScfRefusal refusal{"RequestLimitExceeded.UinLimitExceeded", "the rate limit of the account is exceeded"};
    return {refusal.code, error_body(refusal, id)};
  }
  ++statistics.accepted;
  if (call.action == "GetFunctionAddress") ++statistics.by_target[call.target()];

  const std::vector<std::string> keys = call.keys();
  if (const auto fault = next(faults, keys)) {
    ScfAnswer answer = look_up(call);
    // A fault of the hash is played for a function that is not there, too.
    if (call.action == "GetFunctionAddress" && std::holds_alternative<ScfRefusal>(answer))
      answer =
          ScfReply{fmt::format(R"("Url":"https://bucket.example/code.zip?sign={}")", kUrlSecret), std::string(64, '0')};
    const std::string label = fmt::format("fault:{}", fault_name(*fault));
    if (auto body = wrong_body(*fault, answer, id)) return {label, *std::move(body)};
    return {label, body_of(answer, id), only_of_hashes(*fault) ? Fault::none : *fault};
  }
  if (const auto error = next(errors, keys)) return {error->code, error_body(*error, id)};
  const ScfAnswer answer = look_up(call);
  const auto* const refusal = std::get_if<ScfRefusal>(&answer);
  return {refusal == nullptr ? "ok" : refusal->code, body_of(answer, id)};
}

ScfAnswer SimulatedScf::Impl::look_up(const ScfCall& call) {
  const ListingFault fault = next(listing_faults, call.keys()).value_or(ListingFault::none);
  if (call.action != "DescribeEvents") return functions.answer(call, fault);
  auto answer = audit.answer(call, fault == ListingFault::garbled);
  if (const auto* refusal = std::get_if<ScfRefusal>(&answer)) return *refusal;
  return ScfReply{std::get<std::string>(std::move(answer))};
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

SimulatedFunctions& SimulatedScf::functions() { return impl_->functions; }
SimulatedAudit& SimulatedScf::audit() { return impl_->audit; }

void SimulatedScf::set(const std::string& target, std::string sha256, const ScfCaller& by) {
  impl_->functions.set(target, std::move(sha256), by);
}

void SimulatedScf::remove(const std::string& target, const ScfCaller& by) { impl_->functions.remove(target, by); }

void SimulatedScf::deploy(const std::string& target, const std::map<std::string, std::string>& files,
                          const std::map<std::string, uint32_t>& modes, const ScfCaller& by) {
  impl_->functions.deploy(target, files, modes, by);
}

void SimulatedScf::deploy_zip(const std::string& target, std::string zip, const ScfCaller& by) {
  impl_->functions.deploy_zip(target, std::move(zip), by);
}

void SimulatedScf::repack(const std::string& target, const ScfCaller& by) { impl_->functions.repack(target, by); }

std::string SimulatedScf::package(const std::string& target) const { return impl_->packages.package(target); }

std::string SimulatedScf::code_sha256(const std::string& target) const { return impl_->functions.sha256(target); }

std::optional<std::string> SimulatedScf::sign_link(const std::string& target) {
  return impl_->packages.link(target, impl_->clock.wall());
}

void SimulatedScf::set_package_fault(const std::string& target, PackageFault fault, unsigned times) {
  impl_->packages.set_fault(target, fault, times);
}

void SimulatedScf::set_link_lifetime(std::chrono::seconds lifetime) { impl_->packages.set_lifetime(lifetime); }

void SimulatedScf::set_error(const std::string& key, std::string code, std::string message, unsigned times) {
  MutexLock guard(impl_->mutex);
  if (code.empty()) {
    impl_->errors.erase(key);
  } else {
    impl_->errors[key] = {{std::move(code), std::move(message)}, times};
  }
}

void SimulatedScf::set_fault(const std::string& key, Fault fault, unsigned times) {
  MutexLock guard(impl_->mutex);
  if (fault == Fault::none) {
    impl_->faults.erase(key);
  } else {
    impl_->faults[key] = {fault, times};
  }
}

void SimulatedScf::set_listing_fault(const std::string& key, ListingFault fault, unsigned times) {
  MutexLock guard(impl_->mutex);
  if (fault == ListingFault::none) {
    impl_->listing_faults.erase(key);
  } else {
    impl_->listing_faults[key] = {fault, times};
  }
}

void SimulatedScf::wedge(pid_t process, const std::string& thread) {
  auto made = std::make_unique<Wedge>(process, thread);
  MutexLock guard(impl_->mutex);
  impl_->wedges.push_back(std::move(made));
}

void SimulatedScf::clear() {
  MutexLock guard(impl_->mutex);
  impl_->errors.clear();
  impl_->faults.clear();
  impl_->listing_faults.clear();
  impl_->wedges.clear();
  impl_->packages.clear_faults();
  impl_->functions.clear_trouble();
}

void SimulatedScf::set_rate(unsigned requests_per_second) {
  MutexLock guard(impl_->mutex);
  impl_->budgets.set_region_rate(requests_per_second);
}

void SimulatedScf::set_rates(std::map<std::string, unsigned> per_second) {
  MutexLock guard(impl_->mutex);
  impl_->budgets.set_rates(std::move(per_second));
}

void SimulatedScf::set_latency(const ScfLatency& latency) {
  MutexLock guard(impl_->mutex);
  impl_->options.latency = latency;
}

void SimulatedScf::set_clock_offset(std::chrono::seconds offset) { impl_->clock.set_offset(offset); }

void SimulatedScf::set_credentials(std::vector<ScfCredential> credentials) {
  MutexLock guard(impl_->mutex);
  impl_->credentials = std::make_shared<const std::vector<ScfCredential>>(std::move(credentials));
}

ScfStatistics SimulatedScf::statistics() const {
  MutexLock guard(impl_->mutex);
  ScfStatistics out = impl_->statistics;
  out.packages = impl_->packages.statistics();
  out.connections = impl_->server->connections() - impl_->connections_before;
  impl_->budgets.add_to(out);
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
  impl_->budgets.forget();
}

}  // namespace codedriftd::test
