/// The timeline of one function: which hash was live when, where it drifted, and where nothing was seen.
#include <fmt/format.h>

#include <algorithm>

#include "audit/report/writers.h"

namespace codedriftd {
namespace {

constexpr double kWidth = 1000;
constexpr double kLabelled = 96;  // a segment this wide has room for twelve digits
constexpr std::size_t kSpelled = 12;

std::string short_of(const StoredRun& run) { return run.sha256 ? run.sha256->hex().substr(0, 12) : "missing"; }

class Timeline {
 public:
  Timeline(const AuditReport& report, const AuditedFunction& function, const std::string& id)
      : report_(report), function_(function), id_(id) {}

  std::string svg() {
    begin();
    for (const auto& period : function_.watched) rect("watched", period.from, period.until, 8, 26);
    for (const StoredRun& run : function_.then.record.answers) {
      if (run.last >= report_.since) draw(run);
    }
    for (const Gap& gap : function_.coverage.gaps) rect("gap", gap.from, gap.until, 8, 26);
    for (const auto& [from, until] : function_.drifting) rect("drift", from, until, 38, 9);
    for (const auto& acceptance : function_.then.record.acceptances) {
      if (acceptance.at >= report_.since) mark(acceptance.at);
    }
    axis();
    return fmt::format(
        "<svg class=\"timeline\" viewBox=\"0 0 1000 66\" role=\"img\" aria-labelledby=\"{0}-t {0}-d\"><title "
        "id=\"{0}-t\">Timeline of {1}</title><desc id=\"{0}-d\">{2}</desc>{3}</svg>\n",
        id_, html_text(function_.address), html_text(words()), shapes_);
  }

 private:
  double x(WallTime at) const {
    const auto length = static_cast<double>(std::max<int64_t>(1, (report_.until - report_.drawn_since).count()));
    return std::clamp(static_cast<double>((at - report_.drawn_since).count()) / length, 0.0, 1.0) * kWidth;
  }

  void begin() { shapes_ = "<line class=\"base\" x1=\"0\" y1=\"21\" x2=\"1000\" y2=\"21\"/>"; }

  void rect(std::string_view mark, WallTime from, WallTime until, int y, int height) {
    const double left = x(from);
    const double width = std::max(2.0, x(until) - left);
    shapes_ += fmt::format("<rect class=\"{}\" x=\"{:.1f}\" y=\"{}\" width=\"{:.1f}\" height=\"{}\"/>", mark,
                           std::min(left, kWidth - width), y, width, height);
  }

  void draw(const StoredRun& run) {
    const WallTime until = std::min(run.last, report_.until);
    rect(run.sha256 ? (alternate(run) ? "live other" : "live") : "missing", run.first, until, 8, 26);
    const double left = x(run.first);
    if (x(until) - left >= kLabelled)
      shapes_ += fmt::format("<text class=\"hash\" x=\"{:.1f}\" y=\"25\">{}</text>", left + 6, short_of(run));
  }

  /// Every other hash in another tone, so that a change is seen without a label.
  bool alternate(const StoredRun& run) {
    if (last_hash_ && last_hash_ != run.sha256) other_ = !other_;
    last_hash_ = run.sha256;
    return other_;
  }

  void mark(WallTime at) {
    const double place = x(at);
    shapes_ +=
        fmt::format("<path class=\"accepted\" d=\"M{:.1f} 0h8l-4 7z\"/>", std::clamp(place - 4, 0.0, kWidth - 8));
  }

  void axis() {
    const WallTime middle = report_.drawn_since + (report_.until - report_.drawn_since) / 2;
    const std::tuple<WallTime, int, std::string_view> ticks[] = {
        {report_.drawn_since, 0, "start"}, {middle, 500, "middle"}, {report_.until, 1000, "end"}};
    for (const auto& [time, place, anchor] : ticks)
      shapes_ +=
          fmt::format("<text class=\"tick\" x=\"{}\" y=\"62\" text-anchor=\"{}\">{}</text>", place, anchor, tick(time));
  }

  std::string tick(WallTime at) const {
    const std::string text = rfc3339(at);
    // Where minutes are wide, seconds count.
    const bool short_time = report_.until - report_.drawn_since < std::chrono::hours(1);
    return fmt::format("{} {}", text.substr(0, 10), text.substr(11, short_time ? 8 : 5));
  }

  std::string words() const {
    std::vector<std::string> parts;
    for (const StoredRun& run : function_.then.record.answers) {
      if (run.last >= report_.since)
        parts.push_back(
            run.sha256 ? fmt::format("{} to {}: live hash {}.", rfc3339(run.first), rfc3339(run.last), short_of(run))
                       : fmt::format("{} to {}: missing.", rfc3339(run.first), rfc3339(run.last)));
    }
    for (const auto& [from, until] : function_.drifting)
      parts.push_back(fmt::format("Drift from {} to {}.", rfc3339(from), rfc3339(until)));
    for (const Gap& gap : function_.coverage.gaps)
      parts.push_back(
          fmt::format("Nothing seen from {} to {}: {}.", rfc3339(gap.from), rfc3339(gap.until), gap.reason));
    if (parts.empty()) return "Nothing was seen in this period.";
    std::string text;
    for (std::size_t i = 0; i < std::min(parts.size(), kSpelled); ++i) text += (i > 0 ? " " : "") + parts[i];
    if (parts.size() > kSpelled) text += fmt::format(" And {} more: see the tables.", parts.size() - kSpelled);
    return text;
  }

  const AuditReport& report_;
  const AuditedFunction& function_;
  const std::string& id_;
  std::string shapes_;
  std::optional<Sha256> last_hash_;
  bool other_ = false;
};

std::string swatch(std::string_view shape, std::string_view words) {
  return fmt::format("<li><svg class=\"swatch\" viewBox=\"0 0 26 14\" aria-hidden=\"true\">{}</svg> {}</li>", shape,
                     words);
}

}  // namespace

std::string timeline_svg(const AuditReport& report, const AuditedFunction& function, const std::string& id) {
  return Timeline(report, function, id).svg();
}

std::string timeline_legend() {
  return fmt::format(
      "<svg class=\"patterns\" width=\"0\" height=\"0\" aria-hidden=\"true\"><defs><pattern id=\"hatch\" width=\"7\" "
      "height=\"7\" patternUnits=\"userSpaceOnUse\" patternTransform=\"rotate(45)\"><rect class=\"hatch-ground\" "
      "width=\"7\" height=\"7\"/><rect class=\"hatch-line\" width=\"2\" height=\"7\"/></pattern></defs></svg>\n"
      "<ul class=\"legend\" aria-label=\"Marks of the timelines\">{}{}{}{}{}</ul>\n",
      swatch("<rect class=\"live\" width=\"13\" height=\"14\"/><rect class=\"live other\" x=\"13\" width=\"13\" "
             "height=\"14\"/>",
             "a live hash, and another one"),
      swatch("<rect class=\"drift\" y=\"3\" width=\"26\" height=\"9\"/>", "drift open"),
      swatch("<rect class=\"gap\" width=\"26\" height=\"14\"/>", "gap: not seen"),
      swatch("<rect class=\"missing\" width=\"26\" height=\"14\"/>", "missing"),
      swatch("<path class=\"accepted\" d=\"M7 2h12l-6 10z\"/>", "a hash was accepted"));
}

}  // namespace codedriftd
