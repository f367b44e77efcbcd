#pragma once
/// Numbers as PostgreSQL writes an array: what a statement of that engine alone takes as CAST(? AS bigint[]).
#include <cstdint>
#include <optional>
#include <string>

namespace codedriftd {

/// `numbers`: a range of int64_t, or of optional ones.
template <typename Numbers>
std::string pg_array(const Numbers& numbers) {
  std::string text = "{";
  for (const std::optional<int64_t> number : numbers)
    text.append(text.size() == 1 ? "" : ",").append(number ? std::to_string(*number) : "NULL");
  return text + "}";
}

}  // namespace codedriftd
