#pragma once
#include <cstddef>
#include <iosfwd>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"

namespace codedriftd {

/// "polled 120 of 10000 …", or other words, for whoever waits longer than a second: on a terminal rewritten in place
/// and taken away at the end, else a line every ten seconds.
class Progress {
 public:
  Progress(std::ostream& err, bool terminal, const Clock& clock);
  ~Progress() { clear(); }
  Progress(const Progress&) = delete;

  void at(std::size_t done, std::size_t total);
  /// The same with other words for how far it is.
  void say(std::string_view words);
  /// Takes the line away, before something else is printed.
  void clear();

 private:
  std::ostream& err_;
  const bool terminal_;
  const Clock& clock_;
  MonoTime next_;
  bool shown_ = false;
};

}  // namespace codedriftd
