#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "discovery/read_job.h"
#include "model/attribution.h"

namespace codedriftd {

/// Pages of one reading of the audit log, of requests::kAuditPage records each.
inline constexpr unsigned kMostAuditPages = 200;

/// Reads which calls of some actions CloudAudit has of one account and region between two moments, both included:
/// DescribeEvents, page after page. Pure.
/// A function that was copied out of another region (CopyFunction with TargetRegion) is found if the answer for the
/// region it was copied to holds the record, which names the other one as its own: whether it does is not documented,
/// and if not, who copied it is not found.
class AuditJob final : public ReadJob {
 public:
  AuditJob(std::string account, std::string region, WallTime from, WallTime to, std::vector<std::string_view> actions);

  std::optional<ReadCall> next() override;
  void take(ReadAnswer answer, WallTime at) override;

  /// Empty code: everything was read. Else why not, and the records say nothing of what is not among them.
  /// Client.Unfinished: it is not over yet; Client.TooLarge: more records than pages.
  const PollError& trouble() const { return trouble_; }
  /// Client.TooLarge: the same again would be no less.
  bool too_large() const { return too_large_; }
  bool denied() const { return denied_; }  ///< the cloud refused, for want of a permission or of good credentials
  /// As of when: of the first answer. Later pages may know of later records, and need not.
  WallTime asked_at() const { return asked_at_; }
  /// What was read, in the order of the pages; all that were asked for, whatever else the answers held.
  const std::vector<ChangeRecord>& records() const { return records_; }

 private:
  const std::string account_, region_;
  const WallTime from_, to_;
  const std::vector<std::string_view> actions_;
  bool over_ = false, denied_ = false, too_large_ = false;
  unsigned pages_ = 0;
  std::string token_;
  WallTime asked_at_{};
  PollError trouble_{"Client.Unfinished", "it was not read to its end", {}};
  std::vector<ChangeRecord> records_;
};

}  // namespace codedriftd
