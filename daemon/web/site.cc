#include "web/site.h"

#include <optional>
#include <utility>

#include "web/api/api.h"

namespace codedriftd {

Site::Site(std::string database, PageSetting setting, const Clock& clock)
    : database_(std::move(database)), setting_(std::move(setting)), clock_(clock) {}

WebReply Site::answer(const WebRequest& request) {
  std::optional<Database> db;
  if (Locked idle(idle_); !idle->empty()) {
    db.emplace(std::move(idle->back()));
    idle->pop_back();
  }
  if (!db) db.emplace(Database::open_reader(database_));
  const WallTime now = clock_.wall();
  db->execute("BEGIN");
  // A connection on which something failed is not used again.
  WebReply reply = request.path.starts_with("/api/") || request.path == "/openapi.json"
                       ? answer_api(*db, request, now)
                       : answer_page(*db, request, setting_, now);
  db->execute("COMMIT");
  idle_.lock()->push_back(std::move(*db));
  return reply;
}

}  // namespace codedriftd
