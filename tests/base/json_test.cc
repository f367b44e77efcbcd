#include "base/json.h"

#include <gtest/gtest.h>

#include <stdexcept>

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

TEST(Json, ALineKeepsTheOrderOfItsKind) {
  EXPECT_EQ(json_line(OrderedJson{{"b", 1}, {"a", 2}}), R"({"b":1,"a":2})");
  EXPECT_EQ(json_line(Json{{"b", 1}, {"a", 0.5}}), R"({"a":0.5,"b":1})");
  EXPECT_EQ(json_line(Json("a\nb")), R"("a\nb")") << "one line whatever is in it";
}

}  // namespace
}  // namespace codedriftd
