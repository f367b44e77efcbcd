#include "audit/query/discovered.h"

#include <gtest/gtest.h>

#include "base/json.h"

namespace codedriftd {
namespace {

FoundFunction found(std::string ns, std::string name) {
  FoundFunction function;
  function.ns = std::move(ns);
  function.function_id = "lam-" + name;
  function.name = std::move(name);
  function.modified_at = WallTime{Millis{1795478400000}};
  return function;
}

Listing listing(std::string region, std::vector<FoundFunction> functions) {
  Listing made;
  made.account = "prod";
  made.region = std::move(region);
  made.complete = true;
  made.namespaces = {"default", "pay"};
  made.functions = std::move(functions);
  made.calls = 4;
  return made;
}

/// A [[watch]] of pay-* but pay-dev in ap-guangzhou, and two functions by name.
WatchPlan plan() {
  WatchPlan made;
  made.rules.resize(1);
  WatchRule& rule = made.rules.front();
  rule.where = "c.toml:9";
  rule.account = "prod";
  rule.regions = {"ap-guangzhou"};
  rule.names = {"pay-*"};
  rule.except = {"*-dev"};
  made.named[{"prod", "ap-guangzhou", "default", "charge"}] = "c.toml:3";
  made.named[{"prod", "ap-guangzhou", "pay", "refund"}] = "c.toml:4";
  return made;
}

struct DiscoverRun {
  std::vector<std::string> rows;  ///< "REGION NS/FUNCTION STATE RULE"
  ReportEnd end;
};

DiscoverRun discover(std::vector<Listing> listings, const Selection& selection = {}) {
  DiscoverRun made;
  const auto text = [](const OrderedJson& value) { return value.is_null() ? "-" : value.get<std::string>(); };
  made.end = discovered(std::move(listings), plan(), selection, [&](const Row& row) {
    ASSERT_EQ(row.values.size(), kDiscoverReport.fields.size());
    const auto& v = row.values;
    made.rows.push_back(text(v[1]) + " " + text(v[2]) + "/" + text(v[3]) + " " + text(v[5]) + " " + text(v[6]));
  });
  return made;
}

TEST(Discovered, JudgesWhatIsThereAndWhatIsNamedAndNotThere) {
  const DiscoverRun run = discover({listing("ap-singapore", {found("default", "charge")}),
                                    listing("ap-guangzhou", {found("default", "charge"), found("default", "pay-dev"),
                                                             found("pay", "mail"), found("pay", "pay-out")})});
  EXPECT_EQ(run.rows, (std::vector<std::string>{
                          "ap-guangzhou default/charge watched c.toml:3",
                          "ap-guangzhou default/pay-dev excluded c.toml:9",
                          "ap-guangzhou pay/mail unmanaged -",
                          "ap-guangzhou pay/pay-out watched c.toml:9",
                          "ap-guangzhou pay/refund gone c.toml:4",
                          "ap-singapore default/charge unmanaged -",
                      }))
      << "by address, whatever the order of the listings";
  EXPECT_EQ(
      run.end.summary.dump(),
      R"({"found":5,"watched":2,"coverage":0.4,"excluded":1,"unmanaged":2,"gone":1,"unreadable":0,"selected":6,"regions":[)"
      R"({"account":"prod","region":"ap-guangzhou","found":4,"watched":2,"coverage":0.5,"complete":true,"calls":4,"error":null},)"
      R"({"account":"prod","region":"ap-singapore","found":1,"watched":0,"coverage":0.0,"complete":true,"calls":4,"error":null}]})");
  EXPECT_EQ(run.end.detailed_exit, 2);
  EXPECT_EQ(run.end.nothing, "");
  EXPECT_EQ(run.end.remarks.front(),
            "prod in ap-guangzhou: 4 found, 2 watched (50.00 %): 1 excluded, 1 unmanaged; 1 gone");
  EXPECT_EQ(run.end.remarks.back(), "5 found, 2 watched (40.00 %): 1 excluded, 2 unmanaged; 1 gone");
}

TEST(Discovered, WhatCouldNotBeReadIsARowAndNothingInItIsGone) {
  Listing half = listing("ap-guangzhou", {found("default", "charge")});
  half.complete = false;
  half.trouble = {"UnauthorizedOperation", "no", "r-1"};
  half.unread = {"pay"};
  half.unreadable = {"default/a function"};
  const DiscoverRun run = discover({half});
  EXPECT_EQ(run.rows, (std::vector<std::string>{
                          "ap-guangzhou -/default/a function unreadable -",
                          "ap-guangzhou default/charge watched c.toml:3",
                          "ap-guangzhou pay/- unreadable -",
                      }))
      << "refund may be in pay";
  EXPECT_EQ(run.end.summary["found"], 3) << "what could not be read is no full coverage";
  EXPECT_EQ(run.end.summary["regions"][0]["error"].dump(),
            R"({"code":"UnauthorizedOperation","message":"no","request_id":"r-1"})");
  EXPECT_EQ(run.end.detailed_exit, 3);
  EXPECT_EQ(run.end.remarks.front(),
            "prod in ap-guangzhou: 3 found, 1 watched (33.33 %): 2 unreadable; not complete, there may be more "
            "(UnauthorizedOperation: no)");
}

TEST(Discovered, WhereNoRegionCouldBeListedThereIsNothingToSayAndWhyIsSaid) {
  Listing failed;
  failed.account = "prod";
  failed.region = "ap-guangzhou";
  failed.trouble = {"Client.Timeout", "no answer", ""};
  const DiscoverRun run = discover({failed});
  EXPECT_EQ(run.rows, std::vector<std::string>{"ap-guangzhou -/- unreadable -"});
  EXPECT_EQ(run.end.nothing, "no region could be listed");
  EXPECT_EQ(run.end.remarks.front(), "prod in ap-guangzhou: could not be listed: Client.Timeout: no answer");
  EXPECT_EQ(run.end.summary["regions"][0]["found"], nullptr);
  EXPECT_EQ(run.end.summary["regions"][0]["coverage"], nullptr);

  const DiscoverRun one_of_two = discover({failed, listing("ap-singapore", {})});
  EXPECT_EQ(one_of_two.end.nothing, "");
  EXPECT_EQ(one_of_two.end.detailed_exit, 3);
}

TEST(Discovered, ASelectionNarrowsTheRowsAndAStateOrALimitNotTheCounts) {
  const std::vector<Listing> listings{listing("ap-guangzhou", {found("default", "charge"), found("pay", "mail"),
                                                               found("pay", "pay-out"), found("pay", "refund")})};
  struct Case {
    void (*ask)(Selection&);
    std::size_t rows;
    int found;
  };
  for (const Case& c :
       {Case{[](Selection& s) { s.states = {"unmanaged"}; }, 1, 4}, Case{[](Selection& s) { s.limit = 2; }, 2, 4},
        Case{[](Selection& s) { s.namespaces = {"p*"}; }, 3, 3},
        Case{[](Selection& s) {
               s.functions = {"mail", "charge"};
             },
             2, 2},
        Case{[](Selection& s) { s.targets = {"prod/*/pay/*"}; }, 3, 3},
        Case{[](Selection& s) { s.targets = {"charge"}; }, 1, 1}}) {
    Selection selection;
    c.ask(selection);
    const DiscoverRun run = discover(listings, selection);
    EXPECT_EQ(run.rows.size(), c.rows) << selection_words(selection);
    EXPECT_EQ(run.end.summary["found"], c.found) << selection_words(selection);
    EXPECT_EQ(run.end.summary["regions"][0]["found"], 4) << "a region is counted whole";
  }
  Selection nobody;
  nobody.functions = {"nobody"};
  EXPECT_EQ(discover(listings, nobody).end.nothing, "no function that was found matches --function 'nobody'");
}

TEST(Discovered, WhereAllIsWatchedOrExcludedAndReadTheDetailedExitIsZero) {
  const DiscoverRun run = discover(
      {listing("ap-guangzhou", {found("default", "charge"), found("pay", "pay-dev"), found("pay", "refund")})});
  EXPECT_EQ(run.end.detailed_exit, 0);
  EXPECT_EQ(run.end.summary["coverage"], 0.666667);
}

}  // namespace
}  // namespace codedriftd
