#include "base/json.h"

#include <stdexcept>

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

}  // namespace

// nlohmann's compact dump with sorted members is RFC 8785 for what check_canonical lets through: both escape only the
// quote, the backslash and C0 controls, with \b \t \n \f \r in short form and lower-case \u00xx else.
std::string canonical_json(const Json& value) {
  check_canonical(value);
  return value.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string json_line(const Json& value) { return value.dump(-1, ' ', false, Json::error_handler_t::replace); }
std::string json_line(const OrderedJson& value) {
  return value.dump(-1, ' ', false, OrderedJson::error_handler_t::replace);
}

}  // namespace codedriftd
