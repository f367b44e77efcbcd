#include "store/outbox/waiting.h"

#include <fmt/format.h>

namespace codedriftd::outbox {

std::string held_row(std::string_view row) {
  return fmt::format(
      "({0}.message IS NULL AND {0}.kind NOT IN ('watch.suspended', 'watch.resumed') AND EXISTS (SELECT 1 FROM "
      "suspension s WHERE s.target = {0}.target_id))",
      row);
}

std::string drift_row(std::string_view row) {
  return fmt::format("({0}.kind >= 'drift.' AND {0}.kind < 'drift/' OR {0}.kind IN ('layer.changed', 'alias.moved'))",
                     row);
}

}  // namespace codedriftd::outbox
