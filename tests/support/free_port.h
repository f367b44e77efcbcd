#pragma once
#include <arpa/inet.h>
#include <sys/socket.h>

#include <stdexcept>

#include "base/unique_fd.h"

namespace codedriftd::test {

/// A port of 127.0.0.1 that nobody has now, for a program that cannot choose one by itself; somebody may take it
/// meanwhile. Throws std::runtime_error.
inline uint16_t free_port() {
  const UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  if (::bind(fd.get(), reinterpret_cast<sockaddr*>(&address), size) != 0 ||
      ::getsockname(fd.get(), reinterpret_cast<sockaddr*>(&address), &size) != 0) {
    throw std::runtime_error("no port is free");
  }
  return ntohs(address.sin_port);
}

}  // namespace codedriftd::test
