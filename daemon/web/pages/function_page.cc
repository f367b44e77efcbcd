/// "/function/ADDRESS": one function, all that is known of it.
#include <fmt/format.h>

#include <algorithm>

#include "audit/format/values.h"
#include "audit/query/reports.h"
#include "audit/query/status_rows.h"
#include "audit/report/html_tables.h"
#include "audit/report/writers.h"
#include "audit/story/changes_inside.h"
#include "model/changes.h"
#include "model/value.h"
#include "store/ledger/suspensions.h"
#include "store/packages/packages.h"
#include "web/pages/parts.h"

namespace codedriftd {
namespace {

constexpr int64_t kEventsOfOne = 50;
constexpr int64_t kAlertsOfOne = 20;
constexpr std::size_t kFilesListed = 1000;
constexpr std::size_t kFilesUnfolded = 15;
constexpr std::size_t kRowsOfTable = 200;
constexpr std::size_t kDriftsTold = 100;
constexpr std::size_t kDigitsOfValues = 12;
constexpr std::pair<std::string_view, std::string_view> kPeriods[] = {
    {"24h", "a day"}, {"7d", "a week"}, {"30d", "30 days"}, {"90d", "90 days"}, {"365d", "a year"}};
constexpr std::string_view kClaim =
    "Each row of the table below claims: at N instants, never more than G apart, the live hash was H; what lay between "
    "two of them is not known.";
constexpr std::string_view kUsualPeriod = "30d";

/// Whom `address` means, as it is called now. Throws NotThere.
SelectedTarget find_function(const PageInput& in, const std::string& address) {
  Selection selection;
  selection.all = true;
  if (Target::parse(address)) {
    selection.targets = {address};
  } else {
    selection.names = {address};
    if (auto resolved = resolve_names(in.db, selection); !resolved) throw NotThere(resolved.error().message);
  }
  std::vector<SelectedTarget> found;
  if (address.find_first_of("*?") == std::string::npos) found = selected_targets(in.db, selection, in.now);
  if (found.size() != 1) throw NotThere(explain_nothing(in.db, selection, in.now));
  find_changes_inside(in.db, found.front());
  return std::move(found.front());
}

class FunctionPage {
 public:
  FunctionPage(const PageInput& in, SelectedTarget target)
      : in_(in),
        target_(std::move(target)),
        address_(target_.row.target.address()),
        tables_(html_, function_link, bare_time_html) {
    selection_.targets = {address_};
    selection_.all = true;
  }

  std::string main() && {
    heading();
    facts();
    to_type();
    inside();
    told();
    packages_section();
    alerts();
    events();
    return std::move(html_);
  }

 private:
  template <typename... Args>
  void say(fmt::format_string<Args...> format, Args&&... args) {
    html_ += fmt::format(format, std::forward<Args>(args)...);
  }
  const TargetState& state() const { return target_.row.state; }
  bool missing() const { return target_.status.status == Status::missing; }

  void heading() {
    const StatusView& status = target_.status;
    say("<h1 class=\"address\">{}</h1>\n<p class=\"verdict\">{} {}{}</p>\n", html_parts(address_),
        status_badge(status.status, state().watched), html_text(status_sentence(target_)),
        state().watched ? "" : " It is no longer watched.");
  }

  void fact(std::string_view name, const std::string& html) {
    if (!html.empty()) say("<dt>{}</dt><dd>{}</dd>\n", name, html);
  }
  std::string whole_hash(const std::optional<Sha256>& hash) const {
    return hash ? fmt::format("<code>{}</code>", hash->hex()) : std::string();
  }
  std::string when(const std::optional<WallTime>& at) const { return at ? time_html(*at, in_.now) : std::string(); }

  void facts() {
    const TargetState& s = state();
    html_ += "<dl class=\"facts\">";
    fact("Status since", time_html(target_.status.since, in_.now));
    if (s.drift_open) fact("Drift since", when(s.drift_since));
    fact(missing() ? "Last live hash" : "Live hash", whole_hash(s.live));
    if (s.live_content) fact("Live content", fmt::format("<code>{}</code>", s.live_content->digest.text()));
    fact("Accepted hash",
         s.accepted == s.live && s.accepted ? missing() ? "the same" : "the live one" : whole_hash(s.accepted));
    accepted();
    if (!s.announced.empty()) announced(s.announced.back());
    for (const auto& [name, text] : value_lines(target_)) {
      const std::string line = value_line(name, text, kDigitsOfValues);
      fact(name == "live" ? "Live value" : "Accepted value",
           html_text(line.substr(std::min(line.size(), name.size() + 2))));
    }
    fact("What changed", html_text(target_.inside.changes_words));
    fact("Who changed it", html_text(target_.who));
    fact("Last answer", passing_html(when(s.last_success_at)));
    if (s.last_polled_at != s.last_success_at) fact("Last asked", passing_html(when(s.last_polled_at)));
    if (s.last_error)
      fact("Last error",
           fmt::format("<span class=\"warning\">{}</span> {}{}", html_text(s.last_error->code),
                       html_text(s.last_error->message),
                       s.last_error->request_id.empty()
                           ? ""
                           : passing_html(fmt::format(" (request {})", html_text(s.last_error->request_id)))));
    if (s.consecutive_failures > 0) fact("Failed in a row", passing_html(std::to_string(s.consecutive_failures)));
    if (const auto held = suspensions::find(in_.db, target_.row.id))
      fact("Alerts held", fmt::format("until {}, by {}: {}", time_html(held->until, in_.now),
                                      html_text(who(held->actor, held->claimed)), html_text(held->reason)));
    html_ += "</dl>\n";
  }

  void accepted() {
    const auto acceptances = read_acceptances(in_.db, target_.row.id, in_.now);
    if (acceptances.empty() || !state().accepted) return;
    const auto& how = acceptances.back();
    std::string html = fmt::format("{} by {}, {}", html_text(source_words(how.source)),
                                   html_text(who(how.actor, how.claimed)), time_html(how.at, in_.now));
    for (const auto& [name, value] :
         {std::pair("reason", &how.reason), {"ticket", &how.ticket}, {"build", &how.build}, {"commit", &how.commit}}) {
      if (!value->empty()) html += fmt::format("<br><span class=\"quiet\">{}</span> {}", name, html_text(*value));
    }
    fact("On whose word", html);
  }

  void announced(const Announcement& awaited) {
    std::string html =
        awaited.content ? fmt::format("<code>{}</code>", awaited.content->text()) : whole_hash(awaited.sha256);
    html += awaited.pin ? fmt::format("<br>pinned at {}", html_text(state().pin_where))
                        : fmt::format("<br>announced by {}, until {}", html_text(who(awaited.actor, awaited.claimed)),
                                      time_html(awaited.valid_until, in_.now));
    fact("Expected", html);
  }

  /// What an operator does next, as it would be typed.
  void to_type() {
    const Status status = target_.status.status;
    if (!state().live || (status != Status::drifted && status != Status::unreviewed)) return;
    const std::string name = quoted_for_shell(address_);
    html_ += "<ul class=\"commands\" aria-label=\"Commands to type\">";
    if (status == Status::drifted && !has_text(kind_of_qualifier(target_.row.target.qualifier)))
      say("<li>to see what changed: {}</li>", command_html(fmt::format("codedriftd diff {}", name)));
    if (!state().pin)
      say("<li>to accept what is live: {}</li>",
          command_html(fmt::format("codedriftd approve {} --sha256 {} --reason '…'", name, state().live->hex())));
    html_ += "</ul>\n";
  }

  void section(std::string_view title) { say("<h2>{}</h2>\n", title); }

  bool examined(const std::optional<Sha256>& code) const {
    const auto package = code ? packages::find(in_.db, *code) : std::nullopt;
    return package && package->state == PackageState::examined;
  }

  /// Every file that differs between what is accepted and what is live; names alone.
  void inside() {
    if (!state().drift_open || missing()) return;
    if (has_text(kind_of_qualifier(target_.row.target.qualifier))) return;
    section("What changed inside");
    if (!examined(state().live) || !examined(state().accepted)) {
      say("<p>It is not known{}{}.</p>\n", target_.inside.why.empty() ? "" : ": ", html_text(target_.inside.why));
      return;
    }
    const Changes changes =
        compare(packages::manifest(in_.db, *state().accepted), packages::manifest(in_.db, *state().live));
    say("<p>{}</p>\n", html_text(as_sentence(changes_sentence(changes, 0))));
    if (changes.files.empty()) return;
    ReportTable table{changes.files.size() > kFilesUnfolded ? fmt::format("All {} files", changes.files.size())
                                                            : "Files that changed",
                      {"File", "Change"},
                      {},
                      changes.files.size() > kFilesUnfolded};
    for (std::size_t i = 0; i < std::min(changes.files.size(), kFilesListed); ++i)
      table.rows.push_back(
          {Cell{shown_name(changes.files[i].name), Cell::Kind::code},
           text_cell(changes.files[i].change == FileChange::mode ? "other permissions"
                                                                 : std::string(to_string(changes.files[i].change)))});
    if (changes.files.size() > kFilesListed)
      table.rows.push_back({text_cell(fmt::format("and {} more", changes.files.size() - kFilesListed)), text_cell({})});
    tables_.write(table);
  }

  /// What the audit report of the period tells of this function.
  void told() {
    Selection period = selection_;
    const std::string asked = in_.value("since");
    period.since = time_value(in_, "since");
    if (period.since && *period.since >= in_.now) throw BadValue("since has to be a time that is past");
    const AuditReport report = gather_audit_report(in_.db, period, in_.now);
    section("Timeline");
    html_ += "<nav aria-label=\"Period\"><ul class=\"periods\">";
    for (const auto& [value, words] : kPeriods) {
      const bool now = asked.empty() ? value == kUsualPeriod : value == asked;
      say("<li><a href=\"{}{}\"{}>{}</a></li>", function_link(address_),
          value == kUsualPeriod ? "" : fmt::format("?since={}", value), now ? " aria-current=\"true\"" : "", words);
    }
    html_ += "</ul></nav>\n";
    for (const std::string& problem : report.problems) say("<p class=\"alarm\">{}</p>\n", html_text(problem));
    if (report.functions.empty()) {
      say("<p>It was not watched between {}.</p>\n",
          passing_html(time_html(report.since, in_.now) + " and " + time_html(report.until, in_.now)));
      return;
    }
    html_ += timeline_legend();
    for (ReportBlock& block : function_section(report).blocks) {
      block.heading.clear();  // it stands above already, and so does the status
      block.words.assign(1, std::string(kClaim));
      write_newest(std::move(block), "history", report);
    }
    told_drifts(report);
    told_section("What was accepted, and on whose word", acceptance_section(report),
                 !report.accepted.empty() || !report.pins.empty(), report);
    told_section("Announced deployments", deployment_section(report), !report.deployments.empty(), report);
  }

  /// The open one first, and the newest of the others: each has a table of its own.
  void told_drifts(const AuditReport& report) {
    ReportSection drifts = drift_section(report);
    if (!report.drifts.empty() && !report.drifts.front().resolved)  // for how long, its facts tell
      drifts.blocks.front().words.front() =
          fmt::format("Open since {}. It is not resolved.", rfc3339(report.drifts.front().since));
    const std::size_t all = report.drifts.size(), left_out = all > kDriftsTold ? all - kDriftsTold : 0;
    if (left_out > 0) {
      const auto first = drifts.blocks.begin() + (report.drifts.front().resolved ? 0 : 1);
      drifts.blocks.erase(first, first + static_cast<std::ptrdiff_t>(left_out));
    }
    told_section("Drift", std::move(drifts), !report.drifts.empty() || !report.unreviewed.empty(), report);
    say_more(left_out, "events");
  }

  void told_section(std::string_view title, ReportSection told, bool something, const AuditReport& report) {
    section(title);
    if (!something) html_ += "<p>None in this period.</p>\n";
    if (!something) return;
    for (ReportBlock& block : told.blocks) {
      if (block.tables.empty()) continue;
      if (block.heading == address_) block.heading.clear();
      write_newest(std::move(block), "events", report);
    }
  }

  /// `query`: which one has what is left out. REQUIRES: the tables have the newest last.
  void write_newest(ReportBlock block, std::string_view query, const AuditReport& report) {
    std::size_t left_out = 0;
    for (ReportTable& table : block.tables) {
      if (table.rows.size() <= kRowsOfTable || table.folded) continue;
      const std::size_t more = table.rows.size() - kRowsOfTable;
      table.rows.erase(table.rows.begin(), table.rows.begin() + static_cast<std::ptrdiff_t>(more));
      left_out += more;
    }
    tables_.write(block, report);
    say_more(left_out, query);
  }

  void say_more(std::size_t left_out, std::string_view query) {
    if (left_out == 0) return;
    const std::string asked = in_.value("since");
    say("<p>These are the newest, and {} more: {}</p>\n", grouped(static_cast<int64_t>(left_out)),
        command_html(fmt::format("codedriftd query {} {} --since {}", query, quoted_for_shell(address_),
                                 asked.empty() ? std::string(kUsualPeriod) : quoted_for_shell(asked))));
  }

  void packages_section() {
    ReportTable table{"What was found in the packages of what is live, accepted and announced",
                      {"Package", "It is", "State", "Files", "Content", "Examined", "Findings"},
                      {}};
    const auto add = [&](std::string_view what, const std::optional<Sha256>& code) {
      const auto package = code ? packages::find(in_.db, *code) : std::nullopt;
      if (!package) return;
      const bool read = package->state == PackageState::examined;
      std::string findings = package->why;
      for (const Finding& finding : package->findings)
        findings += fmt::format("{}{} {}", findings.empty() ? "" : "; ", finding.kind, shown_name(finding.name));
      table.rows.push_back({hash_cell(package->code), text_cell(std::string(what)),
                            text_cell(std::string(to_string(package->state))),
                            text_cell(read ? grouped(static_cast<int64_t>(package->files)) : ""),
                            text_cell(package->content ? package->content->text() : ""), time_cell(package->at),
                            text_cell(std::move(findings))});
    };
    const TargetState& s = state();
    const bool same = s.live == s.accepted;
    add(same ? "live and accepted" : "live", s.live);
    if (!same) add("accepted", s.accepted);
    for (const Announcement& announced : s.announced) add("announced", announced.sha256);
    if (table.rows.empty()) return;
    section("Packages");
    tables_.write(table);
  }

  void alerts() {
    section("Alerts");
    std::vector<Row> rows = newest(kAlertAttemptsReport, kAlertsOfOne);
    if (rows.empty()) html_ += "<p>Nobody was told anything about it.</p>\n";
    if (!rows.empty()) html_ += alerts_table(in_, "Newest first; open a number for its attempts", rows);
    say("<p><a href=\"{}\">All its alerts</a></p>\n", link_to("/alerts", {{"target", address_}}));
  }

  void events() {
    section("Log");
    std::vector<Row> rows = newest(kEventsReport, kEventsOfOne);
    if (!rows.empty()) html_ += events_table(in_, "Events, newest first", rows);
    say("<p><a href=\"{}\">All its events</a></p>\n", link_to("/log", {{"target", address_}}));
  }

  std::vector<Row> newest(const Report& report, int64_t count) const {
    Selection selection = selection_;
    selection.limit = count;
    std::vector<Row> rows;
    report.run(in_.db, selection, in_.now, [&](Row row) { rows.push_back(std::move(row)); });
    std::reverse(rows.begin(), rows.end());
    return rows;
  }

  const PageInput& in_;
  const SelectedTarget target_;
  const std::string address_;
  Selection selection_;
  std::string html_;
  HtmlTables tables_;
};

}  // namespace

WebReply function_page(const PageInput& in, const std::string& address) {
  SelectedTarget target = find_function(in, address);
  const std::string called = target.row.target.address();
  if (called != address)
    return {302,
            "text/plain; charset=utf-8",
            called + "\n",
            {{"Location", path_to(function_path(called), {{"since", in.value("since")}})}}};
  const std::string title = target.row.target.function + ":" + target.row.target.qualifier;
  return whole_page(in, title, {}, FunctionPage(in, std::move(target)).main());
}

}  // namespace codedriftd
