#pragma once
/// The control socket: how commands ask the running daemon to write. One JSON request on one line, one JSON reply on
/// one line, then the end.
///
///   {"verb": "alerts.replay", "args": {…}, "state": "DEVICE:INODE", "claimed": "alice"}
///   {"done": {…}}   or   {"error": "denied", "message": "…"}
///
/// `error` is one of: denied; malformed, too_long, timeout (nobody could understand it); unknown_verb;
/// usage (wrong as it stands), nothing (it selects nothing), refused (the record says no), failed (the daemon could
/// not), other_state (the daemon's state folder is another one).
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <thread>

#include "actions/caller.h"
#include "base/clock.h"
#include "base/json_box.h"
#include "base/result.h"
#include "base/unique_fd.h"

namespace codedriftd {

/// A request names thousands of functions, where a plan is approved. Whoever may not ask is not read that far.
inline constexpr std::size_t kLongestControlRequest = 8 * 1024 * 1024, kLongestStrangersRequest = 64 * 1024;
inline constexpr std::size_t kLongestControlReply = 1024 * 1024;

/// {"error": CODE, "message": MESSAGE}
JsonBox control_error(std::string_view code, std::string_view message);

/// Listens on a Unix stream socket of mode 0660, so that group members reach it and are told that they may not. One
/// thread of its own serves all clients: one that is slow or silent holds up nobody, and is dropped at its deadline.
class ControlServer {
 public:
  struct Options {
    std::string folder;                          ///< runtime_dir; made with mode 0750 if it is not there
    std::function<bool(const Caller&)> may_ask;  ///< who may ask for anything at all; everybody else is denied
    Millis read_within{5'000};                   ///< from the connection to the end of the request
    Millis write_within{5'000};                  ///< the reply
    std::size_t most_clients = 8;                ///< at a time; more wait to be accepted
    std::size_t most_strangers = 2;              ///< of those who may not ask; more are hung up on
    Millis stranger_read_within{1'000};
  };
  /// Does what was asked: the whole reply. On the server's thread; what it throws becomes the error "failed".
  using Answer = std::function<JsonBox(const Caller& caller, std::string_view verb, const JsonBox& request)>;
  /// Somebody who may not ask did: what they are told. `verb` is theirs: cleaned, at most 64 characters, or empty. On
  /// the server's thread.
  using Denied = std::function<std::string(const Caller& caller, const std::string& verb, const JsonBox& request)>;

  /// Listens at folder/control.sock when it returns. A socket left behind by a daemon that ended is replaced; the
  /// caller holds the state folder's lock. Fails if the folder can be written to by everybody, if another daemon
  /// answers there, and if what stands there is no socket.
  static Result<std::unique_ptr<ControlServer>> open(Options options, Answer answer, Denied denied);
  /// Ends the thread (an answer being made is waited for) and removes the socket.
  ~ControlServer();

 private:
  struct Client;
  ControlServer(Options options, Answer answer, Denied denied, UniqueFd folder, UniqueFd listener, UniqueFd wake);

  void loop(std::stop_token stop);
  void accept_all(std::vector<Client>& clients);
  void read_from(Client& client);
  void write_to(Client& client) const;
  void finish_request(Client& client);
  JsonBox reply_to(Client& client);

  const Options options_;
  const Answer answer_;
  const Denied denied_;
  UniqueFd folder_, listener_, wake_;
  SystemClock clock_;
  MonoTime accept_again_at_{};
  std::jthread thread_;
};

}  // namespace codedriftd
