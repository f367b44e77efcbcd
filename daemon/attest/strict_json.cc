#include "attest/strict_json.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "base/text.h"

namespace codedriftd {
namespace {

/// A name that stands twice in one object, at whatever level. simdjson keeps both members and finds the first; names
/// are compared as they are meant, without escapes.
std::optional<std::string_view> repeated_name(const simdjson::dom::element& value) {
  simdjson::dom::array list;
  if (value.get_array().get(list) == simdjson::SUCCESS) {
    for (const simdjson::dom::element element : list) {
      if (const auto repeated = repeated_name(element)) return repeated;
    }
    return std::nullopt;
  }
  simdjson::dom::object object;
  if (value.get_object().get(object) != simdjson::SUCCESS) return std::nullopt;
  std::vector<std::string_view> names;
  for (const simdjson::dom::key_value_pair member : object) {
    names.push_back(member.key);
    if (const auto repeated = repeated_name(member.value)) return repeated;
  }
  std::sort(names.begin(), names.end());
  const auto twice = std::adjacent_find(names.begin(), names.end());
  return twice == names.end() ? std::nullopt : std::optional(*twice);
}

std::string words_for(simdjson::error_code error) {
  switch (error) {
    case simdjson::EMPTY:
      return "is empty";
    case simdjson::CAPACITY:
      return fmt::format("is larger than {} bytes", StrictJson::kMostBytes);
    case simdjson::DEPTH_ERROR:
      return fmt::format("has lists or objects more than {} deep in each other", StrictJson::kDeepest);
    case simdjson::UTF8_ERROR:
      return "is not UTF-8";
    case simdjson::NUMBER_ERROR:
      return "has a number that is none, or too large to be read";
    default:
      return "is not one JSON document";
  }
}

}  // namespace

Result<simdjson::dom::object> StrictJson::parse(std::string_view text) {
  if (text.empty()) return Error{words_for(simdjson::EMPTY)};
  if (text.size() > kMostBytes) return Error{words_for(simdjson::CAPACITY)};
  if (const auto error = parser_.allocate(text.size(), kDeepest); error != simdjson::SUCCESS)
    return Error{words_for(error)};
  simdjson::dom::element root;
  if (const auto error = parser_.parse(text.data(), text.size()).get(root); error != simdjson::SUCCESS)
    return Error{words_for(error)};
  simdjson::dom::object object;
  if (root.get_object().get(object) != simdjson::SUCCESS) return Error{"is JSON, but no object"};
  if (const auto repeated = repeated_name(root))
    return Error{fmt::format("has the name {} twice in one object: readers differ in which one counts",
                             quote_foreign(*repeated))};
  return object;
}

MaybeObject object_in(const MaybeObject& object, std::string_view name) {
  simdjson::dom::object found;
  if (!object || object->at_key(name).get_object().get(found) != simdjson::SUCCESS) return std::nullopt;
  return found;
}

std::string_view text_in(const MaybeObject& object, std::string_view name) {
  std::string_view text;
  if (!object || object->at_key(name).get_string().get(text) != simdjson::SUCCESS) return {};
  return text;
}

bool has_member(const MaybeObject& object, std::string_view name) {
  simdjson::dom::element member;
  return object && object->at_key(name).get(member) == simdjson::SUCCESS;
}

std::string quote_foreign(std::string_view text) {
  const std::string_view shown = utf8_prefix(text, 80);
  return fmt::format("\"{}{}\"", harmless(shown), shown.size() < text.size() ? "…" : "");
}

}  // namespace codedriftd
