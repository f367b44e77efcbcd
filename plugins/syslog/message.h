#pragma once
/// What the syslog plugin writes: pure, but for the time zone.
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "http_sink/alert.h"

namespace codedriftd::syslog {

enum class Format {
  rfc5424,  ///< with structured data
  bsd,      ///< RFC 3164, as syslog(3) writes to the local socket: no host's name, local time
};

inline constexpr const char* kFacilities =
    "user|daemon|auth|syslog|authpriv|local0|local1|local2|local3|local4|local5|local6|local7";
/// The number of one of kFacilities; 3 (daemon) for any other word.
int facility_number(std::string_view name);

/// How messages look.
struct Style {
  Format format = Format::rfc5424;
  int facility = 3;
  std::string app_name = "codedriftd";
  std::string sd_id = "codedriftd@32473";
  std::size_t max_bytes = 8192;  ///< 480 at least, of one message
};

/// An error unless `name` may stand between spaces of a header: 1 to 48 printable ASCII characters, none of them
/// `:`, `[` or `]`.
Checked check_app_name(std::string_view name);
/// An error unless `id` may name structured data: NAME@NUMBER, at most 32 characters.
Checked check_sd_id(std::string_view id);

/// One message for the alert, and one more for each target of a digest. Each is a line, has `max_bytes` at most and no
/// character that acts on a terminal; what does not fit is left out, the summary last.
std::vector<std::string> messages(const http_sink::Alert& alert, const Style& style);
/// In frames with their lengths in front (RFC 6587, 3.4.1), one behind the other.
std::string framed(const std::vector<std::string>& messages);

}  // namespace codedriftd::syslog
