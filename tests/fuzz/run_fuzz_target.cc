/// Runs a fuzz target as an ordinary test: the files named on the command line, or else made-up inputs, the same ones
/// in every run.
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <random>
#include <string>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, std::size_t size);

namespace {

void feed(const std::string& bytes) {
  LLVMFuzzerTestOneInput(reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size());
}

/// Mostly zeros and small numbers, which is what lengths and counts are made of.
std::string made_up(std::mt19937& random) {
  std::string bytes(random() % 200, '\0');
  for (char& byte : bytes) {
    const auto dice = random() % 8;
    if (dice < 2) byte = static_cast<char>(random() % 8);
    if (dice == 2) byte = static_cast<char>(random() % 256);
  }
  return bytes;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc > 1) {
    for (int i = 1; i < argc; ++i) {
      std::ifstream file(argv[i], std::ios::binary);
      if (!file) {
        std::fprintf(stderr, "%s cannot be read\n", argv[i]);
        return 1;
      }
      feed({std::istreambuf_iterator<char>(file), {}});
    }
    return 0;
  }
  std::mt19937 random(1);  // NOLINT: the same inputs every time, on purpose
  for (int i = 0; i < 20'000; ++i) feed(made_up(random));
  return 0;
}
