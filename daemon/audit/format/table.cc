#include "audit/format/table.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "audit/format/fit.h"
#include "audit/format/values.h"
#include "audit/format/width.h"
#include "base/text.h"

namespace codedriftd {
namespace {

constexpr std::size_t kHashShown = 12;

bool is_hash(const OrderedJson& value) {
  return value.is_string() && Sha256::from_hex(value.get_ref<const std::string&>()).has_value();
}

std::string hash_text(const OrderedJson& value, bool whole) {
  const auto& text = value.get_ref<const std::string&>();
  return whole ? text : text.substr(0, kHashShown);
}

/// A remark with its hashes as short as those in the cells.
std::string with_short_hashes(std::string_view text) {
  constexpr std::string_view kWord = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
  std::string result;
  while (!text.empty()) {
    const std::size_t begin = std::min(text.find_first_of(kWord), text.size());
    const std::size_t end = std::min(text.find_first_not_of(kWord, begin), text.size());
    const std::string_view word = text.substr(begin, end - begin);
    result += text.substr(0, begin);
    result += Sha256::from_hex(word) ? word.substr(0, kHashShown) : word;
    text.remove_prefix(end);
  }
  return result;
}

/// An event's data: NAME=VALUE of what is not null.
std::string data_text(const OrderedJson& data, bool whole) {
  if (!data.is_object()) return data.is_null() ? "-" : json_line(data);
  std::vector<std::string> parts;
  for (const auto& [name, value] : data.items()) {
    if (value.is_null() || value == "") continue;
    std::string text;
    if (is_hash(value)) {
      text = hash_text(value, whole);
    } else {
      text = value.is_string() ? value.get<std::string>() : json_line(value);
    }
    parts.push_back(fmt::format("{}={}", name, text));
  }
  return parts.empty() ? "-" : fmt::format("{}", fmt::join(parts, " "));
}

std::string cell_text(std::string_view field, const OrderedJson& value, bool whole) {
  if (value.is_null() || value == "") return "-";
  if (field.ends_with("sha256") && is_hash(value)) return hash_text(value, whole);
  if (field.ends_with("_s") && value.is_number()) return spell(Millis{std::llround(value.get<double>() * 1000)});
  if (field == "coverage") return percent(value.get<double>());
  if (field == "gaps") return std::to_string(value.size());
  if (field == "data") return data_text(value, whole);
  if (value.is_boolean()) return value.get<bool>() ? "yes" : "no";
  return value.is_string() ? value.get<std::string>() : json_line(value);
}

/// One line for each attempt.
std::vector<std::string> attempt_lines(const OrderedJson& attempts) {
  std::vector<std::string> lines;
  for (const OrderedJson& attempt : attempts) {
    std::string line = fmt::format("attempt {} {} {}", attempt.at("n").dump(), attempt.at("at").get<std::string>(),
                                   attempt.at("result").get<std::string>());
    if (!attempt.at("status").is_null()) line += fmt::format(" {}", attempt.at("status").dump());
    if (!attempt.at("took_s").is_null()) line += fmt::format(", took {} s", attempt.at("took_s").dump());
    if (attempt.at("words") != "") line += fmt::format(": {}", attempt.at("words").get<std::string>());
    lines.push_back(std::move(line));
  }
  return lines;
}

std::string_view colour_of(std::string_view cell) {
  const std::string_view word = cell.substr(0, cell.find(' '));
  for (const std::string_view red : {"missing", "drifted", "critical", "dead", "held"}) {
    if (word == red) return "\x1b[31m";
  }
  for (const std::string_view yellow : {"unobserved", "unreviewed", "pending_deploy", "warning", "pending"}) {
    if (word == yellow) return "\x1b[33m";
  }
  for (const std::string_view green : {"in_sync", "delivered"}) {
    if (word == green) return "\x1b[32m";
  }
  return {};
}

/// Columns with the place of their field in a row.
struct Placed {
  Column column;
  std::size_t place;
};
std::vector<Placed> placed(const Report& report) {
  std::vector<Placed> all;
  for (const Column& column : report.columns) {
    const auto found = std::find(report.fields.begin(), report.fields.end(), column.field);
    all.push_back({column, static_cast<std::size_t>(found - report.fields.begin())});
  }
  return all;
}

class TableRenderer final : public Renderer {
 public:
  TableRenderer(const Report& report, WallTime now, const Look& look, std::string& out)
      : columns_(placed(report)), now_(now), look_(look), out_(out) {
    std::erase_if(columns_, [&](const Placed& each) {
      if (each.column.heading.empty()) attempts_ = each.place;
      return each.column.heading.empty();
    });
  }

  void row(const Row& row) override {
    Line line;
    for (const auto& [column, place] : columns_) {
      std::string text = harmless(cell(column.field, row.shown_at(place, column.field)));
      if (column.widest > 0 && look_.width > 0) text = shortened(text, column.widest);
      line.cells.push_back(std::move(text));
    }
    if (attempts_) {  // not a cell but lines beneath
      const std::size_t widest = look_.width == 0 ? SIZE_MAX : std::max<std::size_t>(look_.width, 40) - 4;
      for (const std::string& text : attempt_lines(row.values[*attempts_]))
        line.beneath.push_back(fmt::format("    {}", shortened(harmless(text), widest)));
    }
    for (const auto& [name, text] : row.beneath)
      line.beneath.push_back(fmt::format("    {}", value_line(name, text, kHashShown)));
    if (!row.problem.empty()) line.beneath.push_back(fmt::format("    ! {}", harmless(row.problem)));
    lines_.push_back(std::move(line));
  }

  void end(const ReportEnd& end) override {
    for (const std::string& line : end.above) out_ += harmless(line) + '\n';
    if (!end.above.empty() && !lines_.empty()) out_ += '\n';
    if (!lines_.empty()) {
      lay_out();
      Line heading;
      for (const Placed& each : columns_) heading.cells.emplace_back(each.column.heading);
      append(heading, false);
    }
    for (const Line& line : lines_) append(line, look_.colour);
    if (!lines_.empty() && !end.remarks.empty()) out_ += '\n';
    for (const std::string& remark : end.remarks) out_ += harmless(with_short_hashes(remark)) + '\n';
  }

 private:
  struct Line {
    std::vector<std::string> cells, beneath;
  };

  std::string cell(std::string_view field, const OrderedJson& value) const {
    const bool moment = field == "time" || field == "since" || field == "from" || field == "until" ||
                        field == "drift_since" || field.ends_with("_at");
    if (look_.width > 0 && !look_.utc && moment && value.is_string()) {
      if (const auto time = parse_rfc3339(value.get_ref<const std::string&>())) return short_time(*time, now_);
    }
    return cell_text(field, value, false);
  }

  void lay_out() {
    if (look_.width == 0) {
      shown_.assign(columns_.size(), true);
      for (std::size_t i = 0; i < columns_.size(); ++i) {
        widths_.push_back(columns_[i].column.heading.size());
        for (const Line& line : lines_) widths_[i] = std::max(widths_[i], display_width(line.cells[i]));
      }
      return;
    }
    std::vector<FitColumn> columns;
    for (const auto& [column, place] : columns_)
      columns.push_back(fit_column(column.field, column.heading, column.spare));
    std::vector<std::vector<std::string>*> rows;
    for (Line& line : lines_) rows.push_back(&line.cells);
    FittedTable fitted = fit_table(columns, rows, look_.width);
    shown_ = std::move(fitted.shown);
    widths_ = std::move(fitted.widths);
    for (const std::string& text : fitted.above) out_ += text + '\n';
    if (!fitted.above.empty()) out_ += '\n';
  }

  void append(const Line& line, bool colour) {
    std::size_t gap = 0;
    for (std::size_t i = 0; i < line.cells.size(); ++i) {
      if (!shown_[i]) continue;
      out_.append(gap, ' ');
      const std::string& text = line.cells[i];
      const std::string_view field = columns_[i].column.field;
      const bool word = field == "status" || field == "severity" || field == "state";
      const std::string_view paint = colour && word ? colour_of(text) : std::string_view();
      out_ += paint;
      out_ += text;
      if (!paint.empty()) out_ += "\x1b[0m";
      gap = widths_[i] - display_width(text) + 2;
    }
    out_ += '\n';
    for (const std::string& text : line.beneath) out_ += text + '\n';
  }

  std::vector<Placed> columns_;
  std::optional<std::size_t> attempts_;  ///< the place of the attempts, if they are asked for
  const WallTime now_;
  const Look look_;
  std::string& out_;
  std::vector<bool> shown_;
  std::vector<std::size_t> widths_;
  std::vector<Line> lines_;
};

class MarkdownRenderer final : public Renderer {
 public:
  MarkdownRenderer(const Report& report, std::string& out) : columns_(placed(report)), out_(out), begin_(out.size()) {
    std::string rule = "|";
    out_ += '|';
    for (const Placed& each : columns_) {
      out_ += fmt::format(" {} |", each.column.heading.empty() ? "ATTEMPT LOG" : each.column.heading);
      rule += " --- |";
    }
    out_ += '\n' + rule + '\n';
  }
  void row(const Row& row) override {
    out_ += '|';
    for (const auto& [column, place] : columns_) {
      const OrderedJson& value = row.shown_at(place, column.field);
      std::string cell;
      if (column.heading.empty()) {
        for (const std::string& line : attempt_lines(value)) cell += (cell.empty() ? "" : "<br>") + markdown_text(line);
      } else {
        cell = markdown_text(cell_text(column.field, value, true));
      }
      if (place == columns_.front().place) {  // beneath the first cell
        for (const auto& [name, text] : row.beneath) cell += "<br>" + markdown_text(value_line(name, text, 64));
      }
      out_ += fmt::format(" {} |", cell);
    }
    out_ += '\n';
    if (!row.problem.empty()) problems_.push_back(row.problem);
  }
  void end(const ReportEnd& end) override {
    std::string above;
    for (const std::string& line : end.above) above += fmt::format("{}\n\n", markdown_text(line));
    out_.insert(begin_, above);
    for (const std::string& problem : problems_) out_ += fmt::format("\n{}\n", markdown_text(problem));
    for (const std::string& remark : end.remarks) out_ += fmt::format("\n{}\n", markdown_text(remark));
  }

 private:
  std::vector<Placed> columns_;
  std::vector<std::string> problems_;
  std::string& out_;
  std::size_t begin_;  ///< of `out`, where this report begins
};

}  // namespace

std::string markdown_text(std::string_view text) {
  const std::string safe = harmless(text);
  std::string escaped;
  escaped.reserve(safe.size());
  // What renderers make a link of by themselves: nothing here is one.
  const auto would_link = [&](std::size_t i) {
    if (safe[i] == '@') return true;
    if (safe[i] == ':') return safe.compare(i, 3, "://") == 0;
    return safe[i] == '.' && i >= 3 && (safe.compare(i - 3, 3, "www") == 0 || safe.compare(i - 3, 3, "WWW") == 0);
  };
  const auto word = [&](std::size_t i) {
    return i < safe.size() && ((safe[i] >= '0' && safe[i] <= '9') || (safe[i] >= 'a' && safe[i] <= 'z') ||
                               (safe[i] >= 'A' && safe[i] <= 'Z'));
  };
  for (std::size_t i = 0; i < safe.size(); ++i) {
    const char c = safe[i];
    // "_" inside a word is itself; and "<" and "&" as entities, for renderers that let HTML through.
    const bool inside_word = c == '_' && i > 0 && word(i - 1) && word(i + 1);
    if (c == '<') {
      escaped += "&lt;";
    } else if (c == '&') {
      escaped += "&amp;";
    } else {
      if (would_link(i) || (!inside_word && std::string_view("\\`*_{}[]>#|~!").find(c) != std::string_view::npos))
        escaped += '\\';
      escaped += c;
    }
  }
  return escaped;
}

std::unique_ptr<Renderer> make_table(const Report& report, WallTime now, const Look& look, std::string& out) {
  return std::make_unique<TableRenderer>(report, now, look, out);
}
std::unique_ptr<Renderer> make_markdown(const Report& report, std::string& out) {
  return std::make_unique<MarkdownRenderer>(report, out);
}

}  // namespace codedriftd
