#include <gtest/gtest.h>

#include <sstream>

#include "base/json.h"
#include "commands/reconcile.h"
#include "support/manual_clock.h"
#include "support/temp_dir.h"

namespace codedriftd::test {
namespace {

constexpr const char* kPlanned = "prod/ap-guangzhou/default/charge:$LATEST";

Json planned_row(const Json& changes) {
  return {{"target", kPlanned},
          {"status", "drifted"},
          {"observed_sha256", sha256("live").hex()},
          {"accepted_sha256", sha256("accepted").hex()},
          {"changes", changes}};
}

Json planned_changes() {
  return {{"added", 1},
          {"removed", 0},
          {"changed", 2},
          {"modes", 0},
          {"files", {{{"name", "index.py"}, {"change", "changed"}}, {{"name", "a\x1b[2J\nb"}, {"change", "added"}}}},
          {"same_content", false},
          {"examined", true}};
}

struct Asked {
  int code = -1;
  std::string out, err;
};

/// Somebody at the terminal says no. The record is never asked.
Asked approve_and_say_no(const Json& row) {
  const TempDir dir;
  const std::string plan =
      dir.write("today.plan", Json{{"schema", "codedriftd.plan.v1"}, {"rows", Json::array({row})}}.dump());
  ManualClock clock;
  std::istringstream in("no\n");
  std::ostringstream out, err;
  const int code =
      run_approve({"--plan", plan, "--count", "1", "--reason", "reviewed"},
                  {[]() -> Settings { throw std::logic_error("nobody agreed"); }, clock, in, true, out, err});
  return {code, out.str(), err.str()};
}

TEST(Approve, ShowsWhatChangedInsideBeforeItAsks) {
  const Asked asked = approve_and_say_no(planned_row(planned_changes()));
  EXPECT_EQ(asked.code, 1);
  EXPECT_EQ(asked.out, "  drifted     " + std::string(kPlanned) + "\n              live " + sha256("live").hex() +
                           ", accepted " + sha256("accepted").hex() +
                           "\n"
                           "              2 files changed, 1 added\n"
                           "                changed  index.py\n"
                           "                added    a\\u{1b}[2J\\u{a}b\n"
                           "                … and 1 more\n"
                           "1 to accept\n"
                           "Accept it? Only \"yes\" accepts: ");
  EXPECT_EQ(asked.err, "codedriftd approve: nothing was accepted\n");
}

TEST(Approve, SaysWhereWhatChangedInsideIsNotKnown) {
  Json row = planned_row(nullptr);
  const std::string unknown = "\n              what changed inside is not known\n1 to accept\n";
  EXPECT_NE(approve_and_say_no(row).out.find(unknown), std::string::npos);
  row.erase("changes");  // a plan of an earlier version
  EXPECT_NE(approve_and_say_no(row).out.find(unknown), std::string::npos);
  row["accepted_sha256"] = nullptr;  // nothing to compare with
  const Asked first = approve_and_say_no(row);
  EXPECT_EQ(first.out.find("not known"), std::string::npos) << first.out;
}

TEST(Approve, ShowsWhatLayersAreAndWereBeforeItAsks) {
  const std::string now = "deps:2 sha256:" + sha256("deps 2").hex(), before = "no layers";
  Json row = planned_row(nullptr);
  row["target"] = "prod/ap-guangzhou/default/charge:$LAYERS";
  row["observed_sha256"] = sha256(now).hex();
  row["accepted_sha256"] = sha256(before).hex();
  row["observed_value"] = now;
  row["accepted_value"] = before;
  EXPECT_NE(approve_and_say_no(row).out.find("\n              live: deps:2 " + sha256("deps 2").hex() +
                                             "\n              accepted: no layers\n1 to accept\n"),
            std::string::npos)
      << approve_and_say_no(row).out;
  row["accepted_value"] = nullptr;
  EXPECT_NE(approve_and_say_no(row).out.find("\n              accepted: what the hash stands for is not on record\n"),
            std::string::npos);
  // A plan that shows one thing and has another one accepted.
  for (const Json& other : {Json(before), Json(now + "\n"), Json(7)}) {
    row["observed_value"] = other;
    for (const char* status : {"drifted", "in_sync"}) {
      row["status"] = status;
      const Asked asked = approve_and_say_no(row);
      EXPECT_EQ(asked.code, 1);
      EXPECT_EQ(asked.out, "") << other;
      EXPECT_NE(asked.err.find("row 1 of \"rows\" 'observed_value' is not what its hash stands for"), std::string::npos)
          << asked.err;
    }
  }
}

TEST(Approve, RefusesAPlanWhoseChangesContradictThemselves) {
  const auto with = [](const char* member, const Json& value) {
    Json changes = planned_changes();
    changes[member] = value;
    return changes;
  };
  Json many = Json::array();
  for (int i = 0; i < 21; ++i) many.push_back({{"name", "x"}, {"change", "added"}});
  for (const Json& changes : {with("files", Json::array()), with("changed", 0), with("changed", "2"), with("files", 7),
                              with("files", many), Json("changed"), Json::object()}) {
    const Asked asked = approve_and_say_no(planned_row(changes));
    EXPECT_EQ(asked.code, 1);
    EXPECT_EQ(asked.out, "") << changes;
    EXPECT_NE(asked.err.find("row 1 of \"rows\" 'changes' is not what a plan writes; make the plan anew"),
              std::string::npos)
        << asked.err;
  }
}

}  // namespace
}  // namespace codedriftd::test
