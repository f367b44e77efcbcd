#pragma once
#include <cstdint>
#include <optional>
#include <random>

namespace codedriftd::test {

/// Where the randomness of a test comes from, so that each run of it can be had again. The number in the environment
/// variable CODEDRIFTD_SEED if there is one, else `otherwise`, else one drawn from the system; with
/// CODEDRIFTD_SEED=random one is drawn in any case. It is printed before it is used: a run that crashes has said it,
/// too. Throws std::runtime_error if CODEDRIFTD_SEED is something else.
///
/// A test that holds for every seed draws one. A test with statistical bounds, or one that is slow to say what went
/// wrong, has a fixed one, which CODEDRIFTD_SEED varies.
uint64_t seed(std::optional<uint64_t> otherwise = std::nullopt);

/// The generator of a test, or of one thread of it: those with another `stream` draw other numbers from the same seed.
inline std::mt19937_64 random_from(uint64_t seed, uint64_t stream = 0) {
  std::seed_seq sequence{seed, seed >> 32, stream, stream >> 32};
  return std::mt19937_64(sequence);
}

}  // namespace codedriftd::test
