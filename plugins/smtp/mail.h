#pragma once
/// One mail, handed to a server by libcurl.
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/secret.h"
#include "http_sink/sender.h"
#include "smtp/message.h"
#include "smtp/trace.h"

namespace codedriftd::smtp {

/// Who takes mail, and how.
struct Server {
  std::string host;                    ///< an IPv6 address without its brackets
  std::vector<std::string> addresses;  ///< of the host, as http_sink::resolve() gives them; empty: they are looked up
  uint16_t port = 0;
  bool tls_first = false;  ///< smtps: TLS from the first byte on
  bool starttls = true;    ///< else: required before anything is said; false on loopback alone
  bool loopback = false;
  bool number = false;  ///< the host is an address
  std::string ca_file, client_cert_file, client_key_file;
  std::string username;  ///< empty: no login
  Secret password;
  std::string auth;  ///< "plain", "login", or "auto": either, as the server offers
};
/// "smtp://HOST:PORT" or "smtps://HOST:PORT"; without a port 587 and 465. An error names what would be right.
Result<Server> parse_server(std::string_view text);

/// What came of a conversation, and what was said in it.
struct Conversed {
  http_sink::Outcome outcome;
  Trace trace;
};
/// Hands `text` over, for those in `envelope.to`.
Conversed hand_over(const Server& server, const Envelope& envelope, std::string_view text,
                    const http_sink::Patience& patience);
/// Connects, logs in, and leaves.
http_sink::Outcome ask_server(const Server& server, const http_sink::Patience& patience);

}  // namespace codedriftd::smtp
