#include "select/selection.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <tuple>

#include "store/record/inventory.h"
#include "support/recorded.h"

namespace codedriftd {
namespace {

using test::at;
using test::Recorded;

TEST(TargetMatches, ComparesWithThePartThatTheGlobHasTheShapeOf) {
  const Target target{"prod", "ap-guangzhou", "default", "charge-eu", "$LATEST"};
  struct Case {
    std::string_view glob;
    bool matches;
  };
  for (const Case& c : {Case{"charge-eu", true}, Case{"charge-*", true}, Case{"*", true}, Case{"charge", false},
                        Case{"charge-eu:$LATEST", true}, Case{"*:1", false}, Case{"*:$L*", true}, Case{"prod/*", true},
                        Case{"*/charge-eu:$LATEST", true}, Case{"test/*", false},
                        Case{"prod/ap-guangzhou/default/charge-eu:$LATEST", true},
                        Case{"prod/ap-guangzhou/default", false}, Case{"", false}, Case{"charge-e?", true}})
    EXPECT_EQ(target_matches(c.glob, target), c.matches) << c.glob;
  const Target layers{"prod", "ap-guangzhou", "default", "charge-eu", "$LAYERS"};
  for (const char* glob : {"charge-eu", "charge-eu:*", "*:$LAYERS", "prod/*"})
    EXPECT_TRUE(target_matches(glob, layers)) << glob;
}

TEST(Selection, OptionsNarrowEachOtherAndTheirValuesAreAlternatives) {
  const Target target{"prod", "ap-guangzhou", "default", "charge", "3"};
  Selection s;
  EXPECT_TRUE(selects(s, target));
  s.regions = {"eu-*", "ap-*"};
  s.qualifiers = {"3"};
  EXPECT_TRUE(selects(s, target));
  s.namespaces = {"other"};
  EXPECT_FALSE(selects(s, target));
}

TEST(ResolveNames, TakesAFunctionThatOneWatchedTargetHas) {
  Recorded r;
  r.watch({"charge", "refund", "test/ap-guangzhou/default/refund:$LATEST", "old"}, at(0));
  r.watch({"charge", "refund", "test/ap-guangzhou/default/refund:$LATEST"}, at(1));
  const auto resolve = [&](const std::string& name, bool all = false) {
    Selection s;
    s.names = {name};
    s.all = all;
    const Checked done = resolve_names(r.db(), s);
    return done ? s.targets.front() : "error: " + done.error().message;
  };
  EXPECT_EQ(resolve("charge"), Recorded::address("charge"));
  EXPECT_EQ(resolve("charge:$LATEST"), Recorded::address("charge"));
  EXPECT_EQ(resolve("re*"), "re*");
  EXPECT_EQ(resolve("no/such/address/at:all"), "no/such/address/at:all");
  EXPECT_EQ(resolve("nothing"), "nothing");
  EXPECT_EQ(resolve("old"), "old");
  EXPECT_EQ(resolve("old", true), Recorded::address("old"));
  const std::string ambiguous = resolve("refund");
  EXPECT_NE(ambiguous.find("names 2 targets"), std::string::npos);
  EXPECT_NE(ambiguous.find("\n  'prod/ap-guangzhou/default/refund'"), std::string::npos) << ambiguous;
  EXPECT_NE(ambiguous.find("\n  'test/ap-guangzhou/default/refund'"), std::string::npos) << ambiguous;
  EXPECT_EQ(ambiguous.find("$LATEST"), std::string::npos) << "it need not be typed";
}

/// What is watched of prod/ap-guangzhou/default/charge, and what a name of it means.
struct NameCase {
  std::string_view what;
  std::vector<std::string> watched;
  std::string name;
  std::string means;  ///< the qualifier; empty: several, which are listed
  std::string not_listed = {};
};

class ResolveName : public testing::TestWithParam<NameCase> {};

TEST_P(ResolveName, WithoutAQualifierMeansTheCodeAndNeverAValueBesideIt) {
  const NameCase& c = GetParam();
  KnownTargets known;
  for (const std::string& qualifier : c.watched)
    known.watched.push_back({"prod", "ap-guangzhou", "default", "charge", qualifier});
  Selection s;
  s.names = {c.name};
  const Checked done = resolve_names(known, s);
  if (c.means.empty()) {
    ASSERT_FALSE(done);
    EXPECT_EQ(done.error().message.find(c.not_listed), std::string::npos) << done.error().message;
    return;
  }
  ASSERT_TRUE(done) << done.error().message;
  EXPECT_EQ(s.targets, std::vector{"prod/ap-guangzhou/default/charge:" + c.means});
}

INSTANTIATE_TEST_SUITE_P(
    , ResolveName,
    testing::Values(
        NameCase{"values", {"$ALIAS.live", "$LATEST", "$LAYERS"}, "charge", "$LATEST"},
        NameCase{
            "values, by address", {"$ALIAS.live", "$LATEST", "$LAYERS"}, "prod/ap-guangzhou/default/charge", "$LATEST"},
        NameCase{"a value that is named", {"$ALIAS.live", "$LATEST", "$LAYERS"}, "charge:$LAYERS", "$LAYERS"},
        NameCase{"an alias that is named", {"$ALIAS.live", "$LATEST"}, "charge:$ALIAS.live", "$ALIAS.live"},
        NameCase{"versions beside the latest", {"$LATEST", "$LAYERS", "3", "4"}, "charge", "$LATEST"},
        NameCase{"one version alone", {"$ALIAS.live", "$LAYERS", "3"}, "charge", "3"},
        NameCase{"several versions alone", {"$ALIAS.live", "$LAYERS", "3", "4"}, "charge", "", "$"},
        NameCase{"an image", {"$ALIAS.live", "$IMAGE"}, "charge", "$IMAGE"},
        NameCase{"one value alone", {"$LAYERS"}, "charge", "$LAYERS"},
        NameCase{"several values alone", {"$ALIAS.live", "$LAYERS"}, "charge", "", "$LATEST"}),
    [](const auto& each) {
      std::string name(each.param.what);
      std::erase_if(name, [](char c) { return c == ','; });
      std::replace(name.begin(), name.end(), ' ', '_');
      return name;
    });

TEST(ResolveNames, OfFunctionsInSeveralPlacesListsTheCodeOfEach) {
  KnownTargets known;
  for (const char* account : {"prod", "test"}) {
    for (const char* qualifier : {"$LATEST", "$LAYERS"})
      known.watched.push_back({account, "ap-guangzhou", "default", "charge", qualifier});
  }
  Selection s;
  s.names = {"charge"};
  const Checked done = resolve_names(known, s);
  ASSERT_FALSE(done);
  EXPECT_NE(done.error().message.find("names 2 targets"), std::string::npos) << done.error().message;
  EXPECT_TRUE(
      done.error().message.ends_with("\n  'prod/ap-guangzhou/default/charge'\n  'test/ap-guangzhou/default/charge'"))
      << done.error().message;
}

TEST(Typed, LeavesLatestOutUnlessOtherCodeOfTheFunctionIsThere) {
  const std::string latest = Recorded::address("charge"), start = latest.substr(0, latest.find('$'));
  EXPECT_EQ(typed(latest, {latest, start + "$LAYERS", start + "$ALIAS.live", Recorded::address("charge-eu")}),
            "'prod/ap-guangzhou/default/charge'");
  EXPECT_EQ(typed(latest, {latest, start + "3"}), "'" + latest + "'");
  EXPECT_EQ(typed(start + "$LAYERS", {latest, start + "$LAYERS"}), "'" + start + "$LAYERS'");
}

TEST(ExplainNothing, NamesWhatWasAskedForAndTheNearestThereIs) {
  Recorded r;
  Selection s;
  EXPECT_NE(explain_nothing(r.db(), s, at(0)).find("nothing was ever watched"), std::string::npos);
  KnownTargets none;
  none.rules = true;
  const auto no_status = [] { return std::set<std::string>(); };
  EXPECT_EQ(explain_nothing(none, s, no_status),
            "nothing is watched so far: what [[watch]] matches is known after the first listing, and none on record "
            "found anything that it matches; run \"codedriftd discover\" to list now, or start the daemon");
  none.watched = {{"prod", "ap-guangzhou", "default", "charge", "$LATEST"}};
  s.targets = {"zzz"};
  EXPECT_TRUE(explain_nothing(none, s, no_status)
                  .ends_with("; what [[watch]] matches is known from the listings on record; run \"codedriftd "
                             "discover\" to list now"))
      << explain_nothing(none, s, no_status);
  r.watch({"charge", "refund", "old"}, at(0));
  r.watch({"charge", "refund"}, at(1));
  const auto why = [&](auto change) {
    Selection asked;
    change(asked);
    return explain_nothing(r.db(), asked, at(10));
  };
  EXPECT_EQ(why([](Selection& q) { q.targets = {"chrage"}; }),
            "no function is called \"chrage\"; did you mean 'prod/ap-guangzhou/default/charge'?");
  EXPECT_EQ(why([](Selection& q) { q.targets = {"prod/ap-guangzhou/default/refnd:$LATEST"}; }),
            "there is no function prod/ap-guangzhou/default/refnd:$LATEST; did you mean "
            "'prod/ap-guangzhou/default/refund'?");
  EXPECT_EQ(why([](Selection& q) { q.targets = {"zzz*"}; }),
            "no function matches --target 'zzz*'; 2 functions are watched: 'prod/ap-guangzhou/default/charge', "
            "'prod/ap-guangzhou/default/refund'");
  EXPECT_EQ(why([](Selection& q) { q.accounts = {"prd"}; }),
            "no function matches --account 'prd'; the nearest account is prod");
  EXPECT_EQ(why([](Selection& q) { q.regions = {"eu"}; }),
            "no function matches --region 'eu'; there is region ap-guangzhou");
  EXPECT_NE(why([](Selection& q) { q.targets = {"old"}; }).find("no longer watched: add --all"), std::string::npos);
  EXPECT_EQ(why([](Selection& q) { q.statuses = {"drifted"}; }),
            "nothing matches --status 'drifted'; the 2 that match apart from the status are unobserved");
  EXPECT_EQ(why([](Selection& q) { q.kinds = {"drift.*"}, q.since = at(5); }),
            "nothing matches --kind 'drift.*' --since 2026-11-24T00:00:05.000Z (2 functions are selected)");
  EXPECT_EQ(why([](Selection& q) { q.targets = {"\x1b[31m"}; }).find('\x1b'), std::string::npos);
}

TEST(ExplainNothing, SaysOfAFunctionThatWasFoundThatItIsNotWatchedAndWhy) {
  Recorded r;
  r.watch({"charge"}, at(0));
  r.write([](Tx& tx) {
    InventoryEntry entry;
    entry.account = "prod";
    entry.region = "ap-guangzhou";
    entry.function.ns = "default";
    for (const auto& [name, state, rule] : {std::tuple{"charge", InventoryState::watched, "c.toml:3"},
                                            {"mirror", InventoryState::excluded, "c.toml:9"},
                                            {"evil2", InventoryState::unmanaged, ""},
                                            {"old", InventoryState::gone, ""}}) {
      entry.function.name = name;
      entry.state = state;
      entry.rule = rule;
      if (state == InventoryState::gone) entry.gone_at = at(1);
      inventory::save(tx.db, entry, at(1));
    }
  });
  const auto why = [&](std::string name) {
    Selection asked;
    asked.names = {std::move(name)};
    EXPECT_TRUE(resolve_names(r.db(), asked));
    return explain_nothing(r.db(), asked, at(10));
  };
  const std::string mirror =
      "prod/ap-guangzhou/default/mirror (excluded by c.toml:9) is found and not watched; see: "
      "codedriftd query inventory --function 'mirror'";
  for (const char* name : {"mirror", "mirror:$LATEST", "prod/ap-guangzhou/default/mirror"})
    EXPECT_EQ(why(name), mirror);
  EXPECT_EQ(why("evil2"),
            "prod/ap-guangzhou/default/evil2 (unmanaged) is found and not watched; see: codedriftd query "
            "inventory --function 'evil2'");
  EXPECT_TRUE(why("old").starts_with("no function is called \"old\"")) << why("old");
  Selection several;
  several.functions = {"mirror", "evil*"};
  EXPECT_EQ(explain_nothing(r.db(), several, at(10)),
            "prod/ap-guangzhou/default/evil2 (unmanaged), prod/ap-guangzhou/default/mirror (excluded by c.toml:9) are "
            "found and not watched; see: codedriftd query inventory --function 'evil2'");
}

/// Account prod, which watched charge and refund, is called shop now.
struct RenamedAccount : testing::Test {
  RenamedAccount() {
    r.watch({"charge", "refund"}, at(0));
    r.write([](Tx& tx) { targets::rename_account(tx.db, "prod", "shop"); });
  }
  Recorded r;
};

TEST_F(RenamedAccount, IsFoundByItsEarlierLabelWhereSomethingIsRead) {
  Selection old;
  old.accounts = {"prod"};
  EXPECT_TRUE(names_something(r.db(), old, false));
  EXPECT_EQ(nothing_there(r.db(), old, "events", true), "no events for the 2 selected functions");
  Selection name;
  name.names = {"prod/ap-guangzhou/default/charge"};
  ASSERT_TRUE(resolve_names(r.db(), name));
  EXPECT_EQ(name.targets, std::vector<std::string>{"shop/ap-guangzhou/default/charge:$LATEST"});
  const TargetFilter filter(r.db(), old, at(10));
  const auto target = targets::find(r.db(), "shop/ap-guangzhou/default/charge:$LATEST");
  ASSERT_TRUE(target);
  EXPECT_TRUE(filter.matches(target->id));
  old.accounts = {"pro"};
  EXPECT_FALSE(names_something(r.db(), old, true));
}

TEST_F(RenamedAccount, WhoUsesItsEarlierLabelToWriteIsToldThePresentOne) {
  Selection whole;
  whole.targets = {Recorded::address("charge")};
  EXPECT_EQ(explain_nothing(r.db(), whole, at(10)),
            "there is no function prod/ap-guangzhou/default/charge:$LATEST: its account got another label, and it is "
            "called shop/ap-guangzhou/default/charge:$LATEST now");
}

TEST(TargetFilter, SelectsByNameAndPresentStatus) {
  Recorded r;
  r.ran(at(0), at(50), true);
  r.watch({"good", "bad"}, at(0));
  r.observed("good", "A", at(1));
  r.observed("bad", "A", at(1));
  r.observed("bad", "B", at(2));
  Selection s;
  EXPECT_TRUE(TargetFilter(r.db(), s, at(50)).matches(std::nullopt));
  s.statuses = {"drifted"};
  const TargetFilter drifted(r.db(), s, at(50));
  const auto id_of = [&](const char* function) { return targets::find(r.db(), Recorded::address(function))->id; };
  EXPECT_FALSE(drifted.matches(std::nullopt));
  EXPECT_TRUE(drifted.matches(id_of("bad")));
  EXPECT_FALSE(drifted.matches(id_of("good")));
}

}  // namespace
}  // namespace codedriftd
