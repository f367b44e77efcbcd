#pragma once
/// How messages leave: over TCP, with TLS or without, and through a local socket.
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "http_sink/sender.h"

namespace codedriftd::syslog {

/// Where messages go.
struct Address {
  enum class Kind { local, tcp, tls };
  Kind kind = Kind::local;
  std::string path;  ///< of a local socket
  std::string host;  ///< an IPv6 address without its brackets
  uint16_t port = 0;
  bool loopback = false;
  bool number = false;  ///< the host is an address
};
/// "/dev/log", "tcp://HOST:PORT" or "tls://HOST:PORT"; without a port 601 and 6514. An error names what would be right.
Result<Address> parse_address(std::string_view text);

/// The files of TLS; empty: the system's certificates, and none of this side.
struct TlsFiles {
  std::string ca_file, client_cert_file, client_key_file;
};

/// Connects, writes `bytes`, ends its side, and waits for the receiver to end the other: then it has read all of it,
/// unless it ended first or did not acknowledge all of it, which is to be tried again. One that does not end within
/// five seconds has delivered it if its system has taken it.
http_sink::Outcome send_over_tcp(const Address& address, const TlsFiles& files, std::string_view bytes,
                                 const http_sink::Patience& patience);

/// Each message as a datagram.
http_sink::Outcome send_locally(const std::string& path, const std::vector<std::string>& messages,
                                const http_sink::Patience& patience);

}  // namespace codedriftd::syslog
