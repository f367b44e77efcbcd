/// "/alerts": what was told to whom, every attempt, and what to type where it did not arrive.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "audit/query/reports.h"
#include "audit/report/writers.h"
#include "audit/story/stored_event.h"
#include "model/changes.h"
#include "model/kinds.h"
#include "store/outbox/outbox.h"
#include "web/pages/parts.h"

namespace codedriftd {
namespace {

constexpr int64_t kAlertsShown = 100;
const std::vector<std::string> kAlertStates{"pending", "held", "delivered", "dead", "dropped"};

std::string attempts_html(const OrderedJson& attempts, const OrderedJson& count, WallTime now) {
  if (!attempts.is_array() || attempts.empty()) return html_text(json_line(count));
  std::string html = fmt::format("<details><summary>{}</summary><ol class=\"attempts\">", html_text(json_line(count)));
  for (const OrderedJson& attempt : attempts) {
    html += fmt::format("<li>{} <b>{}</b>", time_html(attempt.at("at"), now), html_text(text_in(attempt, "result")));
    if (!attempt.at("status").is_null()) html += " " + html_text(json_line(attempt.at("status")));
    if (!attempt.at("took_s").is_null()) html += fmt::format(", took {} s", json_line(attempt.at("took_s")));
    if (const std::string words = text_in(attempt, "words"); !words.empty()) html += ": " + html_text(words);
    html += "</li>";
  }
  return html + "</ol></details>";
}

std::string alert_html(const PageInput& in, const Row& row) {
  const Report& r = kAlertAttemptsReport;
  const std::string state = text_field(r, row, "state"), id = text_field(r, row, "id");
  const std::string target = text_field(r, row, "target");
  std::string html = fmt::format(
      "<tr><td>{}</td><td>{}</td><th scope=\"row\">{}<br><code "
      "class=\"quiet\">{}</code></th><td data-label=\"to\">{}</td><td>{}</td><td data-label=\"attempts\">{}"
      "</td><td>",
      state_badge(state), time_html(field(r, row, "created_at"), in.now), html_text(text_field(r, row, "kind")),
      html_text(id), html_text(text_field(r, row, "alert")),
      target.empty() ? "the whole daemon" : function_html(target),
      attempts_html(field(r, row, "attempt_log"), field(r, row, "attempts"), in.now));
  std::vector<std::string> became;
  if (const OrderedJson& at = field(r, row, "delivered_at"); !at.is_null())
    became.push_back("delivered " + time_html(at, in.now));
  if (const OrderedJson& at = field(r, row, "next_attempt_at"); !at.is_null())
    became.push_back("next " + time_html(at, in.now));
  if (const std::string error = text_field(r, row, "last_error"); !error.empty()) became.push_back(html_text(error));
  if (state == "dead" || state == "dropped")
    became.push_back(command_html(fmt::format("codedriftd alerts replay {}", quoted_for_shell(id))));
  html += fmt::format("{}", fmt::join(became, "<br>"));
  return html + "</td></tr>\n";
}

}  // namespace

std::vector<std::string> delivery_troubles(Database& db, WallTime now) {
  Selection one;
  one.limit = 1;
  ReportEnd end = kAlertsReport.run(db, one, now, [](const Row&) {});
  end.remarks.pop_back();  // the summary; what stands before it is who is held
  int64_t dead = 0;
  for (const outbox::Depth& depth : outbox::depths(db, now)) dead += depth.dead;
  if (dead > 0)
    end.remarks.push_back(fmt::format("{} alert{} could not be delivered: codedriftd alerts replay delivers {} again.",
                                      grouped(dead), dead == 1 ? "" : "s", dead == 1 ? "it" : "them"));
  return end.remarks;
}

std::string alerts_table(const PageInput& in, std::string_view caption, const std::vector<Row>& rows) {
  std::string html = fmt::format(
      "<div class=\"scroll\" role=\"group\" tabindex=\"0\" aria-labelledby=\"alerts\"><table class=\"list\"><caption "
      "id=\"alerts\">{}</caption>\n<thead><tr><th scope=\"col\">State</th><th scope=\"col\">Made</th><th "
      "scope=\"col\">Kind and id</th><th scope=\"col\">Destination</th><th scope=\"col\">Function</th><th "
      "scope=\"col\">Attempts</th><th scope=\"col\">What became of it</th></tr></thead>\n<tbody>\n",
      caption);
  for (const Row& row : rows) html += alert_html(in, row);
  return html + "</tbody></table></div>\n";
}

WebReply alerts_page(const PageInput& in) {
  std::vector<std::pair<std::string, std::string>> states, destinations, kinds;
  std::vector<std::string> kind_names, destination_names;
  for (const std::string& state : kAlertStates) states.emplace_back(state, state);
  for (const outbox::Depth& depth : outbox::depths(in.db, in.now)) {
    destinations.emplace_back(depth.destination, depth.destination);
    destination_names.push_back(depth.destination);
  }
  for (const std::string_view kind : kEventKinds) kind_names.emplace_back(kind);
  for (const std::string_view kind : {kReminderKind, kHeartbeatKind, kTestKind}) kind_names.emplace_back(kind);
  std::sort(kind_names.begin(), kind_names.end());
  for (const std::string& kind : kind_names) kinds.emplace_back(kind, kind);
  const std::string state = word_value(in, "state", kAlertStates), kind = word_value(in, "kind", kind_names);
  const std::string destination = word_value(in, "alert", destination_names), search = in.value("target");
  const int64_t page = number_value(in, "page", 1);
  const auto values = [&](int64_t at) -> Values {
    return {{"state", state},
            {"alert", destination},
            {"kind", kind},
            {"target", search},
            {"page", at > 1 ? std::to_string(at) : ""}};
  };

  Selection selection;
  search_addresses(selection, search);
  if (!state.empty()) selection.states = {state};
  if (!destination.empty()) selection.destinations = {destination};
  if (!kind.empty()) selection.kinds = {kind};
  selection.limit = kAlertsShown + 1;  // one more says whether there are more
  selection.skip = (page - 1) * kAlertsShown;
  std::vector<Row> rows;
  kAlertAttemptsReport.run(in.db, selection, in.now, [&](Row row) { rows.push_back(std::move(row)); });
  std::reverse(rows.begin(), rows.end());
  const bool more = rows.size() > kAlertsShown;
  if (more) rows.pop_back();

  std::string main = "<h1>Alerts</h1>\n" + warnings_html(delivery_troubles(in.db, in.now));
  main += fmt::format(
      "<form class=\"filter\" method=\"get\" action=\"/alerts\" role=\"search\">\n<label class=\"wide\">Function "
      "<input "
      "type=\"search\" name=\"target\" value=\"{}\" placeholder=\"part of an address\" maxlength=\"400\" "
      "autocomplete=\"off\" spellcheck=\"false\"></label>\n<label>State <select name=\"state\">{}</select></label>\n"
      "<label>Destination <select name=\"alert\">{}</select></label>\n<label>Kind <select name=\"kind\">{}</select>"
      "</label>\n<button>Show</button></form>\n",
      html_text(search), options_html("all", states, state), options_html("all", destinations, destination),
      options_html("all", kinds, kind));
  if (rows.empty()) {
    main += page > 1 ? "<p>There are no more.</p>\n" : "<p>There are no such alerts.</p>\n";
  } else {
    main += alerts_table(in, "Alerts, newest first; open a number for its attempts", rows);
  }
  if (page > 1 || more)
    main += turn_html(fmt::format("Page {}", grouped(page)), page > 1 ? link_to("/alerts", values(page - 1)) : "",
                      more ? link_to("/alerts", values(page + 1)) : "", "Newer", "Older");
  return whole_page(in, "Alerts", "/alerts", main);
}

}  // namespace codedriftd
