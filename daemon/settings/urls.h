#pragma once
/// Endpoints, listening addresses and where a database is, as text. Pure. What a URL may be at all is said by
/// base/url.h.
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace codedriftd {

/// What would be right, or nullopt: https, or http to loopback; a host and perhaps a port; nothing else.
std::optional<std::string> endpoint_problem(std::string_view url);
/// The same, but http may go anywhere: the metadata service has no other form.
std::optional<std::string> metadata_problem(std::string_view url);
/// HOST:PORT with an address or localhost, or empty.
std::optional<std::string> listen_problem(std::string_view address);
/// True if only this machine can connect to an address without a problem. REQUIRES: it is not empty.
bool listens_on_loopback(std::string_view address);

/// Where a database of PostgreSQL's is: nothing of it is secret.
struct ServerUrl {
  struct Host {
    std::string name;  ///< lower case, IPv6 without brackets; or, beginning with '/', the folder of a Unix socket
    uint16_t port = 5432;
    bool here = false;  ///< this machine, written out: loopback, or a socket
    bool socket() const { return name.starts_with('/'); }
  };
  std::vector<Host> hosts;
  std::string database;
};
/// Reads "postgresql://HOST:PORT,HOST:PORT/DATABASE" or "postgresql:///FOLDER:PORT/DATABASE", the folder of a server's
/// Unix socket; each ":PORT" may be left out. The error says what would be right, and repeats nothing of the text:
/// whoever takes it for a connection string may have written a password anywhere in it.
Result<ServerUrl> parse_server_url(std::string_view text);

}  // namespace codedriftd
