// What the audit report says of functions that are not configured, and of what listings told.
#include <gtest/gtest.h>

#include "audit/report/gather.h"
#include "audit/report/writers.h"
#include "base/json.h"
#include "store/record/inventory.h"
#include "support/recorded.h"

namespace codedriftd {
namespace {

using test::at;
using test::Recorded;

class FoundReport : public testing::Test {
 protected:
  FoundReport() { r.watch({"charge", "test/ap-guangzhou/default/ship:$LATEST"}, at(0)); }

  void save(const char* name, InventoryState state) {
    InventoryEntry entry;
    entry.account = "prod";
    entry.region = "ap-guangzhou";
    entry.function.ns = "default";
    entry.function.name = name;
    entry.function.function_id = std::string("lam-") + name;
    entry.state = state;
    entry.first_found_at = entry.last_found_at = at(10);
    r.write([&](Tx& tx) { inventory::save(tx.db, entry, at(10)); });
  }
  void list(bool complete, double seconds) {
    Listing listing;
    listing.account = "prod";
    listing.region = "ap-guangzhou";
    listing.complete = complete;
    if (!complete) listing.trouble = {"UnauthorizedOperation", "<b>no</b>", "r-1"};
    listing.began = listing.ended = at(seconds);
    r.write([&](Tx& tx) { inventory::record_listing(tx.db, listing, 2, 1); });
  }
  void note(const char* kind, Json data, double seconds, std::optional<std::string> function = std::nullopt) {
    NewEvent event;
    event.kind = kind;
    event.actor = "daemon";
    event.data = std::move(data);
    if (function) event.target = Recorded::address(*function);
    r.write([&](Tx& tx) { r.ledger().append(tx, event, at(seconds)); });
  }
  AuditReport gather(Selection selection = {}) {
    selection.since = at(0);
    selection.until = at(100);
    return gather_audit_report(r.db(), selection, at(100));
  }

  Recorded r;
};

TEST_F(FoundReport, SaysThatNothingIsKnownOfWhatIsNotConfiguredWhereNothingWasListed) {
  const AuditReport report = gather();
  for (const std::string& text : {report_html(report), report_markdown(report)}) {
    EXPECT_NE(text.find("nothing is known of functions that are not configured"), std::string::npos);
    EXPECT_NE(text.find("unknown"), std::string::npos);
  }
  const Json inventory = Json::parse(report_json(report)).at("summary").at("inventory");
  ASSERT_EQ(inventory.size(), 2U);
  EXPECT_EQ(inventory[0].at("found"), nullptr);
}

TEST_F(FoundReport, HasTheSameNumberAsCoverageInEveryFormat) {
  save("charge", InventoryState::watched);
  save("refund", InventoryState::unmanaged);
  list(true, 20);
  list(false, 80);
  const AuditReport report = gather();
  const std::string html = report_html(report), markdown = report_markdown(report);
  for (const std::string& text : {html, markdown}) {
    EXPECT_NE(text.find("1 of 2"), std::string::npos) << "the figure";
    EXPECT_NE(text.find("50.00 %"), std::string::npos) << "the row of the region";
    EXPECT_NE(text.find("Of 1 of 2 regions nothing was ever listed"), std::string::npos);
    EXPECT_NE(text.find("Times without a complete listing"), std::string::npos);
    EXPECT_EQ(text.find("<b>no</b>"), std::string::npos) << "the cloud's words are harmless";
  }
  const Json prod = Json::parse(report_json(report)).at("summary").at("inventory").at(0);
  EXPECT_EQ(prod.at("coverage"), 0.5);
  EXPECT_EQ(prod.at("gaps").size(), 1U);
}

TEST_F(FoundReport, ASelectionOfOneAccountHasNoOther) {
  list(true, 20);
  Selection test_alone;
  test_alone.accounts = {"test"};
  const AuditReport report = gather(test_alone);
  ASSERT_EQ(report.looks.size(), 1U);
  EXPECT_EQ(report.looks.front().place.account, "test");
}

TEST_F(FoundReport, KeepsWhatListingsToldApartFromWhatPollsLost) {
  list(true, 20);
  note("function.unmanaged", {{"function", "refund"}}, 30);
  note("discovery.failing", {{"account", "prod"}}, 40);
  note("function.touched", Json::object(), 50, "charge");
  note("change.attributed", {{"words", "No record found as of T."}}, 60, "charge");
  const AuditReport report = gather();
  EXPECT_EQ(report.finding.size(), 3U);
  ASSERT_EQ(report.attributed.size(), 1U);
  EXPECT_TRUE(report.seeing.empty());
  const std::string markdown = report_markdown(report);
  EXPECT_NE(markdown.find("No record found as of T."), std::string::npos);
  EXPECT_NE(markdown.find("function.touched"), std::string::npos);
}

TEST_F(FoundReport, SaysBesideADriftWhatTheAuditLogHasAboutIt) {
  r.observed("charge", "reviewed", at(5));
  r.observed("charge", "stolen", at(40));
  std::string id;
  {
    auto q = r.db().query_once("SELECT id FROM event WHERE kind = 'drift.detected'");
    ASSERT_TRUE(q.step());
    id = q.text(0);
  }
  note("change.attributed", {{"event", id}, {"words", "The only recorded code change of charge."}}, 50, "charge");
  note("change.attributed", {{"event", "another"}, {"words", "No record found as of T."}}, 60, "charge");
  const std::string markdown = report_markdown(gather());
  const std::size_t story = markdown.find("Open since");
  ASSERT_NE(story, std::string::npos) << markdown;
  const std::size_t moments = markdown.find("\n|", story);
  const std::string before_the_table = markdown.substr(story, moments - story);
  EXPECT_NE(before_the_table.find("audit log, about event"), std::string::npos) << before_the_table;
  EXPECT_NE(before_the_table.find("The only recorded code change of charge."), std::string::npos) << before_the_table;
  EXPECT_EQ(before_the_table.find("No record found"), std::string::npos) << before_the_table;
}

TEST_F(FoundReport, WhatIsWatchedBesideTheCodeDriftsUnderItsOwnKind) {
  const std::string layers = "prod/ap-guangzhou/default/charge:$LAYERS";
  r.watch({"charge", layers}, at(1));
  r.observed(layers, "A", at(10));
  r.observed(layers, "B", at(40));
  const AuditReport report = gather();
  ASSERT_EQ(report.drifts.size(), 1U);
  EXPECT_EQ(report.drifts.front().target, layers);
  ASSERT_EQ(report.functions.size(), 3U);
  EXPECT_EQ(report.drifts.front().live, Recorded::hash("B"));
  const auto then = std::ranges::find_if(report.functions, [&](const auto& f) { return f.address == layers; });
  EXPECT_TRUE(then->state().drift_open) << "told from the record";
}

}  // namespace
}  // namespace codedriftd
