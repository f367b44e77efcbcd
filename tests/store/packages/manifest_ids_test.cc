#include "store/packages/manifest_ids.h"

#include <gtest/gtest.h>

#include "support/seed.h"

namespace codedriftd::packages {
namespace {

using test::random_from;
using test::seed;

TEST(ManifestIds, AreRunsInTheOrderOfTheirFiles) {
  EXPECT_EQ(runs_of({}), std::vector<IdRun>{});
  EXPECT_EQ(runs_of({5, 6, 7, 3, 4, 9, 8}), (std::vector<IdRun>{{5, 3}, {3, 2}, {9, 1}, {8, 1}}));
}

TEST(ManifestIds, OfANewPackageAndOfOneWithFewChangesTakeAFewBytes) {
  std::vector<int64_t> ids;
  for (int64_t id = 1'000'001; id <= 1'000'300; ++id) ids.push_back(id);
  EXPECT_LE(encode_runs(runs_of(ids)).size(), 6U);
  ids[10] = 2'000'000;
  ids[150] = 2'000'001;
  ids[299] = 2'000'002;
  EXPECT_LE(encode_runs(runs_of(ids)).size(), 30U);
}

TEST(ManifestIds, AreReadAsTheyWereWritten) {
  auto random = random_from(seed());
  for (int round = 0; round < 300; ++round) {
    std::vector<int64_t> ids;
    int64_t id = 1;
    for (uint64_t left = random() % 200; left > 0; --left) {
      id = random() % 4 == 0 ? 1 + static_cast<int64_t>(random() % (uint64_t{1} << (1 + random() % 50))) : id + 1;
      ids.push_back(id);
    }
    const auto runs = runs_of(ids);
    const auto most = static_cast<int64_t>(ids.size());
    ASSERT_EQ(decode_runs(encode_runs(runs), most), runs);
    if (most > 0) {
      ASSERT_EQ(decode_runs(encode_runs(runs), most - 1), std::nullopt);
    }
  }
}

TEST(ManifestIds, ThatNobodyWroteAreRefused) {
  using namespace std::string_literals;
  ASSERT_TRUE(decode_runs("\x02\x00"s, 10)) << "one run: the id 1";
  const std::pair<const char*, std::string> bad[] = {
      {"cut off in the middle", "\x02"s},
      {"cut off in a number", "\x02\x80"s},
      {"an id of zero", "\x00\x00"s},
      {"an id below zero", "\x01\x00"s},
      {"an id out of range", "\xFE\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x7F\x00"s},
      {"more ids than files", "\x02\x0A"s},
      {"far more ids than files", "\x02\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x7F"s},
      {"a number of ten bytes", "\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01\x00"s},
      {"a number longer than it has to be", "\x82\x00\x00"s},
      {"two runs that are one", "\x02\x00\x00\x00"s},
      {"something after the last run", "\x02\x00\x04"s},
  };
  for (const auto& [what, blob] : bad) EXPECT_EQ(decode_runs(blob, 10), std::nullopt) << what;
}

TEST(ManifestIds, OfAnyBytesAreRefusedOrWrittenAgainAsTheyStand) {
  auto random = random_from(seed());
  for (int round = 0; round < 20'000; ++round) {
    std::string blob;
    for (uint64_t left = random() % 12; left > 0; --left)
      blob += static_cast<char>(random() % 3 == 0 ? random() : random() % 8);
    if (const auto runs = decode_runs(blob, 1'000)) {
      ASSERT_EQ(encode_runs(*runs), blob);
    }
  }
}

}  // namespace
}  // namespace codedriftd::packages
