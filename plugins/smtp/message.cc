#include "smtp/message.h"

#include <fmt/format.h>

#include <algorithm>
#include <ctime>

#include "base/sha256.h"
#include "base/text.h"
#include "http_sink/chat.h"
#include "http_sink/prometheus.h"

namespace codedriftd::smtp {
namespace {

using http_sink::Alert;

constexpr std::size_t kSummaryBytes = 2000, kItemsBytes = 100'000, kSubjectBytes = 200;
constexpr std::size_t kLine = 76;
/// So many bytes of text make an encoded word that has room in a line of 76 beside the longest name of a header here.
constexpr std::size_t kEncodedWord = 30;

std::string plain(std::string_view text) { return std::string(text); }

std::string html(std::string_view text) {
  std::string result;
  for (const char c : text) {
    switch (c) {
      case '&':
        result += "&amp;";
        break;
      case '<':
        result += "&lt;";
        break;
      case '>':
        result += "&gt;";
        break;
      case '"':
        result += "&quot;";
        break;
      case '\'':
        result += "&#39;";
        break;
      default:
        result += c;
    }
  }
  return result;
}

std::string html_code(std::string_view text) { return text.empty() ? "" : "<code>" + html(text) + "</code>"; }

constexpr http_sink::Markup kText = {plain, plain};
constexpr http_sink::Markup kHtml = {html, html_code};

bool printable_ascii(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= 0x20 && c < 0x7F; });
}

std::string_view color(std::string_view severity) {
  if (severity == "critical") return "#b00020";
  return severity == "warning" ? "#9a5b00" : "#1a5fb4";
}

std::string subject(const Alert& alert, std::string_view prefix) {
  std::string text(prefix);
  if (!text.empty()) text += ' ';
  text += http_sink::headline(alert);
  const std::string_view about = alert.own.address.empty() ? alert.own.summary : alert.own.address;
  return fmt::format("{}: {}", http_sink::shortened(text, kSubjectBytes), http_sink::shortened(about, kSubjectBytes));
}

/// "Tue, 24 Nov 2026 03:04:05 +0000"
std::string mail_date(WallTime time) {
  constexpr const char* kDays[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  constexpr const char* kMonths[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const auto seconds =
      static_cast<std::time_t>(std::chrono::floor<std::chrono::seconds>(time).time_since_epoch().count());
  std::tm parts{};
  ::gmtime_r(&seconds, &parts);
  return fmt::format("{}, {:02d} {} {} {:02d}:{:02d}:{:02d} +0000", kDays[parts.tm_wday], parts.tm_mday,
                     kMonths[parts.tm_mon], parts.tm_year + 1900, parts.tm_hour, parts.tm_min, parts.tm_sec);
}

/// One part of the mail, in base64: no line of it is long, and none begins with a dot or two dashes.
std::string part(std::string_view type, std::string_view text) {
  std::string result = fmt::format(
      "Content-Type: {}; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\nContent-Disposition: inline\r\n\r\n",
      type);
  const std::string encoded = base64(text);
  for (std::size_t at = 0; at < encoded.size(); at += kLine) {
    result.append(encoded, at, kLine).append("\r\n");
  }
  return result;
}

/// Of an alert about one thing: what all mails about it name; empty for a digest.
std::string thread_of(const Alert& alert) {
  if (!alert.items.empty()) return {};
  const auto things = http_sink::prometheus_alerts(alert, {}, WallTime{});
  return things.empty() ? std::string() : http_sink::identity(things.front());
}

}  // namespace

Checked check_address(std::string_view option, std::string_view address) {
  constexpr std::size_t kLongest = 254;
  const std::size_t at = address.rfind('@');
  const bool usable =
      at != std::string_view::npos && at > 0 && at + 1 < address.size() && address.size() <= kLongest &&
      std::all_of(address.begin(), address.end(),
                  [](char c) {
                    return c > 0x20 && c < 0x7F && std::string_view("<>()[]\\,;:\"").find(c) == std::string_view::npos;
                  }) &&
      address.find('@') == at;
  if (usable) return Done{};
  return Error{fmt::format(
      "{}: \"{}\" should be an address alone, such as \"ops@example.com\", in ASCII and without a name or \"<>\"",
      option, http_sink::shortened(address, 100))};
}

std::string header_text(std::string_view text) {
  if (printable_ascii(text) && text.find("=?") == std::string_view::npos) return std::string(text);
  std::string result;
  while (!text.empty()) {
    const std::string_view word = utf8_prefix(text, kEncodedWord);
    if (!result.empty()) result += "\r\n ";
    result += fmt::format("=?utf-8?B?{}?=", base64(word));
    text.remove_prefix(word.size());
  }
  return result;
}

std::string text_body(const Alert& alert) {
  std::string text =
      http_sink::headline(alert) + "\n\n" + http_sink::summary_line(alert.own, kSummaryBytes, kText) + "\n";
  const auto add = [&text](const std::vector<std::string>& lines) {
    if (!lines.empty()) text += "\n";
    for (const std::string& line : lines) text += line + "\n";
  };
  add(http_sink::item_lines(alert, kItemsBytes, kText));
  add(http_sink::fact_lines(alert, kText));
  return text;
}

std::string html_body(const Alert& alert) {
  std::string text = fmt::format(
      "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"></head>\n<body "
      "style=\"font-family:sans-serif\">\n"
      "<h2 style=\"color:{}\">{}</h2>\n<p>{}</p>\n",
      color(alert.own.severity), html(http_sink::headline(alert)),
      http_sink::summary_line(alert.own, kSummaryBytes, kHtml));
  if (!alert.items.empty()) {
    text += "<ul>\n";
    for (const std::string& line : http_sink::item_lines(alert, kItemsBytes, kHtml)) text += "<li>" + line + "</li>\n";
    text += "</ul>\n";
  }
  text += "<table>\n";
  for (const std::string& line : http_sink::fact_lines(alert, kHtml)) {
    const std::size_t colon = line.find(": ");
    text += fmt::format("<tr><td>{}</td><td>{}</td></tr>\n", line.substr(0, colon),
                        colon == std::string::npos ? "" : line.substr(colon + 2));
  }
  return text + "</table>\n</body></html>\n";
}

std::string message(const Alert& alert, const Envelope& envelope, WallTime now) {
  const std::string domain = envelope.from.substr(envelope.from.rfind('@') + 1);
  std::string recipients;
  for (const std::string& one : envelope.to) recipients += (recipients.empty() ? "" : ",\r\n ") + one;
  // 70 characters at most, and none that base64 has.
  const std::string boundary = fmt::format("=_cd_{}", alert.id);
  std::string text =
      fmt::format("From: {}\r\nTo: {}\r\nSubject: {}\r\nDate: {}\r\nMessage-ID: <codedriftd.{}@{}>\r\n", envelope.from,
                  recipients, header_text(subject(alert, envelope.subject_prefix)), mail_date(now), alert.id, domain);
  if (const std::string thread = thread_of(alert); !thread.empty()) {
    text += fmt::format("In-Reply-To: <codedriftd.{0}@{1}>\r\nReferences: <codedriftd.{0}@{1}>\r\n", thread, domain);
  }
  text += fmt::format("Auto-Submitted: auto-generated\r\nX-Codedriftd-Kind: {}\r\nX-Codedriftd-Severity: {}\r\n",
                      header_text(http_sink::shortened(alert.own.kind, 60)),
                      header_text(http_sink::shortened(alert.own.severity, 60)));
  text += fmt::format("MIME-Version: 1.0\r\nContent-Type: multipart/alternative; boundary=\"{0}\"\r\n\r\n--{0}\r\n{1}",
                      boundary, part("text/plain", text_body(alert)));
  return text + fmt::format("--{0}\r\n{1}--{0}--\r\n", boundary, part("text/html", html_body(alert)));
}

}  // namespace codedriftd::smtp
