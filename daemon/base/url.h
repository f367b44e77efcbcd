#pragma once
/// What a URL may be, and what of one may be shown: the one home of both, for the configuration, for requests and for
/// the environment. Pure.
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace codedriftd {

/// What this program needs to know of a URL. Made only by `parse_url`.
struct Url {
  bool https = false;
  std::string host;       ///< lower case; an IPv6 address without its brackets
  uint16_t port = 0;      ///< as written, or the scheme's
  bool loopback = false;  ///< 127.0.0.0/8, ::1 or localhost, written out: nothing is looked up
  bool address = false;   ///< the host is an IPv4 or IPv6 address
  std::string authority;  ///< HOST or HOST:PORT as written: what a Host header says
  std::string origin;     ///< "https://HOST:PORT": safe to show, holds no path and no query string
};

/// Reads an absolute http or https URL, more strictly than RFC 3986: no user information, no control characters, spaces
/// or bytes beyond ASCII, and a host of letters, digits, `.`, `-`, `_` or a bracketed IPv6 address, so that no two
/// readers can disagree about where it leads. The error says what would be right ("it must …") and does not repeat the
/// URL: it may hold a secret.
Result<Url> parse_url(std::string_view text);

/// Whether `url` may be called: https anywhere, plain http to loopback only, unless `plain_http_anywhere`.
Checked check_transport(const Url& url, bool plain_http_anywhere);

/// `text` with user information cut out: what stands before its last `@`, back to the first `://`, else to the first
/// quote, else to the beginning, becomes "***". For every text of a library, of the environment or of a URL that is
/// shown, stored or sent. It rather cuts too much: a password may hold any character, an `@` or a quote among them.
std::string without_user_information(std::string_view text);

}  // namespace codedriftd
