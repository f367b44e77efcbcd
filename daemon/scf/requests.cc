#include "scf/requests.h"

#include "base/json.h"

namespace codedriftd::requests {

std::string get_account() { return "{}"; }

std::string list_namespaces(std::size_t offset) { return nlohmann::json{{"Offset", offset}, {"Limit", kPage}}.dump(); }

std::string list_functions(std::string_view ns, Order order, std::size_t offset) {
  return nlohmann::json{{"Namespace", ns},
                        {"Orderby", order == Order::by_name ? "FunctionName" : "ModTime"},
                        {"Order", order == Order::by_name ? "ASC" : "DESC"},
                        {"Offset", offset},
                        {"Limit", kPage}}
      .dump();
}

std::string list_versions(std::string_view ns, std::string_view function, std::size_t offset) {
  return nlohmann::json{{"Namespace", ns}, {"FunctionName", function}, {"Offset", offset}, {"Limit", kPage}}.dump();
}

std::string list_aliases(std::string_view ns, std::string_view function, std::size_t offset) {
  return nlohmann::json{{"Namespace", ns},
                        {"FunctionName", function},
                        {"Offset", std::to_string(offset)},
                        {"Limit", std::to_string(kPage)}}
      .dump();
}

std::string get_function(std::string_view ns, std::string_view function, std::string_view qualifier) {
  return nlohmann::json{{"Namespace", ns}, {"FunctionName", function}, {"Qualifier", qualifier}, {"ShowCode", "FALSE"}}
      .dump();
}

}  // namespace codedriftd::requests
