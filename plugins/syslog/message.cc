#include "syslog/message.h"

#include <fmt/format.h>

#include <algorithm>
#include <ctime>

#include "base/clock.h"
#include "http_sink/chat.h"

namespace codedriftd::syslog {
namespace {

using http_sink::Alert;
using http_sink::Report;

constexpr std::size_t kValueBytes = 300, kSummaryBytes = 2000, kSummaryKept = 150;
constexpr std::size_t kHostBytes = 64, kMsgIdBytes = 32, kAppNameBytes = 48, kSdIdBytes = 32;

struct FacilityName {
  std::string_view name;
  int number;
};
constexpr FacilityName kFacilityNumbers[] = {
    {"user", 1},    {"daemon", 3},  {"auth", 4},    {"syslog", 5},  {"authpriv", 10}, {"local0", 16}, {"local1", 17},
    {"local2", 18}, {"local3", 19}, {"local4", 20}, {"local5", 21}, {"local6", 22},   {"local7", 23}};

int severity_number(std::string_view severity) {
  if (severity == "critical") return 2;
  if (severity == "warning") return 4;
  return severity == "info" ? 6 : 5;
}

bool printable(char c) { return c > 0x20 && c < 0x7F; }

/// A field of the header: printable ASCII without spaces, "-" for nothing.
std::string field(std::string_view text, std::size_t max_bytes) {
  std::string result(text.substr(0, max_bytes));
  std::replace_if(
      result.begin(), result.end(), [](char c) { return !printable(c); }, '_');
  return result.empty() ? "-" : result;
}

/// A value of structured data.
std::string quoted(std::string_view text) {
  std::string result = "\"";
  for (const char c : http_sink::shortened(text, kValueBytes)) {
    if (c == '"' || c == '\\' || c == ']') result += '\\';
    result += c;
  }
  return result + '"';
}

/// As many of the facts as fit, as ` name="value"`.
std::string facts(const Alert& alert, const Report& report, std::size_t max_bytes) {
  std::string text;
  const auto add = [&](std::string_view name, std::string_view value) {
    if (value.empty()) return;
    const std::string one = fmt::format(" {}={}", name, quoted(value));
    if (text.size() + one.size() <= max_bytes) text += one;
  };
  add("id", alert.id);
  add("kind", report.kind);
  add("severity", report.severity);
  add("target", report.address);
  add("status", report.status);
  add("observed", report.observed);
  add("accepted", report.accepted);
  add("previous", report.previous);
  add("expected", report.expected);
  add("driftSince", report.drift_since);
  add("resolution", report.resolution);
  add("reason", report.reason);
  add("error", report.error);
  add("requestId", report.request_id);
  add("actor", alert.actor);
  add("account", alert.account);
  add("region", alert.region);
  add("link", report.link);
  for (const auto& [name, value] : alert.heartbeat) {
    const bool usable = !name.empty() && name.size() <= 32 && std::all_of(name.begin(), name.end(), [](char c) {
      return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
    });
    if (usable) add(name, value);
  }
  return text;
}

/// "Nov 24 03:04:05", local.
std::string bsd_time(WallTime time) {
  constexpr const char* kMonths[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const auto seconds =
      static_cast<std::time_t>(std::chrono::floor<std::chrono::seconds>(time).time_since_epoch().count());
  std::tm parts{};
  ::localtime_r(&seconds, &parts);
  return fmt::format("{} {:2d} {:02d}:{:02d}:{:02d}", kMonths[parts.tm_mon], parts.tm_mday, parts.tm_hour, parts.tm_min,
                     parts.tm_sec);
}

std::string rfc5424(const Alert& alert, const Report& report, WallTime time, int priority, const Style& style) {
  const std::string head =
      fmt::format("<{}>1 {} {} {} - {} [{}", priority, rfc3339(time), field(alert.instance, kHostBytes),
                  field(style.app_name, kAppNameBytes), field(report.kind, kMsgIdBytes), style.sd_id);
  const std::string summary = http_sink::shortened(report.summary, kSummaryBytes);
  constexpr std::size_t kAround = 5;  // "] " and the mark of UTF-8
  const std::size_t kept = std::min(summary.size(), kSummaryKept);
  std::string message = head + facts(alert, report, style.max_bytes - head.size() - kept - kAround) + "] ";
  const bool ascii = std::all_of(summary.begin(), summary.end(), [](char c) { return c >= 0; });
  if (!ascii) message += "\xEF\xBB\xBF";
  return message + http_sink::shortened(summary, style.max_bytes - message.size());
}

std::string bsd(const Alert& alert, const Report& report, WallTime time, int priority, const Style& style) {
  std::string message = fmt::format("<{}>{} {}: ", priority, bsd_time(time), field(style.app_name, kAppNameBytes));
  message += http_sink::shortened(report.summary, std::min(kSummaryBytes, style.max_bytes - message.size()));
  constexpr std::size_t kAround = 3;  // " [" and "]"
  if (message.size() + kAround >= style.max_bytes) return message;
  const std::string known = facts(alert, report, style.max_bytes - message.size() - kAround + 1);
  return known.empty() ? message : fmt::format("{} [{}]", message, known.substr(1));
}

std::string message_of(const Alert& alert, const Report& report, const Style& style) {
  const WallTime time =
      parse_rfc3339(report.time).value_or(parse_rfc3339(alert.own.time).value_or(SystemClock{}.wall()));
  const int priority = style.facility * 8 + severity_number(report.severity);
  return style.format == Format::rfc5424 ? rfc5424(alert, report, time, priority, style)
                                         : bsd(alert, report, time, priority, style);
}

}  // namespace

int facility_number(std::string_view name) {
  const auto* found = std::find_if(std::begin(kFacilityNumbers), std::end(kFacilityNumbers),
                                   [name](const FacilityName& one) { return one.name == name; });
  return found == std::end(kFacilityNumbers) ? 3 : found->number;
}

Checked check_app_name(std::string_view name) {
  const bool usable =
      !name.empty() && name.size() <= kAppNameBytes &&
      std::all_of(name.begin(), name.end(), [](char c) { return printable(c) && c != ':' && c != '[' && c != ']'; });
  if (usable) return Done{};
  return Error{fmt::format(
      "app_name: \"{}\" should be 1 to 48 printable ASCII characters without spaces, ':', '[' and ']', such "
      "as \"codedriftd\"",
      http_sink::shortened(name, 60))};
}

Checked check_sd_id(std::string_view id) {
  const std::size_t at = id.find('@');
  const std::string_view name = id.substr(0, at), number = at == std::string_view::npos ? "" : id.substr(at + 1);
  const bool named = !name.empty() && id.size() <= kSdIdBytes && std::all_of(name.begin(), name.end(), [](char c) {
    return printable(c) && c != '=' && c != ']' && c != '"';
  });
  const bool numbered = !number.empty() && std::all_of(number.begin(), number.end(),
                                                       [](char c) { return (c >= '0' && c <= '9') || c == '.'; });
  if (named && numbered) return Done{};
  return Error{
      fmt::format("sd_id: \"{}\" should be NAME@NUMBER, 32 characters at most, with the private enterprise number of "
                  "whoever made the name up, such as \"codedriftd@32473\"",
                  http_sink::shortened(id, 60))};
}

std::vector<std::string> messages(const Alert& alert, const Style& style) {
  std::vector<std::string> made{message_of(alert, alert.own, style)};
  for (const Report& item : alert.items) made.push_back(message_of(alert, item, style));
  return made;
}

std::string framed(const std::vector<std::string>& messages) {
  std::string bytes;
  for (const std::string& message : messages) bytes += fmt::format("{} {}", message.size(), message);
  return bytes;
}

}  // namespace codedriftd::syslog
