#pragma once
/// Blocks, tables and cells of the audit report as HTML: what the report and the pages of the site have in common.
#include <functional>
#include <set>
#include <string>
#include <string_view>

#include "audit/report/sections.h"

namespace codedriftd {

/// Appends to a text. Everything in the cells is escaped.
class HtmlTables {
 public:
  /// Where the page of a target is, by its address; already escaped for an attribute.
  using Link = std::function<std::string(std::string_view address)>;

  /// How a time is shown, by its RFC 3339.
  using Time = std::function<std::string(const std::string& time)>;

  /// `out` outlives this object. With `link`, addresses lead there; with `time`, times look so.
  explicit HtmlTables(std::string& out, Link link = {}, Time time = {})
      : out_(out), link_(std::move(link)), time_(std::move(time)) {}

  /// `report`: of what is drawn.
  void write(const ReportBlock& block, const AuditReport& report);
  void write(const ReportTable& table);
  std::string cell(const Cell& cell);
  /// Whole, of what was shown short so far.
  const std::set<std::string>& hashes() const { return hashes_; }

 private:
  std::string& out_;
  const Link link_;
  const Time time_;
  int tables_ = 0, drawn_ = 0;
  std::set<std::string> hashes_;
};

/// The class of the style that a tone has; empty: none.
std::string_view html_tone(Cell::Kind kind);
/// Text with places to break after each part of an address.
std::string html_parts(std::string_view text);

}  // namespace codedriftd
