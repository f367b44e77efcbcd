#pragma once
/// What is due at a destination and waits for no earlier alert about the same target.
#include <functional>
#include <string>
#include <string_view>

#include "store/db/database.h"

namespace codedriftd::outbox {

struct Due {
  int64_t row = 0;
  WallTime at{};
  std::string kind;
  bool composed = false;  ///< it carries a message already
};

constexpr int kClasses = 2;  ///< `on_request` 0: what happened; 1: what somebody asked for

/// The statement for each_first(). `rest` ("" or "AND …") narrows the rows of outbox.
Sql due_rows(std::string_view rest);

/// Goes through those that begin a message or carry one and may be sent, among the rows of `due_rows` that are due
/// until `until`, what is due longest first, until `take` returns false, which must not change outbox.
void each_first(Database& db, const Sql& due_rows, std::string_view destination, int on_request, WallTime until,
                const std::function<bool(Due&&)>& take);

}  // namespace codedriftd::outbox
