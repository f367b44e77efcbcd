/// What a verdict holds against other contents.
#include "model/examination.h"

#include <gtest/gtest.h>

namespace codedriftd::test {
namespace {

const Manifest kFiles{{"index.py", 0644, 1, sha256("1")}, {"lib/a.pyc", 0644, 1, sha256("2")}};

TEST(KnownContent, IsTheSameForTheSameFilesModesAndFindings) {
  const auto known = known_content(kFiles, {{"symlink", "index.py"}}, {});
  ASSERT_TRUE(known);
  EXPECT_EQ(known, known_content(kFiles, {{"symlink", "index.py"}}, {}));
  EXPECT_EQ(known->digest, content_of(kFiles));
  for (const std::vector<Finding>& others : {std::vector<Finding>{},
                                             {{"symlink", "lib/a.pyc"}},
                                             {{"case", "index.py"}},
                                             {{"case", "index.py"}, {"symlink", "index.py"}}}) {
    const auto other = known_content(kFiles, others, {});
    ASSERT_TRUE(other);
    EXPECT_EQ(other->digest, known->digest);
    EXPECT_NE(other->exact, known->exact);
  }
}

TEST(KnownContent, LeavesOutTheFindingsOfFilesThatAreLeftOut) {
  EXPECT_EQ(known_content(kFiles, {{"symlink", "lib/a.pyc"}}, {"*.pyc"}), known_content(kFiles, {}, {"*.pyc"}));
}

TEST(KnownContent, IsNothingWhereReadersUnpackDifferentFilesOrNoFileIsLeft) {
  EXPECT_FALSE(known_content(kFiles, {{"file-and-folder", "index.py"}}, {}));
  EXPECT_FALSE(known_content(kFiles, {}, {"index.*", "lib/**"}));
  EXPECT_FALSE(known_content({}, {}, {}));
}

}  // namespace
}  // namespace codedriftd::test
