#pragma once
#include <functional>
#include <string>
#include <vector>

#include "discovery/read_runner.h"
#include "model/inventory.h"

namespace codedriftd {

/// Which functions' versions, aliases and kind a rule wants to know.
struct DetailWish {
  std::string account, region, ns, name;
  unsigned versions = 0;
  bool aliases = false, layers = false;
};
struct Details {
  DetailWish wish;
  bool complete = false;
  PollError trouble;
  std::vector<std::string> versions;  ///< newest first, all that are published
  std::vector<FoundAlias> aliases;    ///< by name
  bool image = false;                 ///< a container image instead of a package
};

/// Finds what there is and what changed, all the time: complete listings every `every`, a look at the newest changes of
/// each namespace every `changes_every`, and details that somebody asks for. A thread of its own, with a ReadApi of its
/// own. Regions have slots (polling/slots.h) for their listings.
class Surveyor {
 public:
  struct Scope {
    std::string account, region;
    Millis every{600'000};
    Millis changes_every{15'000};
    /// The namespaces that the last complete listing knew, and the newest ModTime that was seen in each: known from the
    /// record at a start.
    std::map<std::string, std::optional<WallTime>> namespaces;
    std::optional<WallTime> last_complete_at;
  };
  /// They run on the surveyor's thread, and do not block.
  struct Hooks {
    std::function<void(Listing)> listed;
    std::function<void(NewestChanges)> changed;
    std::function<void(Details)> detailed;
  };
  Surveyor(std::unique_ptr<ReadApi> api, const Clock& clock, Hooks hooks);
  ~Surveyor();

  /// From now on. A scope that was there before keeps its times and what is under way. Thread-safe.
  /// `apply` runs on this object's thread when it takes that over (the ReadApi's accounts).
  void set_scopes(std::vector<Scope> scopes, Paces paces, std::function<void()> apply = {});
  /// A listing of these regions now (`discover` asks for it). Thread-safe.
  void list_now(std::string account, std::string region);
  /// Thread-safe; a wish that waits already is not asked twice.
  void want_details(std::vector<DetailWish> wishes);
  /// Another job, through the same paces: the audit log's. `over` runs on this object's thread. Thread-safe.
  void run(std::shared_ptr<ReadJob> job, std::function<void()> over);

  void start();
  void stop();  ///< within a moment; idempotent
  /// One round, as the thread does it.
  void turn(Millis at_most);
};

}  // namespace codedriftd
