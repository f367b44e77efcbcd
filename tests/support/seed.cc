#include "support/seed.h"

#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <stdexcept>
#include <string>
#include <string_view>

namespace codedriftd::test {
namespace {

uint64_t drawn() {
  std::random_device device;
  return device();  // 32 bits: short enough to be typed
}

uint64_t number(std::string_view text) {
  uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) {
    throw std::runtime_error("CODEDRIFTD_SEED=" + std::string(text) + ": should be a number, or \"random\"");
  }
  return value;
}

}  // namespace

uint64_t seed(std::optional<uint64_t> otherwise) {
  const char* const variable = std::getenv("CODEDRIFTD_SEED");
  const std::string_view wanted = variable == nullptr ? "" : variable;
  uint64_t value = 0;
  if (wanted == "random" || (wanted.empty() && !otherwise)) {
    value = drawn();
  } else {
    value = wanted.empty() ? *otherwise : number(wanted);
  }
  std::fprintf(stderr, "seed %llu; the same again with CODEDRIFTD_SEED=%llu\n", static_cast<unsigned long long>(value),
               static_cast<unsigned long long>(value));
  return value;
}

}  // namespace codedriftd::test
