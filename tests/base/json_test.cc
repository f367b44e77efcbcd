#include "base/json.h"

#include <gtest/gtest.h>

#include <stdexcept>

#include "base/text.h"

namespace codedriftd {
namespace {

TEST(CanonicalJson, SortsMembersAndWritesNoSpace) {
  EXPECT_EQ(canonical_json({{"b", 1}, {"a", Json::array({true, nullptr, "x"})}, {"B", -2}}),
            R"({"B":-2,"a":[true,null,"x"],"b":1})");
  EXPECT_EQ(canonical_json(Json::object()), "{}");
}

TEST(CanonicalJson, EscapesOnlyWhatRfc8785Escapes) {
  EXPECT_EQ(canonical_json("\"\\\b\f\n\r\t\x01\x1f/\x7f\xe2\x82\xac"),
            "\"\\\"\\\\\\b\\f\\n\\r\\t\\u0001\\u001f/\x7f\xe2\x82\xac\"");
}

TEST(CanonicalJson, RefusesFloatsHoweverDeep) {
  EXPECT_THROW(canonical_json(1.0), std::logic_error);
  EXPECT_THROW(canonical_json({{"a", Json::array({1, Json{{"b", 0.5}}})}}), std::logic_error);
}

TEST(CanonicalJson, RefusesIntegersThatADoubleCannotHold) {
  constexpr int64_t kMost = 9'007'199'254'740'991;
  EXPECT_EQ(canonical_json(kMost), "9007199254740991");
  EXPECT_EQ(canonical_json(-kMost), "-9007199254740991");
  EXPECT_THROW(canonical_json(kMost + 1), std::logic_error);
  EXPECT_THROW(canonical_json(-kMost - 1), std::logic_error);
  EXPECT_THROW(canonical_json(static_cast<uint64_t>(kMost) + 1), std::logic_error);
  EXPECT_THROW(canonical_json(std::numeric_limits<uint64_t>::max()), std::logic_error);
}

TEST(Json, InvalidUtf8IsReplacedNotThrown) {
  EXPECT_EQ(canonical_json("a\xff"), "\"a\xEF\xBF\xBD\"");
  EXPECT_EQ(json_line(Json("a\xff")), "\"a\xEF\xBF\xBD\"");
  EXPECT_EQ(json_line(OrderedJson("a\xff")), "\"a\xEF\xBF\xBD\"");
}

TEST(Json, TextThatIsNotThereIsEmpty) {
  const Json object{{"a", "text"}, {"b", 1}, {"c", nullptr}};
  EXPECT_EQ(text_at(object, "a"), "text");
  for (const char* name : {"b", "c", "d"}) EXPECT_EQ(text_at(object, name), "") << name;
}

TEST(Json, ALineKeepsTheOrderOfItsKind) {
  EXPECT_EQ(json_line(OrderedJson{{"b", 1}, {"a", 2}}), R"({"b":1,"a":2})");
  EXPECT_EQ(json_line(Json{{"b", 1}, {"a", 0.5}}), R"({"a":0.5,"b":1})");
  EXPECT_EQ(json_line(Json("a\nb")), R"("a\nb")") << "one line whatever is in it";
}

/// The character `code` as UTF-8. REQUIRES: below U+10000.
std::string utf8(unsigned code) {
  const auto last = [](unsigned bits) { return static_cast<char>(0x80 | (bits & 0x3F)); };
  if (code < 0x80) return {static_cast<char>(code)};
  if (code < 0x800) return {static_cast<char>(0xC0 | code >> 6), last(code)};
  return {static_cast<char>(0xE0 | code >> 12), last(code >> 6), last(code)};
}

TEST(PlainJson, EscapesExactlyWhatIsHarmfulInText) {
  for (unsigned code = 1; code < 0x10000; ++code) {
    if (code >= 0xD800 && code <= 0xDFFF) continue;
    const std::string text = "a" + utf8(code) + "z";
    const std::string json = plain_json(Json(text));
    ASSERT_EQ(Json::parse(json), text) << code;
    const bool raw = json.find(utf8(code)) != std::string::npos;
    ASSERT_EQ(raw, harmless(text) == text) << code << ": " << json;
  }
  EXPECT_EQ(plain_json(OrderedJson{{"b", "\xC2\x9B"}, {"a", "\xff"}}), "{\"b\":\"\\u009b\",\"a\":\"\xEF\xBF\xBD\"}");
}

}  // namespace
}  // namespace codedriftd
