#include <fmt/format.h>

#include <algorithm>
#include <string>

#include "base/text.h"
#include "model/value.h"
#include "scf/read_content.h"
#include "scf/requests.h"

namespace codedriftd {
namespace {

constexpr std::size_t kMostEntries = 100'000;  // of a list that is not paged: what a body can hold is bounded, too
constexpr std::size_t kMostLayers = 50;        // five may be used
constexpr std::size_t kShortText = 100, kMostTagText = 300;

std::string short_text(std::string_view text) { return clean_utf8(text, kShortText); }

bool published(std::string_view version) {
  return !version.empty() && version.size() <= 18 &&
         std::all_of(version.begin(), version.end(), [](char c) { return c >= '0' && c <= '9'; });
}

std::string version_in(const Members& members, std::string_view name, std::string_view version) {
  if (!published(version) && version != kLatestQualifier) members.complain(name, "is no version");
  return std::string(version);
}
std::string version_of(const Members& members, std::string_view name) {
  return version_in(members, name, members.text(name));
}

/// TotalCount where it may be null. A page that is not full is the last one then.
int64_t total_of(const Members& response, std::size_t entries) {
  const auto total = response.count_or_none("TotalCount");
  if (!total && entries >= requests::kPage) response.complain("TotalCount", "is missing, and the page is full");
  return total.value_or(static_cast<int64_t>(entries));
}

std::optional<WallTime> time_of(const Members& members, std::string_view name) {
  return parse_scf_time(members.text_or_none(name));
}

/// Nullopt where they are not told: missing and null are not the same as none, which would take it out of rules.
std::optional<std::map<std::string, std::string>> tags_of(const Members& function) {
  if (!function.element_or_none("Tags")) return std::nullopt;
  std::map<std::string, std::string> tags;
  function.each("Tags", kMostEntries, [&](const Members& tag) {
    tags.emplace(clean_utf8(tag.text("Key"), kMostTagText), clean_utf8(tag.text_or_none("Value"), kMostTagText));
  });
  return tags;
}

std::string weight_of(const Members& other) {
  const double weight = other.number("Weight");
  if (weight >= 0 && weight <= 1) return split_by_weight(weight);
  other.complain("Weight", "is not between 0 and 1");
  return {};
}

AliasRoute route_of(const Members& alias) {
  AliasRoute route;
  route.version = version_of(alias, "FunctionVersion");
  const auto routing = alias.object_or_none("RoutingConfig");
  if (!routing) return route;
  const auto take = [&route](const Members& other, std::string split) {
    if (!route.other.empty()) other.complain("Version", "is a second one beside FunctionVersion: there may be one");
    route.other = version_of(other, "Version");
    route.split = std::move(split);
  };
  routing->each_if_any("AdditionalVersionWeights", kMostEntries,
                       [&](const Members& other) { take(other, weight_of(other)); });
  // Misspelt, as the API has it.
  routing->each_if_any("AddtionVersionMatchs", kMostEntries, [&](const Members& other) {
    take(other, split_by_rule(other.text("Key"), other.text("Method"), other.text("Expression")));
  });
  return route;
}

FunctionDetail::Layer layer_of(const Members& members) {
  const std::string_view name = members.text("LayerName");
  if (!valid_part(name)) members.complain("LayerName", "is no name of a layer");
  return FunctionDetail::Layer{std::string(name), members.count("LayerVersion")};
}

}  // namespace

AccountUsage account_usage(const Members& response) {
  AccountUsage usage;
  response.object("AccountUsage").each("Namespace", kMostEntries, [&](const Members& members) {
    AccountUsage::Namespace ns;
    ns.name = short_text(members.text("Namespace"));
    ns.functions = members.count("FunctionsCount");
    members.each_text("Functions", kMostEntries, [&](std::string_view name) { ns.names.push_back(short_text(name)); });
    usage.namespaces.push_back(std::move(ns));
  });
  return usage;
}

NamespacePage namespace_page(const Members& response) {
  NamespacePage page;
  page.total = response.count("TotalCount");
  response.each("Namespaces", kMostEntries,
                [&](const Members& members) { page.names.push_back(short_text(members.text("Name"))); });
  return page;
}

FunctionPage function_page(const Members& response) {
  FunctionPage page;
  page.total = response.count("TotalCount");
  response.each("Functions", kMostEntries, [&](const Members& members) {
    const std::string_view ns = members.text("Namespace");
    const std::string_view name = members.text("FunctionName");
    FoundFunction function;
    function.ns = ns;
    function.name = name;
    function.function_id = short_text(members.text("FunctionId"));
    function.type = short_text(members.text_or_none("Type"));
    function.runtime = short_text(members.text_or_none("Runtime"));
    function.status = short_text(members.text_or_none("Status"));
    function.added_at = time_of(members, "AddTime");
    function.modified_at = time_of(members, "ModTime");
    function.tags = tags_of(members);
    if (valid_part(ns) && valid_part(name)) {
      page.functions.push_back(std::move(function));
    } else {
      page.unreadable.push_back(harmless(short_text(ns) + "/" + short_text(name)));
    }
  });
  return page;
}

VersionPage version_page(const Members& response) {
  VersionPage page;
  const auto take = [&page](std::string version) {
    ++page.entries;
    if (version != kLatestQualifier) page.versions.push_back(std::move(version));
  };
  if (response.element_or_none("Versions")) {
    response.each("Versions", kMostEntries, [&](const Members& members) { take(version_of(members, "Version")); });
  } else {  // it may be null; the same as plain numbers is always there
    response.each_text("FunctionVersion", kMostEntries,
                       [&](std::string_view version) { take(version_in(response, "FunctionVersion", version)); });
  }
  page.total = total_of(response, page.entries);
  return page;
}

FoundAlias found_alias(const Members& alias) { return {short_text(alias.text("Name")), route_of(alias)}; }

AliasPage alias_page(const Members& response) {
  AliasPage page;
  response.each("Aliases", kMostEntries, [&](const Members& members) {
    ++page.entries;
    // Another name is nothing that could be asked for, and no part of an address.
    if (FoundAlias alias = found_alias(members); valid_part(alias.name)) page.aliases.push_back(std::move(alias));
  });
  page.total = total_of(response, page.entries);
  // An empty list takes all aliases of a function out of the watch: something has to say that it is empty.
  if (!response.element_or_none("Aliases") && !response.element_or_none("TotalCount"))
    response.complain("Aliases", "is null, and TotalCount does not say that there are none");
  return page;
}

FunctionDetail function_detail(const Members& response) {
  FunctionDetail detail;
  detail.status = short_text(response.text("Status"));
  if (const auto image = response.object_or_none("ImageConfig")) {
    detail.image_uri = clean_utf8(image->text_or_none("ImageUri"), 1000);
  }
  // An image has no layers, so that its answer may go without. Elsewhere a list that is missing is not the same as no
  // layers: that would be told as a change.
  if (detail.image_uri.empty() || response.has("Layers")) {
    response.each("Layers", kMostLayers, [&](const Members& members) { detail.layers.push_back(layer_of(members)); });
  }
  return detail;
}

LayerVersion layer_version(const Members& response) {
  LayerVersion layer;
  layer.status = short_text(response.text("Status"));
  if (const auto sha256 = Sha256::from_hex(response.text("CodeSha256"))) {
    layer.sha256 = *sha256;
  } else {
    response.complain("CodeSha256", "is not 64 hex digits");
  }
  return layer;
}

}  // namespace codedriftd
