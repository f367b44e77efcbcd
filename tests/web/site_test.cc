#include "web/site.h"

#include <gtest/gtest.h>

#include <thread>

#include "support/manual_clock.h"
#include "support/temp_dir.h"

namespace codedriftd::test {
namespace {

TEST(Site, ARecordThatCannotBeReadIsAnErrorEachTimeAndTakesNoTurnWithIt) {
  const TempDir dir;
  const ManualClock clock;
  Site site(dir.path() / "nothing.db", {"ops-1"}, clock);
  for (int i = 0; i < 10; ++i) EXPECT_THROW(site.answer({"/", {}, ""}), SqliteError);
}

}  // namespace
}  // namespace codedriftd::test
