#include "base/json.h"

#include <fmt/format.h>

#include <iterator>
#include <stdexcept>
#include <string_view>

namespace codedriftd {

JsonBox::JsonBox() : value_(std::make_unique<Json>()) {}
JsonBox::JsonBox(Json value) : value_(std::make_unique<Json>(std::move(value))) {}
JsonBox::JsonBox(const JsonBox& other) : value_(std::make_unique<Json>(*other.value_)) {}
// A box that was moved from holds nothing; it may only be assigned to or destroyed.
JsonBox::JsonBox(JsonBox&& other) noexcept = default;
JsonBox& JsonBox::operator=(JsonBox other) noexcept {
  value_ = std::move(other.value_);
  return *this;
}
JsonBox::~JsonBox() = default;
bool operator==(const JsonBox& a, const JsonBox& b) { return *a == *b; }
JsonBox empty_object() { return Json::object(); }

namespace {

constexpr int64_t kLargestExact = (1LL << 53) - 1;

void check_canonical(const Json& value) {
  if (value.is_number_float()) throw std::logic_error("canonical JSON holds no floating point numbers");
  if (value.is_number_unsigned() && value.get<uint64_t>() > static_cast<uint64_t>(kLargestExact))
    throw std::logic_error("an integer beyond 2^53 - 1 in canonical JSON");
  if (value.is_number_integer() && !value.is_number_unsigned() &&
      (value.get<int64_t>() > kLargestExact || value.get<int64_t>() < -kLargestExact))
    throw std::logic_error("an integer beyond 2^53 - 1 in canonical JSON");
  if (value.is_structured()) {
    for (const Json& member : value) check_canonical(member);
  }
}

/// JSON text with what could confuse a terminal escaped. REQUIRES: valid UTF-8, as dump() makes it. Such characters are
/// only ever inside strings; the control characters below the space are escaped there already.
std::string escape_for_terminal(std::string_view text) {
  std::string plain;
  plain.reserve(text.size());
  const auto byte = [&](std::size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U; };
  for (std::size_t i = 0; i < text.size();) {
    const unsigned a = byte(i);
    const unsigned b = byte(i + 1);
    const unsigned c = byte(i + 2);
    unsigned code = 0;
    std::size_t length = 1;
    if (a == 0x7F) code = a;
    if (a == 0xC2 && b < 0xA0) code = b, length = 2;
    if (a == 0xD8 && b == 0x9C) code = 0x61C, length = 2;
    if (a == 0xE2 && b == 0x80 && (c == 0x8E || c == 0x8F || (c >= 0xA8 && c <= 0xAE)))
      code = 0x2000 + c - 0x80, length = 3;
    if (a == 0xE2 && b == 0x81 && c >= 0xA6 && c <= 0xA9) code = 0x2040 + c - 0x80, length = 3;
    if (a == 0xEF && b == 0xBB && c == 0xBF) code = 0xFEFF, length = 3;
    if (code != 0) {
      plain += fmt::format("\\u{:04x}", code);
    } else {
      plain += text[i];
    }
    i += length;
  }
  return plain;
}

}  // namespace

// nlohmann's compact dump with sorted members is RFC 8785 for what check_canonical lets through: both escape only the
// quote, the backslash and C0 controls, with \b \t \n \f \r in short form and lower-case \u00xx else.
std::string canonical_json(const Json& value) {
  check_canonical(value);
  return value.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Json parse_json(std::string_view text) {
  int depth = 0;
  bool inside = false;  // a string
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (inside) {
      if (c == '\\') ++i;
      inside = c != '"';
    } else if (c == '"') {
      inside = true;
    } else if (c == '[' || c == '{') {
      if (++depth > kDeepestJson) return Json(Json::value_t::discarded);
    } else if (c == ']' || c == '}') {
      --depth;
    }
  }
  return Json::parse(text, nullptr, false);
}

std::string text_at(const Json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

std::string json_line(const Json& value) { return value.dump(-1, ' ', false, Json::error_handler_t::replace); }
std::string json_line(const OrderedJson& value) {
  return value.dump(-1, ' ', false, OrderedJson::error_handler_t::replace);
}
std::string plain_json(const Json& value) { return escape_for_terminal(json_line(value)); }
std::string plain_json(const OrderedJson& value) { return escape_for_terminal(json_line(value)); }

}  // namespace codedriftd
