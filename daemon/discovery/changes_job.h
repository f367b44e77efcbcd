#pragma once
#include <optional>
#include <string>
#include <unordered_set>

#include "discovery/paging.h"
#include "discovery/read_job.h"
#include "model/inventory.h"

namespace codedriftd {

/// The pages that one look at the newest changes takes at most: these show 2,020 functions.
inline constexpr unsigned kMostChangePages = 21;

/// Reads the functions of one namespace whose ModTime is `since` or later, newest first: one page, and more only while
/// the last function of a page is not older. Without `since` one page is all. A function without a ModTime is among
/// them as far as the pages show it. Pure.
///
/// Incomplete: a call that was refused, an answer that is not in the order that was asked for (it would hide changes),
/// pages that do not join, more than kMostChangePages pages (kTooManyCode: the next listing has the others).
class ChangesJob final : public ReadJob {
 public:
  ChangesJob(std::string account, std::string region, std::string ns, std::optional<WallTime> since, WallTime began);

  std::optional<ReadCall> next() override;
  void take(ReadAnswer answer, WallTime at) override;

  /// What was read, moved out. Complete only if the job is over.
  NewestChanges take_changes();

 private:
  void take_page(FunctionPage page);
  void fail(PollError why);

  NewestChanges changes_;
  std::optional<WallTime> since_;
  std::size_t offset_ = 0;
  std::unordered_set<std::string> seen_;
  bool over_ = false;
};

}  // namespace codedriftd
