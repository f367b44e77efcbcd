#pragma once
/// JSON is written with nlohmann::json and read, where it comes from outside, with simdjson (scf/). What this header
/// adds is how bytes are made.
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>

#include "base/clock.h"
#include "base/json_box.h"
#include "base/sha256.h"

namespace codedriftd {

/// RFC 8785 bytes for values without floating point numbers whose member names are ASCII: sorted members, no white
/// space, shortest escapes. Throws std::logic_error on a float and on an integer beyond 2^53 - 1: such a value is a bug
/// here.
std::string canonical_json(const Json& value);

/// The value of a text from outside; discarded (is_discarded()) if it is no JSON, or lists and objects lie deeper in
/// each other than kDeepestJson: copying and ending such a value would take as much stack.
Json parse_json(std::string_view text);
inline constexpr int kDeepestJson = 32;
/// The text at `name` of an object; empty if there is none, or something else than text.
std::string text_at(const Json& object, const char* name);

/// One line of JSON; invalid UTF-8 in strings becomes U+FFFD.
std::string json_line(const Json& value);
std::string json_line(const OrderedJson& value);
/// The same value on one line, harmless on a terminal: what harmless() takes away in text is a `\u009b` here.
std::string plain_json(const Json& value);
std::string plain_json(const OrderedJson& value);

/// What is not there is null. A time is RFC 3339, a digest 64 hex digits.
template <typename AnyJson = Json, typename T>
AnyJson or_null(const std::optional<T>& value) {
  if (!value) return nullptr;
  if constexpr (std::is_same_v<T, WallTime>) {
    return rfc3339(*value);
  } else if constexpr (std::is_same_v<T, Sha256>) {
    return value->hex();
  } else {
    return *value;
  }
}
/// Null for no text at all.
template <typename AnyJson = Json>
AnyJson or_null(std::string_view text) {
  return text.empty() ? AnyJson() : AnyJson(text);
}

}  // namespace codedriftd
