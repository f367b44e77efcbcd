#include "support/zip_writer.h"

#include <gtest/gtest.h>

#include "support/process.h"
#include "support/temp_dir.h"

namespace codedriftd::test {
namespace {

TEST(ZipWriter, WhatItWritesIsAZipForUnzipInEveryShape) {
  if (code_of(run({.argv = {"sh", "-c", "command -v unzip"}})) != 0)
    GTEST_SKIP() << "no unzip here: scripts/install-deps --test";
  const std::string text(5000, 'a');
  const TempDir folder;
  const std::string zip = folder.write(
      "made.zip", zip_of({{.name = "plain", .content = text},
                          {.name = "stored", .content = text, .deflate = false},
                          {.name = "folder/", .deflate = false, .mode = 0755},
                          {.name = "folder/described", .content = text, .descriptor = true},
                          {.name = "bare", .content = text, .descriptor = true, .descriptor_signature = false},
                          {.name = "wide", .content = text, .zip64 = true},
                          {.name = "wide-described", .content = text, .descriptor = true, .zip64 = true},
                          {.name = "fat", .content = text, .mode = std::nullopt}},
                         {.zip64_end = true, .comment = "a comment"}));
  const RunResult tested = run({.argv = {"unzip", "-t", zip}});
  EXPECT_EQ(code_of(tested), 0) << tested.out << tested.err;
  EXPECT_NE(tested.out.find("No errors detected in compressed data"), std::string::npos) << tested.out;
}

}  // namespace
}  // namespace codedriftd::test
