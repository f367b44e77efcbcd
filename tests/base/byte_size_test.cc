#include "base/byte_size.h"

#include <gtest/gtest.h>

namespace codedriftd {
namespace {

TEST(ByteSize, IsAWholeNumberAndAUnitOfPowersOfTwo) {
  const std::pair<const char*, uint64_t> good[] = {
      {"0", 0},
      {"0B", 0},
      {"999B", 999},
      {"1KiB", 1024},
      {"100MiB", uint64_t{100} << 20},
      {"2GiB", uint64_t{2} << 30},
      {"1TiB", uint64_t{1} << 40},
      {"8388607TiB", uint64_t{8'388'607} << 40},
      {"9223372036854775807B", 9'223'372'036'854'775'807U},
  };
  for (const auto& [text, bytes] : good) EXPECT_EQ(parse_byte_size(text), bytes) << text;
  for (const char* bad :
       {"", "B", "MiB", "1", "100", "100MB", "100mib", "100 MiB", " 1B", "1B ", "-1B", "+1B", "1.5GiB", "1GiB512MiB",
        "0x10B", "1e3B", "8388608TiB", "9223372036854775808B", "99999999999999999999B"})
    EXPECT_EQ(parse_byte_size(bad), std::nullopt) << bad;
}

TEST(ByteSize, IsWrittenInTheLargestUnitThatIsExactAndReadAgain) {
  const std::pair<uint64_t, const char*> sizes[] = {{0, "0"},
                                                    {1, "1B"},
                                                    {1023, "1023B"},
                                                    {1024, "1KiB"},
                                                    {1536, "1536B"},
                                                    {uint64_t{3} << 19, "1536KiB"},
                                                    {uint64_t{100} << 20, "100MiB"},
                                                    {uint64_t{2} << 40, "2TiB"}};
  for (const auto& [bytes, text] : sizes) {
    EXPECT_EQ(format_byte_size(bytes), text);
    EXPECT_EQ(parse_byte_size(text), bytes);
  }
}

}  // namespace
}  // namespace codedriftd
