#include "store/fleet/shares.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gtest/gtest.h>

#include <map>
#include <random>

#include "support/seed.h"

namespace codedriftd::test {
namespace {

/// "a1 b- c2": lease a is member 1's, b is free.
std::vector<LeaseRow> leases_of(const std::string& text) {
  std::vector<LeaseRow> leases;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find(' ', at), text.size());
    const char holder = text[end - 1];
    leases.push_back({text.substr(at, end - at - 1),
                      holder == '-' ? std::optional<int64_t>() : std::optional<int64_t>(holder - '0')});
    at = end + 1;
  }
  return leases;
}

TEST(Shares, AreFair) {
  struct Case {
    const char* what;
    const char* leases;
    std::vector<int64_t> members;
    std::string takes, gives;  ///< of member 1
  };
  const Case cases[] = {
      {"who is alone takes all", "house- k/a- k/b-", {1}, "house k/a k/b", ""},
      {"of one there is no half", "k/a-", {1, 2}, "k/a", ""},
      {"who has it keeps it", "k/a1", {1, 2}, "", ""},
      {"and another does not get it", "k/a2", {1, 2}, "", ""},
      {"two are one for each", "k/a- k/b-", {1, 2}, "k/a", ""},
      {"who has more than its share lets go", "k/a1 k/b1", {1, 2}, "", "k/b"},
      {"rounded up", "k/a1 k/b1 k/c1", {1, 2}, "", "k/c"},
      {"what is free is left to who has less", "k/a1 k/b-", {1, 2}, "", ""},
      {"and taken once the other has its share", "k/a1 k/b2 k/c-", {1, 2}, "k/c", ""},
      {"who has nothing waits for no third", "k/a2 k/b3 k/c- k/d-", {1, 2, 3}, "k/c k/d", ""},
      {"four for three: the one who has none gets one", "k/a1 k/b1 k/c2 k/d2", {1, 2, 3}, "", "k/b"},
      {"but not two of them", "k/a1 k/b1 k/c2 k/d-", {1, 2, 3}, "", ""},
      {"each kind is shared for itself", "house1 j/a1 k/a1 k/b1", {1, 2}, "", "k/b"},
      {"what a stranger to the members holds is nobody's surplus", "k/a9 k/b-", {1, 2}, "k/b", ""},
      {"who may hold nothing takes nothing", "k/a-", {2, 3}, "", ""},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.what);
    const Shares shares = share_out(leases_of(c.leases), c.members, 1);
    EXPECT_EQ(fmt::format("{}", fmt::join(shares.take, " ")), c.takes);
    EXPECT_EQ(fmt::format("{}", fmt::join(shares.give, " ")), c.gives);
  }
}

TEST(Shares, ComeToRestWhoeverHasItsTurnWhen) {
  auto random = random_from(seed());
  const auto below = [&](std::size_t n) { return std::uniform_int_distribution<std::size_t>(0, n - 1)(random); };
  for (int round = 0; round < 300; ++round) {
    std::vector<LeaseRow> leases;
    const std::size_t count = 1 + below(12), members = 1 + below(5);
    std::vector<int64_t> ids;
    for (std::size_t i = 0; i < members; ++i) ids.push_back(static_cast<int64_t>(i) + 1);
    for (std::size_t i = 0; i < count; ++i)
      leases.push_back(
          {fmt::format("k/{:02}", i), below(3) == 0 ? std::optional<int64_t>() : std::optional(ids[below(members)])});
    const auto turn = [&](int64_t me) {
      const Shares shares = share_out(leases, ids, me);
      for (LeaseRow& lease : leases) {
        if (std::find(shares.take.begin(), shares.take.end(), lease.name) != shares.take.end()) lease.holder = me;
        if (std::find(shares.give.begin(), shares.give.end(), lease.name) != shares.give.end()) lease.holder.reset();
      }
      return shares.take.size() + shares.give.size();
    };
    for (int i = 0; i < 200; ++i) turn(ids[below(members)]);
    std::size_t moved = 0;
    for (const int64_t id : ids) moved += turn(id);
    EXPECT_EQ(moved, 0U) << "it goes on and on";
    std::map<int64_t, std::size_t> held;
    for (const LeaseRow& lease : leases) {
      ASSERT_TRUE(lease.holder) << "nobody takes " << lease.name;
      ++held[*lease.holder];
    }
    for (const int64_t id : ids) {
      EXPECT_GE(held[id], count / members);
      EXPECT_LE(held[id], (count + members - 1) / members);
    }
  }
}

}  // namespace
}  // namespace codedriftd::test
