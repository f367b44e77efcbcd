#include "audit/format/render.h"

#include <fmt/format.h>

#include "audit/format/table.h"
#include "base/text.h"

namespace codedriftd {
namespace {

class JsonRows {
 public:
  explicit JsonRows(const Report& report) {
    for (const std::string_view field : report.fields) names_.push_back(fmt::format("\"{}\":", field));
  }
  void append(const Row& row, std::string& out) const {
    out += '{';
    for (std::size_t i = 0; i < names_.size(); ++i) {
      if (i > 0) out += ',';
      out += names_[i];
      out += plain_json(row.values[i]);
    }
    if (!row.problem.empty()) out += fmt::format(",\"problem\":{}", plain_json(OrderedJson(row.problem)));
    out += '}';
  }

 private:
  std::vector<std::string> names_;
};

class JsonRenderer final : public Renderer {
 public:
  JsonRenderer(const Report& report, WallTime generated_at, std::string& out) : rows_(report), out_(out) {
    out_ += fmt::format("{{\"schema\":\"codedriftd.{}.v1\",\"generated_at\":\"{}\",\"rows\":[", report.name,
                        rfc3339(generated_at));
  }
  void row(const Row& row) override {
    out_ += first_ ? "\n" : ",\n";
    first_ = false;
    rows_.append(row, out_);
  }
  void end(const ReportEnd& end) override {
    const std::string as_of = end.as_of ? fmt::format("\"as_of\":\"{}\",", rfc3339(*end.as_of)) : std::string();
    const std::string fleet = end.fleet.is_null() ? std::string() : fmt::format("\"fleet\":{},", plain_json(end.fleet));
    out_ += fmt::format("{}],{}{}\"summary\":{}}}\n", first_ ? "" : "\n", as_of, fleet, plain_json(end.summary));
  }

 private:
  JsonRows rows_;
  std::string& out_;
  bool first_ = true;
};

class NdjsonRenderer final : public Renderer {
 public:
  NdjsonRenderer(const Report& report, std::string& out) : rows_(report), out_(out) {}
  void row(const Row& row) override {
    rows_.append(row, out_);
    out_ += '\n';
  }
  void end(const ReportEnd&) override {}

 private:
  JsonRows rows_;
  std::string& out_;
};

std::string csv_text(std::string_view field, const OrderedJson& value) {
  if (value.is_null()) return {};
  if (value.is_string()) return value.get<std::string>();
  if (field == "gaps") return std::to_string(value.size());
  if (value.is_number_float() && field == "coverage") return fmt::format("{:.6f}", value.get<double>());
  return plain_json(value);
}

/// harmless(), but for the white space that a quoted cell may hold.
std::string harmless_cell(std::string_view text) {
  std::string safe;
  while (!text.empty()) {
    const std::size_t at = text.find_first_of("\t\r\n");
    safe += harmless(text.substr(0, at));
    if (at == std::string_view::npos) break;
    safe += text[at];
    text.remove_prefix(at + 1);
  }
  return safe;
}

std::string csv_cell(std::string_view field, const OrderedJson& value) {
  std::string text = harmless_cell(csv_text(field, value));
  if (!text.empty() && std::string_view("=+-@").find(text.front()) != std::string_view::npos) text.insert(0, 1, '\'');
  if (text.find_first_of("\",\r\n") == std::string::npos) return text;
  std::string quoted = "\"";
  for (const char c : text) quoted.append(c == '"' ? 2 : 1, c);
  return quoted + '"';
}

class CsvRenderer final : public Renderer {
 public:
  CsvRenderer(const Report& report, std::string& out) : fields_(report.fields), out_(out) {
    out_ += fmt::format("{}\r\n", fmt::join(fields_, ","));
  }
  void row(const Row& row) override {
    for (std::size_t i = 0; i < fields_.size(); ++i) {
      if (i > 0) out_ += ',';
      out_ += csv_cell(fields_[i], row.values[i]);
    }
    out_ += "\r\n";
  }
  void end(const ReportEnd&) override {}

 private:
  std::span<const std::string_view> fields_;
  std::string& out_;
};

}  // namespace

std::optional<Format> parse_format(std::string_view name) {
  if (name == "table") return Format::table;
  if (name == "json") return Format::json;
  if (name == "ndjson") return Format::ndjson;
  if (name == "csv") return Format::csv;
  if (name == "markdown") return Format::markdown;
  return std::nullopt;
}

std::unique_ptr<Renderer> make_renderer(Format format, const Report& report, WallTime generated_at, const Look& look,
                                        std::string& out) {
  switch (format) {
    case Format::json:
      return std::make_unique<JsonRenderer>(report, generated_at, out);
    case Format::ndjson:
      return std::make_unique<NdjsonRenderer>(report, out);
    case Format::csv:
      return std::make_unique<CsvRenderer>(report, out);
    case Format::markdown:
      return make_markdown(report, out);
    case Format::table:
      break;
  }
  return make_table(report, generated_at, look, out);
}

}  // namespace codedriftd
