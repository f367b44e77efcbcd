// Of SimulatedFunctions: versions, aliases, layers and namespaces, and what goes wrong.
#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "support/simulated_functions.h"
#include "support/simulated_packages.h"

namespace codedriftd::test {

std::string SimulatedFunctions::publish_version(const std::string& target, const ScfCaller& by) {
  const Place place = place_of(target);
  MutexLock guard(mutex_);
  SimulatedFunction& there = function(place);
  if (!by.error.empty()) return note("PublishVersion", place, by), std::string();
  const int64_t number = there.versions.empty() ? 1 : there.versions.rbegin()->first + 1;
  const std::string latest = fmt::format("{}/{}/{}:$LATEST", place.region, place.ns, place.function);
  packages_.copy(latest, fmt::format("{}/{}/{}:{}", place.region, place.ns, place.function, number));
  publish(there, place, number, there.sha256.value_or(std::string(64, '0')), by);
  return fmt::format("{}", number);
}

void SimulatedFunctions::set_alias(const std::string& target, const std::string& alias, SimulatedAlias leads_to,
                                   const ScfCaller& by) {
  const Place place = place_of(target);
  MutexLock guard(mutex_);
  SimulatedFunction& there = function(place);
  const auto before = there.aliases.find(alias);
  const bool is_new = before == there.aliases.end() && alias != "$DEFAULT";
  note(is_new ? "CreateAlias" : "UpdateAlias", place, by, {{"Name", alias}, {"FunctionVersion", leads_to.version}});
  if (!by.error.empty()) return;
  leads_to.modified = clock_.seconds();
  leads_to.added = before == there.aliases.end() ? leads_to.modified : before->second.added;
  there.aliases[alias] = std::move(leads_to);
}

void SimulatedFunctions::remove_alias(const std::string& target, const std::string& alias, const ScfCaller& by) {
  const Place place = place_of(target);
  MutexLock guard(mutex_);
  SimulatedFunction& there = function(place);
  const bool is_default = alias == "$DEFAULT" && there.has_default;
  if (!is_default && !there.aliases.contains(alias)) throw std::out_of_range("there is no alias " + alias);
  note("DeleteAlias", place, by, {{"Name", alias}});
  if (!by.error.empty()) return;
  there.aliases.erase(alias);
  if (is_default) there.has_default = false;
}

int64_t SimulatedFunctions::publish_layer(const std::string& region_name, const std::string& layer, std::string sha256,
                                          const ScfCaller& by) {
  MutexLock guard(mutex_);
  audit_.record({.action = "PublishLayerVersion",
                 .region = region_name,
                 .resource = layer,
                 .more = {{"LayerName", layer}},
                 .by = by});
  if (!by.error.empty()) return 0;
  auto& versions = region(region_name).layers[layer];
  const int64_t number = versions.empty() ? 1 : versions.rbegin()->first + 1;
  versions[number] = {std::move(sha256), clock_.seconds()};
  return number;
}

void SimulatedFunctions::add_namespace(const std::string& region_name, const std::string& ns_name,
                                       const std::string& type, const ScfCaller& by) {
  const Place place{region_name, ns_name, "", ""};
  MutexLock guard(mutex_);
  note("CreateNamespace", place, by);
  if (by.error.empty()) ns(place).type = type;
}

void SimulatedFunctions::remove_namespace(const std::string& region_name, const std::string& ns_name,
                                          const ScfCaller& by) {
  const Place place{region_name, ns_name, "", ""};
  MutexLock guard(mutex_);
  auto& namespaces = region(region_name).namespaces;
  const auto found = namespaces.find(ns_name);
  if (ns_name == "default") throw std::invalid_argument("`default` is always there");
  if (found == namespaces.end()) throw std::out_of_range("there is no such namespace");
  note("DeleteNamespace", place, by);
  if (!by.error.empty()) return;
  const SimulatedNamespace::List functions = found->second.in_order(SimulatedNamespace::Order::name);
  for (const SimulatedFunction* one : functions) erase({region_name, ns_name, one->name, "$LATEST"});
  namespaces.erase(found);
}

void SimulatedFunctions::race(const std::string& region_name, const std::string& ns_name, ListingRace race) {
  MutexLock guard(mutex_);
  races_[fmt::format("{}/{}", region_name, ns_name)] = {std::move(race)};
}

void SimulatedFunctions::play_race(const std::string& region_name, const std::string& ns_name) {
  const auto found = races_.find(fmt::format("{}/{}", region_name, ns_name));
  if (found == races_.end()) return;
  Racing& racing = found->second;
  const unsigned round = ++racing.round;
  const auto inserted_in = [](const std::string& name, unsigned which) {
    return which == 1 ? name : fmt::format("{}-{}", name, which);
  };
  std::vector<std::string> gone = racing.race.remove;
  if (round > 1) {
    gone.clear();
    for (const std::string& name : racing.race.insert) gone.push_back(inserted_in(name, round - 1));
  }
  for (const std::string& name : gone) {
    const Place place{region_name, ns_name, name, "$LATEST"};
    if (ns(place).find(name) == nullptr) continue;
    note("DeleteFunction", place, {});
    erase(place);
  }
  for (const std::string& name : racing.race.insert) {
    const Place place{region_name, ns_name, inserted_in(name, round), "$LATEST"};
    if (ns(place).find(place.function) == nullptr) set_code(place, std::string(64, '5'), {});
  }
  if (round >= racing.race.times) races_.erase(found);
}

void SimulatedFunctions::set_account_lag(bool lags) {
  MutexLock guard(mutex_);
  lag_.reset();
  if (!lags) return;
  lag_.emplace();
  for (const auto& [name, region] : regions_) lag_->emplace(name, account_members(region));
}

void SimulatedFunctions::clear_trouble() {
  MutexLock guard(mutex_);
  lag_.reset();
  races_.clear();
}

}  // namespace codedriftd::test
