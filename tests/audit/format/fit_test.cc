/// A table on a terminal: nothing that all rows share is said twice, and no line is wider than the terminal.
#include "audit/format/fit.h"

#include <gtest/gtest.h>

#include <sstream>

#include "audit/format/render.h"
#include "audit/format/table.h"
#include "audit/format/width.h"
#include "base/json.h"
#include "support/recorded.h"

namespace codedriftd {
namespace {

using test::Recorded;

constexpr std::string_view kFitFields[] = {"target", "status", "reason", "since", "observed_sha256", "last_error"};
constexpr Column kFitColumns[] = {{"target", "TARGET", 0},        {"status", "STATUS", 0},
                                  {"reason", "REASON", 40},       {"since", "SINCE", 0},
                                  {"observed_sha256", "LIVE", 0}, {"last_error", "LAST ERROR", 60}};
const Report kFitReport{"sample", kFitFields, kFitColumns, nullptr};

Row fit_row(const std::string& target, const std::string& error = "", double since = 0) {
  return {{target, "in_sync", "", rfc3339(Recorded::at(since)), sha256("A").hex(), error}, {}};
}

std::string fitted(const std::vector<Row>& rows, const Look& look) {
  std::string out;
  const auto renderer = make_renderer(Format::table, kFitReport, Recorded::at(600), look, out);
  for (const Row& each : rows) renderer->row(each);
  renderer->end({});
  return out;
}

TEST(Fit, WhatAllRowsShareIsSaidOnceAbove) {
  const std::string out = fitted({fit_row("prod/ap-guangzhou/default/charge:$LATEST"),
                                  fit_row("prod/ap-guangzhou/default/refund:$LATEST", "", 300)},
                                 {false, 80});
  EXPECT_EQ(out,
            "prod/ap-guangzhou/default/*:$LATEST\n\n"
            "TARGET  STATUS   SINCE    LIVE\n"
            "charge  in_sync  10m ago  " +
                sha256("A").hex().substr(0, 12) +
                "\n"
                "refund  in_sync  5m ago   " +
                sha256("A").hex().substr(0, 12) + "\n");
}

TEST(Fit, OnlyWholePartsAreShared) {
  const std::string out = fitted(
      {fit_row("prod/ap-guangzhou/default/charge:1"), fit_row("prod/ap-guangxi/default/charge:2")}, {false, 120});
  EXPECT_TRUE(out.starts_with("prod/*\n\n")) << out;
  EXPECT_NE(out.find("\nap-guangxi/default/charge:2  "), std::string::npos) << out;
}

TEST(Fit, RowsOfTheWholeDaemonDoNotHinderIt) {
  const std::string out =
      fitted({fit_row("prod/r/default/charge:1"), {{nullptr, "in_sync", "", "", nullptr, ""}, {}}}, {false, 80});
  EXPECT_TRUE(out.starts_with("prod/r/default/*:1\n\n")) << out;
  EXPECT_NE(out.find("\n-       in_sync"), std::string::npos) << out;
}

TEST(Fit, NoLineIsWiderThanTheTerminal) {
  const std::string wide = "\xE5\x87\xBD\xE6\x95\xB0";
  std::string error = "it failed";
  for (int i = 0; i < 20; ++i) error += " and " + wide + " failed";
  for (const std::size_t width : {80U, 100U, 120U, 200U}) {
    const std::string out =
        fitted({fit_row("prod/r/default/" + std::string(60, 'f') + ":1", error), fit_row("test/r/n/g:2", "x")},
               {false, width});
    std::istringstream lines(out);
    for (std::string line; std::getline(lines, line);) EXPECT_LE(display_width(line), width) << line;
    EXPECT_NE(out.find("…"), std::string::npos) << "something was cut, and it says so";
  }
}

TEST(Fit, TimesAreInFullWithUtcAndEverythingIsWithoutAWidth) {
  const std::vector<Row> rows{fit_row("prod/r/default/charge:1", "it failed")};
  EXPECT_NE(fitted(rows, {false, 80, true}).find("2026-11-24T00:00:00.000Z"), std::string::npos);
  const std::string all = fitted(rows, false);
  EXPECT_NE(all.find("REASON"), std::string::npos) << "an empty column too";
  EXPECT_NE(all.find("prod/r/default/charge:1"), std::string::npos);
}

TEST(Fit, AColumnToSpareGoesBeforeTheLinesWrapAndIsNamed) {
  std::vector<std::vector<std::string>> cells{{"prod/r/default/charge:1", "0123456789", "0123456789"}};
  std::vector<std::vector<std::string>*> rows{&cells.front()};
  const std::vector<FitColumn> columns{fit_column("target", "TARGET", 0), fit_column("id", "ID", 1),
                                       fit_column("polls", "POLLS", 2)};
  const FittedTable table = fit_table(columns, rows, 20);
  EXPECT_EQ(table.shown, (std::vector<bool>{true, true, false}));
  EXPECT_EQ(table.above.back(), "Not shown here: POLLS; --wide shows all.");
  EXPECT_EQ(cells.front().front(), "charge");
}

TEST(Fit, AgesAreInTheLargestUnitThatSaysSomething) {
  struct Case {
    double away;
    std::string_view words;
  };
  for (const Case& c : {Case{0, "now"}, Case{30, "30s ago"}, Case{119, "119s ago"}, Case{540, "9m ago"},
                        Case{7'199, "119m ago"}, Case{7'200, "2h ago"}, Case{172'800, "2d ago"}, Case{-180, "in 3m"}})
    EXPECT_EQ(short_time(Recorded::at(0), Recorded::at(c.away)), c.words);
}

}  // namespace
}  // namespace codedriftd
