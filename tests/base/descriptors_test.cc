#include "base/descriptors.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>

namespace codedriftd {
namespace {

/// Each test is a process of its own.
class DescriptorsDeathTest : public testing::TestWithParam<int> {
 protected:
  void SetUp() override { GTEST_FLAG_SET(death_test_style, "threadsafe"); }
};

/// Ends the process with 0 if all is as it should be. `closed`: a bit for each of the three.
[[noreturn]] void close_and_open(int closed) {
  for (int fd = 0; fd < 3; ++fd) {
    if ((closed & (1 << fd)) != 0) ::close(fd);
  }
  open_standard_descriptors();
  for (int fd = 0; fd < 3; ++fd) {
    if (::fcntl(fd, F_GETFD) < 0) std::_Exit(10 + fd);
    char byte = 'x';
    const bool useless = fd == 0 ? ::read(fd, &byte, 1) < 0 : ::write(fd, &byte, 0) < 0;
    if ((closed & (1 << fd)) != 0 && !useless) std::_Exit(20 + fd);
  }
  const int next = ::open("/dev/null", O_RDONLY);
  std::_Exit(next > 2 ? 0 : 30);
}

TEST_P(DescriptorsDeathTest, ThatWereClosedAreTakenAndStayUseless) {
  EXPECT_EXIT(close_and_open(GetParam()), testing::ExitedWithCode(0), "");
}
INSTANTIATE_TEST_SUITE_P(Closed, DescriptorsDeathTest, testing::Range(0, 8));

}  // namespace
}  // namespace codedriftd
