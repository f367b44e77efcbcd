/// "/log": what happened, as it was written; what contradicts itself is shown as that.
#include <fmt/format.h>

#include <algorithm>

#include "audit/query/reports.h"
#include "audit/report/writers.h"
#include "model/kinds.h"
#include "web/pages/parts.h"

namespace codedriftd {
namespace {

constexpr int64_t kEventsShown = 100;

std::string data_html(const OrderedJson& data) {
  if (!data.is_object()) return data.is_null() ? "–" : value_html(data);
  std::string html;
  for (const auto& [name, value] : data.items()) {
    if (value.is_null() || value == "") continue;
    const std::string shown = name == "changes" ? changes_html(value) : value_html(value);
    html +=
        fmt::format("<div><dt>{}</dt><dd>{}</dd></div>", html_text(name), shown.empty() ? value_html(value) : shown);
  }
  return html.empty() ? "–" : "<dl class=\"data\">" + html + "</dl>";
}

std::string event_html(const PageInput& in, const Row& row) {
  const Report& r = kEventsReport;
  const std::string severity = text_field(r, row, "severity"), target = text_field(r, row, "target");
  const std::string badge =
      severity == "info" ? "" : badge_html(severity == "critical" ? "alarm" : "warning", "!", severity) + "<br>";
  const std::string seq = json_line(field(r, row, "seq"));
  std::string html = fmt::format(
      "<tr id=\"event-{0}\"><td>{0}</td><td>{1}</td><th scope=\"row\">{2}{3}</th>"
      "<td>{4}</td><td><span class=\"actor\">{5}</span></td><td>{6}",
      seq, time_html(field(r, row, "time"), in.now), badge, html_text(text_field(r, row, "kind")),
      target.empty() ? "the whole daemon" : function_html(target), html_text(text_field(r, row, "actor")),
      data_html(field(r, row, "data")));
  if (!row.problem.empty()) html += fmt::format("<p class=\"alarm\">{}</p>", html_text(row.problem));
  return html + "</td></tr>\n";
}

}  // namespace

std::string events_table(const PageInput& in, std::string_view caption, const std::vector<Row>& rows) {
  std::string html = fmt::format(
      "<div class=\"scroll\" role=\"group\" tabindex=\"0\" aria-labelledby=\"events\"><table class=\"list\"><caption "
      "id=\"events\">{}</caption>\n<thead><tr><th scope=\"col\">No.</th><th scope=\"col\">Time</th><th scope=\"col\">"
      "What</th><th scope=\"col\">Function</th><th scope=\"col\">By</th><th scope=\"col\">Details</th></tr></thead>\n"
      "<tbody>\n",
      caption);
  for (const Row& row : rows) html += event_html(in, row);
  return html + "</tbody></table></div>\n";
}

WebReply log_page(const PageInput& in) {
  std::vector<std::string> known;
  std::vector<std::pair<std::string, std::string>> kinds;
  for (const std::string_view kind : kEventKinds) {
    known.emplace_back(kind);
    const std::string group = std::string(kind.substr(0, kind.find('.'))) + ".*";
    if (std::find(known.begin(), known.end(), group) == known.end()) known.push_back(group);
  }
  std::sort(known.begin(), known.end());
  for (const std::string& kind : known) kinds.emplace_back(kind, kind);
  const std::string kind = word_value(in, "kind", known), search = in.value("target"), since = in.value("since");
  Selection selection;
  search_addresses(selection, search);
  if (!kind.empty()) selection.kinds = {kind};
  selection.since = time_value(in, "since");
  if (!in.value("before").empty()) selection.before = number_value(in, "before", 1);
  selection.limit = kEventsShown + 1;  // one more says whether there are more
  std::vector<Row> rows;
  ReportEnd end = kEventsReport.run(in.db, selection, in.now, [&](Row row) { rows.push_back(std::move(row)); });
  std::reverse(rows.begin(), rows.end());
  const bool more = rows.size() > kEventsShown;
  if (more) rows.pop_back();
  end.remarks.pop_back();  // how many rows; what stands before it is what is wrong with the log

  std::string main = "<h1>Log</h1>\n" + warnings_html(end.remarks);
  main += fmt::format(
      "<form class=\"filter\" method=\"get\" action=\"/log\" role=\"search\">\n<label class=\"wide\">Function <input "
      "type=\"search\" name=\"target\" value=\"{}\" placeholder=\"part of an address\" maxlength=\"400\" "
      "autocomplete=\"off\" spellcheck=\"false\"></label>\n<label>Kind <select "
      "name=\"kind\">{}</select></label>\n<label>"
      "Since <input name=\"since\" value=\"{}\" placeholder=\"24h or 2026-11-24\" maxlength=\"40\" "
      "autocomplete=\"off\">"
      "</label>\n<button>Show</button></form>\n",
      html_text(search), options_html("all", kinds, kind), html_text(since));
  main += rows.empty() ? "<p>There are no such events.</p>\n" : events_table(in, "Events, newest first", rows);
  const Values values{{"target", search}, {"kind", kind}, {"since", since}};
  Values older = values;
  if (more) older.emplace_back("before", json_line(field(kEventsReport, rows.back(), "seq")));
  if (more || selection.before)
    main += turn_html(fmt::format("{} shown", rows.size()), selection.before ? link_to("/log", values) : "",
                      more ? link_to("/log", older) : "", "Newest", "Older");
  return whole_page(in, "Log", "/log", main);
}

}  // namespace codedriftd
