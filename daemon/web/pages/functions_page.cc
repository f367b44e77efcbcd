/// "/": what is watched, what drifted, since when, what changed, who accepted and who changed it.
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "audit/format/values.h"
#include "audit/query/reports.h"
#include "audit/query/status_rows.h"
#include "audit/report/sections.h"
#include "audit/report/writers.h"
#include "audit/story/target_story.h"
#include "model/changes.h"
#include "web/pages/parts.h"

namespace codedriftd {
namespace {

constexpr int64_t kFunctionsShown = 100;

struct Asked {
  std::string search, account, region, status;
  bool all = false;
  int64_t page = 1;

  Values values(std::string status_now, int64_t page_now) const {
    return {{"q", search},           {"account", account},
            {"region", region},      {"status", std::move(status_now)},
            {"all", all ? "1" : ""}, {"page", page_now > 1 ? std::to_string(page_now) : ""}};
  }
};

Asked read_values(const PageInput& in) {
  std::vector<std::string> statuses;
  for (const Status status : kStatuses) statuses.emplace_back(to_string(status));
  return {in.value("q"),           in.value("account"),        in.value("region"), word_value(in, "status", statuses),
          switch_value(in, "all"), number_value(in, "page", 1)};
}

Selection selection_of(const Asked& asked) {
  Selection selection;
  search_addresses(selection, asked.search);
  if (!asked.account.empty()) selection.accounts = {asked.account};
  if (!asked.region.empty()) selection.regions = {asked.region};
  if (!asked.status.empty()) selection.statuses = {asked.status};
  selection.all = asked.all;
  selection.limit = kFunctionsShown;
  selection.skip = (asked.page - 1) * kFunctionsShown;
  return selection;
}

struct Places {
  std::vector<std::pair<std::string, std::string>> accounts, regions;
};
Places places_of(Database& db) {
  std::set<std::string> accounts, regions;
  auto q = db.query("SELECT DISTINCT account, region FROM target");
  while (q.step()) {
    accounts.emplace(q.text(0));
    regions.emplace(q.text(1));
  }
  Places places;
  for (const std::string& account : accounts) places.accounts.emplace_back(account, account);
  for (const std::string& region : regions) places.regions.emplace_back(region, region);
  return places;
}

std::string counts_html(const OrderedJson& counts, const Asked& asked) {
  std::string html = "<ul class=\"counts\" aria-label=\"By status\">";
  const auto entry = [&](const std::string& status, std::string words, int64_t count) {
    html += fmt::format("<li><a href=\"{}\"{}>{} <b>{}</b></a></li>\n", link_to("/", asked.values(status, 1)),
                        status == asked.status ? " aria-current=\"true\"" : "", words, grouped(count));
  };
  entry("", "all", counts.at("selected").get<int64_t>());
  for (const Status status : kStatuses) {
    const std::string name(to_string(status));
    const auto count = counts.at(name).get<int64_t>();
    if (count > 0 || name == asked.status) entry(name, status_badge(status), count);
  }
  return html + "</ul>\n";
}

std::string form_html(Database& db, const Asked& asked) {
  const Places places = places_of(db);
  std::vector<std::pair<std::string, std::string>> statuses;
  for (const Status status : kStatuses)
    statuses.emplace_back(std::string(to_string(status)), std::string(status_words(status)));
  return fmt::format(
      "<form class=\"filter\" method=\"get\" action=\"/\" role=\"search\">\n<label class=\"wide\">Search <input "
      "type=\"search\" name=\"q\" value=\"{}\" placeholder=\"part of an address, or a pattern: pay-*\" "
      "maxlength=\"400\" autocomplete=\"off\" spellcheck=\"false\"></label>\n<label>Account <select name=\"account\">"
      "{}</select></label>\n<label>Region <select name=\"region\">{}</select></label>\n<label>Status <select "
      "name=\"status\">{}</select></label>\n<label class=\"check\"><input type=\"checkbox\" name=\"all\" value=\"1\"{}>"
      " also what is no longer watched</label>\n<button>Show</button>{}</form>\n",
      html_text(asked.search), options_html("all", places.accounts, asked.account),
      options_html("all", places.regions, asked.region), options_html("all", statuses, asked.status),
      asked.all ? " checked" : "", selection_of(asked).narrows_targets() ? " <a href=\"/\">Show everything</a>" : "");
}

/// On whose word: the record of acceptances knows who, the status only how.
std::string accepted_by(const PageInput& in, const Row& row) {
  const auto source = parse_accepted_source(text_field(kStatusReport, row, "accepted_source"));
  if (!source) return {};
  std::string html = fmt::format("<span class=\"quiet\">{}</span>", html_text(source_words(*source)));
  if (*source == AcceptedSource::approval || *source == AcceptedSource::deploy) {
    const auto target = targets::find(in.db, text_field(kStatusReport, row, "target"));
    const auto acceptances =
        target ? read_acceptances(in.db, target->id, in.now) : std::vector<TargetRecord::Acceptance>{};
    if (!acceptances.empty()) {
      const auto& how = acceptances.back();
      html += fmt::format("<br>{}", html_text(who(how.actor, how.claimed)));
      if (!how.reason.empty()) html += fmt::format("<br><q>{}</q>", html_text(how.reason));
      if (!how.ticket.empty()) html += fmt::format(" <span class=\"short\">{}</span>", html_text(how.ticket));
    }
  }
  return html + "<br>" + time_html(field(kStatusReport, row, "accepted_at"), in.now);
}

std::string row_html(const PageInput& in, const Row& row) {
  const Report& r = kStatusReport;
  const Status status = parse_status(text_field(r, row, "status")).value_or(Status::unobserved);
  const std::string reason = text_field(r, row, "reason");
  const bool drifted = status == Status::drifted;
  std::string html =
      fmt::format("<tr><td>{}{}</td><th scope=\"row\">{}", status_badge(status, field(r, row, "watched") == true),
                  reason.empty() ? "" : fmt::format("<br><span class=\"reason\">{}</span>", code_html(reason)),
                  function_html(text_field(r, row, "target")));
  if (const std::string until = text_field(r, row, "suspended_until"); !until.empty())
    html +=
        fmt::format("<br><span class=\"quiet\">alerts held by {} until {}</span>",
                    html_text(text_field(r, row, "suspended_by")), time_html(field(r, row, "suspended_until"), in.now));
  if (!row.problem.empty()) html += fmt::format("<br><span class=\"alarm\">{}</span>", html_text(row.problem));
  html += fmt::format("</th><td data-label=\"since\">{}</td>",
                      time_html(field(r, row, drifted ? "drift_since" : "since"), in.now));
  html += fmt::format("<td data-label=\"live\">{}</td>",
                      status == Status::missing ? "–" : hash_html(field(r, row, "observed_sha256")));
  html += fmt::format("<td data-label=\"accepted\">{}<br>{}</td>", hash_html(field(r, row, "accepted_sha256")),
                      accepted_by(in, row));
  std::string inside = changes_html(field(r, row, "changes"));
  const auto add = [&](std::string_view label, const std::string& text) {
    if (!text.empty())
      inside += fmt::format("{}<span class=\"quiet\">{}</span> {}", inside.empty() ? "" : "<br>", label, text);
  };
  for (const auto& [name, text] : row.beneath) add("", html_text(value_line(name, text, 12)));
  add("", html_text(text_field(r, row, "who")));
  if (const OrderedJson& expected = row.shown_at(
          static_cast<std::size_t>(std::find(r.fields.begin(), r.fields.end(), "expected_sha256") - r.fields.begin()),
          "expected_sha256");
      !expected.is_null())
    add("expected", hash_html(expected));
  html += fmt::format("<td data-label=\"changed\">{}</td><td data-label=\"last answer\">{}",
                      inside.empty() ? "–" : inside, passing_html(time_html(field(r, row, "last_success_at"), in.now)));
  if (const OrderedJson& error = field(r, row, "last_error"); error.is_object())
    html += fmt::format("<br><span class=\"warning parts\">{}</span> {}", code_html(text_in(error, "code")),
                        html_text(text_in(error, "message")));
  return html + "</td></tr>\n";
}

/// Why nothing is there, in the words for a name as it was typed.
std::string why_nothing(const PageInput& in, const Asked& asked) {
  Selection selection = selection_of(asked);
  if (!asked.search.empty()) selection.targets = {asked.search};
  return explain_nothing(in.db, selection, in.now);
}

std::string table_html(const PageInput& in, const std::vector<Row>& rows) {
  std::string html =
      "<div class=\"scroll\" role=\"group\" tabindex=\"0\" aria-labelledby=\"functions\"><table "
      "class=\"list\"><caption "
      "id=\"functions\">Functions, what needs attention first</caption>\n<thead><tr><th scope=\"col\">Status</th><th "
      "scope=\"col\">Function</th><th scope=\"col\">Since</th><th scope=\"col\">Live</th><th scope=\"col\">Accepted, "
      "on "
      "whose word</th><th scope=\"col\">What changed, and who</th><th scope=\"col\">Last answer</th></tr></thead>\n"
      "<tbody>\n";
  for (const Row& row : rows) html += row_html(in, row);
  return html + "</tbody></table></div>\n";
}

}  // namespace

WebReply functions_page(const PageInput& in) {
  const Asked asked = read_values(in);
  const Selection selection = selection_of(asked);
  std::vector<Row> rows;
  const ReportEnd end = kStatusReport.run(in.db, selection, in.now, [&](Row row) { rows.push_back(std::move(row)); });
  const OrderedJson& counts = end.of_any_status;
  const auto selected = end.summary.at("selected").get<int64_t>();
  std::string main = "<h1>Functions</h1>\n";
  std::vector<std::string> warnings = end.above;
  for (std::string& trouble : delivery_troubles(in.db, in.now)) warnings.push_back(std::move(trouble));
  main += warnings_html(warnings) + counts_html(counts, asked) + form_html(in.db, asked);
  if (rows.empty() && selected == 0) {
    const bool good_news = !asked.status.empty() && counts.at("selected").get<int64_t>() > 0;
    main +=
        fmt::format("<p>{}</p>\n", html_text(as_sentence(good_news ? nothing_there(in.db, selection, "functions", false)
                                                                   : why_nothing(in, asked))));
    return whole_page(in, "Functions", "/", main);
  }
  const int64_t last = std::max<int64_t>(1, (selected + kFunctionsShown - 1) / kFunctionsShown);
  if (asked.page > last)
    throw BadValue(fmt::format("page \"{}\" is not there; there {} {}", asked.page, last == 1 ? "is" : "are", last));
  const std::string shown = fmt::format("{}–{} of {}", grouped(selection.skip + 1),
                                        grouped(selection.skip + static_cast<int64_t>(rows.size())), grouped(selected));
  const auto turn = [&] {
    if (last == 1) return std::string();
    return turn_html(shown, asked.page > 1 ? link_to("/", asked.values(asked.status, asked.page - 1)) : "",
                     asked.page < last ? link_to("/", asked.values(asked.status, asked.page + 1)) : "", "Previous",
                     "Next");
  };
  main += turn() + table_html(in, rows) + turn();
  // The last of the remarks counts what the list above counts; before it stands, of a part, how large that is.
  const std::size_t told = end.rows < selected ? 2 : 1;
  if (end.remarks.size() > told) {
    main += "<ul class=\"notes\">";
    for (std::size_t i = 0; i + told < end.remarks.size(); ++i)
      main += fmt::format("<li>{}</li>", html_text(end.remarks[i]));
    main += "</ul>\n";
  }
  return whole_page(in, "Functions", "/", main);
}

}  // namespace codedriftd
