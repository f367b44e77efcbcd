#include "service/leases.h"

#include <gtest/gtest.h>

namespace codedriftd::test {
namespace {

/// Accounts a and b with one key, c with another one, and two destinations.
Settings three_accounts() {
  Settings settings;
  for (const char* name : {"a", "b", "c"}) {
    AccountSettings& account = settings.accounts[name];
    account.name = name;
    account.endpoint = "https://scf.example.com";
    account.credentials.source = CredentialSettings::Source::files;
    account.credentials.secret_id_file = std::string(name) == "c" ? "c.id" : "shared.id";
  }
  for (const char* name : {"ops", "audit"}) settings.alerts.emplace_back().subscription.name = name;
  return settings;
}

TEST(Leases, AreOneForEachPaceAndDestinationAndTheHouse) {
  using Names = std::set<std::string, std::less<>>;
  EXPECT_EQ(leases_of(three_accounts()), (Names{"alert/audit", "alert/ops", "house", "lane/a", "lane/c"}));
  EXPECT_EQ(lanes_of(three_accounts()),
            (std::map<std::string, std::string>{{"a", "lane/a"}, {"b", "lane/a"}, {"c", "lane/c"}}));
  EXPECT_EQ(leases_of(Settings{}), (Names{"house"}));
  EXPECT_EQ(alert_of_lease("alert/ops"), "ops");
  EXPECT_EQ(alert_of_lease("lane/ops"), std::nullopt);
}

TEST(Leases, WhoseKeysTurnOutToBeTheSameHaveAPartOfTheLimitEach) {
  const auto lanes = lanes_of(three_accounts());
  const Paces apart{{"a", {"one", 20}}, {"b", {"one", 20}}, {"c", {"two", 20}}};
  for (const auto& [account, pace] : paces_of_lanes(apart, lanes)) EXPECT_EQ(pace.limit, 20) << account;
  const Paces same{{"a", {"one", 20}}, {"b", {"one", 20}}, {"c", {"one", 20}}};
  for (const auto& [account, pace] : paces_of_lanes(same, lanes)) EXPECT_EQ(pace.limit, 10) << account;
}

TEST(Leases, SayWhatOfTheWorkIsOnesOwn) {
  const auto lanes = lanes_of(three_accounts());
  const Share lane({"alert/ops", "lane/a"}, lanes);
  EXPECT_TRUE(lane.has_account("a") && lane.has_account("b") && lane.has_alert("ops"));
  EXPECT_FALSE(lane.has_account("c") || lane.has_alert("audit") || lane.has_house() || lane.keeps_watch_of("gone"));
  const Share house({"house"}, lanes);
  EXPECT_TRUE(house.has_house());
  EXPECT_TRUE(house.keeps_watch_of("gone")) << "nobody else does";
  EXPECT_FALSE(house.keeps_watch_of("a") || house.has_account("gone"));
  const Share all = Share::all();
  EXPECT_TRUE(all.has_account("any") && all.has_alert("any") && all.has_house() && all.keeps_watch_of("any"));
}

}  // namespace
}  // namespace codedriftd::test
