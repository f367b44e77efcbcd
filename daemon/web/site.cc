#include "web/site.h"

#include <fmt/format.h>

#include <optional>
#include <utility>

#include "web/api/api.h"

namespace codedriftd {

namespace {

constexpr int kMostHere = 4;  ///< fewer than the page has threads: metrics and health have theirs
constexpr Millis kTurnWithin{5'000};
constexpr Millis kSlice{50};  ///< of that: how soon a stop is noticed

bool is_api(std::string_view path) { return path.starts_with("/api/"); }

/// What is the same for everybody, whatever is in the record: it takes no turn, and no connection.
std::optional<WebReply> constant(const WebRequest& request) {
  if (auto description = answer_description(request)) return description;
  return answer_asset(request);
}

}  // namespace

Site::Site(std::function<Database()> open, PageSetting setting, const Clock& clock, Millis longest)
    : open_(std::move(open)), setting_(std::move(setting)), clock_(clock), longest_(longest) {}

WebReply Site::answer(const WebRequest& request) {
  if (auto known = constant(request)) return *std::move(known);
  struct Here {
    std::atomic<int>& count;
    const int others = count.fetch_add(1);
    ~Here() { --count; }
  };
  const Here here{here_};
  const bool turn_came = here.others < kMostHere && wait_for_turn();
  if (!turn_came && !stopping_) return refuse(request, "Busy", "busy with other reports; ask again", "1");
  struct Turn {
    std::counting_semaphore<>* turns;
    ~Turn() {
      if (turns != nullptr) turns->release();
    }
  };
  const Turn turn{turn_came ? &turns_ : nullptr};
  try {
    if (!stopping_) return answer_in_turn(request);
  } catch (const StoreError& error) {
    if (!error.given_up()) throw;
  }
  if (stopping_) return refuse(request, "Stopping", "the daemon is stopping; ask again once it has started", "5");
  return refuse(request, "That took too long",
                fmt::format("that took longer than {:g} s: narrow it with since or a function",
                            std::chrono::duration<double>(longest_).count()));
}

bool Site::wait_for_turn() {
  for (Millis waited{0}; waited < kTurnWithin && !stopping_; waited += kSlice) {
    if (turns_.try_acquire_for(kSlice)) return true;
  }
  return false;
}

WebReply Site::refuse(const WebRequest& request, std::string_view title, std::string_view words,
                      std::string retry_after) const {
  WebReply reply = is_api(request.path) ? WebReply{503, "text/plain; charset=utf-8", fmt::format("{}\n", words)}
                                        : words_page(setting_, clock_.wall(), 503, title, words);
  if (!retry_after.empty()) reply.headers.emplace_back("Retry-After", std::move(retry_after));
  return reply;
}

WebReply Site::answer_in_turn(const WebRequest& request) {
  std::optional<Database> db;
  if (Locked idle(idle_); !idle->empty()) {
    db.emplace(std::move(idle->back()));
    idle->pop_back();
  }
  if (!db) db.emplace(open_());
  db->give_up_when([this, until = clock_.mono() + longest_] { return stopping_ || clock_.mono() >= until; });
  const WallTime now = clock_.wall();
  db->begin_read();
  // A connection on which something failed is not used again.
  WebReply reply = is_api(request.path) ? answer_api(*db, request, now) : answer_page(*db, request, setting_, now);
  db->give_up_when({});
  db->commit();
  idle_.lock()->push_back(std::move(*db));
  return reply;
}

}  // namespace codedriftd
