#include <gtest/gtest.h>

#include "package/package_file.h"
#include "support/seed.h"
#include "support/zip_writer.h"

namespace codedriftd::test {
namespace {

/// Two small files in each of the shapes a zip comes in.
std::vector<std::string> shapes() {
  const std::string text = "return 'GOOD'; return 'GOOD'; return 'GOOD'\n";
  std::vector<std::string> zips;
  for (const bool wide : {false, true}) {
    for (const bool descriptor : {false, true}) {
      for (const bool deflate : {false, true}) {
        const ZipEntry like{.deflate = deflate, .descriptor = descriptor, .zip64 = wide};
        ZipEntry one = like, other = like;
        one.name = "index.js", other.name = "lib/other.js";
        one.content = text, other.content = text + text;
        zips.push_back(zip_of({one, {.name = "lib/", .deflate = false}, other}, {.zip64_end = wide}));
      }
    }
  }
  return zips;
}

TEST(ZipDamage, WhatIsCutOffAnywhereIsAmbiguous) {
  for (const std::string& zip : shapes()) {
    ASSERT_EQ(read_bytes(zip).ambiguous, "");
    for (std::size_t length = 0; length < zip.size(); ++length)
      ASSERT_NE(read_bytes(zip.substr(0, length)).ambiguous, "") << length << " of " << zip.size();
  }
}

TEST(ZipDamage, AFlippedByteNeverGivesTheSameContentToOtherFiles) {
  for (const std::string& zip : shapes()) {
    const Examination whole = read_bytes(zip);
    const ContentDigest content = content_of(whole.files);
    for (std::size_t at = 0; at < zip.size(); ++at) {
      for (const int flip : {0x01, 0x20, 0x80, 0xff}) {
        std::string damaged = zip;
        damaged[at] = static_cast<char>(damaged[at] ^ flip);
        const Examination read = read_bytes(damaged);
        if (!read.ambiguous.empty()) {
          ASSERT_EQ(read.files, Manifest{});
          continue;
        }
        // Times, attributes and versions are nobody's content; a name changed in one place only is no longer read.
        ASSERT_EQ(content_of(read.files), content) << at << " ^ " << flip;
        ASSERT_EQ(read.files.size(), whole.files.size());
        for (std::size_t i = 0; i < read.files.size(); ++i) ASSERT_EQ(read.files[i].name, whole.files[i].name);
      }
    }
  }
}

TEST(ZipDamage, BytesMovedAroundAtRandomAreReadToAnEnd) {
  std::mt19937_64 random = random_from(seed(9));
  const std::vector<std::string> all = shapes();
  for (int i = 0; i < 3000; ++i) {
    std::string zip = all[random() % all.size()];
    for (auto changes = 1 + random() % 4; changes > 0; --changes) {
      const std::size_t at = random() % zip.size(), from = random() % zip.size();
      const std::size_t length = std::min<std::size_t>(1 + random() % 24, zip.size() - std::max(at, from));
      zip.replace(at, length, zip.substr(from, length));
    }
    const Examination read = read_bytes(zip);
    ASSERT_TRUE(read.ambiguous.empty() || read.files.empty());
  }
}

}  // namespace
}  // namespace codedriftd::test
