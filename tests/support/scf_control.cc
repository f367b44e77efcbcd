#include "support/scf_control.h"

#include <fmt/format.h>

#include <map>
#include <stdexcept>

#include "base/json.h"
#include "support/http_message.h"
#include "support/raw_server.h"
#include "support/scf_control_verbs.h"
#include "support/scf_request.h"

namespace codedriftd::test {
namespace {

ScfLatency::Range range(const Json& body, const char* name) {
  const auto found = body.find(name);
  if (found == body.end()) return {};
  return {Millis{found->at(0).get<int64_t>()}, Millis{found->at(1).get<int64_t>()}};
}

Fault fault_of(const Json& body) {
  const auto name = body.at("fault").get<std::string>();
  const auto fault = parse_fault(name);
  if (!fault) throw std::invalid_argument("no such fault: " + name);
  return *fault;
}

Json statistics(const SimulatedScf& scf) {
  const ScfStatistics now = scf.statistics();
  Json out{{"connections", now.connections},
           {"requests", now.requests},
           {"accepted", now.accepted},
           {"refused", now.refused},
           {"rejected", now.rejected},
           {"by_target", now.by_target},
           {"by_answer", now.by_answer},
           {"by_action", Json::object()},
           {"busiest_second", now.busiest_second},
           {"busiest_second_sent", now.busiest_second_sent},
           {"packages",
            {{"sent", now.packages.sent},
             {"refused", now.packages.refused},
             {"most_at_once", now.packages.most_at_once},
             {"by_target", now.packages.by_target}}}};
  for (const auto& [name, action] : now.by_action)
    out["by_action"][name] = {{"calls", action.calls},
                              {"refused", action.refused},
                              {"busiest_second", action.busiest_second},
                              {"busiest_second_sent", action.busiest_second_sent}};
  if (now.first_arrival)
    out["first_to_last_ms"] = std::chrono::duration_cast<Millis>(*now.last_arrival - *now.first_arrival).count();
  return out;
}

Json requests(const SimulatedScf& scf) {
  Json rows = Json::array();
  for (const ScfRequest& request : scf.requests())
    rows.push_back({{"action", request.action},
                    {"target", request.target},
                    {"path", request.path},
                    {"body", request.body},
                    {"answer", request.answer}});
  return {{"requests", rows}};
}

ListingFault listing_fault_of(const Json& body) {
  const auto name = string_of(body, "fault");
  const auto fault = parse_listing_fault(name);
  if (!fault) throw std::invalid_argument("no such fault: " + name);
  return *fault;
}

std::map<std::string, unsigned> rates_of(const Json& body) {
  if (body.value("documented", false)) return documented_rates();
  const auto rates = body.at("per_second").get<std::map<std::string, unsigned>>();
  for (const auto& [action, rate] : rates) {
    if (!documented_rates().contains(action)) throw std::invalid_argument("no such action: " + action);
  }
  return rates;
}

PackageFault package_fault_of(const Json& body) {
  const auto name = string_of(body, "fault");
  const auto fault = parse_package_fault(name);
  if (!fault) throw std::invalid_argument("no such fault: " + name);
  return *fault;
}

/// Those that write are in scf_control_writes.cc.
ControlVerbs other_verbs() {
  return {
      {"package_fault", doing([](SimulatedScf& scf, const Json& b) {
         scf.set_package_fault(string_of(b, "target"), package_fault_of(b), b.value("times", 0U));
       })},
      {"link_lifetime", doing([](SimulatedScf& scf, const Json& b) {
         scf.set_link_lifetime(std::chrono::seconds(b.at("seconds").get<int64_t>()));
       })},
      {"error", doing([](SimulatedScf& scf, const Json& b) {
         scf.set_error(string_of(b, "target"), string_of(b, "code"), b.value("message", "simulated"),
                       b.value("times", 0U));
       })},
      {"fault", doing([](SimulatedScf& scf, const Json& b) {
         scf.set_fault(string_of(b, "target"), fault_of(b), b.value("times", 0U));
       })},
      {"listing_fault", doing([](SimulatedScf& scf, const Json& b) {
         scf.set_listing_fault(string_of(b, "target"), listing_fault_of(b), b.value("times", 0U));
       })},
      {"wedge", doing([](SimulatedScf& scf, const Json& b) { scf.wedge(b.at("pid"), string_of(b, "thread")); })},
      {"clear", doing([](SimulatedScf& scf, const Json&) { scf.clear(); })},
      {"rate", doing([](SimulatedScf& scf, const Json& b) { scf.set_rate(b.at("per_second").get<unsigned>()); })},
      {"rates", doing([](SimulatedScf& scf, const Json& b) { scf.set_rates(rates_of(b)); })},
      {"latency", doing([](SimulatedScf& scf, const Json& b) {
         scf.set_latency({range(b, "before"), range(b, "after"), range(b, "split")});
       })},
      {"clock", doing([](SimulatedScf& scf, const Json& b) {
         scf.set_clock_offset(std::chrono::seconds(b.at("offset_seconds").get<int64_t>()));
       })},
      {"reset", doing([](SimulatedScf& scf, const Json&) { scf.reset_statistics(); })},
      {"statistics", [](SimulatedScf& scf, const Json&) { return statistics(scf); }},
      {"requests", [](SimulatedScf& scf, const Json&) { return requests(scf); }},
  };
}

const ControlVerbs& verbs() {
  static const ControlVerbs table = [] {
    ControlVerbs all = writing_verbs();
    all.merge(other_verbs());
    return all;
  }();
  return table;
}

std::pair<int, Json> answer(SimulatedScf& scf, const HttpRequest& request) {
  constexpr std::string_view kPrefix = "/_control/";
  if (!request.path.starts_with(kPrefix)) return {404, {{"error", "paths begin with /_control/"}}};
  const auto action = verbs().find(request.path.substr(kPrefix.size()));
  if (action == verbs().end()) return {404, {{"error", "no such action"}}};
  try {
    const Json body = request.body.empty() ? Json::object() : Json::parse(request.body);
    return {200, action->second(scf, body)};
  } catch (const std::exception& error) {
    return {400, {{"error", error.what()}}};
  }
}

}  // namespace

void serve_control(SimulatedScf& scf, Connection& connection) {
  while (const auto request = connection.read_request()) {
    const auto [status, body] = answer(scf, *request);
    if (!connection.send(http_response(status, {{"Content-Type", "application/json"}}, json_line(body) + "\n"))) return;
    if (!request->keep_alive) return;
  }
}

}  // namespace codedriftd::test
