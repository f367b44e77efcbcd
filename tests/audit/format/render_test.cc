#include "audit/format/render.h"

#include <gtest/gtest.h>

#include "audit/format/table.h"
#include "audit/format/width.h"
#include "base/json.h"
#include "support/recorded.h"

namespace codedriftd {
namespace {

constexpr std::string_view kFields[] = {"target", "status",    "sha256",        "coverage",
                                        "gaps",   "event_ids", "longest_gap_s", "ok"};
constexpr Column kColumns[] = {{"target", "TARGET", 0}, {"status", "STATUS", 10},
                               {"sha256", "SHA256", 0}, {"coverage", "COVERAGE", 0},
                               {"gaps", "GAPS", 0},     {"longest_gap_s", "LONGEST GAP", 0},
                               {"ok", "OK", 0}};
const Report kReport{"sample", kFields, kColumns, nullptr};

Row row(OrderedJson target, OrderedJson status = "in_sync") {
  return {{std::move(target), std::move(status), sha256("A").hex(), 0.5, OrderedJson::array({1, 2}),
           OrderedJson::array({"e1", "e2"}), 61.5, true},
          {}};
}
Row nulls() { return {{"t", "", nullptr, nullptr, OrderedJson::array(), nullptr, nullptr, nullptr}, {}}; }

std::string rendered(Format format, const std::vector<Row>& rows, bool colour = false,
                     const std::vector<std::string>& remarks = {"1 in sync"}) {
  std::string out;
  const auto renderer = make_renderer(format, kReport, test::Recorded::at(0), colour, out);
  for (const Row& each : rows) renderer->row(each);
  ReportEnd end;
  end.summary["selected"] = rows.size();
  end.remarks = remarks;
  renderer->end(end);
  return out;
}

TEST(Json, IsAnEnvelopeWithOneRowALine) {
  const std::string json = rendered(Format::json, {row("a/b"), nulls()});
  EXPECT_EQ(
      json,
      "{\"schema\":\"codedriftd.sample.v1\",\"generated_at\":\"2026-11-24T00:00:00.000Z\",\"rows\":[\n"
      "{\"target\":\"a/b\",\"status\":\"in_sync\",\"sha256\":\"" +
          sha256("A").hex() +
          "\",\"coverage\":0.5,\"gaps\":[1,2],\"event_ids\":[\"e1\",\"e2\"],\"longest_gap_s\":61.5,\"ok\":true},\n"
          "{\"target\":\"t\",\"status\":\"\",\"sha256\":null,\"coverage\":null,\"gaps\":[],\"event_ids\":null,"
          "\"longest_gap_s\":null,\"ok\":null}\n"
          "],\"summary\":{\"selected\":2}}\n");
  EXPECT_EQ(Json::parse(rendered(Format::json, {})).at("rows").size(), 0U);
}

TEST(Json, EscapesWhatCouldConfuseATerminalAndKeepsTheValue) {
  const std::string evil =
      "\x1b[31m\x7f \xC2\x9B \xD8\x9C \xE2\x80\x8F \xE2\x80\xAE \xE2\x81\xA6 \xEF\xBB\xBF \\u0041 \xE5\x87\xBD \"q\"";
  const std::string json = rendered(Format::ndjson, {row(evil)});
  EXPECT_EQ(Json::parse(json).at("target"), evil);
  for (const char* bad :
       {"\x1b", "\x7f", "\xC2\x9B", "\xD8\x9C", "\xE2\x80\x8F", "\xE2\x80\xAE", "\xE2\x81\xA6", "\xEF\xBB\xBF"})
    EXPECT_EQ(json.find(bad), std::string::npos);
  EXPECT_NE(json.find("\xE5\x87\xBD"), std::string::npos);
}

TEST(Json, SurvivesInvalidUtf8) {
  EXPECT_EQ(Json::parse(rendered(Format::ndjson, {row("a\xff\xc3")})).at("target"), "a\xEF\xBF\xBD\xEF\xBF\xBD");
}

TEST(Json, HasAProblemAsAMemberOfItsRow) {
  Row bad = row("t");
  bad.problem = "why";
  EXPECT_EQ(Json::parse(rendered(Format::ndjson, {bad})).at("problem"), "why");
  EXPECT_FALSE(Json::parse(rendered(Format::ndjson, {row("t")})).contains("problem"));
}

TEST(Csv, IsRfc4180) {
  EXPECT_EQ(rendered(Format::csv, {row("a,\"b\"\nc"), nulls()}),
            "target,status,sha256,coverage,gaps,event_ids,longest_gap_s,ok\r\n"
            "\"a,\"\"b\"\"\nc\",in_sync," +
                sha256("A").hex() +
                ",0.500000,2,\"[\"\"e1\"\",\"\"e2\"\"]\",61.5,true\r\n"
                "t,,,,0,,,\r\n");
}

TEST(Csv, NeverBeginsACellLikeAFormula) {
  for (const char* cell : {"=1+1", "+1", "-1", "@SUM(A1)"})
    EXPECT_NE(rendered(Format::csv, {row(cell)}).find(std::string("\r\n'") + cell + ","), std::string::npos) << cell;
  EXPECT_NE(rendered(Format::csv, {row("=a,b")}).find("\r\n\"'=a,b\","), std::string::npos);
  EXPECT_NE(rendered(Format::csv, {row("a\x1b[31m")}).find("a\\u{1b}[31m"), std::string::npos);
}

TEST(Table, IsAlignedWithShortHashesAndARemarkAtTheEnd) {
  const std::string table = rendered(Format::table, {row("a"), row("a/longer/target", "pending_deploy"), nulls()});
  EXPECT_EQ(table,
            "TARGET           STATUS          SHA256        COVERAGE  GAPS  LONGEST GAP  OK\n"
            "a                in_sync         559aead08264  50.00 %   2     1m 2s        yes\n"
            "a/longer/target  pending_deploy  559aead08264  50.00 %   2     1m 2s        yes\n"
            "t                -               -             -         0     -            -\n"
            "\n"
            "1 in sync\n");
  EXPECT_EQ(rendered(Format::table, {}), "1 in sync\n");
}

TEST(Table, CutsALongCellOnATerminalAlone) {
  std::string out;
  const auto renderer = make_renderer(Format::table, kReport, test::Recorded::at(0), Look(false, 200, false), out);
  renderer->row(row("a", "pending_deploy"));
  renderer->end({});
  EXPECT_NE(out.find(" pending_d… "), std::string::npos) << out;
}

TEST(Table, ShowsTwelveDigitsOfAHashInARemarkAndMarkdownAll) {
  const std::string hash = sha256("A").hex();
  // What only looks like a hash is left as it is.
  const std::vector<std::string> remarks = {"the live hash was " + hash + ".", hash, hash + "0 x" + hash};
  EXPECT_EQ(rendered(Format::table, {}, false, remarks),
            "the live hash was 559aead08264.\n559aead08264\n" + hash + "0 x" + hash + "\n");
  EXPECT_NE(rendered(Format::markdown, {}, false, remarks).find("\n\nthe live hash was " + hash + ".\n"),
            std::string::npos);
}

TEST(Table, PaintsOnlyWhenAskedTo) {
  EXPECT_EQ(rendered(Format::table, {row("a", "drifted")}).find('\x1b'), std::string::npos);
  EXPECT_NE(rendered(Format::table, {row("a", "drifted")}, true).find("\x1b[31mdrifted\x1b[0m  559aead08264"),
            std::string::npos);
}

TEST(Table, ShowsForeignTextHarmlessly) {
  const std::string table = rendered(Format::table, {row("a\x1b]0;x\x07\nb\xE2\x80\xAE")}, false);
  EXPECT_NE(table.find("a\\u{1b}]0;x\\u{7}\\u{a}b\\u{202e}"), std::string::npos);
}

TEST(Table, ShowsAProblemBelowItsRow) {
  Row bad = row("t");
  bad.problem = "why";
  EXPECT_NE(rendered(Format::table, {bad}).find("yes\n    ! why\n"), std::string::npos);
}

TEST(Table, MeasuresWideCharactersAndCutsWithAnEllipsis) {
  EXPECT_EQ(display_width("abc"), 3U);
  EXPECT_EQ(display_width("\xE5\x87\xBD\xE6\x95\xB0"), 4U);
  EXPECT_EQ(display_width("\xC3\xA9"), 1U);
  EXPECT_EQ(display_width("\xF0\x9F\x98\x80"), 2U);
  EXPECT_EQ(shortened("abcdef", 6), "abcdef");
  EXPECT_EQ(shortened("abcdefg", 6), "abcde…");
  EXPECT_EQ(shortened("\xE5\x87\xBD\xE6\x95\xB0\xE6\x95\xB0", 4), "\xE5\x87\xBD…");
}

TEST(Markdown, EscapesAndKeepsWholeHashes) {
  const std::string markdown =
      rendered(Format::markdown, {row("a|b <img> _x_ [l](u) `c` &amp; in_sync \x1b\n#", "drifted")});
  EXPECT_EQ(
      markdown,
      "| TARGET | STATUS | SHA256 | COVERAGE | GAPS | LONGEST GAP | OK |\n"
      "| --- | --- | --- | --- | --- | --- | --- |\n"
      "| a\\|b &lt;img\\> \\_x\\_ \\[l\\](u) \\`c\\` &amp;amp; in_sync \\\\u\\{1b\\}\\\\u\\{a\\}\\# | drifted | " +
          sha256("A").hex() + " | 50.00 % | 2 | 1m 2s | yes |\n\n1 in sync\n");
}

// Renderers make links of bare addresses by themselves, and what somebody else wrote must not become one.
TEST(Markdown, BareAddressesBecomeNoLinks) {
  const std::string markdown = rendered(
      Format::markdown, {row("see https://x.example/a, ftp://y.example www.z.example WWW.Z.EXAMPLE or bob@w.example")},
      false, {"built by http://ci.example/7"});
  EXPECT_NE(markdown.find("| see https\\://x.example/a, ftp\\://y.example www\\.z.example WWW\\.Z.EXAMPLE or "
                          "bob\\@w.example |"),
            std::string::npos)
      << markdown;
  EXPECT_NE(markdown.find("\n\nbuilt by http\\://ci.example/7\n"), std::string::npos) << markdown;
  EXPECT_EQ(markdown_text("12:30 a.b wwx. ://"), "12:30 a.b wwx. \\://") << "what is no address stays as it is";
}

TEST(Format, HasTheContractsNames) {
  for (const char* name : {"table", "json", "ndjson", "csv", "markdown"}) EXPECT_TRUE(parse_format(name)) << name;
  EXPECT_FALSE(parse_format("html"));
}

}  // namespace
}  // namespace codedriftd
