#pragma once
/// One target's record, told again from its beginning. Private to audit/ and the pages of the site.
#include <optional>
#include <string>
#include <vector>

#include "audit/story/event_times.h"
#include "audit/story/stored_event.h"
#include "model/verdict.h"
#include "store/db/database.h"
#include "store/ledger/suspensions.h"
#include "store/record/targets.h"

namespace codedriftd {

struct StoredRun {
  int64_t id = 0;
  std::string outcome, code;
  std::optional<Sha256> sha256;
  WallTime first{}, last{};
  int64_t polls = 0;
  Millis longest_gap{};

  bool answer() const { return outcome == "observed" || outcome == "missing"; }
};

/// What the tables hold of one target until a moment, each list by time.
struct TargetRecord {
  struct Period {
    WallTime from{};
    std::optional<WallTime> to;
    Millis stale_after{};
  };
  struct Acceptance {
    WallTime at{};
    Sha256 sha256;
    AcceptedSource source{};
    std::string actor, claimed, reason, ticket, build, commit;
  };
  struct Happening {  ///< an event that changed what was known
    WallTime time{};
    std::string kind, actor;
    OrderedJson data;
  };
  std::vector<Period> periods;
  std::vector<StoredRun> answers, failures;
  std::vector<Acceptance> acceptances;
  std::vector<Happening> happenings;  ///< function.missing, deploy.*, watch.suspended and watch.resumed; their times as
                                      ///< EventTimes has them
  std::string problem;
};

/// What the stories of all targets have in common: read once.
struct StoryContext {
  explicit StoryContext(Database& db) : events(db), times(db) {}
  EventReader events;
  EventTimes times;
};

/// What was accepted until then, in the order in which it was recorded: none is earlier than the one before it,
/// whatever the clock said. Throws StoreError.
std::vector<TargetRecord::Acceptance> read_acceptances(Database& db, TargetId id, WallTime until);
/// Reads what began at `until` or before. Throws StoreError.
TargetRecord read_record(Database& db, const StoryContext& context, TargetId id, WallTime until);

/// What the record made of a fresh state, with everything in it that decides the status. The times of the last polls
/// are the latest that they can be.
TargetState told_again(const TargetRecord& record, WallTime until);

/// Whose word it was that the target's alerts are held at the end of the record; nullopt: they are not.
std::optional<Suspension> held_at_end(const TargetRecord& record);

}  // namespace codedriftd
