#include "attribution/audit_job.h"

#include <fmt/format.h>

#include <algorithm>

#include "scf/requests.h"

namespace codedriftd {

AuditJob::AuditJob(std::string account, std::string region, WallTime from, WallTime to,
                   std::vector<std::string_view> actions)
    : account_(std::move(account)), region_(std::move(region)), from_(from), to_(to), actions_(std::move(actions)) {}

std::optional<ReadCall> AuditJob::next() {
  if (over_) return std::nullopt;
  return ReadCall{Action::describe_events, account_, region_, requests::describe_events(from_, to_, actions_, token_)};
}

void AuditJob::take(ReadAnswer answer, WallTime at) {
  if (pages_++ == 0) asked_at_ = at;
  over_ = true;
  auto* page = std::get_if<AuditPage>(&answer.content);
  if (!answer.error.code.empty() || page == nullptr) {
    denied_ = answer.meaning.outcome == Outcome::denied;
    trouble_ = answer.error.code.empty()
                   ? PollError{"Client.BadAnswer", "the answer is not one to DescribeEvents", answer.error.request_id}
                   : std::move(answer.error);
    return;
  }
  for (ChangeRecord& record : page->records) {
    const bool asked = record.time >= from_ && record.time <= to_ && record.region == region_ &&
                       std::find(actions_.begin(), actions_.end(), record.action) != actions_.end();
    if (asked) records_.push_back(std::move(record));
  }
  if (page->next.empty()) {
    trouble_ = {};
  } else if (page->next == token_) {
    trouble_ = {"Client.BadAnswer", "DescribeEvents gave the same NextToken twice", {}};
  } else if (pages_ == kMostAuditPages) {
    too_large_ = true;
    trouble_ = {
        "Client.TooLarge", fmt::format("the audit log has more than {} pages of that time", kMostAuditPages), {}};
  } else {
    token_ = std::move(page->next);
    over_ = false;
  }
}

}  // namespace codedriftd
