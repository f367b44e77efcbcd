#include "syslog/line.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>

#include "base/freed_by.h"
#include "base/text.h"
#include "base/unique_fd.h"
#include "base/url.h"
#include "http_sink/chat.h"
#include "http_sink/resolve.h"

namespace codedriftd::syslog {
namespace {

using http_sink::Outcome;
using http_sink::Patience;

constexpr uint16_t kTcpPort = 601, kTlsPort = 6514;
constexpr Millis kFarewell{5'000}, kGlance{10};
constexpr std::string_view kBroken = "the connection was broken";

Error system_error_text(std::string_view what) { return Error{fmt::format("{}: {}", what, std::strerror(errno))}; }

Error address_error(std::string_view text, std::string_view why) {
  return Error{fmt::format("address: \"{}\": {}; it should be \"/dev/log\", \"tls://HOST:PORT\" or \"tcp://HOST:PORT\"",
                           http_sink::shortened(without_user_information(text), 200), why)};
}

struct SocketAddress {
  sockaddr_storage bytes{};
  socklen_t size = 0;
};

/// `address` as resolve() gives it.
SocketAddress socket_address(std::string address, uint16_t port) {
  SocketAddress made;
  auto* const v4 = reinterpret_cast<sockaddr_in*>(&made.bytes);
  if (::inet_pton(AF_INET, address.c_str(), &v4->sin_addr) == 1) {
    v4->sin_family = AF_INET;
    v4->sin_port = htons(port);
    made.size = sizeof *v4;
    return made;
  }
  if (address.starts_with('[')) address = address.substr(1, address.size() - 2);
  auto* const v6 = reinterpret_cast<sockaddr_in6*>(&made.bytes);
  v6->sin6_family = AF_INET6;
  v6->sin6_port = htons(port);
  ::inet_pton(AF_INET6, address.c_str(), &v6->sin6_addr);
  made.size = sizeof *v6;
  return made;
}

std::string tls_reason() {
  const char* reason = ERR_reason_error_string(ERR_peek_last_error());
  ERR_clear_error();
  return reason == nullptr ? "the connection was closed" : reason;
}

/// What befell the connection, once; 0: nothing.
int pending_error(int fd) {
  int error = 0;
  socklen_t size = sizeof error;
  ::getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size);
  return error;
}

/// Whether the other side's system has acknowledged all that was written, the end included.
bool acknowledged(int fd) {
  int unacknowledged = 1;
  return ::ioctl(fd, SIOCOUTQ, &unacknowledged) == 0 && unacknowledged == 0;
}

/// One connection, from its beginning to its end. Every wait is within `patience`.
class TcpLine {
 public:
  explicit TcpLine(const Patience& patience) : patience_(patience) {}

  Checked connect(const std::vector<std::string>& addresses, uint16_t port) {
    Checked connected = Error{"there is no address"};
    for (std::size_t i = 0; i < addresses.size(); ++i) {
      const Millis share = patience_.left() / static_cast<Millis::rep>(addresses.size() - i);
      connected = connect_one(socket_address(addresses[i], port), share);
      if (connected || patience_.left() == Millis{0}) break;
    }
    return connected;
  }

  Checked secure(const Address& address, const TlsFiles& files) {
    context_.reset(SSL_CTX_new(TLS_client_method()));
    if (!context_) return Error{"TLS: " + tls_reason()};
    SSL_CTX_set_min_proto_version(context_.get(), TLS1_2_VERSION);
    SSL_CTX_set_verify(context_.get(), SSL_VERIFY_PEER, nullptr);
    // rsyslog ends TLS by ending TCP.
    SSL_CTX_set_options(context_.get(), SSL_OP_IGNORE_UNEXPECTED_EOF);
    if (auto loaded = load(files); !loaded) return loaded;
    ssl_.reset(SSL_new(context_.get()));
    if (!ssl_ || SSL_set_fd(ssl_.get(), fd_.get()) != 1) return Error{"TLS: " + tls_reason()};
    if (address.number) {
      X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl_.get()), address.host.c_str());
    } else {
      SSL_set1_host(ssl_.get(), address.host.c_str());
      SSL_set_tlsext_host_name(ssl_.get(), address.host.c_str());
    }
    for (;;) {
      const int result = SSL_connect(ssl_.get());
      if (result == 1) return Done{};
      auto waited = wait_for_tls(result, patience_);
      if (waited) continue;
      const long verified = SSL_get_verify_result(ssl_.get());
      if (verified == X509_V_OK) return Error{"TLS: " + waited.error().message};
      return Error{fmt::format("TLS: its certificate is refused: {}", X509_verify_cert_error_string(verified))};
    }
  }

  Checked write(std::string_view bytes) {
    while (!bytes.empty()) {
      if (ssl_) {
        const int size = static_cast<int>(std::min<std::size_t>(bytes.size(), 16'384));
        const int written = SSL_write(ssl_.get(), bytes.data(), size);
        if (written > 0) {
          bytes.remove_prefix(static_cast<std::size_t>(written));
        } else if (auto waited = wait_for_tls(written, patience_); !waited) {
          return Error{"TLS: " + waited.error().message};
        }
        continue;
      }
      const ssize_t written = ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (written > 0) {
        bytes.remove_prefix(static_cast<std::size_t>(written));
      } else if (errno == EAGAIN || errno == EINTR) {
        if (auto waited = patience_.wait(fd_.get(), POLLOUT); !waited) return waited;
      } else {
        return system_error_text("writing");
      }
    }
    return Done{};
  }

  /// Ends this side and waits for the other.
  Outcome end() {
    const Patience farewell{std::min(patience_.until, SystemClock{}.mono() + kFarewell), patience_.cancel_fd};
    Checked ended = not_yet_ended();
    if (ended) ended = end_this_side(farewell);
    if (ended) ended = wait_for_end(farewell);
    if (ended) ended = wait_until_acknowledged(farewell);
    if (ended) return {CODEDRIFTD_DELIVERED, 0, 0, "the receiver has read it"};
    if (farewell.left() == Millis{0} && acknowledged(fd_.get()) && not_yet_ended()) {
      return {CODEDRIFTD_DELIVERED, 0, 0,
              "the receiver's system has taken it; whether it was read is not known: the connection stayed open"};
    }
    return {CODEDRIFTD_RETRY, 0, 0, "the receiver did not take all of it: " + ended.error().message};
  }

 private:
  Checked connect_one(const SocketAddress& address, Millis at_most) {
    fd_.reset(::socket(address.bytes.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!fd_.valid()) return system_error_text("socket");
    if (::connect(fd_.get(), reinterpret_cast<const sockaddr*>(&address.bytes), address.size) == 0) return Done{};
    if (errno != EINPROGRESS) return system_error_text("cannot connect");
    const Patience share{SystemClock{}.mono() + at_most, patience_.cancel_fd};
    if (auto waited = share.wait(fd_.get(), POLLOUT); !waited) {
      return Error{"cannot connect: " + waited.error().message};
    }
    return unbroken("cannot connect");
  }

  Checked unbroken(std::string_view what) const {
    errno = pending_error(fd_.get());
    return errno == 0 ? Checked(Done{}) : system_error_text(what);
  }

  Checked load(const TlsFiles& files) {
    const bool trusted = files.ca_file.empty()
                             ? SSL_CTX_set_default_verify_paths(context_.get()) == 1
                             : SSL_CTX_load_verify_locations(context_.get(), files.ca_file.c_str(), nullptr) == 1;
    if (!trusted) return Error{"ca_file: " + tls_reason()};
    if (files.client_cert_file.empty()) return Done{};
    if (SSL_CTX_use_certificate_chain_file(context_.get(), files.client_cert_file.c_str()) != 1 ||
        SSL_CTX_use_PrivateKey_file(context_.get(), files.client_key_file.c_str(), SSL_FILETYPE_PEM) != 1) {
      return Error{"client_cert_file, client_key_file: " + tls_reason()};
    }
    return Done{};
  }

  /// Waits for what a call of OpenSSL wants that gave `result`; an error if it failed.
  Checked wait_for_tls(int result, const Patience& patience) {
    errno = 0;
    switch (SSL_get_error(ssl_.get(), result)) {
      case SSL_ERROR_WANT_READ:
        return patience.wait(fd_.get(), POLLIN);
      case SSL_ERROR_WANT_WRITE:
        return patience.wait(fd_.get(), POLLOUT);
      default:
        return Error{tls_reason()};
    }
  }

  /// An end that comes before this side's is no answer to it: who ends first has not read to the end.
  Checked not_yet_ended() const {
    pollfd query{fd_.get(), POLLRDHUP, 0};
    const bool ended = ::poll(&query, 1, 0) > 0;
    if (auto sound = unbroken(kBroken); !sound) return sound;
    return ended ? Checked(Error{"it ended the connection first"}) : Done{};
  }

  Checked end_this_side(const Patience& patience) {
    if (ssl_) {
      for (int result = SSL_shutdown(ssl_.get()); result < 0; result = SSL_shutdown(ssl_.get())) {
        if (auto waited = wait_for_tls(result, patience); !waited) return Error{"TLS: " + waited.error().message};
      }
    }
    ::shutdown(fd_.get(), SHUT_WR);
    return Done{};
  }

  /// Reads, and forgets, until the other side has ended: TLS first, then TCP.
  Checked wait_for_end(const Patience& patience) {
    char ignored[1024];
    while (ssl_) {
      const int size = SSL_read(ssl_.get(), ignored, sizeof ignored);
      if (size > 0) continue;
      if (SSL_get_error(ssl_.get(), size) == SSL_ERROR_ZERO_RETURN) break;
      if (auto waited = wait_for_tls(size, patience); !waited) return waited;
    }
    for (;;) {
      const ssize_t size = ::recv(fd_.get(), ignored, sizeof ignored, 0);
      if (size == 0) return Done{};
      if (size > 0 || errno == EINTR) continue;
      if (errno != EAGAIN) return system_error_text(kBroken);
      if (auto waited = patience.wait(fd_.get(), POLLIN); !waited) return waited;
    }
  }

  /// Who closes without having read ends first, as far as recv() tells, and then refuses what comes.
  Checked wait_until_acknowledged(const Patience& patience) const {
    for (;;) {
      const bool taken = acknowledged(fd_.get());
      if (auto sound = unbroken(kBroken); !sound) return sound;
      if (taken) return Done{};
      // poll() has nothing to tell of a connection that both sides have ended.
      const Patience glance{std::min(patience.until, SystemClock{}.mono() + kGlance), patience.cancel_fd};
      const Checked waited = glance.wait(-1, 0);
      if (glance.left() > Millis{0} || patience.left() == Millis{0}) return waited;
    }
  }

  const Patience patience_;
  UniqueFd fd_;
  std::unique_ptr<SSL_CTX, FreedBy<SSL_CTX_free>> context_;
  std::unique_ptr<SSL, FreedBy<SSL_free>> ssl_;
};

Outcome local_failure(const std::string& path) {
  Outcome outcome;
  outcome.text = fmt::format("{}: {}", path, std::strerror(errno));
  if (errno == EPROTOTYPE) outcome.text = fmt::format("{}: is a stream socket, not one for datagrams", path);
  constexpr int kToMend[] = {EACCES, EPERM, ENOTDIR, ELOOP, EPROTOTYPE, ENOTSOCK};
  if (std::find(std::begin(kToMend), std::end(kToMend), errno) != std::end(kToMend)) {
    outcome.result = CODEDRIFTD_DESTINATION_REFUSED;
  }
  return outcome;
}

}  // namespace

Result<Address> parse_address(std::string_view text) {
  Address address;
  if (text.starts_with('/')) {
    if (text.size() >= sizeof(sockaddr_un::sun_path) || text.find('\0') != std::string_view::npos) {
      return address_error(text, "is too long for the name of a socket");
    }
    address.path = text;
    return address;
  }
  const bool tls = text.starts_with("tls://");
  if (!tls && !text.starts_with("tcp://")) return address_error(text, "begins with none of /, tls:// and tcp://");
  constexpr std::size_t kScheme = 6;
  const auto url = parse_url((tls ? "https://" : "http://") + std::string(text.substr(kScheme)));
  if (!url) return address_error(text, url.error().message);
  if (text.substr(kScheme) != url->authority) return address_error(text, "has something behind the port");
  address.kind = tls ? Address::Kind::tls : Address::Kind::tcp;
  address.host = url->host;
  address.loopback = url->loopback;
  address.number = url->address;
  const std::string_view authority = url->authority;
  const bool has_port = authority.find(':', authority.find(']') == std::string_view::npos ? 0 : authority.find(']')) !=
                        std::string_view::npos;
  address.port = has_port ? url->port : tls ? kTlsPort : kTcpPort;
  return address;
}

Outcome send_over_tcp(const Address& address, const TlsFiles& files, std::string_view bytes, const Patience& patience) {
  const auto failed = [&address](const Error& error) {
    return Outcome{CODEDRIFTD_RETRY, 0, 0,
                   fmt::format("{}:{}: {}", address.host, address.port, clean_utf8(error.message))};
  };
  const auto addresses = http_sink::resolve(address.host, patience.until, patience.cancel_fd);
  if (!addresses) return failed(addresses.error());
  TcpLine line(patience);
  if (auto connected = line.connect(*addresses, address.port); !connected) return failed(connected.error());
  if (address.kind == Address::Kind::tls) {
    if (auto secured = line.secure(address, files); !secured) return failed(secured.error());
  }
  if (auto written = line.write(bytes); !written) return failed(written.error());
  return line.end();
}

Outcome send_locally(const std::string& path, const std::vector<std::string>& messages, const Patience& patience) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  const UniqueFd fd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd.valid() || ::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    return local_failure(path);
  }
  for (const std::string& message : messages) {
    while (::send(fd.get(), message.data(), message.size(), MSG_NOSIGNAL) < 0) {
      if (errno != EAGAIN && errno != EINTR) return local_failure(path);
      if (auto waited = patience.wait(fd.get(), POLLOUT); !waited) {
        return {CODEDRIFTD_RETRY, 0, 0, fmt::format("{}: {}", path, waited.error().message)};
      }
    }
  }
  return {CODEDRIFTD_DELIVERED, 0, 0, "the local socket has taken it"};
}

}  // namespace codedriftd::syslog
