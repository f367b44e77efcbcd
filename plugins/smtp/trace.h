#pragma once
/// What was said between this side and a mail server, and what came of it: pure.
#include <string>
#include <string_view>
#include <vector>

#include "http_sink/answer.h"

namespace codedriftd::smtp {

/// A command and its reply.
struct Exchange {
  std::string command;  ///< "RCPT TO:<a@b.c>"; of AUTH the word alone; "greeting", "message" for what has no command
  int code = 0;         ///< 0: no reply came
  std::string reply;    ///< its lines, codes included
};

/// The exchanges of one connection, from the bytes of both directions.
class Trace {
 public:
  /// A line that this side wrote. Nothing of a login is kept.
  void sent(std::string_view line);
  /// A line that came.
  void came(std::string_view line);
  const std::vector<Exchange>& exchanges() const { return exchanges_; }

 private:
  std::vector<Exchange> exchanges_{{"greeting", 0, {}}};
};

/// Whom the server was asked to take the message for; empty if that is not what `exchange` is about.
std::string recipient_of(const Exchange& exchange);

/// By the reply that ended it. Delivered: the server has taken the message for one recipient at least; those that it
/// refused are named. 4yz: retry. 5yz for the message itself, 552 for its size included: rejected. Any other 5yz: the
/// destination refuses. No reply: retry, with `failure` for a reason.
http_sink::Outcome judge(const Trace& trace, bool taken, std::string_view failure);

}  // namespace codedriftd::smtp
