#include "support/scf_request.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>

#include "base/json.h"

namespace codedriftd::test {
namespace {

enum class Kind {
  text,         ///< a string that is not empty
  any_text,     ///< a string
  choice,       ///< one of `choices`
  number,       ///< an integer from `least` to `most`
  number_text,  ///< the same, as a string of digits
  filters,      ///< [{"Name","Values":[…]}], at most ten
  attributes,   ///< [{"AttributeKey","AttributeValue"}]
  search_keys,  ///< [{"Key","Value"}]
};

struct Parameter {
  std::string_view name;
  Kind kind = Kind::text;
  bool required = false;
  std::string_view wrong = "InvalidParameterValue";  ///< the code for a value that is not allowed
  int64_t least = 0, most = 1'000'000'000'000;
  std::vector<std::string_view> choices{};
};

struct ActionForm {
  std::string_view service, version;
  unsigned rate;  ///< calls a second
  std::vector<Parameter> parameters;
};

const Parameter kFunctionName{.name = "FunctionName", .required = true};
const Parameter kNamespace{.name = "Namespace"};
const Parameter kQualifier{.name = "Qualifier"};
const Parameter kOrder{
    .name = "Order", .kind = Kind::choice, .wrong = "InvalidParameterValue.Order", .choices = {"ASC", "DESC"}};

Parameter offset(std::string_view wrong) { return {.name = "Offset", .kind = Kind::number, .wrong = wrong}; }
Parameter limit(std::string_view wrong) {
  return {.name = "Limit", .kind = Kind::number, .wrong = wrong, .least = 1, .most = 100};
}
Parameter order_by(std::string_view name, std::vector<std::string_view> choices) {
  return {.name = name, .kind = Kind::choice, .choices = std::move(choices)};
}

// Names as the API has them, "Orderby" and "OrderBy" included. The largest page is documented for ListFunctions alone;
// the others are taken to have the same.
const std::map<std::string, ActionForm, std::less<>>& forms() {
  static const std::string_view kScf = "scf";
  static const std::string_view kScfVersion = "2018-04-16";
  static const std::map<std::string, ActionForm, std::less<>> table{
      {"GetFunctionAddress", {kScf, kScfVersion, 20, {kFunctionName, kNamespace, kQualifier}}},
      {"GetAccount", {kScf, kScfVersion, 20, {}}},
      {"ListNamespaces",
       {kScf,
        kScfVersion,
        20,
        {limit("InvalidParameterValue"),
         offset("InvalidParameterValue"),
         order_by("Orderby", {"Name", "Updatetime"}),
         kOrder,
         {.name = "SearchKey", .kind = Kind::search_keys}}}},
      {"ListFunctions",
       {kScf,
        kScfVersion,
        100,
        {kNamespace,
         kOrder,
         order_by("Orderby", {"AddTime", "ModTime", "FunctionName"}),
         offset("InvalidParameterValue.Offset"),
         limit("InvalidParameterValue.Limit"),
         {.name = "SearchKey", .kind = Kind::any_text},
         {.name = "Description", .kind = Kind::any_text},
         {.name = "Filters", .kind = Kind::filters}}}},
      {"ListVersionByFunction",
       {kScf,
        kScfVersion,
        20,
        {kFunctionName, kNamespace, offset("InvalidParameterValue"), limit("InvalidParameterValue"), kOrder,
         order_by("OrderBy", {"AddTime", "ModTime"})}}},
      {"ListAliases",
       {kScf,
        kScfVersion,
        20,
        {kFunctionName,
         kNamespace,
         {.name = "FunctionVersion"},
         {.name = "Offset", .kind = Kind::number_text},
         {.name = "Limit", .kind = Kind::number_text, .least = 1, .most = 100}}}},
      {"GetAlias", {kScf, kScfVersion, 20, {kFunctionName, kNamespace, {.name = "Name", .required = true}}}},
      {"GetFunction",
       {kScf,
        kScfVersion,
        100,
        {kFunctionName,
         kNamespace,
         kQualifier,
         {.name = "ShowCode", .kind = Kind::choice, .choices = {"TRUE", "FALSE"}}}}},
      {"GetLayerVersion",
       {kScf,
        kScfVersion,
        20,
        {{.name = "LayerName", .required = true},
         {.name = "LayerVersion", .kind = Kind::number, .required = true, .least = 1}}}},
      {"DescribeEvents",
       {"cloudaudit",
        "2019-03-19",
        20,
        {{.name = "StartTime", .kind = Kind::number, .required = true},
         {.name = "EndTime", .kind = Kind::number, .required = true},
         {.name = "NextToken", .kind = Kind::number},
         {.name = "MaxResults",
          .kind = Kind::number,
          .wrong = "InvalidParameterValue.MaxResult",
          .least = 1,
          .most = 50},
         {.name = "LookupAttributes", .kind = Kind::attributes},
         {.name = "IsReturnLocation", .kind = Kind::number, .most = 1}}}}};
  return table;
}

using Trouble = std::optional<ScfRefusal>;

Trouble take_text(const Parameter& parameter, const Json& value, ScfCall& call) {
  if (!value.is_string()) return ScfRefusal{"InvalidParameter", fmt::format("`{}` must be a string", parameter.name)};
  const auto text = value.get<std::string>();
  if (text.empty() && parameter.kind != Kind::any_text)
    return ScfRefusal{"InvalidParameterValue", fmt::format("`{}` is empty", parameter.name)};
  if (parameter.kind == Kind::choice &&
      std::find(parameter.choices.begin(), parameter.choices.end(), text) == parameter.choices.end())
    return ScfRefusal{std::string(parameter.wrong), fmt::format("`{}` may not be that", parameter.name)};
  if (parameter.kind == Kind::number_text) {
    int64_t number = -1;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc{} || end != text.data() + text.size() || number < parameter.least || number > parameter.most)
      return ScfRefusal{std::string(parameter.wrong), fmt::format("`{}` may not be that", parameter.name)};
    call.number[std::string(parameter.name)] = number;
    return std::nullopt;
  }
  if (parameter.name == "Orderby" || parameter.name == "OrderBy") call.order_by = text;
  call.text[std::string(parameter.name)] = text;
  return std::nullopt;
}

Trouble take_number(const Parameter& parameter, const Json& value, ScfCall& call) {
  if (!value.is_number_integer())
    return ScfRefusal{"InvalidParameter", fmt::format("`{}` must be an integer", parameter.name)};
  const auto number = value.get<int64_t>();
  if (number < parameter.least || number > parameter.most)
    return ScfRefusal{std::string(parameter.wrong),
                      fmt::format("`{}` must be {} to {}", parameter.name, parameter.least, parameter.most)};
  call.number[std::string(parameter.name)] = number;
  return std::nullopt;
}

/// Lists of objects of two members. The second one is a text, or for Filters a list of texts.
Trouble take_list(const Parameter& parameter, const Json& value, ScfCall& call) {
  const bool filters = parameter.kind == Kind::filters;
  const bool attributes = parameter.kind == Kind::attributes;
  const char* const first = filters ? "Name" : attributes ? "AttributeKey" : "Key";
  const char* const second = filters ? "Values" : attributes ? "AttributeValue" : "Value";
  const ScfRefusal wrong{"InvalidParameter",
                         fmt::format("`{}` must be a list of objects of `{}` and `{}`", parameter.name, first, second)};
  if (!value.is_array()) return wrong;
  if (filters && value.size() > 10) return ScfRefusal{"InvalidParameterValue", "there are more than ten filters"};
  for (const Json& one : value) {
    if (!one.is_object() || !one.contains(first) || !one.contains(second) || !one.at(first).is_string()) return wrong;
    for (const auto& [name, ignored] : one.items()) {
      if (name != first && name != second)
        return ScfRefusal{"UnknownParameter",
                          fmt::format("the parameter `{}.{}` is not recognized", parameter.name, name)};
    }
    const Json texts = filters ? one.at(second) : Json::array({one.at(second)});
    if (!texts.is_array() || texts.empty() ||
        !std::all_of(texts.begin(), texts.end(), [](const Json& text) { return text.is_string(); }))
      return wrong;
    const auto name = one.at(first).get<std::string>();
    const bool known = name.starts_with("tag-") || name == "Status" || name == "Runtime" || name == "Type";
    if (filters && !known) return ScfRefusal{"InvalidParameterValue", fmt::format("there is no filter `{}`", name)};
    call.filters.emplace_back(name, texts.get<std::vector<std::string>>());
  }
  return std::nullopt;
}

Trouble take(const Parameter& parameter, const Json& value, ScfCall& call) {
  switch (parameter.kind) {
    case Kind::number:
      return take_number(parameter, value, call);
    case Kind::filters:
    case Kind::attributes:
    case Kind::search_keys:
      return take_list(parameter, value, call);
    default:
      return take_text(parameter, value, call);
  }
}

Trouble take_all(const ActionForm& form, const Json& body, ScfCall& call) {
  for (const auto& [name, value] : body.items()) {
    const auto known = std::find_if(form.parameters.begin(), form.parameters.end(),
                                    [&name = name](const Parameter& parameter) { return parameter.name == name; });
    if (known == form.parameters.end())
      return ScfRefusal{"UnknownParameter", fmt::format("the parameter `{}` is not recognized", name)};
    if (auto refusal = take(*known, value, call)) return refusal;
  }
  for (const Parameter& parameter : form.parameters) {
    if (parameter.required && !body.contains(std::string(parameter.name)))
      return ScfRefusal{"MissingParameter", fmt::format("the parameter `{}` is missing", parameter.name)};
  }
  return std::nullopt;
}

/// From "TC3-HMAC-SHA256 Credential=ID/DATE/…".
std::string key_id_of(const HttpRequest& request) {
  constexpr std::string_view kBefore = "Credential=";
  std::string_view text = request.header("authorization");
  const std::size_t at = text.find(kBefore);
  if (at == std::string_view::npos) return "";
  text.remove_prefix(at + kBefore.size());
  return std::string(text.substr(0, text.find('/')));
}

}  // namespace

std::string ScfCall::target() const {
  if (action == "GetFunctionAddress") return fmt::format("{}/{}/{}:{}", region, ns, function, qualifier);
  if (!function.empty()) return fmt::format("{}/{}/{}", region, ns, function);
  return action == "ListFunctions" ? fmt::format("{}/{}", region, ns) : region;
}

std::vector<std::string> ScfCall::keys() const {
  std::vector<std::string> keys;
  if (action == "GetFunctionAddress") keys.push_back(target());
  if (!function.empty()) keys.push_back(fmt::format("{}/{}/{}/{}", region, ns, function, action));
  if (!function.empty() || action == "ListFunctions") keys.push_back(fmt::format("{}/{}/{}", region, ns, action));
  keys.insert(keys.end(), {fmt::format("{}/{}", region, action), action, "*"});
  return keys;
}

int64_t ScfCall::number_or(const std::string& name, int64_t otherwise) const {
  const auto found = number.find(name);
  return found == number.end() ? otherwise : found->second;
}

std::string ScfCall::text_or(const std::string& name, std::string otherwise) const {
  const auto found = text.find(name);
  return found == text.end() ? std::move(otherwise) : found->second;
}

std::string_view service_of(const HttpRequest& request) {
  const auto form = forms().find(request.header("x-tc-action"));
  return form == forms().end() ? "scf" : form->second.service;
}

std::variant<ScfCall, ScfRefusal> read_call(const HttpRequest& request) {
  if (request.method != "POST") return ScfRefusal{"UnsupportedProtocol", "only POST is allowed"};
  if (!request.header("content-type").starts_with("application/json"))
    return ScfRefusal{"InvalidRequest", "Content-Type must be application/json"};
  const std::string_view action = request.header("x-tc-action");
  const std::string_view version = request.header("x-tc-version");
  const std::string_view region = request.header("x-tc-region");
  if (action.empty()) return ScfRefusal{"MissingParameter", "X-TC-Action is missing"};
  const auto form = forms().find(action);
  if (form == forms().end()) return ScfRefusal{"InvalidAction", "X-TC-Action is not known here"};
  if (version.empty()) return ScfRefusal{"MissingParameter", "X-TC-Version is missing"};
  if (version != form->second.version)
    return ScfRefusal{"NoSuchVersion", fmt::format("X-TC-Version must be {}", form->second.version)};
  if (region.empty()) return ScfRefusal{"MissingParameter", "X-TC-Region is missing"};
  if (region.find('-') == std::string_view::npos) return ScfRefusal{"UnsupportedRegion", "no such region"};

  const Json body = Json::parse(request.body, nullptr, /*allow_exceptions=*/false);
  if (!body.is_object()) return ScfRefusal{"InvalidParameter.Payload", "the body is not a JSON object"};
  ScfCall call;
  call.action = std::string(action);
  call.region = std::string(region);
  call.key_id = key_id_of(request);
  if (auto refusal = take_all(form->second, body, call)) return *std::move(refusal);
  call.function = call.text_or("FunctionName", "");
  call.ns = call.text_or("Namespace", call.ns);
  call.qualifier = call.text_or("Qualifier", call.qualifier);
  return call;
}

const std::map<std::string, unsigned>& documented_rates() {
  static const std::map<std::string, unsigned> rates = [] {
    std::map<std::string, unsigned> out;
    for (const auto& [action, form] : forms()) out[action] = form.rate;
    return out;
  }();
  return rates;
}

}  // namespace codedriftd::test
