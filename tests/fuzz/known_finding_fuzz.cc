/// A target with a mistake that is known, to see that run_fuzz_target.cc finds it and has it again.
#include <cstdint>
#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, std::size_t size) {
  if (size > 3 && data[0] == 0xf3 && data[1] == 0) std::abort();
  return 0;
}
