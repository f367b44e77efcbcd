#include "model/attribution.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "base/json.h"
#include "model/event.h"

namespace codedriftd {
namespace {

using Grade = Attribution::Grade;

constexpr WallTime kSeenFrom{Millis{1'795'478'400'000}};  // 2026-11-24T00:00:00Z
constexpr WallTime kSeenTo = kSeenFrom + Millis{300'000};
constexpr WallTime kAsked = kSeenTo + Millis{120'000};
const SeenChange kChange{"ap-guangzhou", "default", "charge", kSeenFrom, kSeenTo};

ChangeRecord change_record(std::string event_id = "e-1", WallTime at = kSeenFrom + Millis{60'000}) {
  ChangeRecord record;
  record.event_id = std::move(event_id);
  record.action = "UpdateFunctionCode";
  record.time = at;
  record.principal_type = "sub-user";
  record.principal = "alice";
  record.key_suffix = "9f3a";
  record.source_ip = "198.51.100.7";
  record.user_agent = "Mozilla/5.0";
  record.request_id = "r-1";
  record.console = true;
  record.region = "ap-guangzhou";
  record.ns = "default";
  record.function = "charge";
  return record;
}

template <typename Change>
ChangeRecord changed_record(const Change& change) {
  ChangeRecord record = change_record();
  change(record);
  return record;
}

std::string words_for(const std::vector<ChangeRecord>& records) {
  return attribute(kChange, records, {}, kAsked).words;
}

TEST(Attribution, ARecordIsOfTheChangeIfFunctionNamespaceRegionAndTimeFit) {
  const struct {
    const char* what;
    ChangeRecord record;
    bool fits;
  } cases[] = {
      {"all fits", change_record(), true},
      {"another function", changed_record([](auto& r) { r.function = "charge2"; }), false},
      {"no function", changed_record([](auto& r) { r.function.clear(); }), false},
      {"another namespace", changed_record([](auto& r) { r.ns = "pay"; }), false},
      {"no namespace is the default one", changed_record([](auto& r) { r.ns.clear(); }), true},
      {"another region", changed_record([](auto& r) { r.region = "ap-singapore"; }), false},
      {"no region", changed_record([](auto& r) { r.region.clear(); }), false},
      {"two minutes before", change_record("e", kSeenFrom - kAuditSlack), true},
      {"more than two minutes before", change_record("e", kSeenFrom - kAuditSlack - Millis{1}), false},
      {"two minutes after", change_record("e", kSeenTo + kAuditSlack), true},
      {"more than two minutes after", change_record("e", kSeenTo + kAuditSlack + Millis{1}), false},
  };
  for (const auto& c : cases) {
    const Attribution found = attribute(kChange, {c.record}, {}, kAsked);
    EXPECT_EQ(found.grade, c.fits ? Grade::one : Grade::none) << c.what;
    EXPECT_EQ(found.records.size(), c.fits ? 1U : 0U) << c.what;
  }
}

TEST(Attribution, ACallBetweenTheTwoSightsComesBeforeAllAroundThem) {
  const ChangeRecord made = change_record("made", kSeenTo - Millis{1'000});
  ChangeRecord put_right = change_record("put-right", kSeenTo + Millis{30'000});
  put_right.principal = "ci-deploy";
  const ChangeRecord before = change_record("before", kSeenFrom - Millis{30'000});
  const Attribution found = attribute(kChange, {before, made, put_right}, {"ci-deploy"}, kAsked);
  ASSERT_EQ(found.records.size(), 1U);
  EXPECT_EQ(found.records[0].event_id, "made");
  EXPECT_FALSE(found.by_deploy_principal);
  EXPECT_NE(found.words.find("between 2026-11-23T23:59:55.000Z and 2026-11-24T00:05:05.000Z"), std::string::npos);
  ChangeRecord refused = made;
  refused.error_code = "UnauthorizedOperation";
  const Attribution around = attribute(kChange, {before, refused, put_right}, {}, kAsked);
  EXPECT_EQ(around.records.size(), 2U) << "where none lies between, a clock may be wrong";
  EXPECT_EQ(around.failed.size(), 1U);
  EXPECT_NE(around.words.find("between 2026-11-23T23:58:00.000Z and 2026-11-24T00:07:00.000Z"), std::string::npos);
}

TEST(Attribution, ANamespaceThatIsNotToldIsNoneButTheDefaultOne) {
  SeenChange elsewhere = kChange;
  elsewhere.ns = "pay";
  ChangeRecord record = change_record();
  record.ns.clear();
  EXPECT_EQ(attribute(elsewhere, {record}, {}, kAsked).grade, Grade::none);
}

TEST(Attribution, WordsSayWhatWasRecordedAndNeverWhoDidIt) {
  const struct {
    const char* what;
    std::vector<ChangeRecord> records;
    const char* words;
  } cases[] = {
      {"one, in the console",
       {change_record()},
       "The only recorded code change of charge between 2026-11-23T23:59:55.000Z and 2026-11-24T00:05:05.000Z: "
       "UpdateFunctionCode by sub-user alice from 198.51.100.7 (console), request r-1."},
      {"one, by the API, of an account itself, without an address and a request",
       {changed_record([](auto& r) {
         r.console = false;
         r.principal_type = r.principal = "root";
         r.source_ip.clear();
         r.request_id.clear();
       })},
       "The only recorded code change of charge between 2026-11-23T23:59:55.000Z and 2026-11-24T00:05:05.000Z: "
       "UpdateFunctionCode by root."},
      {"one of nobody",
       {changed_record([](auto& r) {
         r.principal_type.clear();
         r.principal.clear();
       })},
       "The only recorded code change of charge between 2026-11-23T23:59:55.000Z and 2026-11-24T00:05:05.000Z: "
       "UpdateFunctionCode by somebody it does not name from 198.51.100.7 (console), request r-1."},
      {"several, in any order",
       {changed_record([](auto& r) {
          r.event_id = "e-2";
          r.time += Millis{1000};
          r.principal_type = "role";
          r.principal = "ops";
          r.action = "UpdateFunctionIncrementalCode";
          r.request_id = "r-2";
        }),
        change_record()},
       "2 recorded changes of charge between 2026-11-23T23:59:55.000Z and 2026-11-24T00:05:05.000Z, the last by role "
       "ops from 198.51.100.7 (console): UpdateFunctionIncrementalCode, request r-2."},
      {"none", {}, "No record found as of 2026-11-24T00:07:00.000Z; records can be late or absent."},
      {"only one that failed",
       {changed_record([](auto& r) { r.error_code = "UnauthorizedOperation.CAM"; })},
       "No record found as of 2026-11-24T00:07:00.000Z; records can be late or absent."},
  };
  for (const auto& c : cases) EXPECT_EQ(words_for(c.records), c.words) << c.what;
}

TEST(Attribution, FailedCallsStandApart) {
  const Attribution found = attribute(kChange, {change_record(), changed_record([](auto& r) {
                                                  r.event_id = "e-2";
                                                  r.error_code = "FailedOperation";
                                                })},
                                      {}, kAsked);
  EXPECT_EQ(found.grade, Grade::one);
  ASSERT_EQ(found.failed.size(), 1U);
  EXPECT_EQ(found.failed[0].event_id, "e-2");
  EXPECT_EQ(summary_of(found), found.words + " One call of the kind failed.");
}

TEST(Attribution, ARecordThatComesTwiceCountsOnce) {
  EXPECT_EQ(attribute(kChange, {change_record(), change_record()}, {}, kAsked).grade, Grade::one);
  EXPECT_EQ(attribute(kChange, {change_record("e-1"), change_record("e-2")}, {}, kAsked).grade, Grade::several);
  EXPECT_EQ(attribute(kChange, {change_record(""), change_record("")}, {}, kAsked).records.size(), 2U)
      << "without an id nothing says that they are the same";
}

TEST(Attribution, ADeployPrincipalIsALabelOfAllRecordsOrOfNone) {
  const ChangeRecord alice = change_record();
  const ChangeRecord ci = changed_record([](auto& r) {
    r.event_id = "e-2";
    r.principal = "ci-deploy";
  });
  const struct {
    std::vector<ChangeRecord> records;
    std::vector<std::string> principals;
    bool label;
  } cases[] = {
      {{ci}, {"ci-deploy"}, true},
      {{ci, alice}, {"ci-deploy"}, false},
      {{ci, alice}, {"alice", "ci-deploy"}, true},
      {{ci}, {"ci-deplo"}, false},
      {{alice}, {}, false},
      {{}, {"ci-deploy"}, false},
      {{ci}, {"ci-deploy*"}, false},
  };
  for (const auto& c : cases) {
    const Attribution found = attribute(kChange, c.records, c.principals, kAsked);
    EXPECT_EQ(found.by_deploy_principal, c.label);
    EXPECT_EQ(summary_of(found), found.words + (c.label ? " That is one of the account's deploy_principals." : ""));
  }
}

TEST(Attribution, HostileTextIsHarmlessAndCannotPassForTheSentence) {
  const ChangeRecord hostile = changed_record([](auto& r) {
    r.principal = "bob from 203.0.113.1\" \x1b[2J\nok";
    r.request_id = std::string(5000, 'r');
  });
  const std::string words = words_for({hostile});
  EXPECT_NE(words.find("by sub-user \"bob from 203.0.113.1' \\u{1b}[2J\\u{a}ok\" from 198.51.100.7 (console)"),
            std::string::npos)
      << words;
  EXPECT_LT(words.size(), 600U);
}

TEST(Attribution, TheDataOfItsEventHasEveryMember) {
  Attribution found = attribute(kChange, {change_record(), changed_record([](auto& r) {
                                            r.event_id = "e-2";
                                            r.error_code = "FailedOperation";
                                            r.key_suffix.clear();
                                          })},
                                {"alice"}, kAsked);
  const Json record{{"event_id", "e-1"},
                    {"action", "UpdateFunctionCode"},
                    {"time", "2026-11-24T00:01:00.000Z"},
                    {"principal_type", "sub-user"},
                    {"principal", "alice"},
                    {"key_suffix", "9f3a"},
                    {"source_ip", "198.51.100.7"},
                    {"user_agent", "Mozilla/5.0"},
                    {"request_id", "r-1"},
                    {"console", true}};
  Json failed = record;
  failed.update({{"event_id", "e-2"}, {"key_suffix", nullptr}, {"error_code", "FailedOperation"}});
  EXPECT_EQ(*to_json(found, kAsked), Json({{"grade", "one"},
                                           {"words", found.words},
                                           {"by_deploy_principal", true},
                                           {"asked_at", "2026-11-24T00:07:00.000Z"},
                                           {"records", {record}},
                                           {"failed", {failed}}}));
}

TEST(Attribution, HoweverMuchTheAuditLogHoldsItFitsIntoAnEvent) {
  std::vector<ChangeRecord> records;
  for (int i = 0; i < 300; ++i) {
    ChangeRecord record = change_record(fmt::format("{:03}{}", i, std::string(900, '\x01')));
    for (std::string* text : {&record.principal_type, &record.principal, &record.key_suffix, &record.source_ip,
                              &record.user_agent, &record.request_id})
      *text = std::string(1000, i % 2 == 0 ? '"' : '\x01');
    if (i % 3 == 0) record.error_code = std::string(1000, '\\');
    records.push_back(record);
  }
  const Attribution found = attribute(kChange, records, {}, kAsked);
  EXPECT_EQ(found.records.size(), 200U);
  NewEvent event;
  event.kind = "change.attributed";
  event.data = to_json(found, kAsked);
  EXPECT_EQ((*event.data)["records"].size(), kMostTold);
  EXPECT_EQ((*event.data)["records"][kMostTold - 1]["event_id"].get<std::string>().substr(0, 3), "299") << "the newest";
  EXPECT_EQ((*event.data)["left_out"], 300 - 2 * kMostTold);
  EXPECT_NO_THROW(event_body(event, "ops-1/codedriftd", 1, "id", kAsked));
}

TEST(Attribution, GradesHaveNames) {
  for (const Grade grade : {Grade::one, Grade::several, Grade::none}) EXPECT_EQ(parse_grade(to_string(grade)), grade);
  EXPECT_EQ(to_string(Grade::several), "several");
  EXPECT_FALSE(parse_grade("few"));
}

SeenChange change_of(ChangeKind kind, const char* qualifier = "$LATEST") {
  SeenChange change = kChange;
  change.kind = kind;
  change.qualifier = qualifier;
  return change;
}

ChangeRecord call_of(const char* action, const char* qualifier = "") {
  ChangeRecord record = change_record(fmt::format("{}-{}", action, qualifier));
  record.action = action;
  record.qualifier = qualifier;
  return record;
}
ChangeRecord later(ChangeRecord record) {
  record.time += Millis{1'000};
  return record;
}

TEST(Attribution, OnlyCallsThatCanHaveMadeTheChangeAreNamed) {
  const struct {
    const char* what;
    SeenChange change;
    std::vector<ChangeRecord> records;
    std::vector<std::string> named;
  } cases[] = {
      {"a published version is no change of code",
       change_of(ChangeKind::code),
       {call_of("UpdateFunctionCode"), call_of("PublishVersion"), call_of("UpdateAlias"),
        call_of("UpdateFunctionConfiguration")},
       {"UpdateFunctionCode"}},
      {"a deletion alone made no code", change_of(ChangeKind::code), {call_of("DeleteFunction")}, {}},
      {"one with what came after it did",
       change_of(ChangeKind::code),
       {call_of("CreateFunction"), call_of("DeleteFunction")},
       {"CreateFunction", "DeleteFunction"}},
      {"a deletion after the code that was seen did not make it",
       change_of(ChangeKind::code),
       {call_of("UpdateFunctionCode"), later(call_of("DeleteFunction"))},
       {"UpdateFunctionCode"}},
      {"a deletion alone puts nobody in another's place",
       change_of(ChangeKind::recreated),
       {call_of("DeleteFunction")},
       {}},
      {"an alias leads elsewhere by its own calls",
       change_of(ChangeKind::alias, "$ALIAS.live"),
       {call_of("UpdateAlias", "live"), call_of("UpdateAlias", "canary"), call_of("UpdateFunctionCode")},
       {"UpdateAlias"}},
      {"so does one that names none",
       change_of(ChangeKind::alias, "$ALIAS.live"),
       {call_of("UpdateAlias")},
       {"UpdateAlias"}},
      {"layers are configuration",
       change_of(ChangeKind::layers, "$LAYERS"),
       {call_of("UpdateFunctionConfiguration"), call_of("UpdateAlias", "live"), call_of("UpdateFunctionCode")},
       {"UpdateFunctionConfiguration"}},
      {"the function is gone, and not a version of it",
       change_of(ChangeKind::missing),
       {call_of("DeleteFunction"), call_of("DeleteFunction", "2"), call_of("DeleteFunctionVersion", "2")},
       {"DeleteFunction"}},
      {"a version is gone, and not another one",
       change_of(ChangeKind::version_missing, "2"),
       {call_of("DeleteFunctionVersion", "2"), call_of("DeleteFunctionVersion", "3"), call_of("DeleteAlias", "2")},
       {"DeleteFunctionVersion"}},
      {"another function has the name",
       change_of(ChangeKind::recreated),
       {call_of("CreateFunction"), call_of("DeleteFunction"), call_of("DeleteFunction", "2"),
        call_of("UpdateFunctionCode")},
       {"CreateFunction", "DeleteFunction"}},
      {"whatever may move a ModTime",
       change_of(ChangeKind::touched),
       {call_of("DeleteFunctionVersion", "2"), call_of("UpdateAlias", "live"), call_of("Invoke")},
       {"DeleteFunctionVersion", "UpdateAlias"}},
  };
  for (const auto& c : cases) {
    std::vector<std::string> named;
    for (const ChangeRecord& record : attribute(c.change, c.records, {}, kAsked).records)
      named.push_back(record.action);
    EXPECT_EQ(named, c.named) << c.what;
  }
}

TEST(Attribution, WhatIsNoChangeOfCodeIsNotSaidToBeOne) {
  const struct {
    ChangeKind kind;
    const char* action;
    const char* begins;
  } cases[] = {
      {ChangeKind::code, "UpdateFunctionCode", "The only recorded code change of charge between "},
      {ChangeKind::code, "CreateFunction", "The only recorded code change of charge between "},
      {ChangeKind::missing, "DeleteFunction", "The only recorded change of charge between "},
      {ChangeKind::touched, "UpdateFunctionConfiguration", "The only recorded change of charge between "},
      {ChangeKind::made, "CreateFunction", "The only recorded change of charge between "},
      {ChangeKind::version_code, "PublishVersion", "The only recorded change of charge between "},
  };
  for (const auto& c : cases) {
    const std::string words = attribute(change_of(c.kind), {call_of(c.action)}, {}, kAsked).words;
    EXPECT_TRUE(words.starts_with(c.begins)) << words;
    EXPECT_NE(words.find(fmt::format(": {} by sub-user alice", c.action)), std::string::npos) << words;
  }
}

TEST(Attribution, FailedCallsOfAnotherKindAreNotCounted) {
  ChangeRecord publish = call_of("PublishVersion"), removal = call_of("DeleteFunction"),
               update = call_of("CopyFunction");
  for (ChangeRecord* record : {&publish, &removal, &update}) record->error_code = "FailedOperation";
  const Attribution found = attribute(kChange, {publish, removal, update}, {}, kAsked);
  ASSERT_EQ(found.failed.size(), 1U);
  EXPECT_EQ(found.failed[0].action, "CopyFunction");
}

TEST(Attribution, ACallOfWhichNobodyKnowsWhetherItSucceededIsNotNamed) {
  ChangeRecord unread = change_record("e-1"), failed = change_record("e-2");
  unread.error_code = kOutcomeUnread;
  failed.error_code = "FailedOperation";
  Attribution found = attribute(kChange, {unread}, {"alice"}, kAsked);
  EXPECT_EQ(found.grade, Grade::none);
  EXPECT_FALSE(found.by_deploy_principal);
  EXPECT_EQ(summary_of(found), found.words + " Of one call of the kind it is not told whether it succeeded.");
  found = attribute(kChange, {unread, failed, change_record("e-3")}, {}, kAsked);
  EXPECT_EQ(found.grade, Grade::one);
  EXPECT_EQ(found.failed, (std::vector{unread, failed}));
  EXPECT_EQ(summary_of(found), found.words +
                                   " One call of the kind failed. Of one call of the kind it is not told whether it "
                                   "succeeded.");
  EXPECT_EQ((*to_json(found, kAsked))["failed"][0]["error_code"], kOutcomeUnread);
  ChangeRecord another = unread;
  another.event_id = "e-4";
  found = attribute(kChange, {unread, another}, {}, kAsked);
  EXPECT_EQ(summary_of(found), found.words + " Of 2 calls of the kind it is not told whether they succeeded.");
}

}  // namespace
}  // namespace codedriftd
