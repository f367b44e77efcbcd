#include "support/scf_control.h"

#include <fmt/format.h>

#include <functional>
#include <map>
#include <stdexcept>

#include "base/json.h"
#include "base/sha256.h"
#include "support/http_message.h"
#include "support/raw_server.h"
#include "support/simulated_scf.h"

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
           {"busiest_second", now.busiest_second},
           {"busiest_second_sent", now.busiest_second_sent},
           {"packages",
            {{"sent", now.packages.sent},
             {"refused", now.packages.refused},
             {"most_at_once", now.packages.most_at_once},
             {"by_target", now.packages.by_target}}}};
  if (now.first_arrival)
    out["first_to_last_ms"] = std::chrono::duration_cast<Millis>(*now.last_arrival - *now.first_arrival).count();
  return out;
}

Json requests(const SimulatedScf& scf) {
  Json rows = Json::array();
  for (const ScfRequest& request : scf.requests())
    rows.push_back(
        {{"target", request.target}, {"path", request.path}, {"body", request.body}, {"answer", request.answer}});
  return {{"requests", rows}};
}

using Action = std::function<Json(SimulatedScf&, const Json&)>;

/// For actions that only do something.
template <typename Do>
Action doing(Do act) {
  return [act](SimulatedScf& scf, const Json& body) {
    act(scf, body);
    return Json{{"done", true}};
  };
}

std::string string_of(const Json& body, const char* name) { return body.at(name).get<std::string>(); }

std::map<std::string, uint32_t> modes_of(const Json& body) {
  std::map<std::string, uint32_t> modes;
  const Json given = body.value("modes", Json::object());
  for (const auto& [name, mode] : given.items())
    modes[name] = static_cast<uint32_t>(std::stoul(mode.get<std::string>(), nullptr, 8));
  return modes;
}

PackageFault package_fault_of(const Json& body) {
  const auto name = string_of(body, "fault");
  const auto fault = parse_package_fault(name);
  if (!fault) throw std::invalid_argument("no such fault: " + name);
  return *fault;
}

std::string zip_of_base64(const Json& body) {
  const auto zip = base64_decode(string_of(body, "zip"));
  if (!zip) throw std::invalid_argument("'zip' is not base64");
  return *zip;
}

const std::map<std::string, Action>& actions() {
  static const std::map<std::string, Action> table{
      {"set", doing([](SimulatedScf& scf, const Json& b) { scf.set(string_of(b, "target"), string_of(b, "sha256")); })},
      {"deploy",
       [](SimulatedScf& scf, const Json& b) {
         scf.deploy(string_of(b, "target"), b.at("files").get<std::map<std::string, std::string>>(), modes_of(b));
         return Json{{"done", true}, {"sha256", scf.code_sha256(string_of(b, "target"))}};
       }},
      {"deploy_zip",
       doing([](SimulatedScf& scf, const Json& b) { scf.deploy_zip(string_of(b, "target"), zip_of_base64(b)); })},
      {"repack", doing([](SimulatedScf& scf, const Json& b) { scf.repack(string_of(b, "target")); })},
      {"package_fault", doing([](SimulatedScf& scf, const Json& b) {
         scf.set_package_fault(string_of(b, "target"), package_fault_of(b), b.value("times", 0U));
       })},
      {"link_lifetime", doing([](SimulatedScf& scf, const Json& b) {
         scf.set_link_lifetime(std::chrono::seconds(b.at("seconds").get<int64_t>()));
       })},
      {"remove", doing([](SimulatedScf& scf, const Json& b) { scf.remove(string_of(b, "target")); })},
      {"error", doing([](SimulatedScf& scf, const Json& b) {
         scf.set_error(string_of(b, "target"), string_of(b, "code"), b.value("message", "simulated"),
                       b.value("times", 0U));
       })},
      {"fault", doing([](SimulatedScf& scf, const Json& b) {
         scf.set_fault(string_of(b, "target"), fault_of(b), b.value("times", 0U));
       })},
      {"clear", doing([](SimulatedScf& scf, const Json&) { scf.clear(); })},
      {"rate", doing([](SimulatedScf& scf, const Json& b) { scf.set_rate(b.at("per_second").get<unsigned>()); })},
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
  return table;
}

std::pair<int, Json> answer(SimulatedScf& scf, const HttpRequest& request) {
  constexpr std::string_view kPrefix = "/_control/";
  if (!request.path.starts_with(kPrefix)) return {404, {{"error", "paths begin with /_control/"}}};
  const auto action = actions().find(request.path.substr(kPrefix.size()));
  if (action == actions().end()) return {404, {{"error", "no such action"}}};
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
