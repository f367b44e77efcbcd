#pragma once
#include <fmt/format.h>

#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>

namespace codedriftd {

enum class LogLevel { error = 3, warning = 4, info = 6, debug = 7 };  ///< syslog's numbers

enum class LogFormat {
  text,     ///< for people: "2026-11-24T12:00:03.000Z warning poll.failing: … target=prod/…"
  systemd,  ///< the same without the time, with a "<4>" priority in front
  json,     ///< one object a line: time, level, event, message, fields
};

std::optional<LogLevel> parse_log_level(std::string_view name);  ///< error warning info debug

/// One `name=value` of a log line.
struct LogField {
  std::string_view name;
  std::string value;
};
template <typename T>
LogField field(std::string_view name, const T& value) {
  return {name, fmt::format("{}", value)};
}

/// Where log lines go: stderr. Set once by the program before threads start, and again on a reload.
void set_log(LogLevel level, LogFormat format);
/// systemd when stderr is the journal ($JOURNAL_STREAM), else text.
LogFormat default_log_format();
bool log_enabled(LogLevel level);

/// Writes one line, in one write. `event` is a stable name ("poll.failing") that scripts may search for; `message`
/// says who, what and why in one sentence. Text from outside is made harmless here. Thread-safe; never throws.
void log(LogLevel level, std::string_view event, std::string_view message,
         std::initializer_list<LogField> fields = {}) noexcept;

/// The line as it would be written, without the newline: what log() writes, and what its test reads.
std::string format_log_line(LogFormat format, std::string_view time, LogLevel level, std::string_view event,
                            std::string_view message, std::initializer_list<LogField> fields);

}  // namespace codedriftd
