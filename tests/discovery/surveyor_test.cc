#include "discovery/surveyor.h"

#include <gtest/gtest.h>

#include "base/bell.h"
#include "discovery/scripted_read_api.h"

namespace codedriftd::test {
namespace {

using namespace std::chrono_literals;

class SurveyorTest : public testing::Test {
 protected:
  SurveyorTest() {
    auto scripted = std::make_unique<ScriptedReadApi>(clock);
    api = scripted.get();
    api->answer_with = [this](const ReadCall& call) { return cloud.answer(call); };
    Surveyor::Hooks hooks;
    hooks.listed = [this](Listing listing) { listings.push_back(std::move(listing)); };
    hooks.changed = [this](NewestChanges seen) { changes.push_back(std::move(seen)); };
    hooks.detailed = [this](Details read) { details.push_back(std::move(read)); };
    surveyor.emplace(std::move(scripted), clock, std::move(hooks));
  }
  Surveyor::Scope scope(const std::string& region = "ap-guangzhou") const {
    Surveyor::Scope scope;
    scope.account = "prod";
    scope.region = region;
    return scope;
  }
  void watch(std::vector<Surveyor::Scope> scopes) { surveyor->set_scopes(std::move(scopes), paces); }
  void run_for(Millis duration) {
    const MonoTime end = clock.mono() + duration;
    while (clock.mono() < end) surveyor->turn(std::chrono::ceil<Millis>(end - clock.mono()));
  }
  /// Seconds as ModTime, `ago` before now.
  int64_t at(Millis ago = 0ms) const { return to_ms(clock.wall() - ago) / 1000; }
  std::size_t looks_sent(const std::string& ns, const std::string& region = "ap-guangzhou") const {
    return static_cast<std::size_t>(std::count_if(api->sent.begin(), api->sent.end(), [&](const auto& sent) {
      return sent.call.action == Action::list_functions && sent.call.region == region &&
             sent.call.body.find("ModTime") != std::string::npos &&
             sent.call.body.find("\"" + ns + "\"") != std::string::npos;
    }));
  }
  static bool is_look(const ReadCall& call) { return call.body.find("ModTime") != std::string::npos; }

  ManualClock clock;
  Catalogue cloud;
  ScriptedReadApi* api = nullptr;
  Paces paces{{"prod", {"a key", 15}}};
  std::vector<Listing> listings;
  std::vector<NewestChanges> changes;
  std::vector<Details> details;
  std::optional<Surveyor> surveyor;
};

TEST_F(SurveyorTest, ListsAtOnceWhenNothingIsKnownAndThenAtItsSlots) {
  cloud.add_many("default", 3);
  watch({scope()});
  run_for(5s);
  ASSERT_EQ(listings.size(), 1U);
  EXPECT_TRUE(listings[0].complete);
  EXPECT_EQ(listings[0].functions.size(), 3U);
  run_for(1h);
  EXPECT_EQ(listings.size(), 7U);
  EXPECT_EQ(listings[6].began - listings[5].began, 10min);
  const SurveyStats stats = surveyor->stats();
  EXPECT_EQ(stats.listings, 7U);
  EXPECT_EQ(stats.incomplete_listings, 0U);
  ASSERT_EQ(stats.regions.size(), 1U);
  EXPECT_GE(stats.regions[0].last_good_look_at, clock.wall() - 15s);
  EXPECT_LE(stats.regions[0].last_good_look_at, clock.wall());
  EXPECT_EQ(stats.regions[0].last_complete_at, listings[6].ended);
  EXPECT_EQ(stats.calls.calls.at(Action::get_account), 7U);
  EXPECT_EQ(surveyor->last_turn(), clock.mono());
}

TEST_F(SurveyorTest, AfterAStartItWaitsForTheSlotAfterTheLastCompleteListingAndLooksAtWhatTheRecordKnows) {
  cloud.add("default", "changed", at(10s));
  Surveyor::Scope known = scope();
  known.last_complete_at = clock.wall() - 1s;
  known.namespaces = {{"default", WallTime{std::chrono::seconds(at(1h))}}};
  watch({known});
  run_for(16s);
  ASSERT_EQ(changes.size(), 1U);
  EXPECT_EQ(changes[0].functions.size(), 1U);
  EXPECT_EQ(changes[0].functions[0].name, "changed");
  run_for(10min);
  EXPECT_EQ(listings.size(), 1U);
}

TEST_F(SurveyorTest, LooksAtTheNewestChangesOfEachNamespaceEveryFifteenSeconds) {
  cloud.add_many("default", 300);
  cloud.add_many("pay", 3);
  watch({scope(), scope("ap-shanghai")});
  run_for(10min);
  for (const char* region : {"ap-guangzhou", "ap-shanghai"}) {
    EXPECT_NEAR(static_cast<double>(looks_sent("default", region)), 40, 1);
    EXPECT_NEAR(static_cast<double>(looks_sent("pay", region)), 40, 1);
  }
  EXPECT_EQ(surveyor->stats().failed_looks, 0U);
}

TEST_F(SurveyorTest, AChangeIsHandedOnWithinOneLookAndAgainWhileItIsYoung) {
  cloud.add_many("default", 300);
  watch({scope()});
  run_for(60s);
  ASSERT_EQ(changes.size(), 1U) << "the first look";
  EXPECT_EQ(changes[0].functions.size(), 61U) << "the minute before the newest one";
  cloud.namespaces["default"]["f10007"].modified_at = WallTime{std::chrono::seconds(at())};
  run_for(16s);
  ASSERT_GE(changes.size(), 2U);
  EXPECT_TRUE(changes[1].complete);
  EXPECT_EQ(changes[1].functions[0].name, "f10007");
  run_for(2min);
  const std::size_t handed_on = changes.size();
  EXPECT_NEAR(static_cast<double>(handed_on), 6, 1) << "what was asked at once may have been asked too soon";
  run_for(5min);
  ASSERT_EQ(changes.size(), handed_on) << "nothing new";
  // Made a little before the newest one, and shown later.
  cloud.namespaces["default"]["f10008"].modified_at = *changes.back().functions[0].modified_at - 30s;
  run_for(16s);
  ASSERT_EQ(changes.size(), handed_on + 1);
  EXPECT_EQ(changes.back().functions.size(), 2U);
}

TEST_F(SurveyorTest, WhatIsYoungIsSoByTheCloudsClockAndForEachLookThatIsSeldom) {
  for (const Millis ahead : {200s, -200s}) {
    api->answer_with = [&, ahead](const ReadCall& call) {
      ReadAnswer answer = cloud.answer(call);
      answer.clock_error = -ahead;
      return answer;
    };
    cloud.add("default", "charge");
    Surveyor::Scope seldom = scope();
    seldom.changes_every = 5min;
    watch({seldom});
    run_for(15min);
    changes.clear();
    while (changes.empty()) {
      cloud.namespaces["default"]["charge"].modified_at = WallTime{std::chrono::seconds(at(-ahead))};
      run_for(1s);
    }
    EXPECT_EQ(changes[0].clock_error, -ahead);
    run_for(30min);
    EXPECT_EQ(changes.size(), 2U) << "asked once more, when it is not young any longer";
    watch({});
    run_for(1s);
  }
}

TEST_F(SurveyorTest, AModTimeOfTheFutureHidesNoChanges) {
  cloud.add("default", "from-the-future", at() + 1'000'000);
  cloud.add("default", "honest", 100);
  Surveyor::Scope known = scope();
  known.namespaces = {{"default", WallTime{std::chrono::seconds(at() + 1'000'000)}}};
  watch({known});
  run_for(60s);
  cloud.namespaces["default"]["honest"].modified_at = WallTime{std::chrono::seconds(at())};
  run_for(16s);
  ASSERT_FALSE(changes.empty());
  ASSERT_EQ(changes.back().functions.size(), 2U);
  EXPECT_EQ(changes.back().functions[1].name, "honest");
  run_for(3min);
  changes.clear();
  run_for(3min);
  EXPECT_TRUE(changes.empty()) << "it is not young for ever";
}

TEST_F(SurveyorTest, LooksThatFailBecomeSeldomAndListingsGoOn) {
  cloud.add_many("default", 3);
  cloud.add_many("pay", 3);
  watch({scope()});
  run_for(30s);
  changes.clear();
  api->sent.clear();
  api->answer_with = [&](const ReadCall& call) {
    if (is_look(call) && call.body.find("pay") != std::string::npos) return read_refused("UnauthorizedOperation.CAM");
    return cloud.answer(call);
  };
  listings.clear();
  run_for(1h);
  EXPECT_EQ(listings.size(), 6U);
  EXPECT_TRUE(listings.back().complete);
  EXPECT_GE(looks_sent("pay"), 10U);
  EXPECT_LE(looks_sent("pay"), 80U);
  EXPECT_NEAR(static_cast<double>(looks_sent("default")), 240, 2);
  ASSERT_FALSE(changes.empty());
  EXPECT_FALSE(changes.back().complete);
  EXPECT_EQ(changes.back().trouble.code, "UnauthorizedOperation.CAM");
  EXPECT_EQ(surveyor->stats().failed_looks, changes.size());
  EXPECT_EQ(surveyor->stats().regions[0].failing_looks, 1U);

  api->answer_with = [&](const ReadCall& call) { return cloud.answer(call); };
  run_for(6min);
  EXPECT_EQ(surveyor->stats().regions[0].failing_looks, 0U);
  api->sent.clear();
  run_for(10min);
  EXPECT_NEAR(static_cast<double>(looks_sent("pay")), 40, 1);
}

TEST_F(SurveyorTest, NothingIsBegunWhileTheOneBeforeItRuns) {
  cloud.add_many("default", 3);
  watch({scope()});
  run_for(30s);
  api->sent.clear();
  api->answer_with = [](const ReadCall&) -> std::optional<ReadAnswer> { return std::nullopt; };
  run_for(1h);
  EXPECT_EQ(looks_sent("default"), 1U);
  EXPECT_EQ(api->sent_of(Action::get_account), 1U);
  api->answer_with = [&](const ReadCall& call) { return cloud.answer(call); };
  run_for(30s);
  EXPECT_EQ(listings.size(), 2U);
  EXPECT_LE(looks_sent("default"), 4U) << "what was missed is not made up for";
}

TEST_F(SurveyorTest, LooksFollowTheNamespacesOfTheLastCompleteListing) {
  cloud.add_many("default", 3);
  cloud.add_many("old", 3);
  watch({scope()});
  run_for(30s);
  cloud.namespaces.erase("old");
  cloud.add_many("new", 3);
  run_for(20min);
  api->sent.clear();
  run_for(1min);
  EXPECT_EQ(looks_sent("old"), 0U);
  EXPECT_GE(looks_sent("new"), 3U);
}

TEST_F(SurveyorTest, AnIncompleteListingAddsNamespacesAndTakesNoneAway) {
  cloud.add_many("a", 3);
  watch({scope()});
  run_for(30s);
  cloud.add_many("b", 3);
  cloud.add_many("locked", 3);
  const auto a = cloud.namespaces.extract("a");
  api->answer_with = [&](const ReadCall& call) {
    if (call.body.find("locked") != std::string::npos) return read_refused("UnauthorizedOperation.CAM");
    return cloud.answer(call);
  };
  run_for(11min);
  ASSERT_FALSE(listings.back().complete);
  api->sent.clear();
  run_for(20min);
  EXPECT_GE(looks_sent("a"), 4U) << "it fails, and is looked at";
  EXPECT_GE(looks_sent("b"), 70U);
  EXPECT_EQ(looks_sent("locked"), 0U);
  EXPECT_GE(surveyor->stats().incomplete_listings, 3U);
}

TEST_F(SurveyorTest, TooManyChangesForALookAreListedAtOnce) {
  cloud.add_many("default", 2500);
  watch({scope()});
  run_for(60s);
  ASSERT_EQ(listings.size(), 1U);
  for (auto& [name, function] : cloud.namespaces["default"])
    function.modified_at = WallTime{std::chrono::seconds(at())};
  run_for(20s);
  EXPECT_EQ(listings.size(), 2U);
  run_for(2min);
  EXPECT_LE(listings.size(), 8U) << "ever more seldom";
}

TEST_F(SurveyorTest, TooManyChangesForALookAreListedAnewWhereAListingIsUnderWay) {
  cloud.add_many("default", 2500);
  watch({scope()});
  run_for(60s);
  ASSERT_EQ(listings.size(), 1U);
  bool hold = true;
  api->answer_with = [&](const ReadCall& call) -> std::optional<ReadAnswer> {
    if (hold ? call.action == Action::get_account : is_look(call)) return std::nullopt;
    return cloud.answer(call);
  };
  surveyor->list_now("prod", "ap-guangzhou");
  surveyor->turn(1ms);
  for (auto& [name, function] : cloud.namespaces["default"])
    function.modified_at = WallTime{std::chrono::seconds(at())};
  run_for(20s);
  ASSERT_GE(surveyor->stats().failed_looks, 1U);
  hold = false;
  run_for(10s);
  EXPECT_EQ(listings.size(), 3U) << "the one that was under way, and the one that is asked for";
}

TEST_F(SurveyorTest, AListingThatIsAskedForBeginsAfterTheQuestion) {
  cloud.add_many("default", 3);
  watch({scope()});
  run_for(30s);
  surveyor->list_now("prod", "ap-guangzhou");
  surveyor->list_now("prod", "ap-elsewhere");
  run_for(1s);
  EXPECT_EQ(listings.size(), 2U);
  surveyor->list_now("prod", "ap-guangzhou");
  surveyor->turn(1ms);  // its first call is sent
  cloud.add("default", "brand-new");
  surveyor->list_now("prod", "ap-guangzhou");
  run_for(1s);
  ASSERT_EQ(listings.size(), 4U);
  run_for(5min);
  EXPECT_LE(listings.size(), 5U) << "then at its slots";
}

TEST_F(SurveyorTest, ALookThatIsLostIsShownAgainHoweverLongAgoItWas) {
  cloud.add_many("default", 3);
  watch({scope()});
  run_for(60s);
  cloud.namespaces["default"]["f10001"].modified_at = WallTime{std::chrono::seconds(at())};
  run_for(40s);
  const NewestChanges lost = changes.back();
  ASSERT_EQ(lost.functions.size(), 1U);
  run_for(5min);
  cloud.namespaces["default"]["f10002"].modified_at = WallTime{std::chrono::seconds(at())};
  run_for(5min);
  changes.clear();
  NewestChanges elsewhere = lost;
  elsewhere.region = "ap-elsewhere";
  surveyor->look_again(elsewhere);
  elsewhere = lost;
  elsewhere.ns = "gone";
  surveyor->look_again(elsewhere);
  run_for(1min);
  EXPECT_TRUE(changes.empty());
  for (const bool under_way : {false, true}) {
    bool hold = under_way;
    api->answer_with = [&](const ReadCall& call) -> std::optional<ReadAnswer> {
      if (hold && is_look(call)) return std::nullopt;
      return cloud.answer(call);
    };
    run_for(20s);
    surveyor->look_again(lost);
    surveyor->turn(1ms);
    hold = false;
    run_for(1min);
    ASSERT_EQ(changes.size(), 1U) << under_way;
    ASSERT_EQ(changes[0].functions.size(), 2U);
    EXPECT_EQ(changes[0].functions[1], lost.functions[0]);
    changes.clear();
  }
}

TEST_F(SurveyorTest, DetailsOfOneFunctionThatWaitAreReadOnce) {
  watch({});
  int asked = 0;
  bool hold = false;
  api->answer_with = [&](const ReadCall& call) -> std::optional<ReadAnswer> {
    if (hold) return std::nullopt;
    ++asked;
    if (call.action == Action::list_versions) return read_ok(VersionPage{{"1"}, 1, 1});
    if (call.action == Action::list_aliases) return read_ok(AliasPage{{{"live", {"1", "", ""}}}, 1, 1});
    return read_ok(FunctionDetail());
  };
  const DetailWish versions{"prod", "ap-guangzhou", "default", "charge", 3, false, false, false};
  const DetailWish aliases{"prod", "ap-guangzhou", "default", "charge", 0, true, false, false};
  surveyor->want_details({versions, aliases, versions});
  surveyor->want_details({versions});
  run_for(2s);
  ASSERT_EQ(details.size(), 1U);
  EXPECT_TRUE(details[0].complete);
  EXPECT_EQ(details[0].wish.versions, 3U);
  EXPECT_EQ(details[0].versions->size(), 1U);
  EXPECT_EQ(details[0].aliases->size(), 1U);
  EXPECT_EQ(asked, 2);

  hold = true;
  surveyor->want_details({versions});
  surveyor->turn(1ms);
  surveyor->want_details({aliases, aliases});  // of what is being read, and may have been before it changed
  surveyor->turn(1ms);
  hold = false;
  run_for(2s);
  EXPECT_EQ(details.size(), 3U);
  EXPECT_EQ(surveyor->stats().details, 3U);
  EXPECT_EQ(surveyor->stats().details_waiting, 0U);
}

TEST_F(SurveyorTest, DetailsThatFailAreReadAgainLaterUnlessTheFunctionIsNotThere) {
  watch({});
  std::string code = "UnauthorizedOperation.CAM";
  api->answer_with = [&](const ReadCall&) { return read_refused(code); };
  const DetailWish wish{"prod", "ap-guangzhou", "default", "charge", 3, false, false, false};
  surveyor->want_details({wish});
  run_for(20s);
  EXPECT_EQ(details.size(), 1U);
  run_for(2h);
  EXPECT_EQ(details.size(), 5U);
  EXPECT_EQ(surveyor->stats().failed_details, 5U);
  code = "ResourceNotFound.Function";
  surveyor->want_details({wish});
  run_for(2h);
  ASSERT_EQ(details.size(), 6U);
  EXPECT_TRUE(details[5].missing);
}

TEST_F(SurveyorTest, ThousandsOfDetailsGoAtTheirPaceAndLooksGoOn) {
  cloud.add_many("default", 3);
  watch({scope()});
  run_for(5s);
  api->answer_with = [&](const ReadCall& call) {
    if (call.action == Action::list_versions) return read_ok(VersionPage{{"1"}, 1, 1});
    return cloud.answer(call);
  };
  std::vector<DetailWish> wishes;
  for (int i = 0; i < 900; ++i)
    wishes.push_back({"prod", "ap-guangzhou", "default", "f" + std::to_string(i), 1, false, false, false});
  surveyor->want_details(wishes);
  api->sent.clear();
  run_for(60s);
  EXPECT_LE(details.size(), 890U) << "fifteen a second";
  EXPECT_GE(details.size(), 800U);
  EXPECT_NEAR(static_cast<double>(looks_sent("default")), 4, 1);
}

TEST_F(SurveyorTest, CarriesForeignJobs) {
  class Once final : public ReadJob {
   public:
    std::optional<ReadCall> next() override {
      if (std::exchange(asked_, true)) return std::nullopt;
      return ReadCall{Action::describe_events, "prod", "ap-guangzhou", "{}"};
    }
    void take(ReadAnswer answer, WallTime) override { code = answer.error.code; }
    std::string code;

   private:
    bool asked_ = false;
  };
  watch({});
  api->answer_with = [](const ReadCall&) { return read_refused("InvalidParameter.Time"); };
  auto job = std::make_shared<Once>();
  bool over = false;
  surveyor->run(job, [&] { over = true; });
  run_for(1s);
  EXPECT_TRUE(over);
  EXPECT_EQ(job->code, "InvalidParameter.Time");
}

TEST_F(SurveyorTest, AReloadKeepsTimesAndWhatIsUnderWayAndLetsGoOfTheRest) {
  cloud.add_many("default", 3);
  watch({scope(), scope("ap-shanghai")});
  run_for(30s);
  ASSERT_EQ(listings.size(), 2U);
  surveyor->list_now("prod", "ap-shanghai");
  surveyor->turn(1ms);
  bool applied = false;
  surveyor->set_scopes({scope()}, paces, [&] { applied = true; });
  run_for(30s);
  EXPECT_TRUE(applied);
  EXPECT_EQ(listings.size(), 2U) << "none at once, and none of the region that went";
  api->sent.clear();
  run_for(2min);
  EXPECT_EQ(looks_sent("default", "ap-shanghai"), 0U);
  EXPECT_NEAR(static_cast<double>(looks_sent("default")), 8, 1);

  Surveyor::Scope often = scope();
  often.every = 1min;
  often.changes_every = 5s;
  watch({often});
  listings.clear();
  api->sent.clear();
  run_for(10min);
  EXPECT_NEAR(static_cast<double>(listings.size()), 10, 1);
  EXPECT_NEAR(static_cast<double>(looks_sent("default")), 120, 2);
}

TEST_F(SurveyorTest, AHookThatThrowsDoesNotEndAnything) {
  cloud.add_many("default", 3);
  auto scripted = std::make_unique<ScriptedReadApi>(clock);
  scripted->answer_with = [this](const ReadCall& call) { return cloud.answer(call); };
  int calls = 0;
  Surveyor::Hooks hooks;
  hooks.listed = [&](const Listing&) {
    if (++calls == 1) throw std::runtime_error("simulated");
  };
  Surveyor throwing(std::move(scripted), clock, std::move(hooks));
  throwing.set_scopes({scope()}, paces);
  int thrown = 0;
  for (const MonoTime end = clock.mono() + 20min; clock.mono() < end;) {
    try {
      throwing.turn(5s);
    } catch (const std::runtime_error&) {
      ++thrown;
    }
  }
  EXPECT_EQ(thrown, 1);
  EXPECT_GE(calls, 3);
}

/// Answers at once, and waits for real where there is nothing to answer.
class WaitingApi final : public ReadApi {
 public:
  explicit WaitingApi(Catalogue& cloud) : cloud_(cloud) {}
  void start(const ReadCall& call, Callback done) override { flight_.emplace_back(call, std::move(done)); }
  void turn(Millis at_most) override {
    if (flight_.empty()) bell_.wait_for(std::stop_token(), at_most);
    for (auto& [call, done] : std::exchange(flight_, {})) done(cloud_.answer(call));
  }
  void wake() override { bell_.ring(); }
  std::size_t in_flight() const override { return flight_.size(); }

 private:
  Catalogue& cloud_;
  Bell bell_;
  std::vector<std::pair<ReadCall, Callback>> flight_;
};

TEST_F(SurveyorTest, ItsThreadWakesForWhatIsAskedAndStopsWithinAMoment) {
  cloud.add_many("default", 3);
  const SystemClock system;
  Bell listed;
  Surveyor::Hooks hooks;
  hooks.listed = [&](const Listing&) { listed.ring(); };
  Surveyor threaded(std::make_unique<WaitingApi>(cloud), system, std::move(hooks));
  EXPECT_EQ(threaded.last_turn(), std::nullopt) << "nobody is to wait for a thread that does not run";
  threaded.start();
  EXPECT_LE(system.mono() - threaded.last_turn().value(), 10s);
  threaded.set_scopes({scope()}, paces);
  ASSERT_TRUE(listed.wait_for(std::stop_token(), 30s));
  threaded.list_now("prod", "ap-guangzhou");
  ASSERT_TRUE(listed.wait_for(std::stop_token(), 30s));
  const MonoTime begun = system.mono();
  threaded.start();
  EXPECT_LT(system.mono() - begun, 3s) << "it runs already: nothing is waited for";
  threaded.stop();
  threaded.stop();
  EXPECT_LT(system.mono() - begun, 3s) << "a turn waits five seconds";
  EXPECT_EQ(threaded.last_turn(), std::nullopt);
}

}  // namespace
}  // namespace codedriftd::test
