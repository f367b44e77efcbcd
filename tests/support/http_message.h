#pragma once
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"

namespace codedriftd::test {

using Headers = std::vector<std::pair<std::string, std::string>>;  ///< in order

struct HttpRequest {
  std::string method;
  std::string path;  ///< with the query
  Headers headers;   ///< names in lower case
  std::string body;
  bool keep_alive = true;

  /// The first header of this name (in lower case); empty if there is none.
  std::string_view header(std::string_view name) const;
};

/// Reads the head of a request ("POST / HTTP/1.1 … \r\n\r\n"); false if it is not one.
bool parse_head(std::string_view head, HttpRequest& request);

/// A whole response, with Content-Length and the headers given. `status` 204 and 304 have no body.
std::string http_response(int status, const Headers& headers, std::string_view body);

/// The preferred form of an HTTP-date: "Sun, 06 Nov 1994 08:49:37 GMT".
std::string http_date(WallTime time);

/// The first header of this name in lower case; empty if there is none.
std::string_view find_header(const Headers& headers, std::string_view name);

}  // namespace codedriftd::test
