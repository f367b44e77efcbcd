#pragma once
#include <map>
#include <optional>
#include <set>
#include <string>
#include <tuple>

#include "base/clock.h"
#include "discovery/details_job.h"

namespace codedriftd {

/// What is said of details that cannot be read: one line for an account, region and code, however many functions it
/// strikes, until none is struck any more, and once more each day. One thread.
class DetailTroubles {
 public:
  struct Word {
    bool recovered = false;  ///< else a warning
    std::string text;
  };
  /// To be called with each reading of details; nullopt: there is nothing new to say.
  std::optional<Word> note(const Details& details, MonoTime now);

 private:
  struct Trouble {
    std::set<std::pair<std::string, std::string>> functions;  ///< that it struck at their last reading
    MonoTime said_at{};
  };
  std::map<std::tuple<std::string, std::string, std::string>, Trouble> troubles_;  ///< by account, region and code
};

}  // namespace codedriftd
