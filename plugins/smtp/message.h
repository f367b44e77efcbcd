#pragma once
/// The mail: pure functions.
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "http_sink/alert.h"

namespace codedriftd::smtp {

/// Who writes to whom.
struct Envelope {
  std::string from;
  std::vector<std::string> to;
  std::string subject_prefix;  ///< empty: none
};

/// An error, which begins with the option's name, unless `address` is NAME@DOMAIN in ASCII.
Checked check_address(std::string_view option, std::string_view address);

/// A header's value: as it is if it is printable ASCII, else in encoded words (RFC 2047), folded. ASCII that looks like
/// such a word is encoded, too.
std::string header_text(std::string_view text);

/// What the mail says, without and with HTML.
std::string text_body(const http_sink::Alert& alert);
std::string html_body(const http_sink::Alert& alert);

/// The whole message, with CRLF and lines of at most 998 bytes. Its Message-ID is the same in every attempt; what
/// belongs together, the begin of drift and its end, has one thread.
std::string message(const http_sink::Alert& alert, const Envelope& envelope, WallTime now);

}  // namespace codedriftd::smtp
