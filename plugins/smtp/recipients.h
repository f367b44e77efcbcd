#pragma once
#include <deque>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "http_sink/answer.h"
#include "smtp/trace.h"

namespace codedriftd::smtp {

/// For how long the mails of others wait for a recipient who is refused for now. It begins with the first mail that he
/// misses and ends with one that is taken for him.
constexpr Millis kLongestLate = std::chrono::minutes(30);

/// Who has an alert's mail already, from one attempt to the next, so that nobody gets it twice: pure. It knows of the
/// last hundred alerts that were taken for some recipients alone.
class Recipients {
 public:
  /// Of `to`, those who are still to get it.
  std::vector<std::string> left(std::string_view alert_id, const std::vector<std::string>& to) const;
  /// What `outcome`, which judge() gave of an attempt for those in `to`, means for the alert. Retry as long as there is
  /// one who was refused for now (4yz) while others have it, and he is not late for too long; delivered once all have
  /// it or were refused.
  http_sink::Outcome settle(std::string_view alert_id, const std::vector<std::string>& to, const Trace& trace,
                            http_sink::Outcome outcome, MonoTime now);

 private:
  struct Begun {
    std::string alert_id;
    std::vector<std::string> done;  ///< have it, or were refused
  };
  std::deque<Begun>::const_iterator find(std::string_view alert_id) const;

  std::deque<Begun> begun_;               ///< taken for one at least; the latest at the end
  std::map<std::string, MonoTime> late_;  ///< refused for now while others were not, since when
};

}  // namespace codedriftd::smtp
