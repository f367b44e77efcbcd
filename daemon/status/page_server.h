#pragma once
/// The sockets under the status page, with TLS on them or without: it listens, reads the head of a request, and writes
/// what answers it. Knows nothing of HTTP but where a head ends.
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "base/bell.h"
#include "base/clock.h"
#include "base/guarded.h"
#include "base/result.h"
#include "base/unique_fd.h"
#include "status/wire.h"

namespace codedriftd {

/// One thread holds every connection, so that one that is slow or silent costs a few bytes and delays nobody; a few
/// more make the answers. What anybody on this machine can make it hold is bounded: `most_clients` connections with a
/// head of `longest_head` bytes each, and `most_reply_bytes` of replies that were not taken yet, beside those that the
/// workers are making. When all places are taken, the connection that came first of those that have not said what they
/// want gives way, so a client that says so at once gets its answer however many others say nothing. The rest of the
/// process keeps its descriptors.
class PageServer {
 public:
  struct Options {
    std::size_t most_clients = 64;
    std::size_t longest_head = 8 * 1024;
    /// Of all replies together. The newest is always kept, however long it is.
    std::size_t most_reply_bytes = 32 * 1024 * 1024;
    Millis read_within{2'000};    ///< from the connection to the end of the head, the handshake of TLS included
    Millis write_within{2'000};   ///< for each piece of the reply that is taken, and the client's hanging up after it
    Millis stay_within{120'000};  ///< from the connection to its end, however slowly it takes its reply
    std::size_t workers = 6;
  };
  /// From the head of a request, its empty line included, to the whole reply; empty: hang up. On one of the workers'
  /// threads. What it throws ends that request and nothing else.
  using Answer = std::function<std::string(const std::string& head)>;

  /// What is shown to whoever connects from now on; nullptr: plain HTTP. From any thread.
  using Identity = std::shared_ptr<const TlsIdentity>;

  /// Listens on every address that `host` has: "localhost" is both 127.0.0.1 and ::1, where this machine has them. Port
  /// 0: any, the same for all. Fails if it cannot listen on one of them because it is taken, and if there is none.
  static Result<std::unique_ptr<PageServer>> open(const std::string& host, int port, Options options, Answer answer,
                                                  Identity identity = nullptr);
  /// Hangs up on everybody; an answer being made is waited for.
  ~PageServer();

  int port() const { return port_; }
  /// True if only this machine can connect.
  bool loopback_only() const { return loopback_only_; }
  void show(Identity identity) { *identity_.lock() = std::move(identity); }

 private:
  struct Client;
  struct Head {
    uint64_t client = 0;
    std::string text;
  };
  PageServer(Options options, Answer answer, std::vector<UniqueFd> listeners, int port, bool loopback, UniqueFd wake,
             Identity identity);

  void loop(std::stop_token stop);
  void turn(std::vector<Client>& clients);
  void accept_some(int listener, std::vector<Client>& clients);
  bool make_room(std::vector<Client>& clients) const;
  void read_from(Client& client);
  void write_to(Client& client) const;
  void take_replies(std::vector<Client>& clients);
  void bound_replies(std::vector<Client>& clients, uint64_t newest) const;
  void work(const std::stop_token& stop, Bell& bell);
  void wake() const;

  const Options options_;
  const Answer answer_;
  const std::vector<UniqueFd> listeners_;
  const int port_;
  const bool loopback_only_;
  const UniqueFd wake_;
  Guarded<Identity> identity_;
  SystemClock clock_;
  uint64_t next_client_ = 1;
  MonoTime accept_again_at_{};
  Guarded<std::deque<Head>> heads_;           ///< to be answered
  Guarded<std::deque<Head>> replies_;         ///< to be written
  std::vector<std::unique_ptr<Bell>> bells_;  ///< one for each worker: a bell wakes one thread
  std::vector<std::jthread> workers_;
  std::jthread thread_;
};

}  // namespace codedriftd
