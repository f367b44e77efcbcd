#pragma once
#include <string>

#include "audit/report/gather.h"

namespace codedriftd {

/// One HTML file for an auditor: nothing is loaded from anywhere, no script, light, dark and for print. Everything
/// foreign is escaped.
std::string report_html(const AuditReport& report);
/// The same in Markdown; hashes whole, and no timelines.
std::string report_markdown(const AuditReport& report);
/// The same as `codedriftd.report.v1`.
std::string report_json(const AuditReport& report);

// Private to audit/ and the pages of the site.

/// Text made harmless for HTML, in an element or a quoted attribute.
std::string html_text(std::string_view text);
/// The timeline of one function within the report's period, as inline SVG with its text alternative. `id` is unique in
/// the file.
std::string timeline_svg(const AuditReport& report, const AuditedFunction& function, const std::string& id);
/// What the marks of a timeline mean, and the patterns they are drawn with: once in the file, before the first one.
std::string timeline_legend();
extern const std::string_view kReportStyle;

}  // namespace codedriftd
