#include "scf/requests.h"

#include <charconv>
#include <chrono>
#include <stdexcept>

#include "base/json.h"

namespace codedriftd::requests {
namespace {

std::string body(const Json& members) { return json_line(members); }

Json attribute(std::string_view key, std::string_view value) {
  return {{"AttributeKey", key}, {"AttributeValue", value}};
}

uint64_t token_number(std::string_view token) {
  uint64_t number = 0;
  const auto [end, error] = std::from_chars(token.data(), token.data() + token.size(), number);
  if (error != std::errc{} || end != token.data() + token.size()) {
    throw std::logic_error("a page's token that is no number reached requests::describe_events");
  }
  return number;
}

}  // namespace

std::string get_account() { return "{}"; }

std::string list_namespaces(std::size_t offset) {
  return body({{"Offset", offset}, {"Limit", kPage}, {"Orderby", "Name"}, {"Order", "ASC"}});
}

std::string list_functions(std::string_view ns, Order order, std::size_t offset) {
  const bool by_name = order == Order::by_name;
  return body({{"Namespace", ns},
               {"Orderby", by_name ? "FunctionName" : "ModTime"},
               {"Order", by_name ? "ASC" : "DESC"},
               {"Offset", offset},
               {"Limit", kPage}});
}

std::string list_versions(std::string_view ns, std::string_view function, std::size_t offset) {
  return body({{"Namespace", ns},
               {"FunctionName", function},
               {"OrderBy", "AddTime"},  // with a capital B here, and a small one in the other lists
               {"Order", "DESC"},
               {"Offset", offset},
               {"Limit", kPage}});
}

std::string list_aliases(std::string_view ns, std::string_view function, std::size_t offset) {
  // Strings, where every other list has numbers.
  return body({{"Namespace", ns},
               {"FunctionName", function},
               {"Offset", std::to_string(offset)},
               {"Limit", std::to_string(kPage)}});
}

std::string get_alias(std::string_view ns, std::string_view function, std::string_view alias) {
  return body({{"Namespace", ns}, {"FunctionName", function}, {"Name", alias}});
}

std::string get_function(std::string_view ns, std::string_view function, std::string_view qualifier) {
  return body({{"Namespace", ns}, {"FunctionName", function}, {"Qualifier", qualifier}, {"ShowCode", "FALSE"}});
}

std::string get_layer_version(std::string_view layer, int64_t version) {
  return body({{"LayerName", layer}, {"LayerVersion", version}});
}

std::string describe_events(WallTime from, WallTime to, std::span<const std::string_view> actions,
                            std::string_view token) {
  Json attributes = Json::array({attribute("ActionType", "Write"), attribute("ResourceType", "scf")});
  for (const std::string_view action : actions) attributes.push_back(attribute("EventName", action));
  Json members{{"StartTime", std::chrono::floor<std::chrono::seconds>(from).time_since_epoch().count()},
               {"EndTime", std::chrono::ceil<std::chrono::seconds>(to).time_since_epoch().count()},
               {"MaxResults", kAuditPage},
               {"LookupAttributes", std::move(attributes)}};
  if (!token.empty()) members["NextToken"] = token_number(token);
  return body(members);
}

}  // namespace codedriftd::requests
