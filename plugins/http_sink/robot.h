#pragma once
/// What the robots of group chats have in common: a message within a number of bytes, a code in the body of the answer,
/// a secret that signs. Pure.
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/json_box.h"
#include "base/result.h"
#include "base/secret.h"
#include "http/client.h"
#include "http_sink/alert.h"
#include "http_sink/answer.h"
#include "http_sink/chat.h"
#include "http_sink/mask.h"

namespace codedriftd::http_sink {

/// A backslash before everything that markdown knows. Line breaks are no part of `text`.
std::string markdown_escaped(std::string_view text);
/// As code, in which nothing but the backtick means anything.
std::string markdown_code(std::string_view text);

/// As it is: for text that the chat takes for nothing but text.
std::string as_it_is(std::string_view text);

/// How one chat shows a message.
struct RobotStyle {
  Markup markup;
  std::string (*title)(const Alert& alert) = nullptr;  ///< the first line, marked up; nullptr: it stands elsewhere
  std::string_view fact_mark{};                        ///< in front of each fact
  std::string_view line_end{};                         ///< behind each line, where the chat would run them together
};

/// How many lengths robot_text knows.
inline constexpr unsigned kRobotLengths = 3;
/// The message, of at most `max_bytes`. Length 0: everything. Length 1: the summary and the targets' names, in half of
/// it. Length 2: one line.
std::string robot_text(const Alert& alert, unsigned length, std::size_t max_bytes, const RobotStyle& style);

/// The number at the first of `names` that the JSON object of an answer has; nullopt if there is none.
std::optional<int64_t> answer_code(const HttpResponse& response, std::initializer_list<const char*> names);

/// What a robot means by a code other than 0.
struct CodeMeaning {
  codedriftd_result result = CODEDRIFTD_REJECTED;
  Millis at_least{0};     ///< with CODEDRIFTD_RETRY: not before this has passed
  bool too_long = false;  ///< as in Outcome
};
/// Nullopt for a code that is not known.
using CodeMeanings = std::optional<CodeMeaning> (*)(int64_t code);

/// By the status, and then by the code: with a 2xx 0 is a success, and what is not known is rejected, because to repeat
/// it would not help; a 2xx without a code is delivered, and that is noted. With a 4xx a code that is known counts.
/// `expected`: "an errcode".
Outcome judge_by_code(const HttpResponse& response, const Mask& mask, WallTime now, std::optional<int64_t> code,
                      CodeMeanings meaning, std::string_view expected);

/// The option `secret`, taken out of `config` and added to the mask. An error if it is more than one word.
Result<Secret> read_robot_secret(Json& config, Mask& mask);

}  // namespace codedriftd::http_sink
