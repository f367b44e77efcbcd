#include "store/outbox/waiting.h"

#include <fmt/format.h>

namespace codedriftd::outbox {

std::string held_row(std::string_view row) {
  return fmt::format(
      "({0}.message IS NULL AND {0}.kind NOT IN ('watch.suspended', 'watch.resumed') AND EXISTS (SELECT 1 FROM "
      "suspension s WHERE s.target = {0}.target_id))",
      row);
}

std::string earlier_row() {
  // Nobody waits for what is held: neither because its target flaps (that it is missing, say, must not wait for it to
  // be quiet), nor because somebody said so. And what happened does not wait for what somebody asked for.
  return fmt::format(
      "(SELECT 1 FROM outbox earlier WHERE earlier.state = 'pending' AND earlier.destination = o.destination AND "
      "earlier.target_id IS o.target_id AND earlier.id < o.id AND earlier.on_request <= o.on_request AND NOT "
      "(earlier.flapping = 1 AND earlier.message IS NULL) AND NOT {})",
      held_row("earlier"));
}

}  // namespace codedriftd::outbox
