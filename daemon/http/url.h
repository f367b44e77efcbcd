#pragma once
#include <string>
#include <string_view>

#include "base/result.h"

namespace codedriftd {

/// What this program needs to know of a URL. Made only by `parse_url`.
struct Url {
  bool https = false;
  std::string host;       ///< lower case; an IPv6 address without its brackets
  bool loopback = false;  ///< 127.0.0.0/8, ::1 or localhost, written out: nothing is looked up
  std::string authority;  ///< HOST or HOST:PORT as written: what a Host header says
  std::string origin;     ///< "https://HOST:PORT": safe to show, holds no path and no query string
};

/// Reads an absolute http or https URL, more strictly than RFC 3986: no user information, no control characters, spaces
/// or bytes beyond ASCII, and a host of letters, digits, `.`, `-`, `_` or a bracketed IPv6 address, so that no two
/// readers can disagree about where it leads. The error does not repeat the URL: it may hold a secret.
Result<Url> parse_url(std::string_view text);

/// Whether `url` may be called: https anywhere, plain http to loopback only, unless `plain_http_anywhere`.
Checked check_transport(const Url& url, bool plain_http_anywhere);

}  // namespace codedriftd
