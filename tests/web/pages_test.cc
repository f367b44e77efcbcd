#include "web/pages/pages.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <set>
#include <string>
#include <vector>

#include "audit/query/reports.h"
#include "audit/report/writers.h"
#include "audit/report_story.h"
#include "store/outbox/outbox.h"

namespace codedriftd::test {
namespace {

int from_hex(char c) { return c <= '9' ? c - '0' : (c | 32) - 'a' + 10; }

std::string decoded(std::string_view text) {
  std::string plain;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size()) {
      plain += static_cast<char>(from_hex(text[i + 1]) * 16 + from_hex(text[i + 2]));
      i += 2;
    } else {
      plain += text[i] == '+' ? ' ' : text[i];
    }
  }
  return plain;
}

/// What the HTTP library makes of "PATH?NAME=VALUE&…".
WebRequest request_of(std::string_view url) {
  WebRequest request;
  url = url.substr(0, url.find('#'));
  const std::size_t mark = url.find('?');
  request.path = decoded(url.substr(0, mark));
  while (mark != url.npos && !url.empty()) {
    const std::size_t begin = url.find_first_of("?&");
    if (begin == url.npos) break;
    url.remove_prefix(begin + 1);
    const std::string_view pair = url.substr(0, url.find('&'));
    const std::size_t equals = pair.find('=');
    request.values.emplace(decoded(pair.substr(0, equals)), decoded(pair.substr(equals + 1)));
  }
  return request;
}

WebReply ask(const Recorded& r, std::string_view url, WallTime now) {
  if (auto asset = answer_asset(request_of(url))) return *std::move(asset);
  Database db = r.open_reader();
  return answer_page(db, request_of(url), {"ops-1 <&>"}, now);
}

std::size_t count(std::string_view text, std::string_view word) {
  std::size_t found = 0;
  for (std::size_t at = text.find(word); at != text.npos; at = text.find(word, at + word.size())) ++found;
  return found;
}

bool has(std::string_view text, std::string_view word) { return text.find(word) != text.npos; }

/// Every address that the page leads to, unescaped.
std::vector<std::string> links_in(const std::string& html) {
  std::vector<std::string> links;
  constexpr std::string_view kMark = "href=\"";
  for (std::size_t at = html.find(kMark); at != html.npos; at = html.find(kMark, at + 1)) {
    std::string link = html.substr(at + kMark.size(), html.find('"', at + kMark.size()) - at - kMark.size());
    for (std::size_t amp = link.find("&amp;"); amp != link.npos; amp = link.find("&amp;", amp + 1))
      link.replace(amp, 5, "&");
    links.push_back(std::move(link));
  }
  return links;
}

std::vector<std::string> functions_in(const std::string& html) {
  std::vector<std::string> functions;
  for (const std::string& link : links_in(html)) {
    if (link.starts_with("/function/") && !has(link, "?")) functions.push_back(link.substr(10));
  }
  return functions;
}

class PagesOfAStory : public testing::Test {
 protected:
  static void SetUpTestSuite() { story_ = new ReportStory; }
  static void TearDownTestSuite() {
    delete story_;
    story_ = nullptr;
  }
  static WebReply ask(std::string_view url) { return test::ask(story_->r, url, ReportStory::end()); }
  static std::string page(std::string_view url) {
    const WebReply reply = ask(url);
    EXPECT_EQ(reply.status, 200) << url << '\n' << reply.body;
    EXPECT_EQ(reply.type, "text/html; charset=utf-8");
    return reply.body;
  }
  static std::string function(const std::string& name) { return "/function/" + Recorded::address(name); }

  static ReportStory* story_;
};
ReportStory* PagesOfAStory::story_ = nullptr;

TEST_F(PagesOfAStory, HaveAMenuASkipLinkTheInstanceAndNothingInline) {
  for (const std::string& url : {std::string("/"), function("refund"), function("ledger"), std::string("/alerts"),
                                 std::string("/log"), std::string("/no/such/page"), std::string("/?page=no")}) {
    SCOPED_TRACE(url);
    const std::string html = ask(url).body;
    EXPECT_TRUE(html.starts_with("<!DOCTYPE html>\n<html lang=\"en\">"));
    EXPECT_TRUE(has(html, "<a class=\"skip\" href=\"#main\">"));
    EXPECT_TRUE(has(html, "<main id=\"main\""));
    EXPECT_TRUE(has(html, "ops-1 &lt;&amp;&gt;"));
    EXPECT_TRUE(has(html, "datetime=\"2026-11-24T06:00:00.000Z\"")) << "as of when";
    EXPECT_EQ(count(html, "<h1"), 1U);
    EXPECT_EQ(count(html, "<script"), 1U);
    EXPECT_TRUE(has(html, "<script src=\"/assets/page.js\" defer></script>"));
    for (const char* inlined :
         {"<style", " style=", " onclick", " onload", " onerror", "javascript:", "=\"http", "url(", "=\"//"})
      EXPECT_FALSE(has(html, inlined)) << inlined;
  }
  for (const auto& [url, entry] : {std::pair("/", "<a href=\"/\" aria-current=\"page\">Functions"),
                                   {"/alerts", "<a href=\"/alerts\" aria-current=\"page\">Alerts"},
                                   {"/log", "<a href=\"/log\" aria-current=\"page\">Log"}}) {
    EXPECT_TRUE(has(page(url), entry)) << url;
  }
}

TEST_F(PagesOfAStory, HaveTheNumbersAndTheOrderOfTheStatusReport) {
  Database db = story_->r.open_reader();
  std::vector<std::string> addresses;
  const ReportEnd end = kStatusReport.run(
      db, {}, ReportStory::end(), [&](const Row& row) { addresses.push_back(row.values.front().get<std::string>()); });
  const std::string html = page("/");
  EXPECT_EQ(functions_in(html), addresses);
  EXPECT_TRUE(has(html, fmt::format("all <b>{}</b>", end.summary.at("selected").dump())));
  for (const auto& [status, number] : end.summary.items()) {
    if (status == "selected" || number == 0) continue;
    const std::string link = fmt::format("<a href=\"/?status={}\">", status);
    ASSERT_TRUE(has(html, link));
    EXPECT_TRUE(has(html.substr(html.find(link), 300), fmt::format("<b>{}</b>", number.dump()))) << status;
    EXPECT_EQ(functions_in(page(fmt::format("/?status={}", status))).size(), number.get<std::size_t>()) << status;
  }
}

TEST_F(PagesOfAStory, KeepTheCountsOfAllWhileOneStatusIsShown) {
  const std::string html = page("/?status=drifted");
  EXPECT_EQ(functions_in(html), std::vector{Recorded::address("refund")});
  EXPECT_TRUE(has(html, "all <b>6</b>"));
  EXPECT_TRUE(has(html, "<option value=\"drifted\" selected>"));
}

TEST_F(PagesOfAStory, TellWhoAcceptedAndWhy) {
  for (const std::string& html : {page("/?q=charge"), page(function("charge"))}) {
    EXPECT_TRUE(has(html, "uid:1001(alice), through sudo by bob (not verified)"));
    EXPECT_TRUE(has(html, "accepted by a person"));
    EXPECT_TRUE(has(html, "OPS-1"));
  }
}

TEST_F(PagesOfAStory, ShowForeignTextAsText) {
  for (const std::string& url :
       {std::string("/?q=charge"), function("charge"), function("mail"), std::string("/log"),
        std::string("/log?kind=control.denied"), "/?q=" + std::string("%3Cscript%3Ealert(1)")}) {
    const std::string html = ask(url).body;
    EXPECT_TRUE(has(html, "&lt;script&gt;alert(1)")) << url;
    EXPECT_FALSE(has(html, "<script>alert")) << url;
    EXPECT_FALSE(has(html, "\u202E")) << url;
  }
  EXPECT_TRUE(has(page("/alerts"), "&lt;b&gt;410 Gone&lt;/b&gt;"));
  EXPECT_TRUE(has(ask("/function/%22%3E%3Cb%3E").body, "&quot;&gt;&lt;b&gt;"));
}

TEST_F(PagesOfAStory, SayWhatCannotBeAskedFor) {
  for (const auto& [url, words] : {std::pair("/?page=abc", "Page &quot;abc&quot; is not a number"),
                                   {"/?page=0", "write a whole number, 1 or more"},
                                   {"/?page=99999999999999999999", "is not a number"},
                                   {"/?page=2", "Page &quot;2&quot; is not there; there is 1."},
                                   {"/?status=fine", "There is no status &quot;fine&quot;; there are missing, drifted"},
                                   {"/?all=yes", "All &quot;yes&quot; is not 1"},
                                   {"/alerts?state=lost", "There is no state &quot;lost&quot;"},
                                   {"/alerts?kind=x", "There is no kind &quot;x&quot;"},
                                   {"/alerts?alert=*", "There is no alert &quot;*&quot;; there are ops"},
                                   {"/log?since=foo", "Since &quot;foo&quot; is not a time; write one like 2026-11-24"},
                                   {"/log?before=-1", "Before &quot;-1&quot; is not a number"},
                                   {"/log?kind=%3Cb%3E", "There is no kind &quot;&lt;b&gt;&quot;"}}) {
    const WebReply reply = ask(url);
    EXPECT_EQ(reply.status, 400) << url;
    EXPECT_TRUE(has(reply.body, words)) << url << '\n' << reply.body;
  }
  EXPECT_EQ(ask(function("charge") + "?since=tomorrow").status, 400);
  EXPECT_EQ(ask(function("charge") + "?since=2030-01-01").status, 400);
}

TEST_F(PagesOfAStory, NameTheNearestOfAFunctionThatIsNotThere) {
  const WebReply reply = ask(function("chargee"));
  EXPECT_EQ(reply.status, 404);
  EXPECT_TRUE(has(reply.body, "did you mean &#39;prod/ap-guangzhou/default/charge&#39;?")) << reply.body;
  EXPECT_EQ(ask("/function/").status, 404);
  EXPECT_EQ(ask("/function/*").status, 404);
  EXPECT_EQ(ask("/functions").status, 404);
  const std::string nothing = page("/?q=nosuch");
  EXPECT_TRUE(functions_in(nothing).empty());
  EXPECT_TRUE(has(nothing, "o function")) << "why there is none";
}

TEST_F(PagesOfAStory, LeadFromANameToTheAddress) {
  const WebReply reply = ask("/function/charge");
  EXPECT_EQ(reply.status, 302);
  EXPECT_EQ(reply.headers, (std::vector<std::pair<std::string, std::string>>{{"Location", function("charge")}}));
  EXPECT_EQ(ask("/function/charge?since=2026-11-20%2001:02%2B").headers.front().second,
            function("charge") + "?since=2026-11-20%2001:02%2B");
}

TEST_F(PagesOfAStory, ShowTheTimelineAndTheRunsOfAFunction) {
  const std::string html = page(function("refund"));
  EXPECT_TRUE(has(html, "<svg class=\"timeline\""));
  EXPECT_TRUE(has(html, "Live code that nobody accepted."));
  EXPECT_TRUE(has(html, "Drift from 2026-11-24T05:31:00.000Z to")) << "the text of the timeline";
  EXPECT_TRUE(has(html, "What was live: prod/ap-guangzhou/default/refund:$LATEST"));
  for (const char* code : {"A", "D", "X"}) EXPECT_TRUE(has(html, hex(code))) << code;
  EXPECT_TRUE(has(html, "codedriftd diff &#39;prod/ap-guangzhou/default/refund:$LATEST&#39;"));
  EXPECT_TRUE(has(html, "--sha256 " + hex("X")));
  EXPECT_TRUE(has(page(function("old")), "It is no longer watched."));
}

TEST_F(PagesOfAStory, SayHowADeadAlertIsDeliveredAgain) {
  const std::string html = page("/alerts?state=dead");
  EXPECT_TRUE(has(html, "<code class=\"command\">codedriftd alerts replay deadalert1</code>"));
  EXPECT_TRUE(has(html, "1 alert could not be delivered"));
  for (const char* none : {"/alerts?state=delivered", "/alerts?kind=test", "/alerts?target=mail"})
    EXPECT_TRUE(has(page(none), "There are no such alerts.")) << none;
  for (const char* one : {"/alerts?alert=ops", "/alerts?kind=drift.detected"})
    EXPECT_TRUE(has(page(one), "deadalert1")) << one;
}

TEST_F(PagesOfAStory, EveryLinkLeadsToAPage) {
  std::set<std::string> seen{"/"};
  std::vector<std::string> next{"/"};
  while (!next.empty()) {
    const std::string url = next.back();
    next.pop_back();
    const WebReply reply = ask(url);
    EXPECT_EQ(reply.status, 200) << url;
    if (!reply.type.starts_with("text/html")) continue;
    for (const std::string& link : links_in(reply.body)) {
      if (link == "data:,") continue;
      if (link.starts_with('#')) {
        EXPECT_TRUE(has(reply.body, fmt::format("id=\"{}\"", link.substr(1)))) << url;
        continue;
      }
      EXPECT_TRUE(link.starts_with('/')) << link;
      if (seen.insert(link).second) next.push_back(link);
    }
  }
  EXPECT_TRUE(seen.contains(function("old")) && seen.contains("/assets/page.css") && seen.contains("/log"));
  EXPECT_GT(seen.size(), 30U);
}

TEST_F(PagesOfAStory, SendWhatTheyLoadOnlyOnce) {
  for (const char* url : {"/assets/page.css", "/assets/page.js"}) {
    const WebReply first = ask(url);
    ASSERT_EQ(first.headers.size(), 2U);
    EXPECT_EQ(first.headers.front().first, "ETag");
    EXPECT_EQ(first.headers.back(), std::pair(std::string("Cache-Control"), std::string("no-cache")));
    EXPECT_GT(first.body.size(), 1000U);
    WebRequest again = request_of(url);
    again.if_none_match = first.headers.front().second;
    const WebReply second = answer_asset(again).value();
    EXPECT_EQ(second.status, 304) << url;
    EXPECT_EQ(second.body, "");
  }
}

std::set<int64_t> numbers_in(const std::string& html) {
  std::set<int64_t> numbers;
  constexpr std::string_view kRow = "<tr id=\"event-";
  for (std::size_t at = html.find(kRow); at != html.npos; at = html.find(kRow, at + 1))
    numbers.insert(std::stoll(html.substr(at + kRow.size(), 20)));
  return numbers;
}

TEST(LogPage, HasEveryEventOnExactlyOneOfItsPages) {
  Recorded r;
  std::vector<std::string> functions;
  for (int i = 0; i < 260; ++i) functions.push_back(fmt::format("f{}", i));
  r.watch(functions, at(0));
  Database db = r.open_reader();
  const int64_t events = kEventsReport.run(db, {}, at(1), [](const Row&) {}).rows;
  std::set<int64_t> seen;
  std::string url = "/log";
  for (int pages = 0; !url.empty() && pages < 10; ++pages) {
    const std::string html = ask(r, url, at(1)).body;
    for (const int64_t seq : numbers_in(html)) EXPECT_TRUE(seen.insert(seq).second) << seq;
    url.clear();
    for (const std::string& link : links_in(html)) {
      if (has(link, "before=")) url = link;
    }
  }
  EXPECT_EQ(static_cast<int64_t>(seen.size()), events);
  EXPECT_EQ(numbers_in(ask(r, "/log?target=f7", at(1)).body).size(), 11U) << "f7 and f70 to f79";
  EXPECT_EQ(numbers_in(ask(r, "/log?target=" + Recorded::address("f7"), at(1)).body).size(), 1U);
  EXPECT_EQ(numbers_in(ask(r, "/log?kind=config.*", at(1)).body).size(), 1U);
  EXPECT_TRUE(has(ask(r, "/log?since=2026-11-25", at(1)).body, "There are no such events."));
}

TEST_F(PagesOfAStory, TellTheSeverityOfAnEventInAWord) {
  const std::string html = page("/log?kind=drift.detected");
  EXPECT_TRUE(has(html, "<span class=\"badge alarm\"><span aria-hidden=\"true\">!</span> critical</span>"));
  EXPECT_FALSE(has(page("/log?kind=config.loaded"), "class=\"badge"));
}

TEST_F(PagesOfAStory, MarkWhatGoesOnWithEachPoll) {
  const std::string marked = "<span class=\"poll\"><time datetime=";
  EXPECT_TRUE(has(page("/?q=charge"), marked));
  const std::string html = page(function("refund"));
  EXPECT_TRUE(has(html, "<dt>Last answer</dt><dd>" + marked));
  EXPECT_FALSE(has(html, "at the end of the period"));
}

TEST(LogPage, OfAnAddressHasNothingOfALongerOne) {
  Recorded r;
  r.watch({"pay", "nonprod/ap-guangzhou/default/pay:$LATEST"}, at(0));
  EXPECT_EQ(numbers_in(ask(r, "/log?target=guangzhou/default/pay", at(1)).body).size(), 2U);
  EXPECT_EQ(numbers_in(ask(r, "/log?target=" + Recorded::address("pay"), at(1)).body).size(), 1U);
}

TEST(LogPage, ShowsThatARowContradictsItself) {
  Recorded r;
  r.watch({"charge"}, at(0));
  unlock_events(r.db());
  r.db().execute("UPDATE event SET actor = 'nobody' WHERE kind = 'watch.added'");
  const std::string html = ask(r, "/log", at(1)).body;
  EXPECT_TRUE(has(html, "<p class=\"alarm\">"));
  EXPECT_TRUE(has(html, "contradicts what is stored beside"));
}

TEST(FunctionsPage, TurnsPages) {
  Recorded r;
  std::vector<std::string> functions;
  for (int i = 0; i < 250; ++i) functions.push_back(fmt::format("f{:03}", i));
  r.watch(functions, at(0));
  std::set<std::string> seen;
  for (const auto& [url, rows] : {std::pair("/", 100U), {"/?page=2", 100U}, {"/?page=3", 50U}}) {
    const std::string html = ask(r, url, at(1)).body;
    const auto found = functions_in(html);
    EXPECT_EQ(found.size(), rows) << url;
    seen.insert(found.begin(), found.end());
  }
  EXPECT_EQ(seen.size(), 250U);
  const std::string middle = ask(r, "/?page=2&q=f&account=prod&all=1", at(1)).body;
  EXPECT_TRUE(has(middle, "101–200 of 250"));
  EXPECT_FALSE(has(middle, "rows are shown"));
  EXPECT_TRUE(has(middle, "rel=\"prev\" href=\"/?q=f&amp;account=prod&amp;all=1\""));
  EXPECT_TRUE(has(middle, "rel=\"next\" href=\"/?q=f&amp;account=prod&amp;all=1&amp;page=3\""));
}

TEST(FunctionsPage, FindsPartsOfAddressesAndPatterns) {
  Recorded r;
  r.watch({"pay-charge", "pay-refund", "mail", "test/ap-singapore/default/mail:$LATEST"}, at(0));
  for (const auto& [url, rows] : {std::pair("/?q=pay", 2U),
                                  {"/?q=charge", 1U},
                                  {"/?q=guangzhou", 3U},
                                  {"/?q=test", 1U},
                                  {"/?q=singapore/def", 1U},
                                  {"/?q=pay-*", 2U},
                                  {"/?q=%24LATEST", 4U},
                                  {"/?account=test", 1U},
                                  {"/?region=ap-guangzhou", 3U},
                                  {"/?account=test&region=ap-guangzhou", 0U}})
    EXPECT_EQ(functions_in(ask(r, url, at(1)).body).size(), rows) << url;
}

TEST(FunctionsPage, SaysWhatCannotBeSeen) {
  Recorded r;
  r.watch({"charge"}, at(0));
  EXPECT_TRUE(has(ask(r, "/", at(1)).body, "No daemon has run on this record yet."));
  r.ran(at(1), at(30));
  outbox::set_destination(r.db(), "ops", {DestinationState::Kind::held, at(600), 1, "401 <b>no</b>"});
  const std::string html = ask(r, "/", at(60)).body;
  EXPECT_TRUE(has(html, "No daemon runs: it was stopped at 2026-11-24T00:00:30.000Z."));
  EXPECT_TRUE(has(html, "Destination ops is down: 401 &lt;b&gt;no&lt;/b&gt;"));
}

TEST(FunctionPage, NamesEveryFileThatChangedAndNoContents) {
  Recorded r;
  r.watch({"charge"}, at(0));
  r.obtainable("charge", "A", at(1));
  r.examined("A", "print('secret one')", at(2));
  r.obtainable("charge", "B", at(60));
  Examination inside;
  for (const char* name : {"<img src=x onerror=alert(1)>.py", "index.py", "lib/pay.py"})
    inside.files.push_back({name, 0644, 3, Recorded::hash(name)});
  r.write([&](Tx& tx) {
    packages::save(tx.db, Recorded::hash("B"), inside, at(61));
    r.ledger().examined(tx, Recorded::hash("B"), at(61));
  });
  for (const std::string& url : {std::string("/"), "/function/" + Recorded::address("charge")}) {
    const std::string html = ask(r, url, at(70)).body;
    EXPECT_TRUE(has(html, "&lt;img src=x onerror=alert(1)&gt;.py")) << url;
    EXPECT_TRUE(has(html, "lib/<wbr>pay.py")) << url;
    EXPECT_FALSE(has(html, "secret one"));
    EXPECT_FALSE(has(html, "<img"));
  }
}

TEST(FunctionPage, HasTheNewestOfWhatIsTooLongForAPage) {
  Recorded r;
  r.watch({"charge"}, at(0));
  for (int i = 1; i <= 500; ++i) r.observed("charge", i % 2 == 0 ? "A" : "B", at(60.0 * i));
  const std::string html = ask(r, "/function/" + Recorded::address("charge") + "?since=7d", at(60.0 * 501)).body;
  EXPECT_TRUE(has(html,
                  "and 300 more: <code class=\"command\">codedriftd query history "
                  "&#39;prod/ap-guangzhou/default/charge:$LATEST&#39; --since 7d</code>"));
  EXPECT_TRUE(has(html, "and 150 more: <code class=\"command\">codedriftd query events ")) << "of 250 drifts";
  EXPECT_EQ(count(html, "Timeline of the drift of"), 100U);
  const std::string live =
      html.substr(html.find("What was live: "), html.find("Drift</h2>") - html.find("What was live: "));
  EXPECT_EQ(count(live, "<th scope=\"row\">"), 200U);
  EXPECT_TRUE(has(live, rfc3339(at(60.0 * 500)))) << "the newest";
  EXPECT_FALSE(has(live, rfc3339(at(60.0 * 300))));
}

TEST(FunctionPage, IsThereForWhatWasNeverSeenOrNotWatchedInThePeriod) {
  Recorded r;
  r.watch({"charge", "new"}, at(0));
  r.watch({"new"}, at(60));
  const WallTime later = at(86'400.0 * 60);
  const std::string gone = ask(r, "/function/" + Recorded::address("charge"), later).body;
  EXPECT_TRUE(has(gone, "It was not watched between"));
  EXPECT_TRUE(has(gone, "watch.removed"));
  const std::string unseen = ask(r, "/function/" + Recorded::address("new"), later).body;
  EXPECT_TRUE(has(unseen, "It could not be seen: "));
}

}  // namespace
}  // namespace codedriftd::test
