/// What each event carries: the contract's data, severity and actor, and what an alert says of it.
#include <gtest/gtest.h>

#include <map>

#include "model/verdict.h"
#include "model/verdict_story.h"

namespace codedriftd {
namespace {

using namespace story;

/// Plays inputs a minute apart and keeps the last event of each kind.
struct Told {
  TargetState state;
  WallTime now = kStart;
  std::map<std::string, NewEvent> last;
  std::vector<NewEvent> all;

  explicit Told(const std::vector<Input>& inputs) { tell(inputs); }
  void tell(const std::vector<Input>& inputs) {
    for (const Input& input : inputs) {
      now += 1min;
      Decision decision = decide(kTarget, state, input, now);
      state = decision.state;
      for (NewEvent& event : decision.events) {
        all.push_back(event);
        last[event.kind] = std::move(event);
      }
    }
  }
};

std::vector<std::string> members(const Json& object) {
  std::vector<std::string> names;
  for (const auto& [name, value] : object.items()) names.push_back(name);
  return names;
}

using Names = std::vector<std::string>;
const Names kDrift{"accepted_sha256", "drift_since", "observed_sha256", "previous_sha256", "request_id"};
const Names kResolved{"accepted_sha256", "drift_since", "observed_sha256",
                      "previous_sha256", "request_id",  "resolution"};
const Names kPoll{"error", "last_success_at", "reason"};
const Names kDeploy{"build", "commit", "expected_sha256", "valid_until"};
const Names kAnnounced{"announced_by", "build", "commit", "expected_sha256", "valid_until"};

TEST(VerdictEvents, HaveExactlyTheDataSeverityAndAlertOfTheContract) {
  const Told told({
      watch(),
      see('A'),
      see('X'),
      see('Y'),
      see('A'),
      gone(),
      gone(),
      see('A'),
      failed(),
      tick(21min),
      see('A'),
      expect('H', 1h),
      expect('I', 1h),
      see('I'),
      expect('J', 30min),
      approve('I'),
      unwatch(),
      watch(),
  });
  Told late = told;
  late.now += 1h;
  late.tell({tick()});
  struct Row {
    std::string kind;
    Severity severity;
    bool alerts;
    Names data;
  };
  const std::vector<Row> rows{
      {"drift.detected", Severity::critical, true, kDrift},
      {"drift.changed", Severity::critical, true, kDrift},
      {"drift.resolved", Severity::info, true, kResolved},
      {"function.missing", Severity::critical, true, {"code", "request_id"}},
      {"function.returned", Severity::info, true, {"observed_sha256"}},
      {"poll.failing", Severity::warning, true, kPoll},
      {"poll.recovered", Severity::info, true, kPoll},
      {"deploy.expected", Severity::info, false, kDeploy},
      {"deploy.arrived", Severity::info, false, kAnnounced},
      {"deploy.superseded", Severity::info, false, kAnnounced},
      {"deploy.overdue", Severity::warning, true, kAnnounced},
      {"baseline.set", Severity::info, false, {"accepted_sha256", "previous_sha256", "reason", "source", "ticket"}},
      {"watch.added", Severity::info, false, {"pin"}},
      {"watch.removed", Severity::info, false, {"open_drift"}},
  };
  EXPECT_EQ(late.last.size(), rows.size());
  for (const Row& row : rows) {
    ASSERT_TRUE(late.last.contains(row.kind)) << row.kind;
    const NewEvent& event = late.last.at(row.kind);
    EXPECT_EQ(event.severity, row.severity) << row.kind;
    EXPECT_EQ(alerts_by_default(event), row.alerts) << row.kind;
    EXPECT_EQ(members(*event.data), row.data) << row.kind;
    EXPECT_EQ(event.target, kTarget.address()) << row.kind;
    EXPECT_TRUE(event.facts.summary.find(kTarget.address()) != std::string::npos) << event.facts.summary;
    EXPECT_TRUE(event.facts.summary.ends_with('.')) << event.facts.summary;
    EXPECT_FALSE(event.facts.status.empty()) << row.kind;
    EXPECT_FALSE(event.facts.previous_status.empty()) << row.kind;
    EXPECT_NO_THROW(event_body(event, "o", 0, "i", kStart)) << row.kind;
  }
}

TEST(VerdictEvents, ADriftSaysWhatIsLiveWhatIsAcceptedAndWhatWasBefore) {
  const Told told({watch(), see('A'), see('X'), see('Y')});
  const NewEvent& event = told.last.at("drift.changed");
  EXPECT_EQ(event.actor, "daemon");
  EXPECT_EQ(*event.data, (Json{{"observed_sha256", hash('Y').hex()},
                               {"accepted_sha256", hash('A').hex()},
                               {"previous_sha256", hash('X').hex()},
                               {"drift_since", "2026-11-24T00:03:00.000Z"},
                               {"request_id", "req-1"}}));
  EXPECT_EQ(event.facts.observed, hash('Y'));
  EXPECT_EQ(event.facts.accepted, hash('A'));
  EXPECT_EQ(event.facts.previous, hash('X'));
  EXPECT_EQ(event.facts.drift_since, kStart + 3min);
  EXPECT_EQ(event.facts.request_id, "req-1");
  EXPECT_EQ(event.facts.status, "drifted");
  EXPECT_EQ(event.facts.previous_status, "drifted");
  const NewEvent& first = told.last.at("drift.detected");
  EXPECT_EQ(first.facts.previous_status, "in_sync");
  EXPECT_EQ(first.facts.summary, "prod/ap-guangzhou/default/charge:$LATEST runs code " + hash('X').hex().substr(0, 12) +
                                     ", which is neither accepted nor announced; the accepted code is " +
                                     hash('A').hex().substr(0, 12) + ".");
}

TEST(VerdictEvents, TheEndOfADriftSaysHowAndSinceWhenItLasted) {
  const Told told({watch(), see('A'), see('X'), see('A')});
  const NewEvent& event = told.last.at("drift.resolved");
  EXPECT_EQ((*event.data)["drift_since"], "2026-11-24T00:03:00.000Z");
  EXPECT_EQ((*event.data)["resolution"], "returned");
  EXPECT_EQ(event.facts.resolution, "returned");
  EXPECT_EQ(event.facts.drift_since, kStart + 3min);
  EXPECT_EQ(event.facts.previous, hash('X'));
  EXPECT_EQ(event.facts.status, "in_sync");
  EXPECT_EQ(event.facts.previous_status, "drifted");
  EXPECT_EQ(told.state.drift_since, std::nullopt);
}

TEST(VerdictEvents, AnApprovalNamesWhoAndWhy) {
  const Told told({watch(), see('A'), see('X'), approve('X')});
  const NewEvent& event = told.last.at("baseline.set");
  EXPECT_EQ(event.actor, "uid:1001(alice)");
  EXPECT_EQ(*event.data, (Json{{"accepted_sha256", hash('X').hex()},
                               {"source", "approval"},
                               {"reason", "looked at it"},
                               {"ticket", "OPS-1"},
                               {"previous_sha256", hash('A').hex()}}));
  const NewEvent& resolved = told.last.at("drift.resolved");
  EXPECT_EQ(resolved.actor, "uid:1001(alice)");
  EXPECT_EQ((*resolved.data)["request_id"], nullptr);
  EXPECT_EQ((*resolved.data)["accepted_sha256"], hash('X').hex());
  EXPECT_EQ((*resolved.data)["previous_sha256"], hash('A').hex());
}

TEST(VerdictEvents, FirstSightHasNoReasonAndNothingBefore) {
  const Told told({watch(), see('A')});
  const NewEvent& event = told.last.at("baseline.set");
  EXPECT_EQ(event.actor, "daemon");
  EXPECT_EQ(*event.data, (Json{{"accepted_sha256", hash('A').hex()},
                               {"source", "first_seen"},
                               {"reason", nullptr},
                               {"ticket", nullptr},
                               {"previous_sha256", nullptr}}));
}

TEST(VerdictEvents, AnAnnouncementCarriesItsBuildAndLastingTime) {
  const Told told({watch(), see('A'), expect('H')});
  const NewEvent& event = told.last.at("deploy.expected");
  EXPECT_EQ(event.actor, "uid:1002(ci)");
  EXPECT_EQ(*event.data, (Json{{"expected_sha256", hash('H').hex()},
                               {"valid_until", "2026-11-24T02:00:00.000Z"},
                               {"build", "https://ci.example/7"},
                               {"commit", "c0ffee"}}));
  EXPECT_EQ(event.facts.expected, hash('H'));
  EXPECT_EQ(event.facts.status, "pending_deploy");
}

TEST(VerdictEvents, APinIsAnnouncedByTheConfiguration) {
  const Told told({watch('A'), see('A'), watch('P')});
  const NewEvent& event = told.last.at("deploy.expected");
  EXPECT_EQ(event.actor, "config");
  EXPECT_EQ(*event.data, (Json{{"expected_sha256", hash('P').hex()},
                               {"valid_until", "2026-11-24T01:03:00.000Z"},
                               {"build", nullptr},
                               {"commit", nullptr}}));
  EXPECT_EQ((*told.last.at("watch.added").data)["pin"], hash('A').hex());
  EXPECT_EQ(told.last.at("baseline.set").actor, "config");
}

TEST(VerdictEvents, WhatBecameOfAnAnnouncementNamesWhoMadeIt) {
  const Told told({watch(), see('A'), expect('H'), see('H')});
  EXPECT_EQ(told.last.at("deploy.arrived").actor, "daemon");
  EXPECT_EQ((*told.last.at("deploy.arrived").data)["announced_by"], "uid:1002(ci)");
  const Told pinned({watch('A'), see('A'), watch('P'), see('P')});
  EXPECT_EQ((*pinned.last.at("deploy.arrived").data)["announced_by"], "config");
}

TEST(VerdictEvents, WhatAClientClaimsBesideItsUidIsInTheEventsItCaused) {
  const Told approved({watch(), see('A'), see('B'), Approved{hash('B'), "why", "", "uid:0(root)", "alice"}});
  EXPECT_EQ((*approved.last.at("baseline.set").data)["claimed"], "alice");
  const Told expected({watch(), see('A'), Expected{hash('H'), kStart + 1h, "", "", "uid:0(root)", "bob"}, see('H')});
  EXPECT_EQ((*expected.last.at("deploy.expected").data)["claimed"], "bob");
  EXPECT_EQ((*expected.last.at("deploy.arrived").data)["claimed"], "bob");
}

TEST(VerdictEvents, DriftWithinTheTimeOfTheOnlyAnnouncementSaysThatItDiffers) {
  const auto differs = [](const NewEvent& event) {
    return event.facts.summary.find(" It differs from the announced code ") != std::string::npos;
  };
  const Told one({watch(), see('A'), expect('H'), see('X')});
  EXPECT_TRUE(differs(one.last.at("drift.detected"))) << one.last.at("drift.detected").facts.summary;
  EXPECT_EQ((*one.last.at("drift.detected").data)["expected_sha256"], hash('H').hex());
  const Told again({watch(), see('A'), see('X'), expect('H'), see('Y')});
  EXPECT_TRUE(differs(again.last.at("drift.changed")));
  const Told pin({watch('A'), see('A'), watch('P'), see('X')});
  EXPECT_NE(pin.last.at("drift.detected").facts.summary.find("differs from the newly pinned code"), std::string::npos);

  // Two are open, or none any more: nobody knows which one it should have been.
  const Told two({watch(), see('A'), expect('H'), expect('I'), see('X')});
  EXPECT_FALSE(differs(two.last.at("drift.detected")));
  EXPECT_FALSE(two.last.at("drift.detected").data->contains("expected_sha256"));
  Told late({watch(), see('A'), expect('H', 1h)});
  late.now += 2h;
  late.tell({see('X')});
  EXPECT_FALSE(differs(late.last.at("drift.detected")));
}

TEST(VerdictEvents, APublishedVersionThatChangesIsNoOrdinaryDrift) {
  for (const char* qualifier : {"3", "42"}) {
    Target version = kTarget;
    version.qualifier = qualifier;
    TargetState state = decide(version, {}, watch(), kStart).state;
    state = decide(version, state, see('A'), kStart).state;
    const Decision drift = decide(version, state, see('B'), kStart + 1min);
    ASSERT_EQ(drift.events.size(), 1U);
    EXPECT_EQ((*drift.events[0].data)["published_version"], true);
    EXPECT_NE(drift.events[0].facts.summary.find("is a published version, whose code is meant never to change"),
              std::string::npos)
        << drift.events[0].facts.summary;
    const Decision back = decide(version, drift.state, see('A'), kStart + 2min);
    EXPECT_EQ((*back.events[0].data)["published_version"], true);
  }
  for (const char* qualifier : {"$LATEST", "v3", "3a"}) {
    Target other = kTarget;
    other.qualifier = qualifier;
    TargetState state = decide(other, {}, watch(), kStart).state;
    state = decide(other, state, see('A'), kStart).state;
    const Decision drift = decide(other, state, see('B'), kStart + 1min);
    EXPECT_FALSE(drift.events[0].data->contains("published_version")) << qualifier;
    EXPECT_EQ(drift.events[0].facts.summary.find("published"), std::string::npos);
  }
}

TEST(VerdictEvents, MissingNamesTheCodeAndReturnedTheHash) {
  const Told told({watch(), see('A'), gone(), gone(), see('X')});
  const NewEvent& missing = told.last.at("function.missing");
  EXPECT_EQ(*missing.data, (Json{{"code", "ResourceNotFound.Function"}, {"request_id", "req-2"}}));
  EXPECT_EQ(missing.facts.reason, "ResourceNotFound.Function");
  EXPECT_EQ((*missing.facts.error)["message"], "no such function");
  EXPECT_EQ(missing.facts.observed, hash('A'));
  EXPECT_EQ(missing.facts.status, "missing");
  const NewEvent& returned = told.last.at("function.returned");
  EXPECT_EQ(*returned.data, (Json{{"observed_sha256", hash('X').hex()}}));
  EXPECT_EQ(returned.facts.previous_status, "missing");
  EXPECT_EQ(returned.facts.status, "drifted");
}

TEST(VerdictEvents, NotSeeingCarriesTheErrorAndTheLastAnswer) {
  const Told told({watch(), see('A'), denied(), tick(21min), see('A')});
  const Json error{{"code", "UnauthorizedOperation.CAM"}, {"message", "try later"}, {"request_id", "req-3"}};
  const Json data{{"reason", "denied"}, {"error", error}, {"last_success_at", "2026-11-24T00:02:00.000Z"}};
  EXPECT_EQ(*told.last.at("poll.failing").data, data);
  EXPECT_EQ(*told.last.at("poll.failing").facts.error, error);
  EXPECT_EQ(*told.last.at("poll.recovered").data, data);
}

TEST(VerdictEvents, LosingSightSaysWhatTheFunctionWasWhileItWasSeen) {
  Told told({watch(), see('A'), denied()});
  told.now += 21min;
  told.tell({tick(21min)});
  EXPECT_EQ(told.last.at("poll.failing").facts.status, "unobserved");
  EXPECT_EQ(told.last.at("poll.failing").facts.previous_status, "in_sync");
}

TEST(VerdictEvents, NeverSeenHasNoErrorAndNoLastAnswer) {
  const Told told({watch(), tick(21min)});
  EXPECT_EQ(*told.last.at("poll.failing").data,
            (Json{{"reason", "never_polled"}, {"error", nullptr}, {"last_success_at", nullptr}}));
}

TEST(VerdictEvents, RemovalWithDriftOpenIsAWarning) {
  const Told told({watch(), see('A'), see('X'), unwatch()});
  const NewEvent& event = told.last.at("watch.removed");
  EXPECT_EQ(event.severity, Severity::warning);
  EXPECT_EQ(event.actor, "config");
  EXPECT_EQ(*event.data, (Json{{"open_drift", true}}));
}

TEST(VerdictEvents, ForeignTextIsCleanedCutAndHarmlessInSentences) {
  Approved approved{hash('A'), std::string(5000, 'r'), "T\xff", "uid:0(root)"};
  const Told told({watch(), see('A'), approved, gone("Bad\x1b[31m\n"), gone("Bad\x1b[31m\n")});
  const Json& data = *told.last.at("baseline.set").data;
  EXPECT_EQ(data["reason"].get<std::string>().size(), 1000U);
  EXPECT_EQ(data["ticket"], "T\xEF\xBF\xBD");
  const std::string& summary = told.last.at("function.missing").facts.summary;
  EXPECT_EQ(summary.find('\x1b'), std::string::npos) << summary;
  EXPECT_EQ(summary.find('\n'), std::string::npos) << summary;
}

}  // namespace
}  // namespace codedriftd
