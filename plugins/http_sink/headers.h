#pragma once
/// More headers, as the options `headers` and `headers_file` give them. Errors repeat no value.
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "http/client.h"

namespace codedriftd::http_sink {

/// "Name: value" in its parts; an error for what is no header, for CR, LF and NUL, and for names that are the plugin's
/// own, or the connection's. `from`: the option it comes from, for the error. `in_file`: it stands in a file that is
/// closed to others, and may hold a secret.
Result<HttpHeader> read_header(std::string_view line, std::string_view from = "headers", bool in_file = false);

/// Those of a file that is closed to others, one a line. Empty lines are skipped. A relative path is an error: nothing
/// says where it begins.
Result<std::vector<HttpHeader>> read_header_file(const std::string& path);

}  // namespace codedriftd::http_sink
