#include "web/pages/parts.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

#include "audit/format/values.h"
#include "audit/query/parameters.h"
#include "audit/query/reports.h"
#include "audit/query/status_rows.h"
#include "audit/report/html_tables.h"
#include "audit/report/writers.h"
#include "audit/story/stored_event.h"
#include "base/text.h"

namespace codedriftd {
namespace {

constexpr std::size_t kDigits = 12;
constexpr std::size_t kNamed = 3;

/// For a path or a query string: what may stand there as it is, stays.
std::string in_url(std::string_view text, std::string_view also) {
  std::string url;
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       std::string_view("-._~").find(c) != std::string_view::npos || also.find(c) != also.npos;
    if (plain) {
      url += c;
    } else {
      url += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
  }
  return url;
}

/// "3h 2m ago": as much as a glance takes.
std::string age_words(WallTime at, WallTime now) {
  if (at > now) return "in " + spell(at - now);
  const std::string whole = spell(now - at);
  const std::size_t first = whole.find(' ');
  const std::size_t second = first == whole.npos ? first : whole.find(' ', first + 1);
  return whole.substr(0, second) + " ago";
}

struct Sign {
  std::string_view tone, sign;
};
Sign sign_of(Status status) {
  switch (status) {
    case Status::missing:
      return {"alarm", "✕"};
    case Status::drifted:
      return {"alarm", "≠"};
    case Status::unobserved:
      return {"warning", "?"};
    case Status::examining:
      return {"warning", "…"};
    case Status::unreviewed:
      return {"warning", "○"};
    case Status::pending_deploy:
      return {"warning", "→"};
    case Status::in_sync:
      break;
  }
  return {"good", "✓"};
}

}  // namespace

int64_t number_value(const PageInput& in, const std::string& name, int64_t otherwise) {
  const std::string text = in.value(name);
  if (text.empty()) return otherwise;
  const auto number = whole_number(text);
  if (!number || *number > 1'000'000'000)
    throw BadValue(
        fmt::format("{} \"{}\" is not a number here; write a whole number, 1 or more", name, shown_argument(text)));
  return *number;
}

std::optional<WallTime> time_value(const PageInput& in, const std::string& name) {
  const std::string text = in.value(name);
  if (text.empty()) return std::nullopt;
  const auto time = read_time(name, text, in.now);
  if (!time) throw BadValue(time.error().message);
  return *time;
}

std::string word_value(const PageInput& in, const std::string& name, const std::vector<std::string>& known) {
  const std::string text = in.value(name);
  if (text.empty() || std::find(known.begin(), known.end(), text) != known.end()) return text;
  throw BadValue(
      fmt::format("there is no {} \"{}\"; there are {}", name, shown_argument(text), fmt::join(known, ", ")));
}

bool switch_value(const PageInput& in, const std::string& name) {
  const std::string text = in.value(name);
  if (!text.empty() && text != "1") throw BadValue(fmt::format("{} \"{}\" is not 1", name, shown_argument(text)));
  return !text.empty();
}

void search_addresses(Selection& selection, const std::string& text) {
  if (text.empty()) return;
  if (text.find_first_of("*?") != std::string::npos || Target::parse(text)) {
    selection.targets = {text};
  } else if (text.find('/') != std::string::npos) {
    selection.targets = {"*" + text + "*"};
  } else {
    // With a "/", so that it is compared with the whole address: the text stands before one, or behind one.
    selection.targets = {"*" + text + "*/*", "*/*" + text + "*"};
  }
}

std::string function_path(std::string_view address) { return "/function/" + in_url(address, "/:$"); }
std::string function_link(std::string_view address) { return html_text(function_path(address)); }

std::string path_to(std::string_view path, const Values& values) {
  std::string url(path);
  char mark = '?';
  for (const auto& [name, value] : values) {
    if (value.empty()) continue;
    url += fmt::format("{}{}={}", mark, name, in_url(value, "/:$*"));
    mark = '&';
  }
  return url;
}

std::string link_to(std::string_view path, const Values& values) { return html_text(path_to(path, values)); }

std::string passing_html(const std::string& html) { return "<span class=\"poll\">" + html + "</span>"; }

std::string bare_time_html(const std::string& rfc3339_time) {
  if (!parse_rfc3339(rfc3339_time)) return html_text(rfc3339_time);
  return fmt::format("<time datetime=\"{}\">{} {}Z</time>", rfc3339_time, rfc3339_time.substr(0, 10),
                     rfc3339_time.substr(11, 8));
}

std::string time_html(WallTime at, WallTime now) {
  return fmt::format("{} <span class=\"age\">{}</span>", bare_time_html(rfc3339(at)), age_words(at, now));
}

std::string time_html(const OrderedJson& value, WallTime now) {
  const auto time = value.is_string() ? parse_rfc3339(value.get_ref<const std::string&>()) : std::nullopt;
  return time ? time_html(*time, now) : "–";
}

std::string hash_html(const OrderedJson& value) {
  if (!value.is_string()) return "–";
  const auto& text = value.get_ref<const std::string&>();
  if (!Sha256::from_hex(text)) return fmt::format("<code>{}</code>", html_text(text));
  return fmt::format("<code class=\"short\" title=\"{}\">{}</code>", text, text.substr(0, kDigits));
}

std::string code_html(std::string_view code) {
  std::string html;
  for (const char c : html_text(code)) {
    html += c;
    if (c == '.') html += "<wbr>";
  }
  return html;
}

std::string function_html(std::string_view address) {
  const std::size_t slash = address.rfind('/');
  const std::size_t begin = slash == address.npos ? 0 : slash + 1;
  return fmt::format("<a class=\"function\" href=\"{}\"><span class=\"where\">{}</span>{}</a>", function_link(address),
                     html_parts(address.substr(0, begin)), html_parts(address.substr(begin)));
}

std::string badge_html(std::string_view tone, std::string_view sign, std::string_view words) {
  return fmt::format("<span class=\"badge {}\"><span aria-hidden=\"true\">{}</span> {}</span>", tone, sign,
                     html_text(words));
}

std::string status_badge(Status status, bool watched) {
  const Sign sign = sign_of(status);
  return badge_html(sign.tone, sign.sign, fmt::format("{}{}", status_words(status), watched ? "" : " (removed)"));
}

std::string state_badge(std::string_view state) {
  const Sign sign = state == "delivered"                    ? Sign{"good", "✓"}
                    : state == "dead"                       ? Sign{"alarm", "✕"}
                    : state == "held" || state == "pending" ? Sign{"warning", "…"}
                                                            : Sign{"plain", "–"};
  return badge_html(sign.tone, sign.sign, state);
}

std::string changes_html(const OrderedJson& changes) {
  if (!changes.is_object()) return {};
  const auto number = [&](const char* name) {
    const auto found = changes.find(name);
    return found != changes.end() && found->is_number_integer() ? found->get<int64_t>() : 0;
  };
  int64_t all = 0;
  std::vector<std::string> counts;
  for (const auto& [name, what] :
       {std::pair("changed", "changed"), {"added", "added"}, {"removed", "removed"}, {"modes", "with another mode"}}) {
    if (const int64_t count = number(name); count != 0) counts.push_back(fmt::format("{} {}", grouped(count), what));
    all += number(name);
  }
  if (all == 0) return "nothing inside: packed anew";
  std::vector<std::string> names;
  if (const auto files = changes.find("files"); files != changes.end() && files->is_array()) {
    for (const OrderedJson& file : *files) {
      if (names.size() == kNamed) break;
      names.push_back(fmt::format("<code>{}</code>", html_parts(text_in(file, "name"))));
    }
  }
  const int64_t more = all - static_cast<int64_t>(names.size());
  return fmt::format("{}{}{}{}", fmt::join(counts, ", "), names.empty() ? "" : ": ", fmt::join(names, ", "),
                     more > 0 && !names.empty() ? fmt::format(" and {} more", grouped(more)) : "");
}

std::string value_html(const OrderedJson& value) {
  if (!value.is_string()) return html_text(json_line(value));
  const auto& text = value.get_ref<const std::string&>();
  if (Sha256::from_hex(text)) return hash_html(value);
  if (Target::parse(text)) return function_html(text);
  return html_text(text);
}

std::string options_html(std::string_view none, const std::vector<std::pair<std::string, std::string>>& all,
                         std::string_view chosen) {
  std::string html =
      fmt::format("<option value=\"\"{}>{}</option>", chosen.empty() ? " selected" : "", html_text(none));
  for (const auto& [value, words] : all)
    html += fmt::format("<option value=\"{}\"{}>{}</option>", html_text(value), value == chosen ? " selected" : "",
                        html_text(words));
  return html;
}

std::string command_html(std::string_view command) {
  return fmt::format("<code class=\"command\">{}</code>", html_text(command));
}

std::string quoted_for_shell(std::string_view word) {
  const bool plain = !word.empty() && std::all_of(word.begin(), word.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
           c == '.' || c == '/' || c == ':';
  });
  if (plain) return std::string(word);
  std::string quoted = "'";
  for (const char c : word) quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return quoted + "'";
}

std::string turn_html(std::string_view shown, const std::string& before, const std::string& after,
                      std::string_view before_words, std::string_view after_words) {
  std::string html = fmt::format("<nav class=\"turn\" aria-label=\"Pages\"><span>{}</span>", html_text(shown));
  if (!before.empty()) html += fmt::format("<a rel=\"prev\" href=\"{}\">← {}</a>", before, before_words);
  if (!after.empty()) html += fmt::format("<a rel=\"next\" href=\"{}\">{} →</a>", after, after_words);
  return html + "</nav>\n";
}

std::string warnings_html(const std::vector<std::string>& warnings) {
  if (warnings.empty()) return {};
  std::string html = "<ul class=\"blind\" aria-label=\"What is in the way\">";
  for (const std::string& warning : warnings) html += fmt::format("<li>{}</li>", html_text(warning));
  return html + "</ul>\n";
}

std::string grouped(int64_t number) {
  std::string text = std::to_string(number);
  for (auto at = static_cast<std::ptrdiff_t>(text.size()) - 3; at > 0; at -= 3)
    text.insert(static_cast<std::size_t>(at), ",");
  return text;
}

const OrderedJson& field(const Report& report, const Row& row, std::string_view name) {
  const auto found = std::find(report.fields.begin(), report.fields.end(), name);
  return row.values.at(static_cast<std::size_t>(found - report.fields.begin()));
}

std::string text_field(const Report& report, const Row& row, std::string_view name) {
  const OrderedJson& value = field(report, row, name);
  return value.is_string() ? value.get<std::string>() : std::string();
}

WebReply whole_page(const PageSetting& setting, WallTime now, std::string_view title, std::string_view place,
                    std::string_view main, int status) {
  constexpr std::pair<std::string_view, std::string_view> kMenu[] = {
      {"/", "Functions"}, {"/alerts", "Alerts"}, {"/log", "Log"}};
  const std::string instance = html_text(setting.instance);
  std::string menu;
  for (const auto& [path, words] : kMenu)
    menu += fmt::format("<li><a href=\"{}\"{}>{}</a></li>", path, path == place ? " aria-current=\"page\"" : "", words);
  return {status, "text/html; charset=utf-8",
          fmt::format(
              "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" "
              "content=\"width=device-width, initial-scale=1\">\n<title>{0} · {1} · codedriftd</title>\n<link "
              "rel=\"icon\" href=\"data:,\">\n<link rel=\"stylesheet\" href=\"/assets/page.css\">\n<script "
              "src=\"/assets/page.js\" defer></script>\n</head>\n<body>\n<a class=\"skip\" href=\"#main\">Skip to the "
              "content</a>\n<div class=\"page\">\n<header class=\"site\">\n<p class=\"brand\"><b>codedriftd</b> "
              "<span>{1}</span></p>\n<nav aria-label=\"Pages of this site\"><ul>{2}</ul></nav>\n<p class=\"asof\">As "
              "of <span id=\"asof\">{3}</span></p>\n</header>\n<p id=\"live\" class=\"live-note\" "
              "role=\"status\"></p>\n<main id=\"main\" tabindex=\"-1\">\n{4}</main>\n<footer><p>codedriftd {5} on {1}. "
              "Read-only. All times are UTC.</p></footer>\n</div>\n</body>\n</html>\n",
              html_text(title), instance, menu, bare_time_html(rfc3339(now)), main, CODEDRIFTD_VERSION)};
}

}  // namespace codedriftd
