#include "package/examination_wire.h"

#include <gtest/gtest.h>

#include <functional>

#include "package/zip_reader.h"

namespace codedriftd::test {
namespace {

using namespace std::string_literals;

Examination sample() {
  Examination examination;
  examination.files = {{"a\0b"s, 0644, 3, sha256("abc")}, {"z\xff", 0, 0, sha256("")}};
  examination.findings = {{"nul", "a\0b"s}, {"not-utf8", "z\xff"}};
  examination.package_bytes = 200;
  examination.unpacked_bytes = 3;
  return examination;
}

TEST(ExaminationWire, WhatIsEncodedIsDecoded) {
  EXPECT_EQ(*decode_examination(encode(sample()), {}), sample());
  Examination ambiguous;
  ambiguous.ambiguous = "it is no zip";
  ambiguous.package_bytes = uint64_t{1} << 40;  // too large is a reason
  EXPECT_EQ(*decode_examination(encode(ambiguous), {}), ambiguous);
  EXPECT_EQ(*decode_examination(encode(Examination{}), {}), Examination{});
}

TEST(ExaminationWire, RequestsAreDecodedAndNothingElse) {
  for (const ExaminerRequest& request :
       {ExaminerRequest{{1, 2, 3}, std::nullopt}, ExaminerRequest{{}, ExtractRequest{"a\0b"s, 7}}}) {
    const std::string bytes = encode(request);
    EXPECT_EQ(*decode_request(bytes), request);
    for (std::size_t length = 0; length < bytes.size(); ++length) EXPECT_FALSE(decode_request(bytes.substr(0, length)));
    EXPECT_FALSE(decode_request(bytes + "x"));
  }
  const ExaminerRequest longest{{}, ExtractRequest{std::string(kLongestName, 'n'), 1}};
  EXPECT_LE(encode(longest).size(), kLongestRequest);
  EXPECT_TRUE(decode_request(encode(longest)));
}

struct Lie {
  const char* what;
  std::function<void(Examination&)> tell;
  const char* why;
};

const Lie kLies[] = {
    {"out of order", [](Examination& e) { std::swap(e.files[0].name, e.files[1].name); }, "out of order"},
    {"a name twice", [](Examination& e) { e.files[1].name = e.files[0].name; }, "stand twice"},
    {"no name", [](Examination& e) { e.files[0].name.clear(); }, "a name is empty"},
    {"a line break", [](Examination& e) { e.files[0].name = "a\n"; }, "a line break"},
    {"a long name", [](Examination& e) { e.files[0].name.assign(kLongestName + 1, 'a'); }, "a name's length is 4097"},
    {"more than a mode", [](Examination& e) { e.files[0].mode = 010000; }, "a mode is"},
    {"a size that is too large", [](Examination& e) { e.files[0].size = 1001; }, "a file's size is 1001; 1000 at most"},
    {"sizes that wrap around", [](Examination& e) { e.files[0].size = e.files[1].size = 600, e.unpacked_bytes = 1000; },
     "too large, together"},
    {"another sum", [](Examination& e) { e.unpacked_bytes = 4; }, "do not make up the unpacked size"},
    {"too many files",
     [](Examination& e) {
       e.files.push_back({"zz", 0, 0, {}});
     },
     "the number of files is 3; 2"},
    {"too large a package", [](Examination& e) { e.package_bytes = 301; }, "the package's size is 301"},
    {"ambiguous, with files", [](Examination& e) { e.ambiguous = "x"; }, "has content all the same"},
    {"a reason with colours", [](Examination& e) { e = {}, e.ambiguous = "\x1b[31m"; }, "no plain text"},
    {"a reason that is no text", [](Examination& e) { e = {}, e.ambiguous = "\xff"; }, "no plain text"},
    {"a long reason", [](Examination& e) { e = {}, e.ambiguous.assign(1001, 'x'); }, "the reason's length is 1001"},
    {"an unknown finding", [](Examination& e) { e.findings[0].kind = "fine"; }, "of no known kind"},
    {"a finding of nothing", [](Examination& e) { e.findings[0].name.clear(); }, "a finding has no name"},
    {"too many findings", [](Examination& e) { e.findings.resize(kMostFindings + 1, e.findings[0]); },
     "the number of findings is 101"},
};

TEST(ExaminationWire, WhatNoHonestExaminerSaysIsRefused) {
  const PackageLimits limits{300, 1000, 2};
  ASSERT_TRUE(decode_examination(encode(sample()), limits));
  for (const Lie& lie : kLies) {
    Examination told = sample();
    lie.tell(told);
    const auto decoded = decode_examination(encode(told), limits);
    ASSERT_FALSE(decoded) << lie.what;
    EXPECT_NE(decoded.error().message.find(lie.why), std::string::npos) << lie.what << ": " << decoded.error().message;
  }
}

TEST(ExaminationWire, NoPartOfAnAnswerIsAnAnswer) {
  const std::string bytes = encode(sample());
  for (std::size_t length = 0; length < bytes.size(); ++length)
    EXPECT_FALSE(decode_examination(bytes.substr(0, length), {})) << length;
  EXPECT_FALSE(decode_examination(bytes + "x", {}));
}

TEST(ExaminationWire, NoHonestAnswerIsTooLong) {
  const PackageLimits limits{.files = 3};
  Examination large;
  large.ambiguous.assign(1000, 'x');
  for (char name : {'a', 'b', 'c'}) large.files.push_back({std::string(kLongestName, name), 0644, 0, {}});
  large.findings.assign(kMostFindings, {"control-character", std::string(kLongestName, 'n')});
  EXPECT_LE(encode(large).size(), longest_examination(limits));
}

}  // namespace
}  // namespace codedriftd::test
