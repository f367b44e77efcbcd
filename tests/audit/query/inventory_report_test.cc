#include <gtest/gtest.h>

#include "audit/format/render.h"
#include "audit/query/discovered.h"
#include "audit/query/reported.h"
#include "store/ledger/discoveries.h"
#include "store/record/inventory.h"

namespace codedriftd {
namespace {

using test::at;
using test::Recorded;
using test::report;
using test::Reported;

class InventoryReport : public testing::Test {
 protected:
  int64_t save(const char* name, InventoryState state, double seconds, const char* rule = "", int64_t id = 0) {
    InventoryEntry entry;
    entry.id = id;
    entry.account = "prod";
    entry.region = "ap-guangzhou";
    entry.function.ns = "default";
    entry.function.name = name;
    entry.function.function_id = std::string("lam-") + name;
    entry.function.modified_at = at(1);
    entry.state = state;
    entry.rule = rule;
    entry.first_found_at = at(10);
    entry.last_found_at = at(seconds);
    if (state == InventoryState::gone) entry.gone_at = at(seconds);
    r.write([&](Tx& tx) { id = inventory::save(tx.db, entry, at(seconds)); });
    return id;
  }
  void list(bool complete, double seconds) {
    Listing listing;
    listing.account = "prod";
    listing.region = "ap-guangzhou";
    listing.complete = complete;
    if (!complete) listing.trouble = {"UnauthorizedOperation", "you may not", "r-1"};
    listing.began = listing.ended = at(seconds);
    r.write([&](Tx& tx) { inventory::record_listing(tx.db, listing, 2, 1); });
  }

  Recorded r;
};

/// What discover says of a listing, and what the record says once that listing is in it.
TEST_F(InventoryReport, CountsWhatAListingCouldNotReadAsDiscoverDoes) {
  Listing whole;
  whole.account = "prod";
  whole.region = "ap-guangzhou";
  whole.began = whole.ended = at(20);
  whole.complete = true;
  whole.namespaces = {"default", "pay"};
  for (const char* name : {"charge", "stray"}) {
    whole.functions.emplace_back();
    whole.functions.back().ns = "default";
    whole.functions.back().name = name;
  }
  Listing one_denied = whole, namespaces_denied = whole, all_denied = whole, given_up = whole;
  one_denied.unread = {"pay"};
  one_denied.unreadable = {"default/a b"};
  all_denied.functions.clear();
  all_denied.namespaces.clear();
  given_up.unread = given_up.namespaces;
  for (Listing* each : {&one_denied, &namespaces_denied, &all_denied, &given_up}) {
    each->complete = false;
    each->trouble = {"UnauthorizedOperation", "you may not", "r-1"};
  }
  WatchPlan plan;
  plan.named[{"prod", "ap-guangzhou", "default", "charge"}] = "c.toml:3";
  const struct {
    const char* what;
    const Listing& listing;
    int found, unreadable;
  } cases[] = {{"all was read", whole, 2, 0},
               {"a namespace", one_denied, 4, 2},
               {"ListNamespaces", namespaces_denied, 3, 1},
               {"everything", all_denied, 1, 1},
               {"all namespaces", given_up, 4, 2}};
  for (const auto& c : cases) {
    SCOPED_TRACE(c.what);
    Recorded record;
    record.write([&](Tx& tx) { take_listing(tx, record.ledger(), c.listing, plan, false, at(21)); });
    const Reported inventory = report(record, kInventoryReport, at(100));
    const ReportEnd live = discovered({c.listing}, plan, {}, [](const Row&) {});
    for (const char* count : {"found", "watched", "coverage", "unmanaged", "unreadable", "selected"})
      EXPECT_EQ(inventory.end.summary[count], live.summary[count]) << count;
    EXPECT_EQ(live.summary["found"], c.found);
    EXPECT_EQ(live.summary["unreadable"], c.unreadable);
    const Reported coverage = report(record, kCoverageReport, at(100));
    EXPECT_EQ(coverage.end.summary["inventory"][0]["found"], c.found);
  }
}

TEST_F(InventoryReport, HasTheContractsFieldsByAddressAndCountsWhatIsWatched) {
  save("refund", InventoryState::unmanaged, 20);
  save("charge", InventoryState::watched, 20, "codedriftd.toml:7");
  save("mail", InventoryState::excluded, 20, "codedriftd.toml:7");
  save("old", InventoryState::gone, 30);
  list(true, 20);
  const Reported inventory = report(r, kInventoryReport, at(100));
  EXPECT_EQ(inventory.column("function"), (std::vector<std::string>{"charge", "mail", "old", "refund"}));
  const OrderedJson expected = {{"account", "prod"},
                                {"region", "ap-guangzhou"},
                                {"namespace", "default"},
                                {"function", "charge"},
                                {"function_id", "lam-charge"},
                                {"state", "watched"},
                                {"rule", "codedriftd.toml:7"},
                                {"modified_at", rfc3339(at(1))},
                                {"first_found_at", rfc3339(at(10))},
                                {"last_found_at", rfc3339(at(20))},
                                {"gone_at", nullptr}};
  EXPECT_EQ(inventory.rows.front().dump(), expected.dump());
  EXPECT_EQ(inventory.rows[2]["gone_at"], rfc3339(at(30)));
  EXPECT_EQ(
      inventory.end.summary.dump(),
      R"({"found":3,"watched":1,"coverage":0.333333,"excluded":1,"unmanaged":1,"gone":1,"unreadable":0,"selected":4})");
  EXPECT_EQ(inventory.end.remarks,
            std::vector<std::string>{"3 found, 1 watched (33.33 %): 1 excluded, 1 unmanaged; 1 gone"});
}

TEST_F(InventoryReport, OfAMomentThatIsPastOnlyASightingThatIsOnRecordIsTold) {
  const int64_t id = save("seen-since", InventoryState::watched, 20);
  save("not-since", InventoryState::unmanaged, 20);
  save("seen-since", InventoryState::watched, 90, "", id);
  Selection then;
  then.at = at(50);
  const Reported inventory = report(r, kInventoryReport, at(100), then);
  ASSERT_EQ(inventory.column("function"), (std::vector<std::string>{"not-since", "seen-since"}));
  EXPECT_EQ(inventory.rows[0]["last_found_at"], rfc3339(at(20)));
  EXPECT_EQ(inventory.rows[1]["last_found_at"], nullptr) << "at(50) would be made up";
  EXPECT_EQ(inventory.rows[1]["first_found_at"], rfc3339(at(10)));
  EXPECT_EQ(report(r, kInventoryReport, at(100)).rows[1]["last_found_at"], rfc3339(at(90)));
}

TEST_F(InventoryReport, ASelectionIsOverPartsOfTheAddressAndAStateHidesNoShare) {
  save("charge", InventoryState::watched, 20);
  save("refund", InventoryState::unmanaged, 20);
  list(true, 20);
  Selection unmanaged;
  unmanaged.states = {"unm*"};
  const Reported some = report(r, kInventoryReport, at(100), unmanaged);
  EXPECT_EQ(some.column("function"), std::vector<std::string>{"refund"});
  EXPECT_EQ(some.end.summary["coverage"], 0.5);
  EXPECT_EQ(some.end.summary["selected"], 1);
  Selection by_name;
  by_name.targets = {"prod/*/default/ch*"};
  EXPECT_EQ(report(r, kInventoryReport, at(100), by_name).column("function"), std::vector<std::string>{"charge"});
  Selection wrong;
  wrong.functions = {"chrage"};
  EXPECT_EQ(report(r, kInventoryReport, at(100), wrong).end.nothing,
            "no function that was found matches --function 'chrage'; did you mean charge?");
}

TEST_F(InventoryReport, AtAPastMomentHasTheStatesOfThen) {
  const int64_t id = save("charge", InventoryState::unmanaged, 20);
  list(true, 20);
  save("charge", InventoryState::watched, 60, "codedriftd.toml:7", id);
  EXPECT_EQ(report(r, kInventoryReport, at(100)).column("state"), std::vector<std::string>{"watched"});
  Selection then;
  then.at = at(40);
  const Reported past = report(r, kInventoryReport, at(100), then);
  EXPECT_EQ(past.column("state"), std::vector<std::string>{"unmanaged"});
  EXPECT_EQ(past.end.remarks.front(), "As of 2026-11-24T00:00:40.000Z, told from the record.");
}

TEST_F(InventoryReport, SaysWhereNothingWasListedOrNotAllOfIt) {
  EXPECT_TRUE(report(r, kInventoryReport, at(5)).end.nothing.starts_with("nothing was ever listed"));
  save("charge", InventoryState::watched, 20);
  list(true, 20);
  list(false, 80);
  const Reported failing = report(r, kInventoryReport, at(100));
  EXPECT_EQ(failing.end.nothing, "");
  EXPECT_EQ(failing.end.remarks.front(),
            "prod in ap-guangzhou: 1 function found, 1 of them watched (100.00 %); last listed completely at "
            "2026-11-24T00:00:20.000Z; the last listing was not complete (UnauthorizedOperation: you may not).");
}

TEST_F(InventoryReport, CoverageAnswersWhatIsNotConfiguredWithANumber) {
  r.watch({"charge", "test/ap-guangzhou/default/ship:$LATEST"}, at(0));
  save("charge", InventoryState::watched, 20);
  save("refund", InventoryState::unmanaged, 20);
  list(true, 20);
  list(false, 80);
  const Reported coverage = report(r, kCoverageReport, at(100));
  const OrderedJson& inventory = coverage.end.summary["inventory"];
  ASSERT_EQ(inventory.size(), 2U);
  EXPECT_EQ(inventory[0].dump(),
            R"({"account":"prod","region":"ap-guangzhou","found":2,"watched":1,"coverage":0.5,)"
            R"("last_complete_at":"2026-11-24T00:00:20.000Z","failing":false,)"
            R"("error":{"code":"UnauthorizedOperation","message":"you may not","request_id":"r-1"},)"
            R"("gaps":[{"from":"2026-11-24T00:00:20.000Z","until":"2026-11-24T00:01:40.000Z","listings":1,)"
            R"("error":{"code":"UnauthorizedOperation","message":"you may not","request_id":"r-1"}}]})");
  EXPECT_EQ(inventory[1].dump(),
            R"({"account":"test","region":"ap-guangzhou","found":null,"watched":null,"coverage":null,)"
            R"("last_complete_at":null,"failing":null,"error":null,"gaps":[]})");
  const auto said = [&](std::string_view words) {
    return std::ranges::any_of(coverage.end.remarks,
                               [&](const std::string& line) { return line.find(words) != std::string::npos; });
  };
  EXPECT_TRUE(said("prod in ap-guangzhou: 2 functions found, 1 of them watched (50.00 %)"));
  EXPECT_TRUE(said("test in ap-guangzhou: never listed; nothing is known of functions that are not configured."));
}

TEST_F(InventoryReport, ForeignTextIsHarmlessInATable) {
  InventoryEntry entry;
  entry.account = "prod";
  entry.region = "ap-guangzhou";
  entry.function.name = "\x1b[31mred";
  entry.state = InventoryState::unreadable;
  entry.first_found_at = entry.last_found_at = at(10);
  r.write([&](Tx& tx) { inventory::save(tx.db, entry, at(10)); });
  std::string text;
  const auto renderer = make_renderer(Format::table, kInventoryReport, at(20), false, text);
  renderer->end(kInventoryReport.run(r.db(), {}, at(20), [&](const Row& row) { renderer->row(row); }));
  EXPECT_EQ(text.find('\x1b'), std::string::npos);
  EXPECT_NE(text.find("unreadable"), std::string::npos);
}

}  // namespace
}  // namespace codedriftd
