#include "support/simulated_functions.h"

#include <fmt/format.h>

#include <stdexcept>
#include <utility>

#include "support/simulated_packages.h"

namespace codedriftd::test {
namespace {

/// For a function that has a hash and no package.
std::string link_to_nothing() { return fmt::format("https://bucket.example/code.zip?sign={}", kUrlSecret); }

/// What a package is kept under: a target with its qualifier.
std::string object_key(const std::string& region, const std::string& ns, const std::string& function,
                       const std::string& qualifier) {
  return fmt::format("{}/{}/{}:{}", region, ns, function, qualifier);
}

}  // namespace

SimulatedFunctions::SimulatedFunctions(const CloudClock& clock, SimulatedPackages& packages, SimulatedAudit& audit)
    : clock_(clock), packages_(packages), audit_(audit) {}

SimulatedFunctions::Place SimulatedFunctions::place_of(const std::string& target) {
  const std::size_t first = target.find('/');
  const std::size_t second = first == std::string::npos ? first : target.find('/', first + 1);
  if (second == std::string::npos) throw std::invalid_argument("'" + target + "' is not REGION/NAMESPACE/FUNCTION");
  const std::size_t colon = target.find(':', second);
  Place place{target.substr(0, first), target.substr(first + 1, second - first - 1),
              target.substr(second + 1, colon == std::string::npos ? colon : colon - second - 1),
              colon == std::string::npos ? "$LATEST" : target.substr(colon + 1)};
  if (place.region.empty() || place.ns.empty() || place.function.empty() || place.qualifier.empty())
    throw std::invalid_argument("'" + target + "' is not REGION/NAMESPACE/FUNCTION:QUALIFIER");
  return place;
}

SimulatedRegion& SimulatedFunctions::region(const std::string& name) {
  SimulatedRegion& region = regions_[name];
  if (region.namespaces.empty()) {
    SimulatedNamespace& ns = region.namespaces["default"];
    ns.name = "default";
    ns.added = ns.modified = clock_.seconds();
  }
  return region;
}

SimulatedNamespace& SimulatedFunctions::ns(const Place& place) {
  const auto [found, is_new] = region(place.region).namespaces.try_emplace(place.ns);
  SimulatedNamespace& ns = found->second;
  if (is_new) {
    ns.name = place.ns;
    ns.added = ns.modified = clock_.seconds();
  }
  return ns;
}

SimulatedFunction& SimulatedFunctions::function(const Place& place) {
  const auto ns = region(place.region).namespaces.find(place.ns);
  SimulatedFunction* const found =
      ns == regions_[place.region].namespaces.end() ? nullptr : ns->second.find(place.function);
  if (found == nullptr)
    throw std::out_of_range(fmt::format("there is no {}/{}/{}", place.region, place.ns, place.function));
  return *found;
}

SimulatedFunction& SimulatedFunctions::add(const Place& place, SimulatedFunction made) {
  made.name = place.function;
  made.id = fmt::format("lam-{:08x}", next_id_++);
  made.added = made.modified = clock_.seconds();
  return ns(place).add(std::move(made));
}

void SimulatedFunctions::note(const std::string& action, const Place& place, const ScfCaller& by,
                              std::map<std::string, std::string> more) {
  audit_.record({.action = action,
                 .region = place.region,
                 .ns = place.ns,
                 .function = place.function,
                 .more = std::move(more),
                 .by = by});
}

// What is set for a version that is there already overwrites it, which the cloud would not do: no record tells of it.
void SimulatedFunctions::set_code(const Place& place, std::string sha256, const ScfCaller& by) {
  SimulatedNamespace& in = ns(place);
  SimulatedFunction* there = in.find(place.function);
  if (there == nullptr) {
    there = &add(place, {});
    note("CreateFunction", place, by);
  } else if (place.qualifier == "$LATEST") {
    note("UpdateFunctionCode", place, by);
  }
  if (is_version(place.qualifier)) {
    publish(*there, place, std::stoll(place.qualifier), std::move(sha256), by);
  } else if (place.qualifier == "$LATEST") {
    in.write(*there, clock_.seconds(), [&](SimulatedFunction& f) { f.sha256 = std::move(sha256); });
  } else {
    there->other_qualifiers[place.qualifier] = std::move(sha256);
  }
}

void SimulatedFunctions::publish(SimulatedFunction& function, const Place& place, int64_t number, std::string sha256,
                                 const ScfCaller& by) {
  const auto [version, is_new] = function.versions.try_emplace(number);
  if (is_new) {
    version->second.added = clock_.seconds();
    note("PublishVersion", place, by);
  }
  version->second.sha256 = std::move(sha256);
  version->second.modified = clock_.seconds();
}

void SimulatedFunctions::set(const std::string& target, std::string sha256, const ScfCaller& by) {
  const Place place = place_of(target);
  const std::string key = object_key(place.region, place.ns, place.function, place.qualifier);
  MutexLock guard(mutex_);
  if (!by.error.empty()) return note("UpdateFunctionCode", place, by);
  packages_.remove(key);
  set_code(place, std::move(sha256), by);
}

// The hash and the object change together, as one answer would show them.
std::string SimulatedFunctions::deploy(const std::string& target, const std::map<std::string, std::string>& files,
                                       const std::map<std::string, uint32_t>& modes, const ScfCaller& by) {
  const Place place = place_of(target);
  const std::string key = object_key(place.region, place.ns, place.function, place.qualifier);
  MutexLock guard(mutex_);
  if (!by.error.empty()) return note("UpdateFunctionCode", place, by), std::string();
  const std::string hash = packages_.deploy(key, files, modes);
  set_code(place, hash, by);
  return hash;
}

std::string SimulatedFunctions::deploy_zip(const std::string& target, std::string zip, const ScfCaller& by) {
  const Place place = place_of(target);
  const std::string key = object_key(place.region, place.ns, place.function, place.qualifier);
  MutexLock guard(mutex_);
  if (!by.error.empty()) return note("UpdateFunctionCode", place, by), std::string();
  const std::string hash = packages_.deploy_zip(key, std::move(zip));
  set_code(place, hash, by);
  return hash;
}

std::string SimulatedFunctions::repack(const std::string& target, const ScfCaller& by) {
  const Place place = place_of(target);
  const std::string key = object_key(place.region, place.ns, place.function, place.qualifier);
  MutexLock guard(mutex_);
  if (!by.error.empty()) return note("UpdateFunctionCode", place, by), std::string();
  const std::string hash = packages_.repack(key);
  set_code(place, hash, by);
  return hash;
}

void SimulatedFunctions::set_image(const std::string& target, std::string image_uri, const ScfCaller& by) {
  const Place place = place_of(target);
  MutexLock guard(mutex_);
  SimulatedFunction& there = function(place);
  note("UpdateFunctionCode", place, by);
  if (!by.error.empty()) return;
  ns(place).write(there, clock_.seconds(), [&](SimulatedFunction& f) { f.image_uri = std::move(image_uri); });
}

void SimulatedFunctions::swap_and_restore(const std::string& target, const ScfCaller& by) {
  const Place place = place_of(target);
  MutexLock guard(mutex_);
  SimulatedFunction& there = function(place);
  note("UpdateFunctionCode", place, by);
  if (!by.error.empty()) return;
  note("UpdateFunctionCode", place, by);
  ns(place).write(there, clock_.seconds(), [](SimulatedFunction&) {});
}

void SimulatedFunctions::create(const std::string& target, ScfNewFunction function, const ScfCaller& by) {
  const Place place = place_of(target);
  MutexLock guard(mutex_);
  if (by.error.empty() && ns(place).find(place.function) != nullptr)
    throw std::invalid_argument(target + " is there already");
  note("CreateFunction", place, by);
  if (!by.error.empty()) return;
  SimulatedFunction made;
  made.type = std::move(function.type);
  made.runtime = std::move(function.runtime);
  made.status = std::move(function.status);
  made.tags = std::move(function.tags);
  made.sha256 = std::move(function.sha256);
  add(place, std::move(made));
}

void SimulatedFunctions::configure(const std::string& target, ScfConfiguration configuration, const ScfCaller& by) {
  const Place place = place_of(target);
  MutexLock guard(mutex_);
  SimulatedFunction& there = function(place);
  note("UpdateFunctionConfiguration", place, by);
  if (!by.error.empty()) return;
  ns(place).write(there, clock_.seconds(), [&](SimulatedFunction& f) {
    if (configuration.status) f.status = *std::move(configuration.status);
    if (configuration.tags) f.tags = *std::move(configuration.tags);
  });
}

void SimulatedFunctions::set_layers(const std::string& target, std::vector<SimulatedLayerUse> layers,
                                    const ScfCaller& by) {
  const Place place = place_of(target);
  MutexLock guard(mutex_);
  SimulatedFunction& there = function(place);
  note("UpdateFunctionConfiguration", place, by);
  if (!by.error.empty()) return;
  ns(place).write(there, clock_.seconds(), [&](SimulatedFunction& f) { f.layers = std::move(layers); });
}

void SimulatedFunctions::recreate(const std::string& target, const ScfCaller& by) {
  const Place place = place_of(target);
  MutexLock guard(mutex_);
  SimulatedFunction again = function(place);
  note("DeleteFunction", place, by);
  if (!by.error.empty()) return;
  for (const auto& [number, version] : again.versions)
    packages_.remove(object_key(place.region, place.ns, place.function, fmt::format("{}", number)));
  again.versions.clear();
  again.aliases.clear();
  again.other_qualifiers.clear();
  ns(place).remove(place.function);
  note("CreateFunction", place, by);
  add(place, std::move(again));
}

void SimulatedFunctions::erase(const Place& place) {
  SimulatedNamespace& in = ns(place);
  const SimulatedFunction* const there = in.find(place.function);
  if (there == nullptr) return;
  for (const auto& [number, version] : there->versions)
    packages_.remove(object_key(place.region, place.ns, place.function, fmt::format("{}", number)));
  packages_.remove(object_key(place.region, place.ns, place.function, "$LATEST"));
  in.remove(place.function);
}

void SimulatedFunctions::remove(const std::string& target, const ScfCaller& by) {
  const Place place = place_of(target);
  const std::string key = object_key(place.region, place.ns, place.function, place.qualifier);
  MutexLock guard(mutex_);
  auto& namespaces = region(place.region).namespaces;
  const auto in = namespaces.find(place.ns);
  SimulatedFunction* const there = in == namespaces.end() ? nullptr : in->second.find(place.function);
  if (there == nullptr) return;
  note(place.qualifier == "$LATEST" ? "DeleteFunction" : "DeleteFunctionVersion", place, by,
       place.qualifier == "$LATEST" ? std::map<std::string, std::string>{}
                                    : std::map<std::string, std::string>{{"Qualifier", place.qualifier}});
  if (!by.error.empty()) return;
  if (place.qualifier == "$LATEST") return erase(place);
  packages_.remove(key);
  there->other_qualifiers.erase(place.qualifier);
  if (is_version(place.qualifier)) there->versions.erase(std::stoll(place.qualifier));
  if (!there->sha256 && there->image_uri.empty() && there->versions.empty() && there->other_qualifiers.empty())
    in->second.remove(place.function);
}

std::string SimulatedFunctions::sha256(const std::string& target) const {
  const Place place = place_of(target);
  MutexLock guard(mutex_);
  const SimulatedFunction* const there = regions_.at(place.region).namespaces.at(place.ns).find(place.function);
  if (there == nullptr) throw std::out_of_range("there is no " + target);
  if (place.qualifier == "$LATEST" && there->sha256) return *there->sha256;
  if (is_version(place.qualifier)) return there->versions.at(std::stoll(place.qualifier)).sha256;
  return there->other_qualifiers.at(place.qualifier);
}

std::map<std::string, SimulatedFunction> SimulatedFunctions::all() const {
  MutexLock guard(mutex_);
  std::map<std::string, SimulatedFunction> all;
  for (const auto& [region_name, region] : regions_) {
    for (const auto& [ns_name, ns] : region.namespaces) {
      for (const SimulatedFunction* one : ns.in_order(SimulatedNamespace::Order::name))
        all.emplace(fmt::format("{}/{}/{}", region_name, ns_name, one->name), *one);
    }
  }
  return all;
}

ScfAnswer SimulatedFunctions::answer(const ScfCall& call, ListingFault fault) {
  MutexLock guard(mutex_);
  region(call.region);
  if (call.action == "GetFunctionAddress") return address(call);
  if (call.action == "GetAccount" && lag_) {
    const auto then = lag_->find(call.region);
    return ScfReply{then == lag_->end() ? account_members(SimulatedRegion{}) : then->second};
  }
  ScfAnswer answer = answer_from(regions_, call, fault);
  const auto* const reply = std::get_if<ScfReply>(&answer);
  if (call.action == "ListFunctions" && reply != nullptr && !reply->last_page) play_race(call.region, call.ns);
  return answer;
}

ScfAnswer SimulatedFunctions::address(const ScfCall& call) {
  const auto& namespaces = regions_.at(call.region).namespaces;
  const auto in = namespaces.find(call.ns);
  if (in == namespaces.end()) return ScfRefusal{"ResourceNotFound.Namespace", "the namespace does not exist"};
  const SimulatedFunction* const there = in->second.find(call.function);
  if (there == nullptr) return ScfRefusal{"ResourceNotFound.Function", "the function does not exist"};
  const auto reply = [&](const std::string& qualifier, const std::string& sha256) {
    const std::string object = object_key(call.region, call.ns, call.function, qualifier);
    const std::string url = packages_.link(object, clock_.wall()).value_or(link_to_nothing());
    return ScfReply{fmt::format(R"("Url":{})", json_text(url)), sha256};
  };
  if (const auto other = there->other_qualifiers.find(call.qualifier); other != there->other_qualifiers.end())
    return reply(call.qualifier, other->second);
  const std::string version = resolve(*there, call.qualifier);
  if (version.empty()) return ScfRefusal{"ResourceNotFound.FunctionVersion", "the version does not exist"};
  if (version != "$LATEST") return reply(version, there->versions.at(std::stoll(version)).sha256);
  if (!there->sha256) return ScfRefusal{"FailedOperation.GetFunctionAddress", "an image function has no package"};
  return reply(version, *there->sha256);
}

}  // namespace codedriftd::test
