#pragma once
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "support/http_message.h"

namespace codedriftd::test {

/// What a server can do wrong. Each is played instead of the answer.
enum class Fault {
  none,
  // The connection.
  reset_before_reading,  ///< RST as soon as a request begins to arrive (for "*" only; for one target as
                         ///< reset_after_reading)
  reset_after_reading,   ///< RST when the request was read
  close_without_answer,  ///< an orderly close when the request was read
  never_answer,          ///< says nothing until the other side hangs up
  drip_headers,          ///< one byte of an endless header every 20 ms
  drip_body,             ///< good headers, then one byte of the body every 20 ms, without end
  // Size.
  flood_headers,        ///< header lines without end
  long_status_line,     ///< a status line of 60 kB
  endless_body,         ///< a chunked body without end
  huge_content_length,  ///< Content-Length of 9e18, a little of it sent, then silence
  huge_body,            ///< a body of 64 MiB, all of it sent
  // Form.
  garbage,               ///< bytes that are not HTTP
  short_content_length,  ///< Content-Length half of the body's length
  long_content_length,   ///< Content-Length over the body's length, then an orderly close
  gzip_header,           ///< Content-Encoding: gzip before 10 MiB of zeros, compressed
  truncated_json,
  invalid_utf8,
  deep_nesting,  ///< the answer with 100,000 open brackets in a field nobody reads
  wrong_date,    ///< the right answer with a Date one hour ahead
  // HTTP.
  http_500,
  http_502,
  http_503,
  redirect,  ///< 302 to /redirected of the same server
  // What only the simulated API plays.
  sha_missing,
  sha_empty,
  sha_not_hex,
  sha_upper_case,  ///< the right hash in upper case: valid
  sha_null,
  terminal_escapes,  ///< an error whose message is full of escape sequences, bidi controls and newlines
};

/// "drip_headers" and so on: as the enumerators are called.
std::string_view fault_name(Fault fault);
std::optional<Fault> parse_fault(std::string_view name);
std::span<const Fault> all_faults();

class Connection;
/// What a fault is played with: the answer as it would have been.
struct FaultScene {
  Headers headers;
  std::string body;
  WallTime now;  ///< by the server's clock
};
/// Plays a fault; true if the connection may carry another request. REQUIRES: not Fault::none, and none of those that
/// only the simulated API plays.
bool play_fault(Connection& connection, Fault fault, const FaultScene& scene);

/// What Fault::terminal_escapes puts into Error.Message.
extern const std::string_view kTerminalEscapes;

}  // namespace codedriftd::test
