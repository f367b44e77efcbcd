#pragma once
/// What the pages have in common. Private to web/pages.
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "audit/format/report.h"
#include "web/pages/pages.h"

namespace codedriftd {

/// Everything that one page is made from.
struct PageInput {
  Database& db;
  const WebRequest& request;
  const PageSetting& setting;
  WallTime now;

  std::string value(const std::string& name) const { return request.value(name); }
};

/// A value in the URL that is none: the sentence says what would be one.
class BadValue : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};
/// There is no such page, or no such function: the sentence says what there is.
class NotThere : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

WebReply functions_page(const PageInput& in);
/// `address` as it stands in the path. Throws NotThere.
WebReply function_page(const PageInput& in, const std::string& address);
WebReply alerts_page(const PageInput& in);
WebReply log_page(const PageInput& in);

/// A whole page around `main`, which begins with its h1. `place` is the path of the entry of the menu that it belongs
/// to.
WebReply whole_page(const PageSetting& setting, WallTime now, std::string_view title, std::string_view place,
                    std::string_view main, int status = 200);
inline WebReply whole_page(const PageInput& in, std::string_view title, std::string_view place, std::string_view main) {
  return whole_page(in.setting, in.now, title, place, main);
}

// ---- values in the URL; all throw BadValue --------------------------------------------------------------------------

/// A whole number from 1 to a billion; `otherwise` if it is not there.
int64_t number_value(const PageInput& in, const std::string& name, int64_t otherwise);
std::optional<WallTime> time_value(const PageInput& in, const std::string& name);
/// One of `known`, or empty.
std::string word_value(const PageInput& in, const std::string& name, const std::vector<std::string>& known);
/// "1", or nothing.
bool switch_value(const PageInput& in, const std::string& name);
/// What narrows a selection to the address that `text` is, to those in which it stands, or that it matches as a
/// pattern.
void search_addresses(Selection& selection, const std::string& text);

// ---- links ----------------------------------------------------------------------------------------------------------

/// Escaped for an attribute, where nothing else is said.
std::string function_link(std::string_view address);
using Values = std::vector<std::pair<std::string, std::string>>;
/// The same for a header: percent-encoded, not escaped.
std::string function_path(std::string_view address);
/// `path` with those of `values` that are not empty, percent-encoded.
std::string path_to(std::string_view path, const Values& values);
/// The same, escaped.
std::string link_to(std::string_view path, const Values& values);

// ---- pieces ---------------------------------------------------------------------------------------------------------

/// "2026-11-24 03:04:05Z", and how long ago.
std::string time_html(WallTime at, WallTime now);
/// The same without its age, of what rfc3339() says.
std::string bare_time_html(const std::string& rfc3339_time);
/// What goes on with each poll, or with the time: the script that makes pages live does not call it a change.
std::string passing_html(const std::string& html);
/// Of a row's value; "–" for null.
std::string time_html(const OrderedJson& value, WallTime now);
/// Twelve digits of a hash, whole in its title; any other text as it is; "–" for null.
std::string hash_html(const OrderedJson& value);
/// A code such as ResourceNotFound.Function, which may be broken after its dots.
std::string code_html(std::string_view code);
/// The address as a link to its page, its function first to be seen.
std::string function_html(std::string_view address);
/// A word with its tone and a sign of its own, so that colour is not all that tells.
std::string badge_html(std::string_view tone, std::string_view sign, std::string_view words);
std::string status_badge(Status status, bool watched = true);
std::string state_badge(std::string_view alert_state);
/// "changed 2, added 1: index.py, lib/pay.py and 1 more", of a row's `changes`; empty: nothing is known.
std::string changes_html(const OrderedJson& changes);
/// A member of an event's data, or what else JSON has.
std::string value_html(const OrderedJson& value);
/// <option>s, the first for no choice.
std::string options_html(std::string_view none, const std::vector<std::pair<std::string, std::string>>& all,
                         std::string_view chosen);
/// A command to type, as it would be typed.
std::string command_html(std::string_view command);
std::string quoted_for_shell(std::string_view word);
/// Links to the pages before and after, with what is shown between them; empty links: there is none.
std::string turn_html(std::string_view shown, const std::string& before, const std::string& after,
                      std::string_view before_words, std::string_view after_words);
/// One sentence each, in a box that is seen first; empty: nothing.
std::string warnings_html(const std::vector<std::string>& warnings);
/// "1,234"
std::string grouped(int64_t number);

/// The value of a row's field, by its name.
const OrderedJson& field(const Report& report, const Row& row, std::string_view name);
/// Text of a row's field; empty for null.
std::string text_field(const Report& report, const Row& row, std::string_view name);

/// Which destinations take nothing now, in the words of `query alerts`, and how many alerts were given up.
std::vector<std::string> delivery_troubles(Database& db, WallTime now);
/// Rows of alerts, newest first, with their attempts and what to type; `caption` is escaped.
std::string alerts_table(const PageInput& in, std::string_view caption, const std::vector<Row>& rows);
/// Rows of the log, newest first.
std::string events_table(const PageInput& in, std::string_view caption, const std::vector<Row>& rows);

}  // namespace codedriftd
