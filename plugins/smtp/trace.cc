#include "smtp/trace.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"

namespace codedriftd::smtp {
namespace {

constexpr std::size_t kReplyKept = 512;
constexpr int kGoOn = 354;     // of DATA: the message may come
constexpr int kTooMuch = 552;  // of MAIL: the size it announces

bool has_verb(std::string_view line, std::string_view verb) {
  return line.starts_with(verb) && (line.size() == verb.size() || line[verb.size()] == ' ');
}

/// What may be kept of a line; of a login it is the word alone, and of what follows it, too.
std::string command_of(std::string_view line) {
  for (const std::string_view verb : {"EHLO", "HELO", "STARTTLS", "MAIL", "RCPT", "DATA", "NOOP", "QUIT"}) {
    if (has_verb(line, verb)) return clean_utf8(line.substr(0, line.find(" SIZE=")));
  }
  return "AUTH";
}

int code_of(std::string_view line) {
  if (line.size() < 3) return 0;
  int code = 0;
  for (const char c : line.substr(0, 3)) {
    if (c < '0' || c > '9') return 0;
    code = code * 10 + (c - '0');
  }
  return code;
}

bool is_recipient(const Exchange& exchange) { return has_verb(exchange.command, "RCPT"); }

bool is_about_the_message(const Exchange& exchange) {
  const bool size = has_verb(exchange.command, "MAIL") && exchange.code == kTooMuch;
  return size || exchange.command == "message" || exchange.command == "DATA";
}

std::string shown(const Exchange& exchange) {
  return fmt::format("SMTP {} to {}: {}", exchange.code, exchange.command, trimmed(exchange.reply));
}

/// The reply that a failure is told by: of the recipients, where all were refused, one that may be taken later.
const Exchange* decisive(const std::vector<Exchange>& exchanges) {
  const auto refused = [](const Exchange& one) { return one.code >= 400; };
  const auto last = std::find_if(exchanges.rbegin(), exchanges.rend(), refused);
  if (last == exchanges.rend()) return nullptr;
  if (!is_recipient(*last)) return &*last;
  const auto later = std::find_if(exchanges.begin(), exchanges.end(), [](const Exchange& one) {
    return is_recipient(one) && one.code >= 400 && one.code < 500;
  });
  return later == exchanges.end() ? &*last : &*later;
}

}  // namespace

void Trace::sent(std::string_view line) { exchanges_.push_back({command_of(trimmed(line)), 0, {}}); }

void Trace::came(std::string_view line) {
  if (exchanges_.back().code == kGoOn) exchanges_.push_back({"message", 0, {}});
  Exchange& exchange = exchanges_.back();
  line = trimmed(line);
  const std::string text = clean_utf8(line);
  if (exchange.reply.size() + text.size() < kReplyKept) {
    if (!exchange.reply.empty()) exchange.reply += ' ';
    exchange.reply += text;
  }
  const bool more = line.size() > 3 && line[3] == '-';
  if (!more) exchange.code = code_of(line);
}

std::string recipient_of(const Exchange& exchange) {
  if (!is_recipient(exchange)) return {};
  const std::size_t begin = exchange.command.find('<'), end = exchange.command.find('>');
  if (begin == std::string::npos || end == std::string::npos) return {};
  return exchange.command.substr(begin + 1, end - begin - 1);
}

http_sink::Outcome judge(const Trace& trace, bool taken, std::string_view failure) {
  const auto& exchanges = trace.exchanges();
  http_sink::Outcome outcome;
  const auto message = std::find_if(exchanges.begin(), exchanges.end(),
                                    [](const Exchange& one) { return one.command == "message" && one.code != 0; });
  if (taken || (message != exchanges.end() && message->code >= 200 && message->code < 300)) {
    outcome.result = CODEDRIFTD_DELIVERED;
    if (message != exchanges.end()) {
      outcome.status = message->code;
      outcome.text = fmt::format("SMTP {}", trimmed(message->reply));
    }
    for (const Exchange& one : exchanges) {
      if (is_recipient(one) && one.code >= 400) outcome.text += "; not for all: " + shown(one);
    }
    return outcome;
  }
  const Exchange* const why = decisive(exchanges);
  if (why == nullptr) {
    outcome.text = clean_utf8(failure);
    return outcome;
  }
  outcome.status = why->code;
  outcome.text = shown(*why);
  if (why->code < 500) return outcome;
  outcome.result = is_about_the_message(*why) ? CODEDRIFTD_REJECTED : CODEDRIFTD_DESTINATION_REFUSED;
  return outcome;
}

}  // namespace codedriftd::smtp
