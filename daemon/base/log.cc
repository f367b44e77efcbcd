#include "base/log.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <climits>
#include <cstdlib>
#include <utility>

#include "base/clock.h"
#include "base/guarded.h"
#include "base/json.h"
#include "base/text.h"

namespace codedriftd {
namespace {

std::atomic<LogLevel> log_level{LogLevel::info};
std::atomic<LogFormat> log_format{LogFormat::text};

std::string_view level_name(LogLevel level) {
  switch (level) {
    case LogLevel::error:
      return "error";
    case LogLevel::warning:
      return "warning";
    case LogLevel::info:
      return "info";
    case LogLevel::debug:
      return "debug";
  }
  return "info";
}

struct Output {
  std::string journal = kJournalSocket;
  std::string rest;      ///< of a line that was begun, which stderr has not taken: it goes first, lines do not mix
  uint64_t dropped = 0;  ///< lines since the last one that was written
};
Guarded<Output>& output() {
  static auto& the_output = *new Guarded<Output>;  // threads may log until the very end of the process
  return the_output;
}

constexpr int kPatienceMs = 100;

/// Writes what stderr takes without blocking, waiting up to `patience_ms` for room; how many bytes that was.
std::size_t write_some(std::string_view text, int patience_ms) {
  struct stat info {};
  if (::fstat(STDERR_FILENO, &info) != 0) return 0;
  // Its flags are not ours to change: others have the same open file. So a socket (the journal's) is asked not to block
  // at each call; a pipe that poll() calls writable takes PIPE_BUF bytes at once; a terminal that is stopped is not
  // writable. Only an ordinary file gets the line in one write: it has room, or fails.
  const bool socket = S_ISSOCK(info.st_mode), ordinary = S_ISREG(info.st_mode);
  std::size_t done = 0;
  while (done < text.size()) {
    pollfd room{STDERR_FILENO, POLLOUT, 0};
    if (!ordinary && ::poll(&room, 1, patience_ms) <= 0) break;
    const std::string_view part = text.substr(done, ordinary ? std::string_view::npos : std::size_t{PIPE_BUF});
    const ssize_t size = socket ? ::send(STDERR_FILENO, part.data(), part.size(), MSG_DONTWAIT | MSG_NOSIGNAL)
                                : ::write(STDERR_FILENO, part.data(), part.size());
    if (size < 0 && errno == EINTR) continue;
    if (size <= 0) break;  // full, closed, no space left: no reason to stop
    done += static_cast<std::size_t>(size);
  }
  return done;
}

/// Writes a whole line, or begins it and keeps the rest for later; false if stderr took nothing of it.
bool write_line(Output& out, std::string_view line, int patience_ms) {
  if (!out.rest.empty()) return false;
  const std::size_t done = write_some(line, patience_ms);
  if (done > 0) out.rest = line.substr(done);
  return done > 0;
}

bool plain(std::string_view value) { return !value.empty() && value.find_first_of(" \"=\\") == std::string_view::npos; }

std::string text_line(std::string_view event, std::string_view message, std::initializer_list<LogField> fields) {
  std::string line = fmt::format("{}: {}", event, harmless(message));
  for (const LogField& f : fields) {
    if (f.kind == LogField::Kind::absent) continue;
    const std::string value = harmless(f.value);
    if (plain(value)) {
      line += fmt::format(" {}={}", f.name, value);
    } else {
      line += fmt::format(" {}=\"", f.name);
      for (const char c : value) {
        if (c == '"' || c == '\\') line += '\\';
        line += c;
      }
      line += '"';
    }
  }
  return line;
}

/// "target" is CODEDRIFTD_TARGET.
std::string journal_name(std::string_view name) {
  std::string out = "CODEDRIFTD_";
  for (const char c : name) out += c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  return out;
}

JournalFields journal_fields(LogLevel level, std::string_view event, std::string_view message,
                             std::initializer_list<LogField> fields) {
  constexpr const char* kDaemon = "3";  // syslog's facility, which lines on stderr get, too
  JournalFields entry{{"MESSAGE", text_line(event, message, fields)},
                      {"PRIORITY", std::to_string(static_cast<int>(level))},
                      {"SYSLOG_FACILITY", kDaemon},
                      {"SYSLOG_IDENTIFIER", "codedriftd"},
                      {"CODEDRIFTD_EVENT", std::string(event)}};
  for (const LogField& f : fields) {
    if (f.kind != LogField::Kind::absent) entry.emplace_back(journal_name(f.name), harmless(f.value));
  }
  return entry;
}

/// One line, to where it belongs; false if it was not taken. `out` is locked.
bool deliver(Output& out, int patience_ms, LogLevel level, std::string_view event, std::string_view message,
             std::initializer_list<LogField> fields) {
  const LogFormat format = log_format;
  if (format == LogFormat::systemd && send_to_journal(out.journal, journal_fields(level, event, message, fields)))
    return true;
  const std::string time = rfc3339(SystemClock{}.wall());
  return write_line(out, format_log_line(format, time, level, event, message, fields) + '\n', patience_ms);
}

}  // namespace

std::optional<LogLevel> parse_log_level(std::string_view name) {
  for (const LogLevel level : {LogLevel::error, LogLevel::warning, LogLevel::info, LogLevel::debug}) {
    if (name == level_name(level)) return level;
  }
  return std::nullopt;
}

void set_log(LogLevel level, LogFormat format, std::string journal_socket) {
  log_level = level;
  log_format = format;
  output().lock()->journal = std::move(journal_socket);
}

LogFormat default_log_format() {
  // $JOURNAL_STREAM is DEVICE:INODE of the journal's socket: it is inherited, so compare it with stderr
  // (systemd.exec(5)).
  struct stat info {};
  const char* stream = std::getenv("JOURNAL_STREAM");
  if (stream != nullptr && ::fstat(STDERR_FILENO, &info) == 0 &&
      fmt::format("{}:{}", static_cast<uint64_t>(info.st_dev), static_cast<uint64_t>(info.st_ino)) == stream) {
    return LogFormat::systemd;
  }
  return LogFormat::text;
}

LogFormat json_log_format() {
  return default_log_format() == LogFormat::systemd ? LogFormat::systemd_json : LogFormat::json;
}

bool log_enabled(LogLevel level) { return level <= log_level.load(std::memory_order_relaxed); }

std::string format_log_line(LogFormat format, std::string_view time, LogLevel level, std::string_view event,
                            std::string_view message, std::initializer_list<LogField> fields) {
  if (format == LogFormat::json || format == LogFormat::systemd_json) {
    Json line{{"time", time}, {"level", level_name(level)}, {"event", event}, {"message", clean_utf8(message, 4000)}};
    for (const LogField& f : fields) {
      if (f.kind == LogField::Kind::absent) continue;
      line[std::string(f.name)] =
          f.kind == LogField::Kind::number ? Json::parse(f.value) : Json(clean_utf8(f.value, 4000));
    }
    const std::string priority =
        format == LogFormat::systemd_json ? fmt::format("<{}>", static_cast<int>(level)) : std::string();
    return priority + plain_json(line);
  }
  const std::string line = text_line(event, message, fields);
  return format == LogFormat::systemd ? fmt::format("<{}>{}", static_cast<int>(level), line)
                                      : fmt::format("{} {} {}", time, level_name(level), line);
}

void log(LogLevel level, std::string_view event, std::string_view message,
         std::initializer_list<LogField> fields) noexcept {
  if (!log_enabled(level)) return;
  try {
    Locked out(output());
    // A burst is waited for; after a line was lost nothing is, until there is room again.
    const int patience = out->dropped == 0 ? kPatienceMs : 0;
    if (!out->rest.empty()) out->rest.erase(0, write_some(out->rest, patience));
    if (out->dropped > 0) {
      const std::string told = fmt::format("{} log line{} dropped, because stderr did not take {}", out->dropped,
                                           out->dropped == 1 ? " was" : "s were", out->dropped == 1 ? "it" : "them");
      if (deliver(*out, patience, LogLevel::warning, "log.dropped", told, {})) out->dropped = 0;
    }
    if (out->dropped > 0 || !deliver(*out, patience, level, event, message, fields)) ++out->dropped;
  } catch (...) {  // out of memory: the line is lost, the program goes on
  }
}

}  // namespace codedriftd
