#include "commands/query.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "base/json.h"
#include "base/output_file.h"
#include "commands/options/query_options.h"
#include "store/ledger/suspensions.h"
#include "support/recorded.h"

namespace {

/// What a thread that asks for it had flushed, and how flushing a folder goes wrong.
struct Flushes {
  std::vector<std::pair<dev_t, ino_t>> files;
  int folder_error = 0;
};
thread_local Flushes* watched_flushes = nullptr;

}  // namespace

/// In place of the C library's, in this program: whether a folder was flushed cannot be seen from what is in it.
extern "C" int fsync(int fd) {
  struct stat info {};
  if (watched_flushes != nullptr && ::fstat(fd, &info) == 0) {
    watched_flushes->files.emplace_back(info.st_dev, info.st_ino);
    if (S_ISDIR(info.st_mode) && watched_flushes->folder_error != 0) {
      errno = watched_flushes->folder_error;
      return -1;
    }
  }
  return static_cast<int>(::syscall(SYS_fsync, fd));
}

namespace codedriftd {
namespace {

using test::at;
using test::Recorded;
using test::TempDir;
using Args = std::vector<std::string>;

struct Ran {
  int code;
  std::string out, err;
};

Ran query_at(const std::string& state_dir, const Args& args, bool terminal = false, WallTime now = at(100)) {
  std::ostringstream out, err;
  const int code = run_query(
      args,
      [&] {
        Settings settings;
        settings.state_dir = state_dir;
        return settings;
      },
      now, terminal, out, err);
  return {code, out.str(), err.str()};
}

std::string file_text(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

/// Two functions in sync, one drifted, one that was never seen, and one no longer watched.
class Query : public testing::Test {
 protected:
  Query() {
    ::unsetenv("NO_COLOR");
    r_.ran(at(0), at(100), true);
    r_.watch({"charge", "refund", "ship", "test/ap-guangzhou/default/ship:$LATEST", "old"}, at(0));
    r_.watch({"charge", "refund", "ship", "test/ap-guangzhou/default/ship:$LATEST"}, at(5));
    for (const char* function : {"charge", "refund", "ship"}) r_.observed(function, "A", at(10));
    r_.observed("charge", "B", at(70));
  }
  Ran query(const Args& args, bool terminal = false) { return query_at(r_.dir().path(), args, terminal); }

  Recorded r_;
};

TEST_F(Query, StatusTableEndsWithAPlainSummary) {
  const Ran ran = query({"status"});
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_TRUE(ran.out.starts_with("TARGET ")) << ran.out;
  EXPECT_TRUE(ran.out.ends_with("\n1 drifted, 1 not observed, 2 in sync\n")) << ran.out;
  EXPECT_NE(ran.out.find("trusted on first sight, not reviewed"), std::string::npos);
  EXPECT_EQ(ran.out.find("old"), std::string::npos);
  EXPECT_EQ(ran.err, "");
}

TEST_F(Query, EveryReportHasEveryFormat) {
  for (const char* report : {"status", "history", "events", "alerts", "coverage"}) {
    for (const char* format : {"table", "json", "ndjson", "csv", "markdown"}) {
      const Ran ran = query({report, "--format", format});
      EXPECT_EQ(ran.code, 0) << report << ' ' << format << ran.err;
    }
    const Json json = Json::parse(query({report, "--json"}).out);
    EXPECT_EQ(json.at("schema"), std::string("codedriftd.") + report + ".v1");
    EXPECT_EQ(json.at("generated_at"), rfc3339(at(100)));
    EXPECT_TRUE(json.at("summary").is_object());
  }
}

TEST_F(Query, CsvBeginsWithAByteOrderMarkWhereItIsAskedFor) {
  const std::string mark = "\xEF\xBB\xBF";
  for (const char* report : {"status", "history", "events", "alerts", "coverage"}) {
    const std::string plain = query({report, "--format", "csv"}).out;
    EXPECT_FALSE(plain.starts_with(mark)) << report;
    EXPECT_EQ(query({report, "--format", "csv", "--bom"}).out, mark + plain) << "once, and nothing else: " << report;
  }
  const std::string file = r_.dir() / "status.csv";
  EXPECT_EQ(query({"status", "--bom", "--format=csv", "-o", file}).code, 0);
  EXPECT_TRUE(file_text(file).starts_with(mark + "target,"));
  const Ran nothing = query({"status", "--status", "missing", "--format", "csv", "--bom"});
  EXPECT_TRUE(nothing.out.starts_with(mark + "target,")) << "a heading without rows has it too";
}

TEST_F(Query, SelectsInEveryWayThereIs) {
  struct Case {
    Args args;
    std::size_t rows;
  };
  const Case cases[] = {{{"status"}, 4},
                        {{"status", "--all"}, 5},
                        {{"status", "charge"}, 1},
                        {{"status", "charge", "refund:$LATEST"}, 2},
                        {{"status", "prod/*"}, 3},
                        {{"status", "--target", "ship"}, 2},
                        {{"status", "--target", "charge", "--target=refund"}, 2},
                        {{"status", "--account", "t*"}, 1},
                        {{"status", "--region", "ap-*", "--function", "ship"}, 2},
                        {{"status", "--namespace", "default", "--qualifier", "$LATEST"}, 4},
                        {{"status", "--status", "drifted"}, 1},
                        {{"status", "--status", "in_*", "--status", "unobserved"}, 3},
                        {{"status", "--since", "40s"}, 1},
                        {{"status", "--limit", "2"}, 2},
                        {{"history", "charge"}, 2},
                        {{"history", "charge", "--since", "40s"}, 1},
                        {{"events", "--kind", "drift.*"}, 1},
                        {{"events", "--kind", "drift.*", "--status", "drifted"}, 1},
                        {{"coverage", "--since", "2026-11-24T00:00:00Z", "--until", "2026-11-24T08:00:30+08:00"}, 4}};
  for (const Case& c : cases) {
    Args args = c.args;
    args.push_back("--json");
    const Ran ran = query(args);
    ASSERT_EQ(ran.code, 0) << ran.err;
    EXPECT_EQ(Json::parse(ran.out).at("rows").size(), c.rows) << testing::PrintToString(c.args);
  }
}

TEST_F(Query, ASelectionThatMatchesNothingIsAFailureThatSaysWhatIsNear) {
  const Ran table = query({"status", "chrage"});
  EXPECT_EQ(table.code, 1);
  EXPECT_EQ(table.out, "");
  EXPECT_EQ(table.err,
            "codedriftd: no function is called \"chrage\"; did you mean 'prod/ap-guangzhou/default/charge'?\n");
  for (const Args& args : {Args{"history", "--target", "nope*"}, Args{"events", "nope"},
                           Args{"alerts", "nope", "--kind", "drift.*"}, Args{"coverage", "--region", "eu"},
                           Args{"events", "prod/ap-guangzhou/default/chrage"}, Args{"status", "old"}}) {
    Args json = args;
    json.push_back("--json");
    const Ran ran = query(json);
    EXPECT_EQ(ran.code, 1) << testing::PrintToString(args);
    EXPECT_TRUE(Json::parse(ran.out).at("rows").empty()) << "what a script reads is still a report";
    EXPECT_NE(ran.err, "");
  }
  EXPECT_EQ(query({"alerts"}).code, 0) << "no alerts at all, and nothing was asked for";
}

TEST_F(Query, AFilterThatNoRowFitsIsAnAnswer) {
  struct Case {
    Args args;
    std::string says;
  };
  for (const Case& c :
       {Case{{"alerts", "--kind", "drift.*"}, "no alerts of kind drift.* for the 5 selected functions\n"},
        Case{{"status", "--status", "missing"}, "no functions with status missing for the 4 selected functions\n"},
        Case{{"events", "charge", "--since", "1s"},
             "no events since 2026-11-24T00:01:39.000Z for the one selected function\n"},
        Case{{"history", "test/ap-guangzhou/default/ship"}, "no runs for the one selected function\n"}}) {
    const Ran ran = query(c.args);
    EXPECT_EQ(ran.code, 0) << ran.err;
    EXPECT_EQ(ran.out, c.says);
    EXPECT_EQ(ran.err, "");
    Args json = c.args;
    json.push_back("--json");
    EXPECT_TRUE(Json::parse(query(json).out).at("rows").empty());
  }
}

// That nothing is drifted is no good news where nothing can be seen.
TEST_F(Query, WhyNothingMayBeSeenStandsAboveAnAnswerWithoutRowsToo) {
  const auto none = [&](const std::string& filter, WallTime now) {
    return query_at(r_.dir().path(), {"status", filter == "1s" ? "--since" : "--status", filter}, false, now);
  };
  const std::string answer = "no functions with status missing for the 4 selected functions\n";
  EXPECT_EQ(none("missing", at(100)).out, answer) << "the daemon runs, and sees all of them";
  EXPECT_EQ(none("missing", at(200)).out, "No sign of life since " + rfc3339(at(100)) +
                                              ": no daemon runs, or it cannot write its record.\n" + answer);

  r_.write([&](Tx& tx) { r_.ledger().apply_account(tx, "prod", "ap-guangzhou", {3, 0, true, "denied", {}}, at(90)); });
  const std::string failing = "Account prod cannot be seen in ap-guangzhou since " + rfc3339(at(90)) +
                              " (denied): what is shown of its 3 functions here was seen before.\n";
  EXPECT_EQ(none("missing", at(100)).out, failing + answer);
  EXPECT_TRUE(none("1s", at(100)).out.starts_with(failing)) << none("1s", at(100)).out;
  EXPECT_TRUE(query({"status", "--status", "drifted"}).out.starts_with(failing)) << "one of the three is";
  EXPECT_EQ(query({"status", "--account", "test", "--status", "missing"}).out,
            "no functions with status missing for the one selected function\n")
      << "what is asked for is in another account";

  r_.ran(at(110), at(120));
  r_.db().execute("UPDATE account_state SET failing = 0");
  EXPECT_EQ(none("missing", at(130)).out,
            "No daemon runs: it was stopped at " + rfc3339(at(120)) + ". Nothing was polled since.\n" + answer);
}

TEST_F(Query, StatusOfAllMarksWhatIsRemovedAndEveryFormatSaysWhoseAlertsAreHeld) {
  r_.write([&](Tx& tx) {
    suspensions::begin(tx, r_.ledger(), targets::find(r_.db(), Recorded::address("refund")).value(),
                       {at(80), at(3600), "uid:1001(alice)", "", "load test"});
  });
  const std::string table = query({"status", "--all"}).out;
  std::size_t marked = 0;
  for (std::size_t place = table.find("(removed)"); place != std::string::npos;
       place = table.find("(removed)", place + 1))
    ++marked;
  EXPECT_EQ(marked, 1U) << table;
  const std::size_t old = table.find(Recorded::address("old"));
  ASSERT_NE(old, std::string::npos) << table;
  EXPECT_LT(table.find("(removed)", old), table.find('\n', old)) << "in the row of what is no longer watched";

  const Json rows = Json::parse(query({"status", "--all", "--json"}).out).at("rows");
  ASSERT_EQ(rows.size(), 5U);
  for (const Json& row : rows) {
    const bool held = row.at("function") == "refund";
    EXPECT_EQ(row.at("watched"), row.at("function") != "old") << row;
    EXPECT_EQ(row.at("suspended_until"), held ? Json(rfc3339(at(3600))) : Json()) << row;
    EXPECT_EQ(row.at("suspended_by"), held ? Json("uid:1001(alice)") : Json()) << row;
  }
  const std::string csv = query({"status", "--all", "--format", "csv"}).out;
  EXPECT_NE(csv.find(",watched,suspended_until,suspended_by\r\n"), std::string::npos);
  EXPECT_NE(csv.find(",true," + rfc3339(at(3600)) + ",uid:1001(alice)\r\n"), std::string::npos) << csv;
  EXPECT_NE(csv.find(",false,,\r\n"), std::string::npos) << csv;
}

TEST_F(Query, LatestMayBeLeftOutOfAnAddressWhereItIsTheOnlyCandidate) {
  for (const Args& args :
       {Args{"status", "prod/ap-guangzhou/default/charge"}, Args{"history", "--target", "prod/*/charge"},
        Args{"events", "prod/ap-guangzhou/default/charge"}}) {
    const Ran ran = query(args);
    EXPECT_EQ(ran.code, 0) << ran.err;
    EXPECT_NE(ran.out.find(Recorded::address("charge")), std::string::npos) << ran.out;
  }
}

TEST_F(Query, ATableOnATerminalFitsItsWidth) {
  ::setenv("NO_COLOR", "1", 1);
  ::setenv("COLUMNS", "80", 1);
  for (const char* report : {"status", "history", "events", "coverage"}) {
    std::istringstream lines(query({report}, true).out);
    for (std::string line; std::getline(lines, line) && !line.empty();) EXPECT_LE(line.size(), 84U) << line;
  }
  EXPECT_NE(query({"status"}, true).out.find(" ago"), std::string::npos);
  EXPECT_EQ(query({"status", "--wide"}, true).out, query({"status"}).out);
  EXPECT_NE(query({"status", "--utc"}, true).out.find("2026-11-24T00:01:10.000Z"), std::string::npos);
  ::unsetenv("COLUMNS");
  ::unsetenv("NO_COLOR");
}

TEST_F(Query, AnAmbiguousNameIsWrongUsageAndListsTheCandidates) {
  const Ran ran = query({"history", "ship"});
  EXPECT_EQ(ran.code, 64);
  EXPECT_EQ(ran.out, "");
  EXPECT_NE(ran.err.find("\n  'prod/ap-guangzhou/default/ship'\n  'test/ap-guangzhou/default/ship'\n"),
            std::string::npos)
      << "as they may be typed: " << ran.err;
}

TEST_F(Query, DetailedExitCodeFollowsWhatIsSelected) {
  EXPECT_EQ(query({"status", "--detailed-exitcode"}).code, 2);
  EXPECT_EQ(query({"status", "--detailed-exitcode", "--limit", "1", "--status", "unobserved"}).code, 3);
  EXPECT_EQ(query({"status", "--detailed-exitcode", "--target", "refund"}).code, 0);
  EXPECT_EQ(query({"status", "--detailed-exitcode", "nope"}).code, 1);
  EXPECT_EQ(query({"status"}).code, 0);
}

TEST_F(Query, WrongUsageNamesWhatWouldBeRight) {
  struct Case {
    Args args;
    std::string says;
  };
  const Case cases[] = {{{}, "status, history, events, alerts, coverage, inventory, attestations, report"},
                        {{"statsu"}, "did you mean status?"},
                        {{"raport"}, "did you mean report?"},
                        {{"--json", "status"}, "the report comes first"},
                        {{"status", "--regoin", "x"}, "did you mean --region?"},
                        {{"status", "--reg", "x"}, "unknown option --reg"},
                        {{"status", "--region"}, "region"},
                        {{"status", "-x"}, "unknown option"},
                        {{"status", "--status", "driftd"}, "did you mean drifted?"},
                        {{"events", "--kind", "drift.detectd"}, "did you mean drift.detected?"},
                        {{"status", "--kind", "drift.*"}, "not for \"query status\""},
                        {{"events", "--attempts"}, "not for \"query events\""},
                        {{"history", "--detailed-exitcode"}, "not for \"query history\""},
                        {{"status", "--format", "yaml"}, "there are table, json, ndjson, csv, markdown"},
                        {{"status", "--format", "jsn"}, "did you mean json?"},
                        {{"status", "--json", "--format", "csv"}, "contradict"},
                        {{"status", "--bom"}, "--bom is for --format csv alone"},
                        {{"events", "--bom", "--format", "ndjson"}, "--bom is for --format csv alone"},
                        {{"status", "--bom", "--json"}, "--bom is for --format csv alone"},
                        {{"report", "--bom"}, "not for \"query report\""},
                        {{"status", "--limit", "0"}, "1 or more"},
                        {{"status", "--limit", "9x"}, "1 or more"},
                        {{"status", "--limit", "99999999999999999999"}, "1 or more"},
                        {{"events", "--since", "yesterday"}, "90s, 15m, 24h, 7d"},
                        {{"events", "--until", "2026-13-01T00:00:00Z"}, "is not a time"},
                        {{"events", "--since", "1h", "--until", "2h"}, "is later than"},
                        {{"events", "--since", "1h", "--since", "2h"}, "since"},
                        {{"status", "--at", "2030-01-01T00:00:00Z"}, "lies in the future"},
                        {{"status", "--at", "noon"}, "is not a time"},
                        {{"status", "--state", "gone"}, "not for \"query status\""},
                        {{"inventory", "--state", "unmanged"}, "did you mean unmanaged?"},
                        {{"inventory", "--status", "drifted"}, "not for \"query inventory\""},
                        {{"inventory", "--qualifier", "1"}, "not for \"query inventory\""},
                        {{"inventory", "--since", "1h"}, "not for \"query inventory\""},
                        {{"history", "--at", "1m"}, "not for \"query history\""},
                        {{"status", "--format", "html"}, "for \"query report\" alone"},
                        {{"report", "--format", "csv"}, "there are markdown, html, json"},
                        {{"report", "--format", "table"}, "a report is not a table"},
                        {{"report", "--format", "htm"}, "did you mean html?"},
                        {{"report", "--json", "--format", "html"}, "contradict"},
                        {{"report", "--limit", "5"}, "not for \"query report\""},
                        {{"report", "--since", "2030-01-01T00:00:00Z"}, "lies in the future"},
                        {{"status", "--\x1b[31m"}, "unknown option"}};
  for (const Case& c : cases) {
    const Ran ran = query(c.args);
    EXPECT_EQ(ran.code, 64) << testing::PrintToString(c.args);
    EXPECT_NE(ran.err.find(c.says), std::string::npos) << testing::PrintToString(c.args) << ran.err;
    EXPECT_EQ(ran.err.find('\x1b'), std::string::npos);
    EXPECT_EQ(ran.out, "");
  }
}

TEST_F(Query, ColourIsForTerminalsWithoutNoColor) {
  ::setenv("TERM", "xterm", 1);
  EXPECT_NE(query({"status"}, true).out.find("\x1b["), std::string::npos);
  ::setenv("TERM", "dumb", 1);
  EXPECT_EQ(query({"status"}, true).out.find('\x1b'), std::string::npos);
  ::unsetenv("TERM");
  EXPECT_EQ(query({"status"}, true).out.find('\x1b'), std::string::npos);
  ::setenv("TERM", "xterm", 1);
  EXPECT_EQ(query({"status"}, false).out.find('\x1b'), std::string::npos);
  EXPECT_EQ(query({"status", "--format", "markdown"}, true).out.find('\x1b'), std::string::npos);
  const std::string file = r_.dir() / "out.txt";
  EXPECT_EQ(query({"status", "-o", file}, true).code, 0);
  EXPECT_EQ(file_text(file).find('\x1b'), std::string::npos);
  ::setenv("NO_COLOR", "1", 1);
  EXPECT_EQ(query({"status"}, true).out.find('\x1b'), std::string::npos);
  ::unsetenv("NO_COLOR");
}

TEST_F(Query, StatusAtIsOfThatMomentAndSaysSo) {
  const Json then = Json::parse(query({"status", "--at", "2026-11-24T00:00:30Z", "--json"}).out);
  EXPECT_EQ(then.at("as_of"), "2026-11-24T00:00:30.000Z");
  EXPECT_EQ(then.at("summary").at("drifted"), 0);
  EXPECT_FALSE(Json::parse(query({"status", "--json"}).out).contains("as_of"));
  EXPECT_EQ(query({"status", "--at", "30s", "--detailed-exitcode"}).code, 2);
  // The function is found that was watched then, and no longer is.
  EXPECT_EQ(query({"status", "old", "--at", "2026-11-24T00:00:02Z"}).code, 0);
  const Ran early = query({"status", "--at", "1h", "-o", r_.dir() / "early.txt"});
  EXPECT_EQ(early.code, 1);
  EXPECT_NE(early.err.find("the record begins at 2026-11-24T00:00:00.000Z"), std::string::npos) << early.err;
  EXPECT_FALSE(std::filesystem::exists(r_.dir() / "early.txt"));
}

TEST_F(Query, AReportIsMarkdownUnlessAskedOrNamedOtherwise) {
  EXPECT_TRUE(query({"report"}).out.starts_with("# Code drift audit report"));
  EXPECT_TRUE(query({"report", "--format", "html"}).out.starts_with("<!DOCTYPE html>"));
  EXPECT_EQ(Json::parse(query({"report", "--json"}).out).at("schema"), "codedriftd.report.v1");
  const std::string file = r_.dir() / "report.html";
  EXPECT_EQ(query({"report", "-o", file}).code, 0);
  EXPECT_TRUE(file_text(file).starts_with("<!DOCTYPE html>"));
  EXPECT_NE(query({"report", "old"}).out.find("1 function:"), std::string::npos) << "also what is no longer watched";
}

TEST_F(Query, AReportOfNothingFails) {
  for (const Args& args : {Args{"report", "--target", "nosuch"}, Args{"report", "--until", "2h"}}) {
    const Ran ran = query(args);
    EXPECT_EQ(ran.code, 1);
    EXPECT_EQ(ran.out, "");
    EXPECT_NE(ran.err, "");
  }
}

TEST_F(Query, AReportWithATamperedEventIsWrittenAndFails) {
  r_.db().execute("DROP TRIGGER event_is_never_changed; UPDATE event SET actor = 'nobody' WHERE seq = 1");
  const Ran ran = query({"report"});
  EXPECT_EQ(ran.code, 1);
  EXPECT_NE(ran.err.find("event 1"), std::string::npos);
  EXPECT_NE(ran.out.find("differs from the column"), std::string::npos);
}

TEST_F(Query, ATamperedEventIsShownAndFails) {
  r_.db().execute("DROP TRIGGER event_is_never_changed; UPDATE event SET kind = 'drift.resolved' WHERE seq = 1");
  const Ran ran = query({"events", "--json"});
  EXPECT_EQ(ran.code, 1);
  EXPECT_NE(ran.err.find("event 1"), std::string::npos);
  EXPECT_NE(Json::parse(ran.out).at("rows").at(1).at("problem"), "");
}

TEST_F(Query, HelpNeedsNoDatabase) {
  std::ostringstream out, err;
  const auto none = []() -> Settings { throw std::logic_error("asked for the database"); };
  for (const Args& args :
       {Args{"--help"}, Args{"-h"}, Args{"status", "--help"}, Args{"history", "-h"}, Args{"events", "--help"},
        Args{"alerts", "--help"}, Args{"coverage", "--help"}, Args{"inventory", "--help"}, Args{"report", "--help"}}) {
    out.str("");
    EXPECT_EQ(run_query(args, none, at(0), false, out, err), 0);
    EXPECT_NE(out.str().find("Example"), std::string::npos);
    EXPECT_NE(out.str().find("Exit code"), std::string::npos);
  }
  EXPECT_EQ(err.str(), "");
  EXPECT_THROW(run_query({"status"}, none, at(0), false, out, err), std::logic_error)
      << "what it throws passes through";
}

TEST_F(Query, WritesAFileCompletelyOrNotAtAll) {
  const std::string file = r_.dir() / "report.csv";
  const mode_t before = ::umask(0);
  EXPECT_EQ(query({"status", "--format", "csv", "-o", file}).code, 0);
  ::umask(before);
  EXPECT_EQ(file_text(file), query({"status", "--format", "csv"}).out);
  struct stat info {};
  ASSERT_EQ(::stat(file.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777, 0640U);
  const Ran failed = query({"status", "-o", r_.dir() / "no/such/folder.csv"});
  EXPECT_EQ(failed.code, 1);
  EXPECT_NE(failed.err.find("cannot be written"), std::string::npos);
  EXPECT_EQ(query({"status", "-o", "/dev/null"}).code, 0);
  EXPECT_NE(query({"status", "-o", "-"}).out, "");
}

TEST(WriteFile, FollowsALinkAndLeavesNothingBehind) {
  TempDir dir;
  const std::string real = dir.write("real", "old");
  std::filesystem::create_symlink(real, dir.path() / "link");
  ASSERT_TRUE(write_file(dir / "link", "new"));
  EXPECT_EQ(file_text(real), "new");
  EXPECT_TRUE(std::filesystem::is_symlink(dir.path() / "link"));
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(dir.path()), {}), 2);
  EXPECT_FALSE(write_file(dir.path().string(), "a folder")) << "a folder cannot be written to";
}

TEST(WriteFile, FlushesTheFileAndThenTheFolderThatGotItsName) {
  const TempDir dir;
  const auto identity = [](const std::string& path) {
    struct stat info {};
    EXPECT_EQ(::stat(path.c_str(), &info), 0) << path;
    return std::pair(info.st_dev, info.st_ino);
  };
  Flushes flushes;
  watched_flushes = &flushes;
  const Checked written = write_file(dir / "report", "new");
  flushes.folder_error = EINVAL;
  const Checked on_such_a_file_system = write_file(dir / "report", "newer");
  flushes.folder_error = EIO;
  const Checked broken = write_file(dir / "report", "newest");
  watched_flushes = nullptr;
  EXPECT_TRUE(written);
  EXPECT_TRUE(on_such_a_file_system) << "some cannot flush a folder, and the file is there all the same";
  ASSERT_FALSE(broken) << "what a power cut may take away was not written";
  EXPECT_NE(broken.error().message.find("report: cannot be written: "), std::string::npos) << broken.error().message;
  ASSERT_EQ(flushes.files.size(), 6U);
  for (const std::size_t folder : {1U, 3U, 5U}) EXPECT_EQ(flushes.files[folder], identity(dir.path().string()));
  EXPECT_EQ(flushes.files[4], identity(dir / "report")) << "before it had that name";
}

TEST(QueryDatabase, ThatIsMissingOrForeignOrDamagedIsExplained) {
  TempDir dir;
  const Ran missing = query_at(dir.path(), {"status"});
  EXPECT_EQ(missing.code, 1);
  EXPECT_NE(missing.err.find("start the daemon"), std::string::npos);
  EXPECT_NE(missing.err.find("codedriftd.db"), std::string::npos);

  dir.write("codedriftd.db", std::string(4096, 'x'));
  const Ran text = query_at(dir.path(), {"status"});
  EXPECT_EQ(text.code, 1);
  EXPECT_NE(text.err.find("not a codedriftd database"), std::string::npos) << text.err;

  dir.write("codedriftd.db", "");
  const Ran empty = query_at(dir.path(), {"status"});
  EXPECT_EQ(empty.code, 1);
  EXPECT_NE(empty.err.find("not a codedriftd database"), std::string::npos) << empty.err;
}

TEST(QueryDatabase, ThatIsNewerIsRefusedWithBothVersions) {
  Recorded r;
  r.db().execute("PRAGMA user_version = 99");
  const Ran ran = query_at(r.dir().path(), {"status"});
  EXPECT_EQ(ran.code, 1);
  EXPECT_NE(ran.err.find("99"), std::string::npos);
}

TEST(QueryDatabase, WithARowThatCannotBeIsExplained) {
  Recorded r;
  r.watch({"f"}, at(0));
  r.db().execute("UPDATE target SET announced = '[{'");
  const Ran ran = query_at(r.dir().path(), {"status"});
  EXPECT_EQ(ran.code, 1);
  EXPECT_NE(ran.err.find("damaged"), std::string::npos) << ran.err;
}

TEST(QueryDatabase, WithNothingWatchedIsNoGoodNews) {
  Recorded r;
  EXPECT_EQ(query_at(r.dir().path(), {"status"}).code, 1);
  EXPECT_EQ(query_at(r.dir().path(), {"coverage"}).code, 1);
  EXPECT_EQ(query_at(r.dir().path(), {"events"}).code, 0);
}

TEST(QueryDatabase, ThatMayNotBeReadNamesTheGroup) {
  if (::geteuid() == 0) {
    // root reads everything: the test runs as somebody else, in a child.
    Recorded r;
    std::filesystem::permissions(r.dir().path(), std::filesystem::perms::owner_all);
    const pid_t child = ::fork();
    if (child == 0) {
      if (::setuid(65534) != 0) ::_exit(9);
      const Ran ran = query_at(r.dir().path(), {"status"});
      ::_exit(ran.code == 1 && ran.err.find("join the group codedriftd") != std::string::npos ? 0 : 1);
    }
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_EQ(WEXITSTATUS(status), 0);
  } else {
    TempDir dir;
    dir.write("codedriftd.db", "", std::filesystem::perms::none);
    EXPECT_NE(query_at(dir.path(), {"status"}).err.find("join the group codedriftd"), std::string::npos);
  }
}

TEST(ParseTime, TakesAgesAndRfc3339) {
  EXPECT_EQ(parse_time("90s", at(100)), at(10));
  EXPECT_EQ(parse_time("0", at(100)), at(100));
  EXPECT_EQ(parse_time("2026-11-24T01:00:10+01:00", at(100)), at(10));
  EXPECT_EQ(parse_time("2026-11-24", at(100)), at(0)) << "its first moment, UTC";
  EXPECT_EQ(parse_time("2026-11-24 00:01", at(100)), at(60));
  EXPECT_EQ(parse_time("2026-11-24T00:01:10", at(100)), at(70));
  EXPECT_EQ(parse_time("now", at(100)), at(100));
  EXPECT_EQ(parse_time("1m30s", at(100)), at(10));
  EXPECT_EQ(parse_time("2026-11-2", at(100)), std::nullopt);
  EXPECT_EQ(parse_time("2026-02-30", at(100)), std::nullopt);
  EXPECT_EQ(parse_time("", at(100)), std::nullopt);
}

}  // namespace
}  // namespace codedriftd
