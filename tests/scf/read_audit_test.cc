#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "base/json.h"
#include "scf/read_content.h"

namespace codedriftd::test {
namespace {

/// One record as the documentation shows it; `call` is what lies in CloudAuditEvent.
Json audited_event(const Json& call) {
  return {{"EventId", "ev-1"},
          {"Username", "alice"},
          {"EventTime", "1795478400"},
          {"CloudAuditEvent", call.is_string() ? call.get<std::string>() : call.dump()},
          {"ErrorCode", 0},
          {"EventName", "UpdateFunctionCode"},
          {"SecretId", "FAKEFAKEFAKEFAKEFAKE7xYz"},
          {"EventSource", "scf.tencentcloudapi.com"},
          {"RequestID", "req-9"},
          {"ResourceRegion", "ap-guangzhou"},
          {"AccountID", 100000000001},
          {"SourceIPAddress", "192.0.2.7"},
          {"Resources", {{"ResourceType", "scf"}, {"ResourceName", "elsewhere"}}},
          {"EventRegion", "ap-singapore"}};
}
Json audited_call() {
  return {{"userIdentity",
           {{"type", "CAMUser"},
            {"principalId", "100000000002"},
            {"userName", "alice@pay"},
            {"sessionContext", {{"token", "FAKE-SESSION-TOKEN"}}}}},
          {"eventType", "ApiCall"},
          {"apiErrorCode", ""},
          {"userAgent", "tccli/3.0"},
          {"requestParameters",
           R"({"FunctionName":"charge","Namespace":"default","Code":{"ZipFile":"FAKE-ZIP"},"Environment":"FAKE-ENV"})"},
          {"responseElements", "{}"}};
}
ReadAnswer audit_answer(const Json& events, const std::string& rest = R"("ListOver":true,"NextToken":0)") {
  return read_content(Action::describe_events,
                      R"({"Response":{"Events":)" + events.dump() + "," + rest + R"(,"RequestId":"r"}})");
}
ChangeRecord only_record(const Json& event) {
  const ReadAnswer answer = audit_answer(Json::array({event}));
  EXPECT_EQ(answer.error.code, "") << answer.error.message;
  const auto* page = std::get_if<AuditPage>(&answer.content);
  if (page == nullptr || page->records.size() != 1) {
    ADD_FAILURE() << "not one record";
    return {};
  }
  return page->records[0];
}
ChangeRecord whole_record() {
  ChangeRecord record;
  record.event_id = "ev-1";
  record.action = "UpdateFunctionCode";
  record.time = from_ms(1'795'478'400'000);
  record.principal_type = "sub-user";
  record.principal = "alice@pay";
  record.key_suffix = "7xYz";
  record.source_ip = "192.0.2.7";
  record.user_agent = "tccli/3.0";
  record.request_id = "req-9";
  record.region = "ap-guangzhou";
  record.ns = "default";
  record.function = "charge";
  return record;
}

TEST(ReadAudit, KeepsOfARecordWhatIsDocumentedAndNothingMore) {
  EXPECT_EQ(only_record(audited_event(audited_call())), whole_record());
}

TEST(ReadAudit, TakesParametersAsAStringOrAnObject) {
  Json call = audited_call();
  call["requestParameters"] = {{"FunctionName", "charge"}, {"Namespace", "default"}, {"ZipFile", "FAKE-ZIP"}};
  EXPECT_EQ(only_record(audited_event(call)), whole_record());
}

TEST(ReadAudit, TakesWhatTheRecordItselfTellsWhereTheCallIsNotToBeRead) {
  ChangeRecord bare = whole_record();
  bare.principal = "alice";
  bare.principal_type = bare.user_agent = bare.ns = "";
  bare.function = "elsewhere";
  bare.error_code = kOutcomeUnread;
  for (const Json& call : {Json(""), Json("{"), Json("[]"), Json("7"), Json(std::string(2000, '[')), Json("{} {}")}) {
    EXPECT_EQ(only_record(audited_event(call)), bare) << call;
  }
  Json event = audited_event("");
  event["CloudAuditEvent"] = nullptr;
  EXPECT_EQ(only_record(event), bare);
  // Parameters that were cut off, and members of other types.
  Json call = audited_call();
  call["requestParameters"] = R"({"FunctionName":"charge","Code":"UEsD)";
  ChangeRecord cut = whole_record();
  cut.ns = "";
  cut.function = "elsewhere";
  EXPECT_EQ(only_record(audited_event(call)), cut);
  call["requestParameters"] = 7;
  call["userAgent"] = Json::array();
  cut.user_agent = "";
  EXPECT_EQ(only_record(audited_event(call)), cut);
}

TEST(ReadAudit, NamesWhoCalledInPlainWords) {
  struct Case {
    const char* type;
    const char* word;
  };
  for (const Case& c :
       {Case{"Root", "root"}, Case{"root", "root"}, Case{"CAMUser", "sub-user"}, Case{"SubAccount", "sub-user"},
        Case{"AssumedRole", "role"}, Case{"CAMRole", "role"}, Case{"Service", "Service"}, Case{"", ""}}) {
    Json call = audited_call();
    call["userIdentity"]["type"] = c.type;
    EXPECT_EQ(only_record(audited_event(call)).principal_type, c.word) << c.type;
  }
  Json call = audited_call();
  call["userIdentity"].erase("userName");
  Json event = audited_event(call);
  EXPECT_EQ(only_record(event).principal, "alice");
  event["Username"] = nullptr;
  EXPECT_EQ(only_record(event).principal, "100000000002");
}

TEST(ReadAudit, TellsConsoleCallsAndFailures) {
  struct Case {
    const char* member;
    Json value;
    const char* error_code;
  };
  for (const Case& c :
       {Case{"apiErrorCode", "", ""}, Case{"apiErrorCode", "0", ""}, Case{"apiErrorCode", 0, ""},
        Case{"apiErrorCode", nullptr, ""}, Case{"apiErrorCode", "ResourceInUse.Function", "ResourceInUse.Function"},
        Case{"apiErrorCode", 4104, "4104"}, Case{"errorCode", 0, ""},
        Case{"errorCode", "AuthFailure", "AuthFailure"}}) {
    Json call = audited_call();
    call[c.member] = c.value;
    EXPECT_EQ(only_record(audited_event(call)).error_code, c.error_code) << c.value;
  }
  Json refused = audited_event(audited_call());
  refused["ErrorCode"] = -4;
  EXPECT_EQ(only_record(refused).error_code, "-4");
  Json call = audited_call();
  call["eventType"] = "ConsoleCall";
  EXPECT_TRUE(only_record(audited_event(call)).console);
}

TEST(ReadAudit, WhatDoesNotTellWhetherItSucceededDidNotSucceed) {
  Json event = audited_event("{");
  event["ErrorCode"] = 4000;
  EXPECT_EQ(only_record(event).error_code, "4000") << "the record itself tells that it failed";
  Json call = audited_call();
  for (const Json& value : {Json::array(), Json::object(), Json(true), Json(0.5)}) {
    call["apiErrorCode"] = value;
    EXPECT_EQ(only_record(audited_event(call)).error_code, kOutcomeUnread) << value;
  }
  call["errorCode"] = "AuthFailure";
  EXPECT_EQ(only_record(audited_event(call)).error_code, "AuthFailure");
  call = audited_call();
  call.erase("apiErrorCode");
  EXPECT_EQ(only_record(audited_event(call)).error_code, "") << "a call that was read, and tells of no error";
}

TEST(ReadAudit, ACopyIsAboutTheFunctionThatItMade) {
  struct Case {
    const char* what;
    Json parameters;
    const char *region, *ns, *function;
  };
  const std::vector<Case> cases{
      {"all told",
       {{"FunctionName", "charge"},
        {"Namespace", "pay"},
        {"NewFunctionName", "copy"},
        {"TargetNamespace", "shop"},
        {"TargetRegion", "ap-singapore"}},
       "ap-singapore",
       "shop",
       "copy"},
      {"nothing but the name",
       {{"FunctionName", "charge"}, {"Namespace", "pay"}, {"NewFunctionName", "copy"}},
       "ap-guangzhou",
       "",
       "copy"},
      {"no name", {{"FunctionName", "charge"}, {"TargetNamespace", "shop"}}, "ap-guangzhou", "shop", ""},
      {"a name that cannot be one", {{"FunctionName", "charge"}, {"NewFunctionName", "a b"}}, "ap-guangzhou", "", ""},
      {"members of other types",
       {{"NewFunctionName", "copy"}, {"TargetNamespace", 7}, {"TargetRegion", Json::array()}},
       "ap-guangzhou",
       "",
       "copy"},
      {"a region that cannot be one",
       {{"NewFunctionName", "copy"}, {"TargetRegion", "a/b"}},
       "ap-guangzhou",
       "",
       "copy"},
      {"no parameters", nullptr, "ap-guangzhou", "", ""},
  };
  for (const Case& c : cases) {
    Json call = audited_call();
    call["requestParameters"] = c.parameters.is_null() ? Json() : Json(c.parameters.dump());
    Json event = audited_event(call);
    event["EventName"] = "CopyFunction";
    event["Resources"]["ResourceName"] = "default/charge";
    const ChangeRecord record = only_record(event);
    EXPECT_EQ(record.region, c.region) << c.what;
    EXPECT_EQ(record.ns, c.ns) << c.what;
    EXPECT_EQ(record.function, c.function) << c.what;
  }
}

TEST(ReadAudit, TakesTheVersionOrAliasThatACallNames) {
  struct Case {
    const char* action;
    const char* qualifier;
  };
  const Json parameters{{"FunctionName", "charge"}, {"Name", "live"}, {"Qualifier", "2"}};
  for (const Case& c : {Case{"CreateAlias", "live"}, Case{"UpdateAlias", "live"}, Case{"DeleteAlias", "live"},
                        Case{"DeleteFunctionVersion", "2"}, Case{"DeleteFunction", "2"}, Case{"UpdateFunctionCode", ""},
                        Case{"CopyFunction", ""}}) {
    Json call = audited_call();
    call["requestParameters"] = parameters;
    Json event = audited_event(call);
    event["EventName"] = c.action;
    EXPECT_EQ(only_record(event).qualifier, c.qualifier) << c.action;
    call["requestParameters"]["Name"] = "two words";
    call["requestParameters"]["Qualifier"] = 2;
    event["CloudAuditEvent"] = call.dump();
    EXPECT_EQ(only_record(event).qualifier, "") << c.action;
  }
}

TEST(ReadAudit, KeepsOfAKeysIdItsLastFourCharactersAtMost) {
  const std::vector<std::pair<Json, const char*>> cases{
      {"FAKEFAKEFAKEFAKE", "FAKE"}, {"SHORTFAKEID", ""},           {"abcd", ""}, {"", ""}, {nullptr, ""},
      {"FAKEFAKEFAKEFAKE\x01", ""}, {"FAKEFAKEFAKEFAKE\u00e9", ""}};
  for (const auto& [id, kept] : cases) {
    Json event = audited_event(audited_call());
    event["SecretId"] = id;
    EXPECT_EQ(only_record(event).key_suffix, kept) << id;
  }
}

TEST(ReadAudit, TakesARegionAndAFunctionFromWhereverTheyAreTold) {
  Json event = audited_event("");
  event["ResourceRegion"] = "";
  EXPECT_EQ(only_record(event).region, "ap-singapore");
  event.erase("EventRegion");
  EXPECT_EQ(only_record(event).region, "");
  struct Case {
    Json resource;
    const char* ns;
    const char* function;
  };
  for (const Case& c :
       {Case{"default/charge", "default", "charge"}, Case{"charge", "", "charge"}, Case{"a/b/c", "", ""},
        Case{"two words", "", ""}, Case{"/charge", "", "charge"}, Case{"", "", ""}, Case{nullptr, "", ""}}) {
    event["Resources"]["ResourceName"] = c.resource;
    const ChangeRecord record = only_record(event);
    EXPECT_EQ(record.ns, c.ns) << c.resource;
    EXPECT_EQ(record.function, c.function) << c.resource;
  }
}

TEST(ReadAudit, GoesOnWithTheTokenUntilTheListIsOver) {
  struct Case {
    const char* rest;
    const char* next;
  };
  for (const Case& c :
       {Case{R"("ListOver":true)", ""}, Case{R"("ListOver":true,"NextToken":7)", ""},
        Case{R"("ListOver":false,"NextToken":7)", "7"},
        Case{R"("ListOver":false,"NextToken":18446744073709551615)", "18446744073709551615"},
        Case{R"("ListOver":false,"NextToken":"12")", "12"}, Case{R"("ListOver":true,"NextToken":null)", ""}}) {
    for (const Json& events : {Json::array(), Json(nullptr)}) {
      const ReadAnswer answer = audit_answer(events, c.rest);
      ASSERT_TRUE(std::holds_alternative<AuditPage>(answer.content)) << c.rest << answer.error.message;
      EXPECT_EQ(std::get<AuditPage>(answer.content).next, c.next) << c.rest;
    }
  }
}

TEST(ReadAudit, NamesTheMemberThatIsNotAsDocumented) {
  struct Case {
    const char* member;
    Json value;
    const char* complaint;
  };
  for (const Case& c : {Case{"EventId", nullptr, "Events[0].EventId is null"},
                        Case{"EventName", 7, "Events[0].EventName is not a string"},
                        Case{"EventTime", 1795478400, "Events[0].EventTime is not a string"},
                        Case{"EventTime", "2026-11-26 14:03:09", "Events[0].EventTime is not a string of Unix seconds"},
                        Case{"EventTime", "-1", "Events[0].EventTime is not a string of Unix seconds"},
                        Case{"EventTime", "9223372036854775807", "Events[0].EventTime is not a string of Unix seconds"},
                        Case{"Username", 7, "Events[0].Username is not a string"},
                        Case{"ErrorCode", "0", "Events[0].ErrorCode is not a whole number"},
                        Case{"Resources", "scf", "Events[0].Resources is not an object"},
                        Case{"CloudAuditEvent", Json::object(), "Events[0].CloudAuditEvent is not a string"}}) {
    Json event = audited_event(audited_call());
    event[c.member] = c.value;
    EXPECT_EQ(audit_answer(Json::array({event})).error.message, std::string("the answer's ") + c.complaint);
  }
  EXPECT_EQ(audit_answer(Json::array(), R"("TotalCount":0)").error.message, "the answer's ListOver is missing");
  EXPECT_EQ(audit_answer(Json::array(), R"("ListOver":"true")").error.message,
            "the answer's ListOver is neither true nor false");
  for (const char* rest :
       {R"("ListOver":false)", R"("ListOver":false,"NextToken":"x")", R"("ListOver":false,"NextToken":-1)"}) {
    EXPECT_EQ(audit_answer(Json::array(), rest).error.message,
              "the answer's NextToken is no number, and ListOver is false");
  }
  EXPECT_EQ(read_content(Action::describe_events, R"({"Response":{"ListOver":true}})").error.message,
            "the answer's Events is missing");
}

}  // namespace
}  // namespace codedriftd::test
