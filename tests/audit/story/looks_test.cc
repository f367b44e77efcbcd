#include "audit/story/looks.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "support/recorded.h"

namespace codedriftd {
namespace {

using test::at;
using test::Recorded;

inventory::ListingRun run_of(bool complete, double from, double until, int64_t listings = 1,
                             std::string code = "Refused") {
  inventory::ListingRun run;
  run.account = "prod";
  run.region = "ap-guangzhou";
  run.complete = complete;
  if (!complete) run.trouble.code = std::move(code);
  run.from = at(from);
  run.until = at(until);
  run.listings = listings;
  return run;
}

struct LookCase {
  const char* what;
  std::vector<inventory::ListingRun> runs;
  const char* expected;  ///< "LAST COMPLETE [failing] [trouble]; gaps FROM-UNTIL*LISTINGS", in seconds
};

std::string look_words(const RegionLook& look) {
  const auto second = [](WallTime time) { return (time - at(0)).count() / 1000; };
  std::string words = look.looked ? "" : "never ";
  words += look.last_complete_at ? fmt::format("{}", second(*look.last_complete_at)) : "-";
  if (look.failing) words += " failing";
  if (!look.trouble.code.empty()) words += " " + look.trouble.code;
  for (const LookGap& gap : look.gaps)
    words += fmt::format("; {}-{}*{} {}", second(gap.from), second(gap.until), gap.listings, gap.trouble.code);
  return words;
}

TEST(LookOf, AGapIsFromTheLastCompleteListingToTheNext) {
  // What is asked about is 1,000 to 9,000.
  const LookCase cases[] = {
      {"nothing was ever listed", {}, "never -"},
      {"all complete", {run_of(true, 100, 8'900, 15)}, "8900"},
      {"complete, and later than the end", {run_of(true, 100, 20'000, 40)}, "9000"},
      {"two failed in between",
       {run_of(true, 100, 2'000), run_of(false, 2'600, 3'200, 2), run_of(true, 3'800, 8'900)},
       "8900; 2000-3800*2 Refused"},
      {"they failed for several reasons",
       {run_of(true, 100, 2'000), run_of(false, 2'600, 3'200, 2, "A"), run_of(false, 3'300, 3'400, 3, "B"),
        run_of(true, 3'800, 8'900)},
       "8900; 2000-3800*5 B"},
      {"before what is asked about alone", {run_of(false, 100, 700, 2), run_of(true, 900, 8'900)}, "8900"},
      {"since before what is asked about",
       {run_of(true, 100, 300), run_of(false, 700, 1'200, 2), run_of(true, 1'300, 8'900)},
       "8900; 1000-1300*2 Refused"},
      {"the last one failed",
       {run_of(true, 100, 8'000), run_of(false, 8'600, 8'600)},
       "8000 Refused; 8000-9000*1 Refused"},
      {"the last three failed",
       {run_of(true, 100, 8'000), run_of(false, 8'600, 8'800, 3)},
       "8000 failing Refused; 8000-9000*3 Refused"},
      {"two failed in more than an hour",
       {run_of(true, 100, 4'000), run_of(false, 6'000, 8'000, 2)},
       "4000 failing Refused; 4000-9000*2 Refused"},
      {"nobody looked for more than an hour",
       {run_of(true, 100, 2'000), run_of(true, 6'000, 8'900)},
       "8900; 2000-6000*0 "},
      {"nobody looks any more", {run_of(true, 100, 2'000)}, "2000; 2000-9000*0 "},
      {"nobody looked since before what is asked about", {run_of(true, 100, 200)}, "200; 1000-9000*0 "},
      {"none was ever complete", {run_of(false, 2'000, 2'600, 2)}, "- Refused; 2000-9000*2 Refused"},
      {"what came after the end is not known yet", {run_of(true, 100, 8'000), run_of(false, 9'600, 9'900, 5)}, "8000"},
  };
  for (const LookCase& c : cases)
    EXPECT_EQ(look_words(look_of({"prod", "ap-guangzhou"}, c.runs, at(1'000), at(9'000))), c.expected) << c.what;
}

/// charge and refund are found in prod, and charge is watched; test was never listed.
struct RegionLooks : testing::Test {
  RegionLooks() {
    const auto save = [&](const char* name, InventoryState state) {
      InventoryEntry entry;
      entry.account = "prod";
      entry.region = "ap-guangzhou";
      entry.function.ns = "default";
      entry.function.name = name;
      entry.function.function_id = std::string("lam-") + name;
      entry.state = state;
      entry.first_found_at = entry.last_found_at = at(10);
      if (state == InventoryState::gone) entry.gone_at = at(10);
      r.write([&](Tx& tx) { inventory::save(tx.db, entry, at(10)); });
    };
    save("charge", InventoryState::watched);
    save("refund", InventoryState::unmanaged);
    save("old", InventoryState::gone);
    Listing listing;
    listing.account = "prod";
    listing.region = "ap-guangzhou";
    listing.complete = true;
    listing.began = listing.ended = at(10);
    r.write([&](Tx& tx) { inventory::record_listing(tx.db, listing, 2, 1); });
  }
  std::vector<RegionLook> looks(const Selection& selection, std::set<AccountRegion> places = {}) {
    return region_looks(r.db(), selection, std::move(places), at(0), at(100));
  }
  Recorded r;
};

TEST_F(RegionLooks, CountWhatIsThereAndSayOfWhatWasNeverListedThatNothingIsKnown) {
  const auto both = looks({}, {{"test", "ap-guangzhou"}});
  ASSERT_EQ(both.size(), 2U);
  EXPECT_EQ(both[0].place.account, "prod");
  EXPECT_EQ(both[0].found, 2) << "what is gone is not there";
  EXPECT_EQ(both[0].watched, 1);
  EXPECT_EQ(both[0].last_complete_at, at(10));
  EXPECT_FALSE(both[1].looked);
  EXPECT_EQ(both[1].found, 0);
}

TEST_F(RegionLooks, OfASelectionOfFunctionsAreThoseOfItsPlacesAlone) {
  Selection one;
  one.functions = {"x"};
  EXPECT_TRUE(looks(one).empty());
  EXPECT_EQ(looks(one, {{"prod", "ap-guangzhou"}}).size(), 1U);
  Selection elsewhere;
  elsewhere.accounts = {"test"};
  EXPECT_TRUE(looks(elsewhere).empty());
}

}  // namespace
}  // namespace codedriftd
