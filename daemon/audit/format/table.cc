#include "audit/format/table.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

#include "audit/format/values.h"
#include "base/text.h"

namespace codedriftd {
namespace {

constexpr std::size_t kHashShown = 12;

bool is_wide(char32_t c) {
  return (c >= 0x1100 && c <= 0x115F) || (c >= 0x2E80 && c <= 0xA4CF) || (c >= 0xAC00 && c <= 0xD7A3) ||
         (c >= 0xF900 && c <= 0xFAFF) || (c >= 0xFE30 && c <= 0xFE6F) || (c >= 0xFF00 && c <= 0xFF60) ||
         (c >= 0xFFE0 && c <= 0xFFE6) || (c >= 0x1F300 && c <= 0x1FAFF) || (c >= 0x20000 && c <= 0x3FFFD);
}

/// The code point at `at`, and how many bytes it has. REQUIRES: valid UTF-8.
std::pair<char32_t, std::size_t> code_point(std::string_view text, std::size_t at) {
  const auto first = static_cast<unsigned char>(text[at]);
  const std::size_t length = first < 0x80 ? 1 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
  char32_t value = length == 1 ? first : first & (0xFFU >> (length + 1));
  for (std::size_t i = 1; i < length && at + i < text.size(); ++i)
    value = (value << 6) | (static_cast<unsigned char>(text[at + i]) & 0x3FU);
  return {value, length};
}

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
  TableRenderer(const Report& report, bool colour, std::string& out)
      : columns_(placed(report)), colour_(colour), out_(out) {
    for (const Placed& each : columns_) widths_.push_back(each.column.heading.size());
  }

  void row(const Row& row) override {
    Line line;
    for (std::size_t i = 0; i < columns_.size(); ++i) {
      const auto& [column, place] = columns_[i];
      const OrderedJson& value = row.shown_at(place, column.field);
      if (column.heading.empty()) {  // not a cell but lines beneath
        for (const std::string& text : attempt_lines(value))
          line.beneath.push_back(fmt::format("    {}", shortened(harmless(text), 140)));
        continue;
      }
      std::string text = harmless(cell_text(column.field, value, false));
      if (column.widest > 0) text = shortened(text, column.widest);
      widths_[i] = std::max(widths_[i], display_width(text));
      line.cells.push_back(std::move(text));
    }
    if (!row.problem.empty()) line.beneath.push_back(fmt::format("    ! {}", harmless(row.problem)));
    lines_.push_back(std::move(line));
  }

  void end(const ReportEnd& end) override {
    for (const std::string& line : end.above) out_ += harmless(line) + '\n';
    if (!end.above.empty() && !lines_.empty()) out_ += '\n';
    if (!lines_.empty()) {
      Line heading;
      for (const Placed& each : columns_) {
        if (!each.column.heading.empty()) heading.cells.emplace_back(each.column.heading);
      }
      append(heading, false);
    }
    for (const Line& line : lines_) append(line, colour_);
    if (!lines_.empty() && !end.remarks.empty()) out_ += '\n';
    for (const std::string& remark : end.remarks) out_ += harmless(with_short_hashes(remark)) + '\n';
  }

 private:
  struct Line {
    std::vector<std::string> cells, beneath;
  };

  void append(const Line& line, bool colour) {
    for (std::size_t i = 0; i < line.cells.size(); ++i) {
      const std::string& cell = line.cells[i];
      const std::string_view field = columns_[i].column.field;
      const bool word = field == "status" || field == "severity" || field == "state";
      const std::string_view paint = colour && word ? colour_of(cell) : std::string_view();
      out_ += paint;
      out_ += cell;
      if (!paint.empty()) out_ += "\x1b[0m";
      if (i + 1 < line.cells.size()) out_.append(widths_[i] - display_width(cell) + 2, ' ');
    }
    out_ += '\n';
    for (const std::string& text : line.beneath) out_ += text + '\n';
  }

  std::vector<Placed> columns_;
  bool colour_;
  std::string& out_;
  std::vector<std::size_t> widths_;
  std::vector<Line> lines_;
};

class MarkdownRenderer final : public Renderer {
 public:
  MarkdownRenderer(const Report& report, std::string& out) : columns_(placed(report)), out_(out) {
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

std::size_t display_width(std::string_view text) {
  if (std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c <= '~'; })) return text.size();
  std::size_t width = 0;
  for (std::size_t at = 0; at < text.size();) {
    const auto [c, length] = code_point(text, at);
    width += is_wide(c) ? 2 : 1;
    at += length;
  }
  return width;
}

std::string shortened(std::string_view text, std::size_t widest) {
  if (display_width(text) <= widest) return std::string(text);
  std::size_t width = 0;
  std::size_t at = 0;
  while (at < text.size()) {
    const auto [c, length] = code_point(text, at);
    width += is_wide(c) ? 2 : 1;
    if (width + 1 > widest) break;
    at += length;
  }
  return std::string(text.substr(0, at)) + "…";
}

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

std::unique_ptr<Renderer> make_table(const Report& report, bool colour, std::string& out) {
  return std::make_unique<TableRenderer>(report, colour, out);
}
std::unique_ptr<Renderer> make_markdown(const Report& report, std::string& out) {
  return std::make_unique<MarkdownRenderer>(report, out);
}

}  // namespace codedriftd
