#include "audit/query/plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <span>
#include <tuple>

#include "audit/format/fit.h"
#include "audit/format/table.h"
#include "audit/format/values.h"
#include "audit/format/width.h"
#include "base/text.h"

namespace codedriftd {
namespace {

constexpr Column kPlanColumns[] = {{"target", "TARGET", 0},
                                   {"status", "STATUS", 0},
                                   {"reason", "REASON", 40},
                                   {"since", "SINCE", 0},
                                   {"observed_sha256", "LIVE", 0},
                                   {"accepted_sha256", "ACCEPTED", 0},
                                   {"expected_sha256", "ANNOUNCED", 0}};

/// The order of the line that sums up: what differs, what does not, what could not be seen.
constexpr std::array kSummaryOrder{Status::missing, Status::drifted,   Status::unreviewed, Status::pending_deploy,
                                   Status::in_sync, Status::examining, Status::unobserved};

constexpr std::string_view kRed = "\x1b[31m", kYellow = "\x1b[33m", kGreen = "\x1b[32m", kPlain = "\x1b[0m";

struct Mark {
  char symbol;
  std::string_view colour, means;
};
constexpr Mark kDiffers{'~', kYellow, "live differs from what is accepted"};
constexpr Mark kMissing{'-', kRed, "missing"};
constexpr Mark kNotObserved{'?', kYellow, "not observed, or its package is being examined"};
constexpr Mark kToCome{'+', kGreen, "nothing accepted yet, or what was announced still to come"};
constexpr std::array kMarks{&kDiffers, &kMissing, &kNotObserved, &kToCome};

/// nullptr: there is nothing to say about it.
const Mark* mark_of(const Plan::Item& item) {
  switch (item.selected.status.status) {
    case Status::missing:
      return &kMissing;
    case Status::drifted:
      return &kDiffers;
    case Status::unobserved:
    case Status::examining:
      return &kNotObserved;
    case Status::unreviewed:
    case Status::pending_deploy:
      return &kToCome;
    case Status::in_sync:
      break;
  }
  return item.answered ? nullptr : &kNotObserved;
}

constexpr std::size_t kHashShown = 12;

std::string short_hash(const std::optional<Sha256>& hash) { return hash ? hash->hex().substr(0, kHashShown) : "-"; }

/// What stands beneath a row.
std::vector<std::string> details(const Plan::Item& item) {
  const TargetState& s = item.selected.row.state;
  const Status status = item.selected.status.status;
  std::vector<std::string> lines;
  if (!item.note.empty()) {
    lines.push_back(item.note);
  } else if (s.last_error && (!item.answered || status == Status::unobserved || status == Status::missing)) {
    std::string line = fmt::format("{}: {}", s.last_error->code, s.last_error->message);
    if (!s.last_error->request_id.empty()) line += fmt::format(" (request {})", s.last_error->request_id);
    lines.push_back(std::move(line));
  }
  if (status == Status::pending_deploy && !s.announced.empty()) {
    const Announcement& awaited = s.announced.back();
    lines.push_back(awaited.pin ? fmt::format("pinned at {}", s.pin_where)
                                : fmt::format("announced by {} until {}", awaited.actor, rfc3339(awaited.valid_until)));
  }
  for (const auto& [name, text] : value_lines(item.selected)) lines.push_back(value_line(name, text, kHashShown));
  const Inside& inside = item.selected.inside;
  if (!inside.changes_words.empty()) {
    lines.push_back(inside.changes_words);
  } else if (!inside.why.empty() && status == Status::drifted) {
    lines.push_back(fmt::format("what changed is not known: {}", inside.why));
  }
  if (!item.selected.who.empty()) lines.push_back(item.selected.who);
  if ((status == Status::drifted || status == Status::unreviewed) && s.live) {
    lines.push_back(s.pin ? fmt::format("pinned at {}: change it there, or deploy what is pinned", s.pin_where)
                          : fmt::format("codedriftd approve '{}' --sha256 {} --reason \"…\"",
                                        item.selected.row.target.address(), s.live->hex()));
  }
  return lines;
}

class Table {
 public:
  Table(const Look& look, WallTime now, std::string& out) : look_(look), now_(now), out_(out) {}

  void add(const Plan::Item& item, const Mark& mark) {
    const StatusView& view = item.selected.status;
    const TargetState& s = item.selected.row.state;
    const std::string_view reason =
        item.answered || !view.reason.empty() ? std::string_view(view.reason) : "not seen now";
    Line line{&mark,
              {item.selected.row.target.address(), std::string(to_string(view.status)),
               reason.empty()    ? "-"
               : look_.width > 0 ? shortened(harmless(reason), 40)
                                 : harmless(reason),
               look_.width > 0 && !look_.utc ? short_time(view.since, now_) : rfc3339(view.since),
               view.status == Status::missing ? "-" : short_hash(s.live),  // nothing is live
               short_hash(s.accepted), s.announced.empty() ? "-" : short_hash(s.announced.back().sha256)},
              details(item)};
    lines_.push_back(std::move(line));
  }

  void print() {
    if (lines_.empty()) return;
    for (const Mark* mark : kMarks) {
      if (std::none_of(lines_.begin(), lines_.end(), [&](const Line& line) { return line.mark == mark; })) continue;
      out_ += fmt::format("{}  {}\n", symbol(*mark), mark->means);
    }
    out_ += '\n';
    const FittedTable fitted = lay_out();
    std::vector<std::string> headings;
    for (const Column& column : kPlanColumns) headings.emplace_back(column.heading);
    append(" ", headings, fitted);
    for (const Line& line : lines_) {
      append(symbol(*line.mark), line.cells, fitted);
      for (const std::string& detail : line.beneath) out_ += "      " + harmless(detail) + '\n';
    }
    out_ += '\n';
  }

 private:
  struct Line {
    const Mark* mark;
    std::vector<std::string> cells, beneath;
  };

  std::string symbol(const Mark& mark) const {
    return look_.colour ? fmt::format("{}{}{}", mark.colour, mark.symbol, kPlain) : std::string(1, mark.symbol);
  }
  /// How wide each column is; on a terminal, after what all rows share was said.
  FittedTable lay_out() {
    std::vector<FitColumn> columns;
    for (const Column& column : kPlanColumns) columns.push_back(fit_column(column.field, column.heading, column.spare));
    std::vector<std::vector<std::string>*> rows;
    for (Line& line : lines_) rows.push_back(&line.cells);
    if (look_.width > 0) {
      FittedTable fitted = fit_table(columns, rows, look_.width, 2);
      for (const std::string& text : fitted.above) out_ += text + '\n';
      if (!fitted.above.empty()) out_ += '\n';
      return fitted;
    }
    FittedTable whole;
    for (std::size_t i = 0; i < columns.size(); ++i) {
      whole.widths.push_back(columns[i].heading.size());
      bool any = false;
      for (const Line& line : lines_) {
        any = any || line.cells[i] != "-";
        whole.widths[i] = std::max(whole.widths[i], display_width(line.cells[i]));
      }
      whole.shown.push_back(any || i + 1 < columns.size());  // ANNOUNCED only where something is
    }
    return whole;
  }

  void append(std::string_view before, const std::vector<std::string>& cells, const FittedTable& fitted) {
    out_ += before;
    std::size_t gap = 1;
    for (std::size_t i = 0; i < cells.size(); ++i) {
      if (!fitted.shown[i]) continue;
      out_.append(gap, ' ');
      out_ += cells[i];
      gap = fitted.widths[i] - display_width(cells[i]) + 2;
    }
    out_ += '\n';
  }

  const Look look_;
  const WallTime now_;
  std::string& out_;
  std::vector<Line> lines_;
};

}  // namespace

StatusCounts Plan::counts() const {
  StatusCounts counts;
  for (const Item& item : items) counts.add(item.selected.status.status);
  return counts;
}

std::size_t Plan::unanswered() const {
  return static_cast<std::size_t>(
      std::count_if(items.begin(), items.end(), [](const Item& item) { return !item.answered; }));
}

int Plan::detailed_exit() const {
  const int code = counts().detailed_exit();
  return code == 0 && unanswered() > 0 ? 3 : code;
}

void sort_plan(Plan& plan) {
  std::sort(plan.items.begin(), plan.items.end(), [](const Plan::Item& a, const Plan::Item& b) {
    const SelectedTarget &x = a.selected, &y = b.selected;
    return std::tie(x.status.status, a.answered, x.row.target) < std::tie(y.status.status, b.answered, y.row.target);
  });
}

std::string render_plan(const Plan& plan, Format format, WallTime generated_at, const Look& look,
                        std::optional<int64_t> limit) {
  std::string out;
  const std::size_t shown = std::min(plan.items.size(), static_cast<std::size_t>(limit.value_or(INT64_MAX)));
  const StatusCounts counts = plan.counts();
  std::vector<std::string> remarks = plan.remarks;
  if (const std::size_t silent = plan.unanswered(); silent > 0)
    remarks.push_back(fmt::format("{} of {} could not be seen now: what is shown of them was seen before, if ever.",
                                  silent, plan.items.size()));
  if (shown < plan.items.size())
    remarks.push_back(fmt::format("The first {} of {} targets are shown.", shown, plan.items.size()));
  remarks.push_back(counts.line(kSummaryOrder));
  if (format == Format::table) {
    Table table(look, generated_at, out);
    for (const Plan::Item& item : std::span(plan.items).first(shown)) {
      if (const Mark* mark = mark_of(item)) table.add(item, *mark);
    }
    table.print();
    for (const std::string& remark : remarks) out += harmless(remark) + '\n';
    return out;
  }
  static const Report kReport{"plan", status_fields(), kPlanColumns, nullptr};  // of the database it needs nothing
  const auto renderer = make_renderer(format, kReport, generated_at, look, out);
  ReportEnd end;
  for (const Plan::Item& item : std::span(plan.items).first(shown)) {
    if (format == Format::markdown && mark_of(item) == nullptr) continue;
    renderer->row(status_row(item.selected));
    ++end.rows;
  }
  end.summary = counts.summary();
  end.remarks = std::move(remarks);
  renderer->end(end);
  return out;
}

}  // namespace codedriftd
