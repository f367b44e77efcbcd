#include "base/journal.h"

#include <sys/socket.h>
#include <sys/un.h>

#include <cstdint>
#include <cstring>

#include "base/unique_fd.h"

namespace codedriftd {
namespace {

/// 64 bits, little endian, whatever this machine is.
void append_length(std::string& out, uint64_t length) {
  for (int bits = 0; bits < 64; bits += 8) out += static_cast<char>((length >> bits) & 0xff);
}

}  // namespace

std::string journal_datagram(const JournalFields& fields) {
  std::string out;
  for (const auto& [name, value] : fields) {
    out += name + '\n';
    append_length(out, value.size());
    out += value + '\n';
  }
  return out;
}

bool send_to_journal(const std::string& socket, const JournalFields& fields) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (socket.empty() || socket.size() >= sizeof address.sun_path) return false;
  std::memcpy(address.sun_path, socket.data(), socket.size());
  // One for each entry: there are few, and the journal may have been started anew since the last one.
  const UniqueFd fd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!fd.valid()) return false;
  const std::string datagram = journal_datagram(fields);
  return ::sendto(fd.get(), datagram.data(), datagram.size(), MSG_DONTWAIT | MSG_NOSIGNAL,
                  reinterpret_cast<const sockaddr*>(&address), sizeof address) >= 0;
}

}  // namespace codedriftd
