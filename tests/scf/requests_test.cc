#include "scf/requests.h"

#include <gtest/gtest.h>

#include <array>
#include <stdexcept>

#include "base/json.h"

namespace codedriftd::test {
namespace {

TEST(Requests, SpellEveryFieldAsItsActionDoes) {
  using namespace requests;
  struct Case {
    std::string body;
    const char* expected;
  };
  for (
      const Case& c : {
          Case{get_account(), "{}"},
          Case{list_namespaces(0), R"({"Limit":100,"Offset":0,"Order":"ASC","Orderby":"Name"})"},
          Case{list_namespaces(100), R"({"Limit":100,"Offset":100,"Order":"ASC","Orderby":"Name"})"},
          Case{list_functions("default", Order::by_name, 200),
               R"({"Limit":100,"Namespace":"default","Offset":200,"Order":"ASC","Orderby":"FunctionName"})"},
          Case{list_functions("env-1x", Order::newest_first, 0),
               R"({"Limit":100,"Namespace":"env-1x","Offset":0,"Order":"DESC","Orderby":"ModTime"})"},
          Case{
              list_versions("default", "charge", 100),
              R"({"FunctionName":"charge","Limit":100,"Namespace":"default","Offset":100,"Order":"DESC","OrderBy":"AddTime"})"},
          Case{list_aliases("default", "charge", 100),
               R"({"FunctionName":"charge","Limit":"100","Namespace":"default","Offset":"100"})"},
          Case{get_alias("default", "charge", "$DEFAULT"),
               R"({"FunctionName":"charge","Name":"$DEFAULT","Namespace":"default"})"},
          Case{get_function("default", "charge", "$LATEST"),
               R"({"FunctionName":"charge","Namespace":"default","Qualifier":"$LATEST","ShowCode":"FALSE"})"},
          Case{get_layer_version("deps", 3), R"({"LayerName":"deps","LayerVersion":3})"},
      }) {
    EXPECT_EQ(c.body, c.expected);
  }
}

TEST(Requests, AskTheAuditLogForWritesOnScfInWholeSeconds) {
  constexpr std::array<std::string_view, 2> kNames{"UpdateFunctionCode", "UpdateAlias"};
  const std::string attributes = R"("LookupAttributes":[{"AttributeKey":"ActionType","AttributeValue":"Write"},)"
                                 R"({"AttributeKey":"ResourceType","AttributeValue":"scf"},)"
                                 R"({"AttributeKey":"EventName","AttributeValue":"UpdateFunctionCode"},)"
                                 R"({"AttributeKey":"EventName","AttributeValue":"UpdateAlias"}],"MaxResults":50,)";
  EXPECT_EQ(requests::describe_events(from_ms(1'795'478'400'001), from_ms(1'795'478'460'001), kNames, ""),
            R"({"EndTime":1795478461,)" + attributes + R"("StartTime":1795478400})");
  EXPECT_EQ(
      requests::describe_events(from_ms(1'795'478'400'000), from_ms(1'795'478'460'000), kNames, "18446744073709551615"),
      R"({"EndTime":1795478460,)" + attributes + R"("NextToken":18446744073709551615,"StartTime":1795478400})");
}

TEST(Requests, RefuseATokenThatNoPageGave) {
  for (const char* token : {"x", "1x", "-1", "1.5", " 1", "18446744073709551616"}) {
    EXPECT_THROW(requests::describe_events({}, {}, {}, token), std::logic_error) << token;
  }
}

TEST(Requests, EscapeWhatIsPutIntoThem) {
  const std::string odd = "a\"b\\c\n\x01é";
  for (const std::string& body :
       {requests::list_functions(odd, requests::Order::by_name, 0), requests::list_versions("n", odd, 0),
        requests::list_aliases(odd, "f", 0), requests::get_alias("n", "f", odd), requests::get_function("n", "f", odd),
        requests::get_layer_version(odd, 1)}) {
    const Json read = parse_json(body);
    ASSERT_TRUE(read.is_object()) << body;
    std::size_t found = 0;
    for (const auto& [name, value] : read.items()) found += value == odd ? 1U : 0U;
    EXPECT_EQ(found, 1U) << body;
  }
  EXPECT_TRUE(parse_json(requests::get_alias("n", "f", "\xff")).is_object());
}

}  // namespace
}  // namespace codedriftd::test
