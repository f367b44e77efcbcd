#include "base/json.h"

#include <stdexcept>

namespace codedriftd {
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
