#include "bench/recorder.h"

#include <stdexcept>

#include "bench/rig.h"
#include "store/db/migrate.h"

namespace codedriftd::test {
namespace {

Writer::Options options_of(std::size_t max_group, Fence* fence) {
  Writer::Options options;
  options.max_group = max_group;
  options.fence = fence;
  return options;
}

}  // namespace

Database with_newest_schema(Database db, WallTime now) {
  if (const auto done = migrate(db, embedded_migrations(db.engine()), now); !done)
    throw std::runtime_error(done.error().message);
  return db;
}

Recorder::Recorder(Database db, unsigned functions, std::size_t max_group, WallTime from, Fence* fence)
    : writer_(std::move(db), clock_, options_of(max_group, fence)) {
  ledger_.set_routes({{{"ops", {}, {}}, Millis{3'600'000}, ""}});
  WatchList list;
  for (unsigned i = 0; i < functions; ++i) {
    Watched watched;
    watched.interval = Millis{300'000};
    watched.stale_after = Millis{3'600'000};
    list.entries.push_back({bench_target(i), watched});
  }
  WatchSync sync;
  writer_.run([&](Tx& tx) { sync = sync_watch_list(tx, ledger_, list, from); });
  targets_ = std::move(sync.targets);
}

Poll Recorder::seen(unsigned i, std::string_view code, WallTime at) const {
  Poll poll;
  poll.target = targets_.at(i).id;
  poll.observation.outcome = codedriftd::Outcome::observed;
  poll.observation.sha256 = sha256(code);
  poll.at = at;
  return poll;
}

void Recorder::post(Poll poll) {
  writer_.post(std::make_shared<SeenPoll>(ledger_, std::move(poll)), {}, Writer::Keep::unless_crowded);
}

void Recorder::apply(const Poll& poll) {
  writer_.run([&](Tx& tx) { ledger_.apply(tx, poll.target, poll.observation, poll.at); });
}

}  // namespace codedriftd::test
