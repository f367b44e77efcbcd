#include "status/exposition.h"

#include <fmt/format.h>

namespace codedriftd {
namespace {

constexpr std::string_view kTotal = "_total";

std::string_view trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

/// The part of `list` before `separator`; `list` keeps what is after it.
std::string_view take_until(std::string_view& list, char separator) {
  const auto end = list.find(separator);
  const std::string_view part = list.substr(0, end);
  list = end == std::string_view::npos ? std::string_view{} : list.substr(end + 1);
  return trimmed(part);
}

bool refused(std::string_view parameter) {
  if (!parameter.starts_with("q=")) return false;
  return parameter.substr(2).find_first_not_of("0.") == std::string_view::npos;
}

std::string_view name_of(Exposition::Type type) {
  switch (type) {
    case Exposition::Type::counter:
      return "counter";
    case Exposition::Type::gauge:
      return "gauge";
    case Exposition::Type::histogram:
      break;
  }
  return "histogram";
}

std::string join(std::string_view labels, std::string_view more) {
  return labels.empty() ? std::string(more) : fmt::format("{},{}", labels, more);
}

}  // namespace

ExpositionFormat exposition_format_of(std::string_view accept) {
  while (!accept.empty()) {
    std::string_view range = take_until(accept, ',');
    if (take_until(range, ';') != "application/openmetrics-text") continue;
    bool wanted = true;
    while (!range.empty()) wanted = !refused(take_until(range, ';')) && wanted;
    if (wanted) return ExpositionFormat::openmetrics;
  }
  return ExpositionFormat::prometheus;
}

std::string_view content_type(ExpositionFormat format) {
  return format == ExpositionFormat::openmetrics ? "application/openmetrics-text; version=1.0.0; charset=utf-8"
                                                 : "text/plain; version=0.0.4; charset=utf-8";
}

void Exposition::family(std::string_view name, Type type, std::string_view help) {
  name_ = name;
  const bool shorter = format_ == ExpositionFormat::openmetrics && type == Type::counter && name.ends_with(kTotal);
  const std::string_view family = shorter ? name.substr(0, name.size() - kTotal.size()) : name;
  text_ += fmt::format("# HELP {} {}\n# TYPE {} {}\n", family, help, family, name_of(type));
}

void Exposition::histogram(const Histogram& histogram, std::string_view labels) {
  uint64_t up_to = 0;
  for (std::size_t i = 0; i < histogram.bounds().size(); ++i) {
    up_to += histogram.in_bucket(i);
    // OpenMetrics wants "1.0", and Prometheus 2 takes both for the same number but not for the same label.
    std::string bound = format_number(histogram.bounds()[i]);
    if (bound.find_first_of(".e") == std::string::npos) bound += ".0";
    write(name_ + "_bucket", join(labels, fmt::format("le=\"{}\"", bound)), format_number(up_to));
  }
  write(name_ + "_bucket", join(labels, "le=\"+Inf\""), format_number(histogram.count()));
  write(name_ + "_sum", labels, format_number(histogram.sum()));
  write(name_ + "_count", labels, format_number(histogram.count()));
}

std::string Exposition::take() {
  if (format_ == ExpositionFormat::openmetrics) text_ += "# EOF\n";
  return std::move(text_);
}

std::string Exposition::format_number(double value) { return fmt::format("{}", value); }
std::string Exposition::format_number(int64_t value) { return fmt::format("{}", value); }
std::string Exposition::format_number(uint64_t value) { return fmt::format("{}", value); }

void Exposition::write(std::string_view name, std::string_view labels, std::string_view value) {
  if (labels.empty()) {
    text_ += fmt::format("{} {}\n", name, value);
  } else {
    text_ += fmt::format("{}{{{}}} {}\n", name, labels, value);
  }
}

std::string label_value(std::string_view value) {
  std::string safe;
  for (const char c : value) {
    if (c == '\\' || c == '"') safe += '\\';
    if (c == '\n') {
      safe += "\\n";
    } else {
      safe += c;
    }
  }
  return safe;
}

}  // namespace codedriftd
