#include "support/simulated_answers.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "base/json.h"
#include "support/simulated_packages.h"

namespace codedriftd::test {
namespace {

using List = SimulatedNamespace::List;

constexpr std::array<std::pair<std::string_view, ListingFault>, 10> kListingFaults{{
    {"none", ListingFault::none},
    {"short_page", ListingFault::short_page},
    {"empty_page", ListingFault::empty_page},
    {"total_high", ListingFault::total_high},
    {"total_low", ListingFault::total_low},
    {"no_total", ListingFault::no_total},
    {"repeated", ListingFault::repeated},
    {"odd_name", ListingFault::odd_name},
    {"no_times", ListingFault::no_times},
    {"garbled", ListingFault::garbled},
}};

std::string joined(const std::vector<std::string>& entries) {
  std::string out;
  for (const std::string& entry : entries) {
    if (!out.empty()) out += ',';
    out += entry;
  }
  return out;
}

/// Takes every member `name` of a flat text out, or puts something else into it.
void spoil_times(std::string& entry, ListingFault fault) {
  for (const std::string_view name : {R"("ModTime":")", R"("AddTime":")"}) {
    const std::size_t at = entry.find(name);
    if (at == std::string::npos) continue;
    const std::size_t value = at + name.size();
    const std::size_t end = entry.find('"', value);
    if (fault == ListingFault::no_times) {
      entry.erase(at, end + 2 - at);  // with the comma: other members follow
    } else {
      entry.replace(value, end - value, "yesterday, about noon");
    }
  }
}

/// A page of entries, with what is wrong with it.
ScfReply page(std::string_view list, std::vector<std::string> entries, std::size_t total, bool last,
              ListingFault fault) {
  switch (fault) {
    case ListingFault::short_page:
      entries.resize(entries.size() / 2);
      break;
    case ListingFault::empty_page:
      entries.clear();
      break;
    case ListingFault::total_high:
      ++total;
      break;
    case ListingFault::total_low:
      total -= total == 0 ? 0 : 1;
      break;
    case ListingFault::repeated:
      if (entries.size() > 1) entries.back() = entries.front();
      break;
    case ListingFault::no_times:
    case ListingFault::garbled:
      for (std::string& entry : entries) spoil_times(entry, fault);
      break;
    default:
      break;
  }
  const std::string count = fault == ListingFault::no_total ? "" : fmt::format(R"(,"TotalCount":{})", total);
  return {fmt::format(R"("{}":[{}]{})", list, joined(entries), count), {}, last};
}

/// Where the page begins and ends in a list of `size`.
std::pair<std::size_t, std::size_t> bounds(const ScfCall& call, std::size_t size) {
  const auto from = std::min(size, static_cast<std::size_t>(call.number_or("Offset", 0)));
  return {from, std::min(size, from + static_cast<std::size_t>(call.number_or("Limit", 20)))};
}

bool descending(const ScfCall& call) { return call.text_or("Order", "ASC") == "DESC"; }

bool passes(const SimulatedFunction& function, const ScfCall& call) {
  if (function.name.find(call.text_or("SearchKey", "")) == std::string::npos) return false;
  return std::all_of(call.filters.begin(), call.filters.end(), [&](const auto& filter) {
    const auto& [name, values] = filter;
    std::string value = name == "Status" ? function.status : name == "Runtime" ? function.runtime : function.type;
    if (name.starts_with("tag-")) {
      const auto tag = function.tags.find(name.substr(4));
      if (tag == function.tags.end()) return false;
      value = tag->second;
    }
    return std::find(values.begin(), values.end(), value) != values.end();
  });
}

ScfReply list_functions(const SimulatedNamespace& ns, const ScfCall& call, ListingFault fault) {
  const auto order = call.order_by == "FunctionName" ? SimulatedNamespace::Order::name
                     : call.order_by == "ModTime"    ? SimulatedNamespace::Order::modified
                                                     : SimulatedNamespace::Order::added;
  const List* list = &ns.in_order(order);
  List chosen;
  if (!call.filters.empty() || call.text.contains("SearchKey")) {
    std::copy_if(list->begin(), list->end(), std::back_inserter(chosen),
                 [&](const SimulatedFunction* function) { return passes(*function, call); });
    list = &chosen;
  }
  const auto [from, to] = bounds(call, list->size());
  std::vector<std::string> entries;
  for (std::size_t i = from; i < to; ++i)
    entries.push_back((*list)[descending(call) ? list->size() - 1 - i : i]->listed);
  std::size_t total = list->size();
  if (fault == ListingFault::odd_name && !entries.empty()) {
    ++total;
    const std::string& name = (*list)[descending(call) ? list->size() - 1 - from : from]->name;
    std::string odd = entries.front();
    const std::string member = fmt::format(R"("FunctionName":{})", json_text(name));
    odd.replace(odd.find(member), member.size(), R"("FunctionName":"no name\u001b[31m\n\u202e of a function")");
    const std::size_t id = odd.find("lam-");
    entries.push_back(odd.replace(id, 4, "lam-odd-"));
  }
  return page("Functions", std::move(entries), total, to == list->size(), fault);
}

ScfReply list_namespaces(const SimulatedRegion& region, const ScfCall& call, ListingFault fault) {
  std::vector<const SimulatedNamespace*> all;
  for (const auto& [name, ns] : region.namespaces) {
    const bool wanted = std::all_of(call.filters.begin(), call.filters.end(), [&name = name](const auto& filter) {
      return name.find(filter.second.front()) != std::string::npos;
    });
    if (wanted) all.push_back(&ns);
  }
  if (call.order_by == "Updatetime")
    std::stable_sort(all.begin(), all.end(), [](const auto* a, const auto* b) { return a->modified < b->modified; });
  if (descending(call)) std::reverse(all.begin(), all.end());
  const auto [from, to] = bounds(call, all.size());
  std::vector<std::string> entries;
  for (std::size_t i = from; i < to; ++i)
    entries.push_back(fmt::format(R"({{"ModTime":"{}","AddTime":"{}","Description":"","Name":{},"Type":{}}})",
                                  scf_time(all[i]->modified), scf_time(all[i]->added), json_text(all[i]->name),
                                  json_text(all[i]->type)));
  return page("Namespaces", std::move(entries), all.size(), to == all.size(), fault);
}

// `$LATEST` is a version like the others, and the first. Those that were published follow by number: which order the
// cloud has without an OrderBy is not documented, so the newest is not where a careless reader would look.
ScfReply list_versions(const SimulatedFunction& function, const ScfCall& call, ListingFault fault) {
  struct Entry {
    std::string name;
    int64_t added, modified;
  };
  std::vector<Entry> all{{"$LATEST", function.added, function.modified}};
  for (const auto& [number, version] : function.versions)
    all.push_back({fmt::format("{}", number), version.added, version.modified});
  if (!call.order_by.empty()) {
    const bool by_added = call.order_by == "AddTime";
    std::stable_sort(all.begin(), all.end(), [&](const Entry& a, const Entry& b) {
      return by_added ? a.added < b.added : a.modified < b.modified;
    });
  }
  if (descending(call)) std::reverse(all.begin(), all.end());
  const auto [from, to] = bounds(call, all.size());
  std::vector<std::string> entries;
  std::vector<std::string> names;
  for (std::size_t i = from; i < to; ++i) {
    names.push_back(json_text(all[i].name));
    entries.push_back(
        fmt::format(R"({{"ModTime":"{}","AddTime":"{}","Version":{},"Description":"","Status":"Active"}})",
                    scf_time(all[i].modified), scf_time(all[i].added), names.back()));
  }
  ScfReply reply = page("Versions", std::move(entries), all.size(), to == all.size(), fault);
  reply.members += fmt::format(R"(,"FunctionVersion":[{}])", joined(names));
  return reply;
}

std::string alias_members(const std::string& name, const SimulatedAlias& alias) {
  std::string weights;
  std::string matches;
  if (alias.other.empty()) {
    // All calls go to one version.
  } else if (alias.match.size() == 3) {
    matches = fmt::format(R"({{"Version":{},"Key":{},"Method":{},"Expression":{}}})", json_text(alias.other),
                          json_text(alias.match[0]), json_text(alias.match[1]), json_text(alias.match[2]));
  } else {
    weights = fmt::format(R"({{"Version":{},"Weight":{}}})", json_text(alias.other), alias.weight);
  }
  return fmt::format(R"("ModTime":"{}","AddTime":"{}","Name":{},"FunctionVersion":{},"Description":"",)"
                     R"("RoutingConfig":{{"AdditionalVersionWeights":[{}],"AddtionVersionMatchs":[{}]}})",
                     scf_time(alias.modified), scf_time(alias.added), json_text(name), json_text(alias.version),
                     weights, matches);
}

/// A function has `$DEFAULT`, which leads to `$LATEST` until it is set, unless that was removed.
std::map<std::string, SimulatedAlias> aliases_of(const SimulatedFunction& function) {
  std::map<std::string, SimulatedAlias> all = function.aliases;
  if (function.has_default)
    all.emplace("$DEFAULT", SimulatedAlias{"$LATEST", "", 0, {}, function.added, function.added});
  return all;
}

ScfReply list_aliases(const SimulatedFunction& function, const ScfCall& call, ListingFault fault) {
  std::vector<std::string> all;
  for (const auto& [name, alias] : aliases_of(function)) {
    if (call.text_or("FunctionVersion", alias.version) == alias.version)
      all.push_back("{" + alias_members(name, alias) + "}");
  }
  const auto [from, to] = bounds(call, all.size());
  using Step = std::vector<std::string>::difference_type;
  std::vector<std::string> entries(all.begin() + static_cast<Step>(from), all.begin() + static_cast<Step>(to));
  if (all.empty() && fault == ListingFault::none) return {R"("Aliases":null,"TotalCount":0)", {}, true};
  return page("Aliases", std::move(entries), all.size(), to == all.size(), fault);
}

ScfAnswer get_alias(const SimulatedFunction& function, const ScfCall& call) {
  const auto all = aliases_of(function);
  const auto found = all.find(call.text.at("Name"));
  if (found == all.end()) return ScfRefusal{"ResourceNotFound.Alias", "the alias does not exist"};
  return ScfReply{alias_members(found->first, found->second)};
}

/// In bytes: another code has another size.
int64_t code_size_of(const SimulatedFunction& function) {
  int64_t size = 0;
  for (const char c : function.sha256.value_or("")) size = (size * 31 + static_cast<unsigned char>(c)) % 1'000'000;
  return function.sha256 ? 4'000'000 + size : 0;
}

ScfAnswer get_function(const SimulatedRegion& region, const SimulatedFunction& function, const ScfCall& call) {
  const std::string version = resolve(function, call.qualifier);
  if (version.empty()) return ScfRefusal{"ResourceNotFound.Version", "the version does not exist"};
  Json layers = Json::array();
  for (const SimulatedLayerUse& use : function.layers) {
    const auto layer = region.layers.find(use.name);
    const int64_t added =
        layer != region.layers.end() && layer->second.contains(use.version) ? layer->second.at(use.version).added : 0;
    layers.push_back({{"CompatibleRuntimes", {function.runtime}},
                      {"AddTime", scf_time(added)},
                      {"Description", ""},
                      {"LicenseInfo", ""},
                      {"LayerVersion", use.version},
                      {"LayerName", use.name},
                      {"Status", "Active"},
                      {"Src", "TencentCloud"}});
  }
  const bool image = !function.image_uri.empty();
  Json out{{"FunctionName", function.name},
           {"FunctionId", function.id},
           {"Namespace", call.ns},
           {"Type", function.type},
           {"Runtime", image ? "CustomImage" : function.runtime},
           {"Status", function.status},
           {"StatusDesc", ""},
           {"StatusReasons", Json::array()},
           {"AvailableStatus", "Available"},
           {"FunctionVersion", version},
           {"Qualifier", call.qualifier},
           {"AddTime", scf_time(function.added)},
           {"ModTime", scf_time(function.modified)},
           {"CodeSize", code_size_of(function)},
           {"CodeInfo", image || call.text_or("ShowCode", "FALSE") != "TRUE"
                            ? ""
                            : fmt::format("PASSWORD = '{}-CODE'\n", kFunctionSecret)},
           {"CodeResult", "success"},
           {"CodeError", ""},
           {"ErrNo", 0},
           {"Handler", "index.main"},
           {"MemorySize", 128},
           {"Timeout", 3},
           {"Description", fmt::format("{}-DESCRIPTION", kFunctionSecret)},
           {"Environment",
            {{"Variables",
              {{{"Key", "DB_PASSWORD"}, {"Value", fmt::format("{}-DB-PASSWORD", kFunctionSecret)}},
               {{"Key", "TENCENTCLOUD_SECRETKEY"}, {"Value", fmt::format("{}-SECRET-KEY", kFunctionSecret)}}}}}},
           {"VpcConfig", {{"VpcId", ""}, {"SubnetId", ""}}},
           {"Role", "FAKE-ROLE"},
           {"Triggers", {{{"TriggerName", "t"}, {"TriggerDesc", fmt::format("{}-TRIGGER", kFunctionSecret)}}}},
           {"ClsLogsetId", ""},
           {"ClsTopicId", ""},
           {"InstallDependency", "FALSE"},
           {"Layers", std::move(layers)},
           {"ImageConfig", nullptr},
           {"Tags", Json::array()}};
  if (image)
    out["ImageConfig"] = {{"ImageType", "personal"},
                          {"ImageUri", function.image_uri},
                          {"RegistryId", ""},
                          {"EntryPoint", fmt::format("run --password={}-ENTRY", kFunctionSecret)},
                          {"Command", ""},
                          {"Args", ""},
                          {"ContainerImageAccelerate", false},
                          {"ImagePort", 9000}};
  for (const auto& [key, value] : function.tags) out["Tags"].push_back({{"Key", key}, {"Value", value}});
  const std::string text = json_line(out);
  return ScfReply{text.substr(1, text.size() - 2)};
}

ScfAnswer get_layer_version(const SimulatedRegion& region, const ScfCall& call) {
  const std::string& name = call.text.at("LayerName");
  const int64_t number = call.number.at("LayerVersion");
  const auto layer = region.layers.find(name);
  if (layer == region.layers.end()) return ScfRefusal{"ResourceNotFound.Layer", "the layer does not exist"};
  const auto version = layer->second.find(number);
  if (version == layer->second.end())
    return ScfRefusal{"ResourceNotFound.LayerVersion", "the version of the layer does not exist"};
  return ScfReply{
      fmt::format(R"("CompatibleRuntimes":["Python3.10"],"Location":"https://layers.example/{}.zip?sign={}",)"
                  R"("AddTime":"{}","Description":"","LicenseInfo":"","LayerVersion":{},"LayerName":{},)"
                  R"("Status":"Active")",
                  number, kUrlSecret, scf_time(version->second.added), number, json_text(name)),
      version->second.sha256};
}

}  // namespace

std::optional<ListingFault> parse_listing_fault(std::string_view name) {
  for (const auto& [known, fault] : kListingFaults) {
    if (known == name) return fault;
  }
  return std::nullopt;
}

std::string_view listing_fault_name(ListingFault fault) {
  return kListingFaults.at(static_cast<std::size_t>(fault)).first;
}

std::string account_members(const SimulatedRegion& region) {
  std::vector<std::string> usage;
  std::vector<std::string> limits;
  for (const auto& [name, ns] : region.namespaces) {
    std::vector<std::string> names;
    for (const SimulatedFunction* function : ns.in_order(SimulatedNamespace::Order::name))
      names.push_back(json_text(function->name));
    usage.push_back(fmt::format(R"({{"Functions":[{}],"Namespace":{},"FunctionsCount":{},"TotalConcurrencyMem":0,)"
                                R"("TotalAllocatedConcurrencyMem":0,"TotalAllocatedProvisionedMem":0}})",
                                joined(names), json_text(name), ns.size()));
    limits.push_back(fmt::format(R"({{"FunctionsCount":10000,"Namespace":{}}})", json_text(name)));
  }
  return fmt::format(R"("AccountUsage":{{"NamespacesCount":{},"Namespace":[{}],"TotalConcurrencyMem":128000,)"
                     R"("TotalAllocatedConcurrencyMem":0,"UserConcurrencyMemLimit":128000}},)"
                     R"("AccountLimit":{{"NamespacesCount":100,"Namespace":[{}]}})",
                     usage.size(), joined(usage), joined(limits));
}

ScfAnswer answer_from(const std::map<std::string, SimulatedRegion>& regions, const ScfCall& call, ListingFault fault) {
  const SimulatedRegion& region = regions.at(call.region);
  if (call.action == "GetAccount") return ScfReply{account_members(region)};
  if (call.action == "ListNamespaces") return list_namespaces(region, call, fault);
  if (call.action == "GetLayerVersion") return get_layer_version(region, call);
  const auto ns = region.namespaces.find(call.ns);
  if (ns == region.namespaces.end()) return ScfRefusal{"ResourceNotFound.Namespace", "the namespace does not exist"};
  if (call.action == "ListFunctions") return list_functions(ns->second, call, fault);
  const SimulatedFunction* const function = ns->second.find(call.function);
  if (function == nullptr) return ScfRefusal{"ResourceNotFound.Function", "the function does not exist"};
  if (call.action == "ListVersionByFunction") return list_versions(*function, call, fault);
  if (call.action == "ListAliases") return list_aliases(*function, call, fault);
  if (call.action == "GetAlias") return get_alias(*function, call);
  return get_function(region, *function, call);
}

}  // namespace codedriftd::test
