#include "cloud/secret_json.h"

#include <gtest/gtest.h>

namespace codedriftd::test {
namespace {

std::string field(SecretJson& json, std::string_view text) {
  std::string_view value;
  return json.parse(text)["a"].get_string().get(value) == simdjson::SUCCESS ? std::string(value) : "none";
}

TEST(SecretJson, ReadsWholeDocumentsOneAfterTheOther) {
  SecretJson json;
  EXPECT_EQ(field(json, R"({"a":"x"})"), "x");
  EXPECT_EQ(field(json, R"({"a":")" + std::string(100'000, 'y') + "\"}"), std::string(100'000, 'y'));
  EXPECT_EQ(field(json, R"({"a":"z"})"), "z");
  EXPECT_EQ(field(json, R"({"a":)"), "none");
  EXPECT_EQ(field(json, ""), "none");
}

TEST(SecretJson, LeavesNothingInItsBuffers) {
  SecretJson json;
  std::string_view value;
  const std::string text =
      R"({"first":"https://cos.example/FAKE-URL?sign=FAKE","a":")" + std::string(3'000, 'S') + "\"}";
  ASSERT_EQ(json.parse(text)["a"].get_string().get(value), simdjson::SUCCESS);
  ASSERT_EQ(value.front(), 'S');
  json.wipe();
  // The parser keeps the buffer the view points into.
  EXPECT_EQ(value.find_first_not_of('\0'), std::string_view::npos);
}

}  // namespace
}  // namespace codedriftd::test
