#pragma once
#include <fmt/format.h>

#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>

#include "base/journal.h"

namespace codedriftd {

enum class LogLevel { error = 3, warning = 4, info = 6, debug = 7 };  ///< syslog's numbers

enum class LogFormat {
  text,          ///< for people: "2026-11-24T12:00:03.000Z warning poll.failing: … target=prod/…"
  systemd,       ///< without the time: as an entry of the journal (base/journal.h); where that does not take it, on
                 ///< stderr with a "<4>" priority in front
  json,          ///< one object a line: time, level, event, message, fields
  systemd_json,  ///< the same with a "<4>" priority in front, which the journal takes off
};

std::optional<LogLevel> parse_log_level(std::string_view name);  ///< error warning info debug

/// One `name=value` of a log line.
struct LogField {
  enum class Kind {
    text,
    number,  ///< a whole one, which is a number in JSON too
    absent,  ///< the line says nothing of it
  };
  std::string_view name;
  std::string value;
  Kind kind = Kind::text;
};
template <typename T>
LogField field(std::string_view name, const T& value) {
  constexpr bool whole = std::is_integral_v<T> && !std::is_same_v<T, bool> && !std::is_same_v<T, char>;
  return {name, fmt::format("{}", value), whole ? LogField::Kind::number : LogField::Kind::text};
}
template <typename T>
LogField field(std::string_view name, const std::optional<T>& value) {
  return value ? field(name, *value) : LogField{name, "", LogField::Kind::absent};
}

/// Where log lines go: stderr, and with LogFormat::systemd the journal's socket. Set once by the program before threads
/// start, and again on a reload.
void set_log(LogLevel level, LogFormat format, std::string journal_socket = kJournalSocket);
/// systemd when stderr is the journal ($JOURNAL_STREAM), else text.
LogFormat default_log_format();
/// JSON with or without priorities, by the same rule.
LogFormat json_log_format();
bool log_enabled(LogLevel level);

/// Writes one line. `event` is a stable name ("poll.failing") that scripts may search for; `message` says who, what and
/// why in one sentence. Text from outside is made harmless here. In the journal the event and each field are fields of
/// the entry, too: CODEDRIFTD_EVENT, CODEDRIFTD_TARGET, …. Thread-safe; never throws, and never waits for who reads
/// stderr: a line that finds no room within a tenth of a second is dropped, and the next one that does is
/// preceded by how many were (log.dropped).
void log(LogLevel level, std::string_view event, std::string_view message,
         std::initializer_list<LogField> fields = {}) noexcept;

/// The line as it would be written, without the newline: what log() writes, and what its test reads.
std::string format_log_line(LogFormat format, std::string_view time, LogLevel level, std::string_view event,
                            std::string_view message, std::initializer_list<LogField> fields);

}  // namespace codedriftd
