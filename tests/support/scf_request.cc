#include "support/scf_request.h"

#include <fmt/format.h>

#include "base/json.h"

namespace codedriftd::test {

std::variant<ScfCall, ScfRefusal> read_call(const HttpRequest& request) {
  if (request.method != "POST") return ScfRefusal{"UnsupportedProtocol", "only POST is allowed"};
  if (!request.header("content-type").starts_with("application/json"))
    return ScfRefusal{"InvalidRequest", "Content-Type must be application/json"};
  const std::string_view action = request.header("x-tc-action");
  const std::string_view version = request.header("x-tc-version");
  const std::string_view region = request.header("x-tc-region");
  if (action.empty()) return ScfRefusal{"MissingParameter", "X-TC-Action is missing"};
  if (action != "GetFunctionAddress") return ScfRefusal{"InvalidAction", "X-TC-Action is not known here"};
  if (version.empty()) return ScfRefusal{"MissingParameter", "X-TC-Version is missing"};
  if (version != "2018-04-16") return ScfRefusal{"NoSuchVersion", "X-TC-Version must be 2018-04-16"};
  if (region.empty()) return ScfRefusal{"MissingParameter", "X-TC-Region is missing"};
  if (region.find('-') == std::string_view::npos) return ScfRefusal{"UnsupportedRegion", "no such region"};

  const Json body = Json::parse(request.body, nullptr, /*allow_exceptions=*/false);
  if (!body.is_object()) return ScfRefusal{"InvalidParameter.Payload", "the body is not a JSON object"};
  std::string function;
  std::string ns = "default";
  std::string qualifier = "$LATEST";
  for (const auto& [name, value] : body.items()) {
    std::string* const into = name == "FunctionName" ? &function
                              : name == "Namespace"  ? &ns
                              : name == "Qualifier"  ? &qualifier
                                                     : nullptr;
    if (into == nullptr)
      return ScfRefusal{"UnknownParameter", fmt::format("the parameter `{}` is not recognized", name)};
    if (!value.is_string()) return ScfRefusal{"InvalidParameter", fmt::format("`{}` must be a string", name)};
    *into = value.get<std::string>();
    if (into->empty()) return ScfRefusal{"InvalidParameterValue", fmt::format("`{}` is empty", name)};
  }
  if (function.empty()) return ScfRefusal{"MissingParameter", "the parameter `FunctionName` is missing"};
  return ScfCall{std::string(region), fmt::format("{}/{}/{}:{}", region, ns, function, qualifier)};
}

}  // namespace codedriftd::test
