#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "base/clock.h"
#include "store/db/database.h"

/// Table `poll_request`: polls that one member of a fleet was asked for, and another one makes. Throws StoreError.
namespace codedriftd::poll_requests {

struct Asked {
  int64_t id = 0;
  int64_t target = 0;  ///< row of table `target`
  std::string account;
  bool wants_package = false;  ///< it is to be looked into, too, whatever came of that before
};
int64_t ask(Database& db, int64_t target, bool wants_package, int64_t member, WallTime now);
/// Those that are not over, in the order they came.
std::vector<Asked> open(Database& db);
/// One that is forgotten meanwhile is left alone.
void end(Database& db, int64_t id, std::string_view outcome);

struct Answer {
  int64_t id = 0;
  std::string outcome;
};
/// What came of those that `member` asked for; they are forgotten.
std::vector<Answer> take_answers(Database& db, int64_t member);
/// Those of before that time: who asked has long given up.
void forget(Database& db, WallTime before);

}  // namespace codedriftd::poll_requests
