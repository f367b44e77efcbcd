#include "support/fault.h"

#include <fmt/format.h>

#include <array>
#include <utility>

#include "support/raw_server.h"

namespace codedriftd::test {
using namespace std::string_view_literals;
namespace {

using std::chrono::microseconds;
constexpr microseconds kDrip = std::chrono::milliseconds(20);

constexpr std::array<std::pair<Fault, std::string_view>, 30> kNames{{
    {Fault::none, "none"},
    {Fault::reset_before_reading, "reset_before_reading"},
    {Fault::reset_after_reading, "reset_after_reading"},
    {Fault::close_without_answer, "close_without_answer"},
    {Fault::never_answer, "never_answer"},
    {Fault::drip_headers, "drip_headers"},
    {Fault::drip_body, "drip_body"},
    {Fault::flood_headers, "flood_headers"},
    {Fault::long_status_line, "long_status_line"},
    {Fault::endless_body, "endless_body"},
    {Fault::huge_content_length, "huge_content_length"},
    {Fault::huge_body, "huge_body"},
    {Fault::garbage, "garbage"},
    {Fault::short_content_length, "short_content_length"},
    {Fault::long_content_length, "long_content_length"},
    {Fault::gzip_header, "gzip_header"},
    {Fault::truncated_json, "truncated_json"},
    {Fault::invalid_utf8, "invalid_utf8"},
    {Fault::deep_nesting, "deep_nesting"},
    {Fault::wrong_date, "wrong_date"},
    {Fault::http_500, "http_500"},
    {Fault::http_502, "http_502"},
    {Fault::http_503, "http_503"},
    {Fault::redirect, "redirect"},
    {Fault::sha_missing, "sha_missing"},
    {Fault::sha_empty, "sha_empty"},
    {Fault::sha_not_hex, "sha_not_hex"},
    {Fault::sha_upper_case, "sha_upper_case"},
    {Fault::sha_null, "sha_null"},
    {Fault::terminal_escapes, "terminal_escapes"},
}};
constexpr std::size_t kFaults = kNames.size();

/// A gzip member of `blocks` times 258 zero bytes, made by hand (one literal, then one match again and again, in the
/// fixed Huffman code), so that nothing here needs a compression library. Its checksum is wrong: whoever gets that far
/// has already expanded it.
std::string gzip_of_zeros(std::size_t blocks) {
  std::string out("\x1f\x8b\x08\0\0\0\0\0\0\xff", 10);
  unsigned pending = 0;
  unsigned count = 0;
  const auto bit = [&](unsigned value) {
    pending |= value << count;
    if (++count == 8) {
      out += static_cast<char>(pending);
      pending = count = 0;
    }
  };
  const auto code = [&](unsigned value, int length) {  // Huffman codes go in highest bit first
    for (int i = length - 1; i >= 0; --i) bit((value >> i) & 1U);
  };
  bit(1), bit(1), bit(0);                                              // last block, fixed codes
  code(0x30, 8);                                                       // the literal 0
  for (std::size_t i = 0; i < blocks; ++i) code(0xC5, 8), code(0, 5);  // length 258, distance 1
  code(0, 7);                                                          // end of block
  while (count != 0) bit(0);
  return out + std::string(8, '\0');
}

std::string head(const FaultScene& scene, std::string_view status = "200 OK") {
  std::string out = fmt::format("HTTP/1.1 {}\r\n", status);
  for (const auto& [name, value] : scene.headers) out += fmt::format("{}: {}\r\n", name, value);
  return out;
}

bool html(Connection& connection, const FaultScene& scene, std::string_view status) {
  const std::string body = fmt::format("<html><body><h1>{}</h1></body></html>", status);
  return connection.send(
      fmt::format("HTTP/1.1 {}\r\nDate: {}\r\nContent-Type: text/html\r\nContent-Length: {}\r\n\r\n{}", status,
                  http_date(scene.now), body.size(), body));
}

/// Sends `bytes` again and again, `every` so often (0: as fast as it goes), until the peer leaves or the server stops.
bool forever(Connection& connection, std::string_view bytes, microseconds every = microseconds{0}) {
  while (connection.send(bytes) && connection.pause(every)) {
  }
  return false;
}

bool play_connection_fault(Connection& connection, Fault fault) {
  if (fault == Fault::never_answer) connection.wait_for_peer_to_leave();
  if (fault == Fault::reset_before_reading || fault == Fault::reset_after_reading) connection.reset();
  return false;
}

std::string nested(std::string_view body) {
  constexpr std::string_view kOpening = R"({"Response":{)";
  const std::string deep = std::string(100000, '[') + std::string(100000, ']');
  if (!body.starts_with(kOpening)) return deep;
  return fmt::format(R"({}"Deep":{},{})", kOpening, deep, body.substr(kOpening.size()));
}

}  // namespace

// ESC sequences (title, colour, clear), bidi override, C1 CSI, newline, carriage return, BEL, NUL.
const std::string_view kTerminalEscapes =
    "\x1b]0;owned\x07\x1b[31mred\x1b[2J \xE2\x80\xAE"
    "desrever \xC2\x9B"
    "1m\nfake log line\r<b>&amp;</b>,=1+1|x\0y"sv;

std::string_view fault_name(Fault fault) {
  for (const auto& [value, name] : kNames)
    if (value == fault) return name;
  return "?";
}

std::optional<Fault> parse_fault(std::string_view name) {
  for (const auto& [value, known] : kNames)
    if (known == name) return value;
  return std::nullopt;
}

std::span<const Fault> all_faults() {
  static const auto faults = [] {
    std::array<Fault, kFaults - 1> out{};
    for (std::size_t i = 0; i < out.size(); ++i) out[i] = kNames[i + 1].first;
    return out;
  }();
  return faults;
}

bool play_fault(Connection& connection, Fault fault, const FaultScene& scene) {
  const std::string& body = scene.body;
  switch (fault) {
    case Fault::drip_headers:
      return connection.send(head(scene) + "X-Drip: ") && forever(connection, "d", kDrip);
    case Fault::drip_body:
      return connection.send(head(scene) + "Content-Length: 100000\r\n\r\n") && forever(connection, " ", kDrip);
    case Fault::flood_headers:
      return connection.send(head(scene)) && forever(connection, "X-Flood: " + std::string(1000, 'f') + "\r\n");
    case Fault::long_status_line:
      return connection.send("HTTP/1.1 200 " + std::string(60000, 'O') + "\r\n") &&
             connection.send(fmt::format("Content-Length: {}\r\n\r\n{}", body.size(), body));
    case Fault::endless_body: {
      const std::string chunk = "4000\r\n" + std::string(0x4000, ' ') + "\r\n";
      return connection.send(head(scene) + "Transfer-Encoding: chunked\r\n\r\n") && forever(connection, chunk);
    }
    case Fault::huge_content_length:
      if (connection.send(head(scene) + "Content-Length: 9000000000000000000\r\n\r\n" + body))
        connection.wait_for_peer_to_leave();
      return false;
    case Fault::huge_body: {
      const std::string block(1 << 20, ' ');
      bool on = connection.send(head(scene) + fmt::format("Content-Length: {}\r\n\r\n", 64 << 20));
      for (int i = 0; i < 64 && on; ++i) on = connection.send(block) && connection.pause(microseconds{0});
      return on;
    }
    case Fault::garbage:
      connection.send("\0\xff\x16\x03\x01 this is not HTTP \r\n\r\n\x80\x80"sv);
      return false;
    case Fault::short_content_length:
      return connection.send(head(scene) + fmt::format("Content-Length: {}\r\n\r\n{}", body.size() / 2, body)) && false;
    case Fault::long_content_length:
      connection.send(head(scene) + fmt::format("Content-Length: {}\r\n\r\n{}", body.size() + 1000, body));
      return false;
    case Fault::gzip_header: {
      const std::string bomb = gzip_of_zeros(40000);
      return connection.send(head(scene) +
                             fmt::format("Content-Encoding: gzip\r\nContent-Length: {}\r\n\r\n", bomb.size())) &&
             connection.send(bomb);
    }
    case Fault::truncated_json:
      return connection.send(http_response(200, scene.headers, body.substr(0, body.size() / 2)));
    case Fault::invalid_utf8:
      return connection.send(http_response(200, scene.headers, "{\"Response\":{\"CodeSha256\":\"\xff\xfe\x80\"}}"));
    case Fault::deep_nesting:
      return connection.send(http_response(200, scene.headers, nested(body)));
    case Fault::wrong_date: {
      Headers headers{{"Date", http_date(scene.now + std::chrono::hours(1))}};
      for (const auto& header : scene.headers)
        if (header.first != "Date") headers.push_back(header);
      return connection.send(http_response(200, headers, body));
    }
    case Fault::http_500:
      return html(connection, scene, "500 Internal Server Error");
    case Fault::http_502:
      return html(connection, scene, "502 Bad Gateway");
    case Fault::http_503:
      return html(connection, scene, "503 Service Unavailable");
    case Fault::redirect:
      return connection.send(http_response(302, {{"Location", "/redirected"}}, ""));
    default:
      return play_connection_fault(connection, fault);
  }
}

}  // namespace codedriftd::test
