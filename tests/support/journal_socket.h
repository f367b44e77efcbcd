#pragma once
#include <sys/socket.h>
#include <sys/un.h>

#include <cstring>
#include <optional>
#include <stdexcept>
#include <string>

#include "base/unique_fd.h"
#include "support/temp_dir.h"

namespace codedriftd::test {

/// A socket as the journal's, in a folder of its own.
class JournalSocket {
 public:
  JournalSocket() {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, path_.c_str(), sizeof address.sun_path - 1);
    if (!fd_.valid() || ::bind(fd_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
      throw std::runtime_error("cannot bind " + path_);
  }

  const std::string& path() const { return path_; }
  /// The next datagram that came; nullopt if there is none.
  std::optional<std::string> next() {
    std::string datagram(64 * 1024, '\0');
    const ssize_t got = ::recv(fd_.get(), datagram.data(), datagram.size(), MSG_DONTWAIT);
    if (got < 0) return std::nullopt;
    datagram.resize(static_cast<std::size_t>(got));
    return datagram;
  }

 private:
  TempDir folder_;
  const std::string path_ = folder_ / "socket";
  const UniqueFd fd_{::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
};

}  // namespace codedriftd::test
