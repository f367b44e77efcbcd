#include "web/api/api.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gtest/gtest.h>

#include <set>
#include <sstream>

#include "audit/format/render.h"
#include "audit/query/answer.h"
#include "audit/query/inventory_rows.h"
#include "audit/query/parameters.h"
#include "audit/query/reports.h"
#include "base/text.h"
#include "commands/options/query_options.h"
#include "commands/query.h"
#include "model/changes.h"
#include "model/kinds.h"
#include "store/fleet/membership.h"
#include "store/ledger/suspensions.h"
#include "store/record/inventory.h"
#include "support/recorded.h"

namespace codedriftd {
namespace {

using test::at;
using test::Recorded;
using Values = std::multimap<std::string, std::string>;
using Names = std::set<std::string>;

std::string api_path(std::string_view report) { return fmt::format("/api/v1/{}", report); }

std::vector<Route> one_route() {
  Route ops;
  ops.subscription.name = "ops";
  ops.give_up_after = Millis{3'600'000};
  return {ops};
}

/// One function drifted, two in sync, one never seen, one no longer watched, one that a listing found, and their
/// alerts.
class ApiOfARecord : public testing::Test {
 protected:
  ApiOfARecord() : r_(one_route()), db_(r_.open_reader()) {
    r_.ran(at(0), at(100), true);
    r_.watch({"charge", "refund", "ship", "test/ap-guangzhou/default/ship:$LATEST", "old"}, at(0));
    r_.watch({"charge", "refund", "ship", "test/ap-guangzhou/default/ship:$LATEST"}, at(5));
    for (const char* function : {"charge", "refund", "ship"}) r_.observed(function, "A", at(10));
    r_.failed("ship", Outcome::denied, "UnauthorizedOperation", at(60), "you may not \x1b[31m", "denied");
    r_.observed("charge", "B", at(70));
    r_.examined("A", "print(1)", at(71));
    r_.examined("B", "print(2)", at(72));
    InventoryEntry stray;
    stray.account = "prod";
    stray.region = "ap-guangzhou";
    stray.function.ns = "default";
    stray.function.name = "stray";
    stray.state = InventoryState::unmanaged;
    stray.first_found_at = stray.last_found_at = at(20);
    Listing listing;
    listing.account = stray.account;
    listing.region = stray.region;
    listing.trouble = {"UnauthorizedOperation", "no", "r-1"};
    listing.began = listing.ended = at(30);
    r_.write([&](Tx& tx) {
      inventory::save(tx.db, stray, at(20));
      inventory::record_listing(tx.db, listing, 2, 1);
    });
  }

  WebReply ask(const std::string& path, Values values = {}) {
    const WebRequest request{path, std::move(values), ""};
    if (auto description = answer_description(request)) return *std::move(description);
    return answer_api(db_, request, at(100));
  }
  WebReply ask_report(std::string_view report, Values values = {}) { return ask(api_path(report), std::move(values)); }
  Json rows(std::string_view report, Values values = {}) {
    const WebReply reply = ask_report(report, std::move(values));
    EXPECT_EQ(reply.status, 200) << reply.body;
    return Json::parse(reply.body).at("rows");
  }
  std::string of_query(const std::vector<std::string>& args) {
    if (db_.engine() != Engine::sqlite) return of_reports(args);
    std::ostringstream out, err;
    EXPECT_EQ(run_query(
                  args,
                  [&] {
                    Settings settings;
                    settings.state_dir = r_.dir().path();
                    return settings;
                  },
                  at(100), false, out, err),
              0)
        << err.str();
    return out.str();
  }
  /// The same of a record that is no file.
  std::string of_reports(const std::vector<std::string>& args) {
    auto options = parse_query(args, at(100));
    if (!options) throw std::runtime_error(options.error().message);
    std::string out;
    const auto renderer = make_renderer(options->format, *options->report, at(100), false, out);
    const auto answer =
        answer_query(db_, *options->report, options->selection, at(100), [&](const Row& row) { renderer->row(row); });
    if (!answer) throw std::runtime_error(answer.error().message);
    renderer->end(answer->end);
    return out;
  }

  Recorded r_;
  Database db_;
};

std::string header_of(const WebReply& reply, std::string_view name) {
  for (const auto& [each, value] : reply.headers) {
    if (each == name) return value;
  }
  return {};
}

TEST_F(ApiOfARecord, GivesWhatQueryPrints) {
  const struct {
    const char* report;
    Values values;
    std::vector<std::string> options;
    std::size_t rows;
  } cases[] = {
      {"status", {}, {}, 4},
      {"status", {{"all", ""}}, {"--all"}, 5},
      {"status", {{"all", "true"}, {"status", "in_sync"}}, {"--all", "--status", "in_sync"}, 2},
      {"status", {{"all", "false"}, {"function", "ship"}}, {"--function", "ship"}, 2},
      {"status", {{"target", "charge"}, {"target", "refund"}}, {"--target", "charge", "--target", "refund"}, 2},
      {"status", {{"target", "prod/*"}, {"limit", "2"}}, {"--target", "prod/*", "--limit", "2"}, 2},
      {"status", {{"at", "2026-11-24T00:00:50Z"}}, {"--at", "2026-11-24T00:00:50Z"}, 4},
      {"status", {{"status", "missing"}}, {"--status", "missing"}, 0},
      {"history", {}, {}, 5},
      {"history", {{"account", "prod"}, {"since", "45s"}}, {"--account", "prod", "--since", "45s"}, 2},
      {"history", {{"limit", "3"}}, {"--limit", "3"}, 3},
      {"events", {{"kind", "drift.*"}}, {"--kind", "drift.*"}, 1},
      {"events", {{"kind", "drift.*"}, {"kind", "baseline.set"}}, {"--kind", "drift.*", "--kind", "baseline.set"}, 4},
      {"events",
       {{"until", "2026-11-24T00:00:09Z"}, {"target", "ship"}},
       {"--until", "2026-11-24T00:00:09Z", "--target", "ship"},
       2},
      {"alerts", {}, {}, 1},
      {"alerts", {{"attempts", "true"}}, {"--attempts"}, 1},
      {"alerts", {{"attempts", "false"}}, {}, 1},
      {"coverage", {{"qualifier", "$LATEST"}}, {"--qualifier", "$LATEST"}, 4},
      {"coverage", {{"since", "1m"}, {"namespace", "default"}}, {"--since", "1m", "--namespace", "default"}, 4},
      {"inventory", {}, {}, 1},
      {"inventory", {{"state", "unmanaged"}, {"region", "ap-*"}}, {"--state", "unmanaged", "--region", "ap-*"}, 1},
  };
  for (const auto& each : cases) {
    std::vector<std::string> args = each.options;
    args.insert(args.begin(), {each.report, "--json"});
    const WebReply reply = ask_report(each.report, each.values);
    const std::string name = fmt::format("{} {}", each.report, fmt::join(each.options, " "));
    EXPECT_EQ(reply.status, 200) << name;
    EXPECT_EQ(reply.type, "application/json") << name;
    EXPECT_EQ(reply.body, of_query(args)) << name;
    EXPECT_EQ(Json::parse(reply.body).at("rows").size(), each.rows) << name;
  }
  for (const std::string_view report : kApiReports) {
    for (const char* format : {"csv", "ndjson", "json"}) {
      const WebReply reply = ask_report(report, {{"format", format}});
      EXPECT_EQ(reply.body, of_query({std::string(report), "--format", format})) << report << ' ' << format;
      EXPECT_NE(reply.type.find(format), std::string::npos) << reply.type;
    }
  }
}

TEST_F(ApiOfARecord, SaysWhatIsWrongAndWhatWouldBeRight) {
  const struct {
    std::string path;
    Values values;
    int status;
    std::vector<const char*> words;
  } cases[] = {
      {"/api/v1/", {}, 404, {"there is no /api/v1/", "/api/v1/status", "/api/v1/inventory", "/openapi.json"}},
      {"/api/v1/statu", {}, 404, {"there is no /api/v1/statu, did you mean /api/v1/status?"}},
      {"/api/v1/status/", {}, 404, {"did you mean /api/v1/status?"}},
      {"/api/v1/STATUS", {}, 404, {"there is no"}},
      {"/api/v1/report", {}, 404, {"there is no"}},
      {"/api/v1/attestations", {}, 404, {"there is no"}},
      {"/api/v2/status", {}, 404, {"did you mean /api/v1/status?"}},
      {"/openapi.json", {{"x", "1"}}, 400, {"takes no parameters"}},
      {api_path("status"), {{"sinc", "1h"}}, 400, {"there is no parameter \"sinc\", did you mean since?", "at, limit"}},
      {api_path("status"), {{"TARGET", "charge"}}, 400, {"there is no parameter \"TARGET\""}},
      {api_path("status"), {{"", ""}}, 400, {"there is no parameter \"\""}},
      {api_path("status"), {{"kind", "drift.*"}}, 400, {"kind is not for status"}},
      {api_path("events"), {{"at", "1h"}}, 400, {"at is not for events"}},
      {api_path("history"), {{"attempts", "true"}}, 400, {"attempts is not for history"}},
      {api_path("inventory"), {{"since", "1h"}}, 400, {"since is not for inventory"}},
      {api_path("coverage"), {{"state", "watched"}}, 400, {"state is not for coverage"}},
      {api_path("status"), {{"since", "yesterday"}}, 400, {"since \"yesterday\" is not a time", "24h"}},
      {api_path("events"), {{"before", "0"}}, 400, {"before \"0\" is not a number of rows"}},
      {api_path("history"), {{"before", "5"}}, 400, {"before", "history takes"}},
      {api_path("status"), {{"skip", "5"}}, 400, {"skip goes with limit"}},
      {api_path("status"), {{"since", ""}}, 400, {"since \"\" is not a time"}},
      {api_path("status"), {{"since", "1h"}, {"since", "2h"}}, 400, {"since is given 2 times"}},
      {api_path("status"), {{"until", "1h"}, {"since", "1m"}}, 400, {"since 2026", " is later than until 2026"}},
      {api_path("status"), {{"at", "2030-01-01"}}, 400, {"at 2030-01-01T00:00:00.000Z lies in the future"}},
      {api_path("status"), {{"at", "2020-01-01"}}, 404, {"the record begins at", "it says nothing"}},
      {api_path("status"), {{"limit", "0"}}, 400, {"limit \"0\" is not a number of rows"}},
      {api_path("events"), {{"limit", "-1"}}, 400, {"limit \"-1\""}},
      {api_path("events"), {{"limit", "10001"}}, 400, {"limit 10001 is more than 10000", "before"}},
      {api_path("events"), {{"limit", "99999999999999999999"}}, 400, {"is not a number of rows"}},
      {api_path("status"), {{"all", "yes"}}, 400, {"all \"yes\": write all=true or all=false"}},
      {api_path("status"), {{"all", "true"}, {"all", "false"}}, 400, {"all is given 2 times"}},
      {api_path("status"), {{"format", "jsno"}}, 400, {"there is no format \"jsno\", did you mean json?", "csv"}},
      {api_path("status"), {{"format", "table"}}, 400, {"there is no format \"table\""}},
      {api_path("status"), {{"status", "drifte"}}, 400, {"there is no status \"drifte\", did you mean drifted?"}},
      {api_path("events"), {{"kind", "drift.detect"}}, 400, {"did you mean drift.detected?"}},
      {api_path("inventory"), {{"state", "wathced"}}, 400, {"did you mean watched?"}},
      {api_path("status"), {{"function", "chrge"}}, 404, {"no function matches function 'chrge'", "charge"}},
      {api_path("status"), {{"target", "chrge"}}, 404, {"no function is called \"chrge\"; did you mean"}},
      {api_path("status"), {{"target", "old"}}, 404, {"old:$LATEST is no longer watched: add all to see it"}},
      {api_path("status"), {{"function", "stray"}}, 404, {"unmanaged", "see: inventory with function 'stray'"}},
      {api_path("events"), {{"account", "prd"}}, 404, {"the nearest account is prod"}},
      {api_path("history"), {{"region", "nowhere"}}, 404, {"region 'nowhere'", "ap-guangzhou"}},
      {api_path("coverage"), {{"target", "nobody/*"}}, 404, {"target 'nobody/*'"}},
      {api_path("inventory"), {{"function", "strya"}}, 404, {"function 'strya'; did you mean stray?"}},
  };
  for (const auto& each : cases) {
    const WebReply reply = ask(each.path, each.values);
    EXPECT_EQ(reply.status, each.status) << each.path << reply.body;
    EXPECT_EQ(reply.type, "application/problem+json") << each.path;
    const Json problem = Json::parse(reply.body);
    EXPECT_EQ(problem.at("type"), "about:blank");
    EXPECT_EQ(problem.at("status"), each.status);
    EXPECT_EQ(problem.at("title"), each.status == 400 ? "Bad Request" : "Not Found");
    const std::string detail = problem.at("detail");
    for (const char* words : each.words)
      EXPECT_NE(detail.find(words), std::string::npos) << each.path << ": " << detail;
    EXPECT_EQ(detail.find("--"), std::string::npos) << "an option of the command: " << detail;
  }
}

TEST_F(ApiOfARecord, TakesNothingHostileForAnythingElse) {
  const std::string hostile[] = {"\x1b[2J\x1b]0;x\x07",
                                 "\xff\xfe\x80",
                                 std::string("a\0b", 3),
                                 "'; DROP TABLE event; --",
                                 "<script>alert(1)</script>",
                                 "\xe2\x80\xae"
                                 "gnp",
                                 "../../etc",
                                 "%00%0d%0aSet-Cookie:",
                                 "\r\nSet-Cookie: x=1",
                                 std::string(50'000, 'a'),
                                 std::string(5'000, '*') + "b"};
  for (const std::string& text : hostile) {
    std::vector<WebReply> replies{ask("/api/v1/" + text), ask("/api/" + text), ask_report("status", {{text, text}})};
    for (const std::string_view report : kApiReports) {
      for (const char* name : {"target", "account", "region", "namespace", "function", "qualifier", "status", "kind",
                               "state", "since", "until", "at", "limit", "all", "attempts", "format"})
        replies.push_back(ask_report(report, {{name, text}}));
    }
    for (const WebReply& reply : replies) {
      EXPECT_TRUE(reply.status == 400 || reply.status == 404) << reply.status << reply.body;
      EXPECT_TRUE(valid_utf8(reply.body));
      EXPECT_LT(reply.body.size(), 4'000U);
      EXPECT_TRUE(reply.headers.empty());
      const std::string detail = Json::parse(reply.body).at("detail");
      EXPECT_EQ(harmless(detail), detail);
    }
  }
  EXPECT_EQ(rows("events").size(), rows("events", {{"limit", "1000"}}).size()) << "the record is whole";
}

TEST_F(ApiOfARecord, ShowsARowThatContradictsItself) {
  test::unlock_events(r_.db());
  r_.db().execute("UPDATE event SET kind = 'drift.resolved' WHERE seq = 1");
  const Json all = rows("events");
  EXPECT_TRUE(all.at(1).contains("problem")) << all.at(1);
  EXPECT_FALSE(all.at(0).contains("problem"));
}

TEST_F(ApiOfARecord, GivesTheNewestOfWhatGrowsAndSaysThatThereMayBeMore) {
  r_.write([&](Tx& tx) {
    for (int i = 0; i < kUsualLimit + 500; ++i) {
      NewEvent event;
      event.kind = "config.loaded";
      r_.ledger().append(tx, event, at(80 + i / 100));  // many of one moment
    }
  });
  const Json all = Json::parse(of_query({"events", "--json"})).at("rows");
  const auto last = [&](std::size_t count) {
    return Json(std::vector<Json>(all.end() - static_cast<int64_t>(count), all.end()));
  };
  const WebReply usual = ask_report("events");
  EXPECT_EQ(header_of(usual, "X-Limit"), "1000");
  EXPECT_EQ(Json::parse(usual.body).at("rows"), last(kUsualLimit)) << "the newest, oldest first";
  const WebReply few = ask_report("events", {{"limit", "3"}});
  EXPECT_EQ(header_of(few, "X-Limit"), "3");
  EXPECT_EQ(Json::parse(few.body).at("rows"), last(3));
  Json walked = Json::array();
  for (std::string before; walked.size() < all.size();) {  // though many are of one moment
    std::multimap<std::string, std::string> values{{"limit", "300"}};
    if (!before.empty()) values.emplace("before", before);
    Json page = Json::parse(ask_report("events", values).body).at("rows");
    ASSERT_FALSE(page.empty());
    before = std::to_string(page.at(0).at("seq").get<int64_t>());
    page.insert(page.end(), walked.begin(), walked.end());
    walked = std::move(page);
  }
  EXPECT_EQ(walked, all);
  const WebReply whole = ask_report("events", {{"limit", "10000"}});
  EXPECT_EQ(header_of(whole, "X-Limit"), "") << "there are no more";
  EXPECT_EQ(Json::parse(whole.body).at("rows"), all);
  EXPECT_EQ(header_of(ask_report("status", {{"limit", "1"}}), "X-Limit"), "") << "it does not grow";
}

TEST_F(ApiOfARecord, IsReadInPiecesByItsTimes) {
  const Json all = rows("events");
  Names ids;
  Values values{{"limit", "4"}};
  for (int pieces = 0; pieces < 20; ++pieces) {
    const WebReply reply = ask_report("events", values);
    const Json piece = Json::parse(reply.body).at("rows");
    for (const Json& row : piece) ids.insert(row.at("id"));
    if (header_of(reply, "X-Limit").empty()) break;
    const std::string oldest = piece.front().at("time");
    values = {{"limit", oldest == piece.back().at("time") ? "1000" : "8"}, {"until", oldest}};
  }
  EXPECT_EQ(ids.size(), all.size());
}

class ApiDescription : public ApiOfARecord {
 protected:
  ApiDescription() : api_(Json::parse(ask("/openapi.json").body)) {}

  /// What `json` is, wherever it stands.
  const Json& found(const Json& json) const {
    if (!json.contains("$ref")) return json;
    return api_.at(Json::json_pointer(json.at("$ref").get<std::string>().substr(1)));
  }
  const Json& schema(const char* name) const { return api_.at("components").at("schemas").at(name); }
  /// Of what a report's reply is.
  const Json& reply_of(std::string_view report) const {
    const Json& reply = api_.at("paths").at(api_path(report)).at("get").at("responses").at("200");
    return found(reply.at("content").at("application/json").at("schema"));
  }
  const Json& row_of(std::string_view report) const {
    return found(reply_of(report).at("properties").at("rows").at("items"));
  }
  /// The values that `schema` allows; null is none.
  Names words(const Json& schema) const {
    const Json& one = schema.contains("anyOf") ? found(schema.at("anyOf").at(0)) : found(schema);
    return one.at("enum").get<Names>();
  }

  const Json api_;
};

Names keys_of(const Json& object) {
  Names names;
  for (const auto& [name, value] : object.items()) names.insert(name);
  return names;
}

template <typename Enum>
Names names_up_to(Enum last) {
  Names names;
  for (int i = 0; i <= static_cast<int>(last); ++i) names.emplace(to_string(static_cast<Enum>(i)));
  return names;
}

TEST_F(ApiDescription, HasEveryFieldOfEveryRowAndNoOther) {
  for (const std::string_view name : kApiReports) {
    Names fields, always;
    for (const std::string_view field : report_named(name, false)->fields) always.emplace(field);
    for (const std::string_view field : report_named(name, true)->fields) fields.emplace(field);
    const Json& row = row_of(name);
    EXPECT_EQ(row.at("required").get<Names>(), always) << name;
    fields.insert("problem");
    EXPECT_EQ(keys_of(row.at("properties")), fields) << name;

    const Json reply = Json::parse(ask_report(name).body);
    const Json& described = reply_of(name).at("properties");
    EXPECT_EQ(described.at("schema").at("const"), reply.at("schema"));
    Names members = keys_of(reply);
    members.erase("fleet");  // of a record on a server
    EXPECT_EQ(reply_of(name).at("required").get<Names>(), members) << name;
    if (has_parameter(name, "at")) members.insert("as_of");
    if (name == "status") members.insert("fleet");
    EXPECT_EQ(keys_of(described), members) << name;
    EXPECT_EQ(keys_of(described.at("summary").at("properties")), keys_of(reply.at("summary"))) << name;
    EXPECT_EQ(described.at("summary").at("required").get<Names>(), keys_of(reply.at("summary"))) << name;
  }
}

TEST_F(ApiDescription, HasEveryMemberOfAMemberOfTheFleet) {
  if (db_.engine() != Engine::postgres) {
    EXPECT_FALSE(Json::parse(ask_report("status").body).contains("fleet"));
    return;
  }
  const SystemClock host;
  FleetClock clock(host);
  Claims claims(clock);
  Database db = r_.open_writer();
  Membership member("ops-1", "", clock, claims);
  member.join(db);
  const Json reply = Json::parse(ask_report("status").body);
  ASSERT_EQ(reply.at("fleet").size(), 1U) << reply;
  const Json& described = found(reply_of("status").at("properties").at("fleet").at("items"));
  EXPECT_EQ(keys_of(described.at("properties")), keys_of(reply.at("fleet")[0]));
  EXPECT_EQ(described.at("required").get<Names>(), keys_of(reply.at("fleet")[0]));
}

TEST_F(ApiDescription, HasEveryParameterOfEveryReportAndNoOther) {
  for (const std::string_view report : kApiReports) {
    Names described;
    for (const Json& each : api_.at("paths").at(api_path(report)).at("get").at("parameters")) {
      const Json& parameter = found(each);
      const std::string name = parameter.at("name");
      EXPECT_TRUE(described.insert(name).second) << name;
      EXPECT_TRUE(takes_parameter(report, name)) << report << ' ' << name;
      EXPECT_EQ(parameter.at("in"), "query");
      if (name != "limit") continue;
      EXPECT_EQ(parameter.at("schema").contains("maximum"), grows_with_time(report)) << report;
      if (!grows_with_time(report)) continue;
      EXPECT_EQ(parameter.at("schema").at("maximum"), kHighestLimit);
      EXPECT_EQ(parameter.at("schema").at("default"), kUsualLimit);
    }
    for (const Json& each : api_.at("components").at("parameters")) {
      const std::string name = each.at("name");
      EXPECT_EQ(described.contains(name), takes_parameter(report, name)) << report << ' ' << name;
    }
  }
  Names all{"before", "format", "skip"};
  for (const std::string_view name : kGlobParameters) all.emplace(name);
  for (const std::string_view name : kValueParameters) all.emplace(name);
  for (const std::string_view name : kSwitchParameters) all.emplace(name);
  Names described;
  for (const Json& each : api_.at("components").at("parameters")) described.insert(each.at("name").get<std::string>());
  EXPECT_EQ(described, all);
}

TEST_F(ApiDescription, HasTheWordsThatTheProgramHas) {
  Names statuses, states, kinds(kEventKinds.begin(), kEventKinds.end());
  for (const Status status : kStatuses) statuses.emplace(to_string(status));
  for (const InventoryState state : kInventoryStates) states.emplace(to_string(state));
  EXPECT_EQ(words(schema("Status")), statuses);
  EXPECT_EQ(words(schema("InventoryState")), states);
  EXPECT_EQ(words(schema("EventKind")), kinds);
  kinds.insert({std::string(kReminderKind), std::string(kHeartbeatKind), std::string(kTestKind)});
  EXPECT_EQ(words(schema("AlertKind")), kinds);
  const auto of_row = [&](const char* report, const char* field) {
    return words(row_of(report).at("properties").at(field));
  };
  EXPECT_EQ(of_row("history", "outcome"), names_up_to(Outcome::failed));
  EXPECT_EQ(of_row("events", "severity"), names_up_to(Severity::critical));
  EXPECT_EQ(of_row("status", "accepted_source"), names_up_to(AcceptedSource::content));
  EXPECT_EQ(words(schema("FileChange").at("properties").at("change")), names_up_to(FileChange::mode));
  Names formats;
  for (const std::string_view format : kApiFormats) formats.emplace(format);
  EXPECT_EQ(words(api_.at("components").at("parameters").at("format").at("schema")), formats);
}

TEST_F(ApiDescription, NamesEveryPathThereIs) {
  Names paths{"/metrics", "/healthz", "/readyz", "/openapi.json"};
  for (const std::string_view report : kApiReports) paths.insert(api_path(report));
  EXPECT_EQ(keys_of(api_.at("paths")), paths);
}

}  // namespace
}  // namespace codedriftd
