#include "base/journal.h"

#include <gtest/gtest.h>

#include "support/journal_socket.h"

namespace codedriftd {
namespace {

using namespace std::string_literals;

TEST(JournalDatagram, HasTheLengthOfEachValueInFrontOfIt) {
  EXPECT_EQ(journal_datagram({{"MESSAGE", "two\nPRIORITY=0"}, {"CODEDRIFTD_TARGET", ""}}),
            "MESSAGE\n\x0e\0\0\0\0\0\0\0two\nPRIORITY=0\nCODEDRIFTD_TARGET\n\0\0\0\0\0\0\0\0\n"s);
  EXPECT_EQ(journal_datagram({{"A", std::string(258, 'x')}}).substr(0, 10), "A\n\x02\x01\0\0\0\0\0\0"s);
}

TEST(Journal, TakesAnEntry) {
  test::JournalSocket journal;
  EXPECT_TRUE(send_to_journal(journal.path(), {{"MESSAGE", "m"}}));
  EXPECT_EQ(journal.next(), journal_datagram({{"MESSAGE", "m"}}));
  EXPECT_EQ(journal.next(), std::nullopt);
}

TEST(Journal, ThatIsNotThereTakesNone) {
  EXPECT_FALSE(send_to_journal("", {{"MESSAGE", "m"}}));
  EXPECT_FALSE(send_to_journal("/nonexistent/socket", {{"MESSAGE", "m"}}));
  EXPECT_FALSE(send_to_journal("/" + std::string(200, 'x'), {{"MESSAGE", "m"}}));
}

TEST(Journal, ThatIsFullIsNotWaitedFor) {
  test::JournalSocket journal;
  int taken = 0;
  while (taken < 100'000 && send_to_journal(journal.path(), {{"NUMBER", std::to_string(taken)}})) ++taken;
  EXPECT_GT(taken, 0);
  EXPECT_LT(taken, 100'000);
  for (int i = 0; i < taken; ++i) EXPECT_EQ(journal.next(), journal_datagram({{"NUMBER", std::to_string(i)}}));
  EXPECT_TRUE(send_to_journal(journal.path(), {{"NUMBER", "afterwards"}}));
}

}  // namespace
}  // namespace codedriftd
