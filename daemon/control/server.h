#pragma once
/// The control socket: how commands ask the running daemon to write. One JSON request on one line, one JSON reply on
/// one line, then the end.
///
///   {"verb": "alerts.replay", "args": {…}, "state": "DEVICE:INODE", "claimed": "alice", "within_ms": 60000}
///   {"done": {…}}   or   {"error": "denied", "message": "…"}
///
/// `within_ms`: how long its client waits. What could not be begun well before that is not done any more: a request
/// that its client believes to have failed has no effect.
///
/// `error` is one of: denied; malformed, too_long, timeout (nobody could understand it); busy (too many requests of
/// this user are under way: ask again); unknown_verb; usage (wrong as it stands), nothing (it selects nothing), refused
/// (the record says no), failed (the daemon could not), other_state (the daemon's state folder is another one).
#include <sys/types.h>

#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "actions/caller.h"
#include "base/bell.h"
#include "base/clock.h"
#include "base/guarded.h"
#include "base/json_box.h"
#include "base/result.h"
#include "base/unique_fd.h"
#include "control/request.h"

namespace codedriftd {

inline constexpr std::size_t kLongestControlReply = 1024 * 1024;

/// {"error": CODE, "message": MESSAGE}
JsonBox control_error(std::string_view code, std::string_view message);

/// Listens on a Unix stream socket of mode 0660, so that group members reach it and are told that they may not.
///
/// One thread holds all clients, and a few more make the answers: one that is slow, silent, or whose request takes its
/// time holds up nobody else. Each user has a share of places and of threads; one place in the row is always free for
/// root and the daemon's own user, who take that of somebody who has not said anything yet if they must. The socket is
/// looked after: where it was removed, another one is bound.
class ControlServer {
 public:
  struct Options {
    std::string folder;                          ///< runtime_dir; made with mode 0750 if it is not there
    std::function<bool(const Caller&)> may_ask;  ///< who may ask for anything at all; everybody else is denied
    /// How much is read of those who may not ask for anything.
    std::function<std::size_t()> strangers_are_read = [] { return kLongestStrangersRequest; };
    /// What is answered whoever sends it, also those who may ask for nothing. On one of several threads.
    std::function<bool(std::string_view verb, const JsonBox& request)> open_to_all = {};
    std::string host = {};             ///< of actor_of(); empty: the record is this host's alone
    Millis read_within{5'000};         ///< from the connection to the end of the request
    Millis write_within{5'000};        ///< the reply
    std::size_t most_clients = 16;     ///< at a time, beside root and the daemon's own user
    std::size_t most_of_one_user = 4;  ///< of them; more are told "busy"
    std::size_t most_strangers = 2;    ///< of those who may not ask; more are hung up on
    Millis stranger_read_within{1'000};
    std::size_t workers = 4;        ///< requests being answered at a time; others' never take the last one
    std::size_t most_answered = 2;  ///< of one user, at a time
    Millis look_after_every{10'000};
  };
  /// Does what was asked: the whole reply. It must have begun what has an effect `within` that time, or not do it. On
  /// one of several threads; what it throws becomes the error "failed".
  using Answer =
      std::function<JsonBox(const Caller& caller, std::string_view verb, const JsonBox& request, Millis within)>;
  /// Somebody who may not ask did: what they are told. `verb` is theirs: cleaned, at most 64 characters, or empty. On
  /// one of several threads.
  using Denied = std::function<std::string(const Caller& caller, const std::string& verb, const JsonBox& request)>;

  /// Listens at folder/control.sock when it returns. A socket left behind by a daemon that ended is replaced; the
  /// caller holds the state folder's lock. Fails if the folder can be written to by everybody, if another daemon
  /// answers there, and if what stands there is no socket.
  static Result<std::unique_ptr<ControlServer>> open(Options options, Answer answer, Denied denied);
  /// Ends the thread (an answer being made is waited for) and removes the socket.
  ~ControlServer();

 private:
  struct Client;
  struct Bound {
    UniqueFd folder, listener;
    std::pair<dev_t, ino_t> file;  ///< the socket's
  };
  struct Job {
    uint64_t client = 0;
    Caller caller;
    bool allowed = false;
    MonoTime came_at{};
    std::string text;  ///< the request; then the reply
  };
  static Result<Bound> bind(const std::string& folder);
  ControlServer(Options options, Answer answer, Denied denied, Bound bound, UniqueFd wake);

  void loop(std::stop_token stop);
  void turn(std::vector<Client>& clients) REQUIRES(serving_);
  void look_after() REQUIRES(serving_);
  void accept_all(std::vector<Client>& clients) REQUIRES(serving_);
  bool has_place(const Client& client, std::vector<Client>& clients) const;
  void read_from(Client& client) const;
  void write_to(Client& client) const;
  void hand_out(std::vector<Client>& clients);
  void take_replies(std::vector<Client>& clients);
  void work(const std::stop_token& stop, Bell& bell);
  std::string reply_to(Job& job) const;
  JsonBox answer_to(Job& job) const;
  void wake() const;

  const Options options_;
  const Answer answer_;
  const Denied denied_;
  ThreadRole serving_;  ///< the thread that holds the clients
  Bound bound_ GUARDED_BY(serving_);
  UniqueFd wake_;
  SystemClock clock_;
  MonoTime accept_again_at_ GUARDED_BY(serving_){};
  MonoTime look_again_at_ GUARDED_BY(serving_);
  std::string unbound_ GUARDED_BY(serving_);  ///< why it could not be bound anew, as it was logged
  uint64_t next_client_ GUARDED_BY(serving_) = 1;
  Guarded<std::deque<Job>> jobs_, replies_;
  std::vector<std::unique_ptr<Bell>> bells_;  ///< one for each worker
  std::vector<std::jthread> workers_;
  std::jthread thread_;
};

}  // namespace codedriftd
