#include "base/log.h"

#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>

#include "base/clock.h"
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

bool plain(std::string_view value) { return !value.empty() && value.find_first_of(" \"=\\") == std::string_view::npos; }

}  // namespace

std::optional<LogLevel> parse_log_level(std::string_view name) {
  for (const LogLevel level : {LogLevel::error, LogLevel::warning, LogLevel::info, LogLevel::debug}) {
    if (name == level_name(level)) return level;
  }
  return std::nullopt;
}

void set_log(LogLevel level, LogFormat format) {
  log_level = level;
  log_format = format;
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

bool log_enabled(LogLevel level) { return level <= log_level.load(std::memory_order_relaxed); }

std::string format_log_line(LogFormat format, std::string_view time, LogLevel level, std::string_view event,
                            std::string_view message, std::initializer_list<LogField> fields) {
  if (format == LogFormat::json) {
    Json line{{"time", time}, {"level", level_name(level)}, {"event", event}, {"message", clean_utf8(message, 4000)}};
    for (const LogField& f : fields) line[std::string(f.name)] = clean_utf8(f.value, 4000);
    return plain_json(line);
  }
  std::string line = format == LogFormat::systemd
                         ? fmt::format("<{}>{}: {}", static_cast<int>(level), event, harmless(message))
                         : fmt::format("{} {} {}: {}", time, level_name(level), event, harmless(message));
  for (const LogField& f : fields) {
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

void log(LogLevel level, std::string_view event, std::string_view message,
         std::initializer_list<LogField> fields) noexcept {
  if (!log_enabled(level)) return;
  try {
    std::string line = format_log_line(log_format, rfc3339(SystemClock{}.wall()), level, event, message, fields);
    line += '\n';
    // One write, so that lines of several threads and processes do not mix. A full or closed stderr is no reason to
    // stop.
    [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, line.data(), line.size());
  } catch (...) {  // out of memory: the line is lost, the program goes on
  }
}

}  // namespace codedriftd
