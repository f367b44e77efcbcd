#include "discovery/details_job.h"

#include <algorithm>
#include <utility>

#include "model/target.h"
#include "scf/requests.h"

namespace codedriftd {
namespace {

constexpr std::size_t kMostDetails = 10'000;

/// Numbers without leading zeros as text, the greater one first.
bool newer(const std::string& a, const std::string& b) { return a.size() != b.size() ? a.size() > b.size() : a > b; }

}  // namespace

DetailsJob::DetailsJob(DetailWish wish) : paging_("", kMostDetails) {
  details_.wish = std::move(wish);
  if (details_.wish.versions == 0) details_.versions.emplace();
  if (!details_.wish.aliases) details_.aliases.emplace();
  begin(Step::versions);
}

/// Goes to `step`, or to the first one after it that is wished for.
void DetailsJob::begin(Step step) {
  const DetailWish& wish = details_.wish;
  if (step == Step::versions && wish.versions == 0) step = Step::aliases;
  if (step == Step::aliases && !wish.aliases) step = Step::kind;
  if (step == Step::kind && !wish.layers && !wish.image) step = Step::over;
  if (std::exchange(step_, step) != step) readings_ = 0;
  paging_ = Paging(step == Step::versions ? "versions" : "aliases", kMostDetails);
  versions_.clear();
  latest_shown_ = false;
  aliases_.clear();
}

DetailsJob::Step DetailsJob::after(Step step) {
  if (step == Step::versions) return Step::aliases;
  return step == Step::aliases ? Step::kind : Step::over;
}

std::optional<ReadCall> DetailsJob::next() {
  const DetailWish& wish = details_.wish;
  switch (step_) {
    case Step::versions:
      return ReadCall{Action::list_versions, wish.account, wish.region,
                      requests::list_versions(wish.ns, wish.name, paging_.offset())};
    case Step::aliases:
      return ReadCall{Action::list_aliases, wish.account, wish.region,
                      requests::list_aliases(wish.ns, wish.name, paging_.offset())};
    case Step::kind:
      return ReadCall{Action::get_function, wish.account, wish.region,
                      requests::get_function(wish.ns, wish.name, kLatestQualifier)};
    case Step::over:
      break;
  }
  return std::nullopt;
}

void DetailsJob::take(ReadAnswer answer, WallTime) {
  ++details_.calls;
  if (!answer.error.code.empty()) {
    details_.missing = answer.meaning.outcome == Outcome::missing;
    fail(std::move(answer.error));
  } else if (auto* versions = std::get_if<VersionPage>(&answer.content); versions && step_ == Step::versions) {
    std::vector<std::string> keys = versions->versions;
    versions_.insert(versions_.end(), keys.begin(), keys.end());
    // `$LATEST` is in the list, on one page.
    if (versions->entries == keys.size() + 1) {
      keys.emplace_back(kLatestQualifier);
      latest_shown_ = true;
    }
    read(keys, versions->entries, versions->total);
  } else if (auto* aliases = std::get_if<AliasPage>(&answer.content); aliases && step_ == Step::aliases) {
    std::vector<std::string> keys;
    for (FoundAlias& alias : aliases->aliases) {
      keys.push_back(alias.name);
      aliases_.insert_or_assign(alias.name, std::move(alias));
    }
    read(keys, aliases->entries, aliases->total);
  } else if (const auto* detail = std::get_if<FunctionDetail>(&answer.content); detail && step_ == Step::kind) {
    details_.image = !detail->image_uri.empty();
    begin(Step::over);
  } else {
    fail({"Client.BadAnswer", "the answer is to another call", ""});
  }
}

void DetailsJob::read(const std::vector<std::string>& keys, std::size_t entries, int64_t total) {
  paging_.take(keys, entries - std::min(entries, keys.size()), total);
  if (!paging_.over()) return;
  if (!paging_.trouble().code.empty()) {
    if (paging_.trouble().code == kMovedCode && ++readings_ < kMostReadings) {
      begin(step_);
    } else {
      fail(paging_.trouble());
    }
    return;
  }
  if (step_ == Step::versions) {
    // It would take all versions out of the watch, and no function has such a list.
    if (versions_.empty() && !latest_shown_)
      return fail({"Client.BadAnswer", "the list of versions is empty: not even $LATEST is in it", ""});
    std::sort(versions_.begin(), versions_.end(), newer);
    versions_.erase(std::unique(versions_.begin(), versions_.end()), versions_.end());
    details_.versions = std::move(versions_);
  } else {
    details_.aliases.emplace();
    for (auto& [name, alias] : aliases_) details_.aliases->push_back(std::move(alias));
  }
  begin(after(step_));
}

/// What is read now cannot be: the next one.
void DetailsJob::fail(PollError why) {
  if (details_.trouble.code.empty()) details_.trouble = std::move(why);
  begin(details_.missing ? Step::over : after(step_));
}

Details DetailsJob::take_details() {
  if (step_ != Step::over && details_.trouble.code.empty())
    details_.trouble = {std::string(kUnfinishedCode), "the reading was given up before its end", ""};
  details_.complete = details_.trouble.code.empty();
  return std::move(details_);
}

}  // namespace codedriftd
