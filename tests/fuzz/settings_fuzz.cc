// Arbitrary bytes as a configuration: never a crash, and every mistake has a place.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "settings/load.h"
#include "settings/schedule.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, std::size_t size) {
  const auto loaded = codedriftd::load_settings_text("fuzz", std::string(reinterpret_cast<const char*>(data), size));
  if (loaded) {
    codedriftd::schedule_of(*loaded);
    return 0;
  }
  if (loaded.error().empty()) std::abort();
  for (const codedriftd::Mistake& mistake : loaded.error()) {
    if (mistake.place.line == 0 || mistake.place.column == 0 || mistake.message.empty()) std::abort();
  }
  if (codedriftd::format_mistakes(loaded.error()).empty()) std::abort();
  return 0;
}
