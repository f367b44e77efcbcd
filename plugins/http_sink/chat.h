#pragma once
/// What a chat is told: the lines of a message, within a number of bytes. Pure. How a chat marks text up is its own.
#include <string>
#include <string_view>
#include <vector>

#include "http_sink/alert.h"

namespace codedriftd::http_sink {

/// How a chat writes text that comes from outside, so that none of it is taken for markup.
struct Markup {
  std::string (*prose)(std::string_view text);  ///< a sentence
  std::string (*code)(std::string_view text);   ///< a name, a hash
};

/// At most this many targets of a digest get a line.
inline constexpr std::size_t kMostItems = 50;

/// "critical: drift.detected, ops-1": not marked up.
std::string headline(const Alert& alert);
/// The summary, of at most `max_bytes` before it is marked up; the target's name in it is written as code.
std::string summary_line(const Report& report, std::size_t max_bytes, const Markup& markup);
/// The target, hashes and times, one a line; none for what the alert does not have.
std::vector<std::string> fact_lines(const Alert& alert, const Markup& markup);
/// One line for each target of a digest, with all of them within `max_bytes`, line ends included. When they do not fit,
/// the lines are shortened first and the names last.
std::vector<std::string> item_lines(const Alert& alert, std::size_t max_bytes, const Markup& markup);

/// The lines that fit into `max_bytes`, with a line end between them.
std::string joined(const std::vector<std::string>& lines, std::size_t max_bytes);
/// `text`, or its beginning and "…": `max_bytes` at most. No character is cut, and none is left that acts on a
/// terminal.
std::string shortened(std::string_view text, std::size_t max_bytes);

}  // namespace codedriftd::http_sink
