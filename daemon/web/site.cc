#include "web/site.h"

#include <optional>
#include <utility>

#include "web/api/api.h"

namespace codedriftd {
namespace {

constexpr int kMostHere = 4;  ///< fewer than the page has threads: metrics and health have theirs
constexpr std::chrono::seconds kTurnWithin{5};

}  // namespace

Site::Site(std::string database, PageSetting setting, const Clock& clock)
    : database_(std::move(database)), setting_(std::move(setting)), clock_(clock) {}

WebReply Site::answer(const WebRequest& request) {
  struct Here {
    std::atomic<int>& count;
    const int others = count.fetch_add(1);
    ~Here() { --count; }
  };
  const Here here{here_};
  if (here.others >= kMostHere || !turns_.try_acquire_for(kTurnWithin))
    return {503, "text/plain; charset=utf-8", "busy with other reports; ask again\n", {{"Retry-After", "1"}}};
  struct Turn {
    std::counting_semaphore<>& turns;
    ~Turn() { turns.release(); }
  };
  const Turn turn{turns_};
  return answer_in_turn(request);
}

WebReply Site::answer_in_turn(const WebRequest& request) {
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
