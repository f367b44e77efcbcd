#pragma once
#include <optional>

#include "base/clock.h"
#include "scf/api.h"

namespace codedriftd {

/// So many polls in a row refused for a cause that is the account's make the account fail.
inline constexpr unsigned kCausesInARow = 3;

/// The attempts of one poll, and whether another one is to follow. Knows no clock.
class Attempts {
 public:
  /// Another attempt is sent.
  void begin() { ++sent_; }
  /// A poll has begun and is not over.
  bool under_way() const { return sent_ > 0; }
  /// The attempt sent last was not the first of its poll.
  bool again() const { return sent_ > 1; }
  /// How long to wait from `answer` to the next attempt; nullopt: the poll is over, and this was its answer.
  /// `persistent`: a poll may have more than one attempt.
  std::optional<Millis> next_in(const ApiAnswer& answer, bool persistent);

 private:
  unsigned sent_ = 0;
  bool refreshed_ = false;  ///< it has had its attempt with credentials read anew
};

}  // namespace codedriftd
