#include "support/simulated_catalogue.h"

#include <fmt/format.h>

#include <algorithm>
#include <ctime>
#include <stdexcept>
#include <tuple>

#include "base/json.h"

namespace codedriftd::test {
namespace {

using Order = SimulatedNamespace::Order;

auto place(const SimulatedFunction& function, Order order) {
  const int64_t time = order == Order::modified ? function.modified : order == Order::added ? function.added : 0;
  return std::tuple<int64_t, std::string_view>(time, function.name);
}

auto position(SimulatedNamespace::List& list, const SimulatedFunction& function, Order order) {
  return std::lower_bound(list.begin(), list.end(), &function,
                          [&](const auto* a, const auto* b) { return place(*a, order) < place(*b, order); });
}

/// The entry of ListFunctions, but for the namespace's name, which is the caller's.
std::string entry_of(const SimulatedFunction& function, const std::string& ns) {
  std::string tags;
  for (const auto& [key, value] : function.tags)
    tags += fmt::format(R"({}{{"Key":{},"Value":{}}})", tags.empty() ? "" : ",", json_text(key), json_text(value));
  return fmt::format(
      R"({{"ModTime":"{}","AddTime":"{}","Runtime":{},"FunctionName":{},"FunctionId":"{}","Namespace":{},)"
      R"("Status":{},"StatusDesc":"","StatusReasons":[],"Description":"","Tags":[{}],"Type":{},)"
      R"("TotalProvisionedConcurrencyMem":null,"ReservedConcurrencyMem":null,"AsyncRunEnable":"FALSE","TraceEnable":"FALSE"}})",
      scf_time(function.modified), scf_time(function.added), json_text(function.runtime), json_text(function.name),
      function.id, json_text(ns), json_text(function.status), tags, json_text(function.type));
}

}  // namespace

std::string scf_time(int64_t unix_seconds) {
  const std::time_t local = unix_seconds + 8 * 3600;
  std::tm parts{};
  ::gmtime_r(&local, &parts);
  char text[32];
  return {text, std::strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S", &parts)};
}

bool is_version(const std::string& qualifier) {
  return !qualifier.empty() && qualifier.size() < 10 && qualifier.find_first_not_of("0123456789") == std::string::npos;
}

std::string resolve(const SimulatedFunction& function, const std::string& qualifier) {
  if (qualifier == "$LATEST") return function.sha256 || !function.image_uri.empty() ? qualifier : "";
  if (is_version(qualifier)) return function.versions.contains(std::stoll(qualifier)) ? qualifier : "";
  const auto alias = function.aliases.find(qualifier);
  if (alias != function.aliases.end()) return resolve(function, alias->second.version);
  return qualifier == "$DEFAULT" ? resolve(function, "$LATEST") : "";
}

std::string json_text(std::string_view value) { return json_line(Json(value)); }

SimulatedFunction* SimulatedNamespace::find(const std::string& function) {
  const auto found = functions_.find(function);
  return found == functions_.end() ? nullptr : &found->second;
}

const SimulatedFunction* SimulatedNamespace::find(const std::string& function) const {
  const auto found = functions_.find(function);
  return found == functions_.end() ? nullptr : &found->second;
}

SimulatedFunction& SimulatedNamespace::add(SimulatedFunction function) {
  const auto [made, is_new] = functions_.emplace(function.name, function);
  if (!is_new) throw std::logic_error("there is such a function");
  put_in(made->second);
  return made->second;
}

void SimulatedNamespace::remove(const std::string& function) {
  const auto found = functions_.find(function);
  if (found == functions_.end()) return;
  take_out(found->second);
  functions_.erase(found);
}

const SimulatedNamespace::List& SimulatedNamespace::in_order(Order order) const {
  return order == Order::modified ? by_modified_ : order == Order::added ? by_added_ : by_name_;
}

void SimulatedNamespace::put_in(SimulatedFunction& function) {
  function.listed = entry_of(function, name);
  by_name_.insert(position(by_name_, function, Order::name), &function);
  by_modified_.insert(position(by_modified_, function, Order::modified), &function);
  by_added_.insert(position(by_added_, function, Order::added), &function);
}

void SimulatedNamespace::take_out(const SimulatedFunction& function) {
  by_name_.erase(position(by_name_, function, Order::name));
  by_modified_.erase(position(by_modified_, function, Order::modified));
  by_added_.erase(position(by_added_, function, Order::added));
}

}  // namespace codedriftd::test
