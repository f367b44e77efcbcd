#pragma once
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "discovery/paging.h"
#include "discovery/read_job.h"

namespace codedriftd {

/// What a rule wants to know of a function.
struct DetailWish {
  std::string account, region, ns, name;
  unsigned versions = 0;                 ///< not 0: the published versions
  bool aliases = false, layers = false;  ///< `layers` asks what `image` does
  bool image = false;                    ///< whether it is a container image

  friend bool operator==(const DetailWish&, const DetailWish&) = default;
};
struct Details {
  DetailWish wish;
  bool complete = false;  ///< all that was wished for was read
  PollError trouble;      ///< why not, the first cause; empty code if complete
  bool missing = false;   ///< the cloud says that there is no such function
  // Each is nullopt if it was wished for and could not be read. Lists that were not wished for are empty.
  std::optional<std::vector<std::string>> versions;  ///< newest first, all that are published
  std::optional<std::vector<FoundAlias>> aliases;    ///< by name
  std::optional<bool> image;  ///< a container image instead of a package; nullopt: not wished for, too
  unsigned calls = 0;
};

/// Reads versions (ListVersionByFunction), aliases (ListAliases) and kind (GetFunction) of one function, as far as they
/// are wished for. Lists that move are read again, kMostReadings times at most. What of these cannot be read does not
/// keep the others from being read, unless there is no such function. Pure.
class DetailsJob final : public ReadJob {
 public:
  explicit DetailsJob(DetailWish wish);

  std::optional<ReadCall> next() override;
  void take(ReadAnswer answer, WallTime at) override;

  /// What was read, moved out. Complete only if the job is over.
  Details take_details();

 private:
  enum class Step { versions, aliases, kind, over };

  void begin(Step step);
  void read(const std::vector<std::string>& keys, std::size_t entries, int64_t total);
  void fail(PollError why);
  static Step after(Step step);

  Details details_;
  Step step_ = Step::over;
  Paging paging_;
  unsigned readings_ = 0;
  std::vector<std::string> versions_;          ///< of this reading
  bool latest_shown_ = false;                  ///< `$LATEST` is in it
  std::map<std::string, FoundAlias> aliases_;  ///< of this reading
};

}  // namespace codedriftd
