#pragma once
#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/histogram.h"

namespace codedriftd {

enum class ExpositionFormat {
  prometheus,   ///< the text exposition format, version 0.0.4
  openmetrics,  ///< OpenMetrics 1.0.0: a counter's family has no `_total` in its name, and `# EOF` ends the text
};

/// What an Accept header (RFC 9110, 12.5.1) asks for: OpenMetrics where it is named and not refused (q=0).
ExpositionFormat exposition_format_of(std::string_view accept);
std::string_view content_type(ExpositionFormat format);

/// Writes metrics for Prometheus: families, each followed by its samples.
class Exposition {
 public:
  explicit Exposition(ExpositionFormat format) : format_(format) {}

  enum class Type { counter, gauge, histogram };
  /// The samples until the next call are of this family. `name` of a counter ends in "_total".
  void family(std::string_view name, Type type, std::string_view help);
  /// `labels`: `a="b",c="d"`, whose values went through label_value().
  template <typename Value>
  void sample(Value value, std::string_view labels = "") {
    write(name_, labels, format_number(value));
  }
  /// REQUIRES: the family is a histogram.
  void histogram(const Histogram& histogram, std::string_view labels = "");
  template <typename Value>
  void single(std::string_view name, Type type, std::string_view help, Value value) {
    family(name, type, help);
    sample(value);
  }
  /// The whole text.
  std::string take();

 private:
  static std::string format_number(double value);
  static std::string format_number(int64_t value);
  static std::string format_number(uint64_t value);
  static std::string format_number(int value) { return format_number(int64_t{value}); }
  void write(std::string_view name, std::string_view labels, std::string_view value);

  const ExpositionFormat format_;
  std::string name_;
  std::string text_;
};

/// `value` as it may stand between the quotes of a label.
std::string label_value(std::string_view value);

}  // namespace codedriftd
