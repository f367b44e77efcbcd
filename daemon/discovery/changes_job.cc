#include "discovery/changes_job.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "scf/requests.h"

namespace codedriftd {
namespace {

/// As in Paging: so many entries are asked for once more, to see that nothing slipped between two pages.
constexpr std::size_t kAskedTwice = 4;

}  // namespace

ChangesJob::ChangesJob(std::string account, std::string region, std::string ns, std::optional<WallTime> since,
                       WallTime began)
    : since_(since) {
  changes_.account = std::move(account);
  changes_.region = std::move(region);
  changes_.ns = std::move(ns);
  changes_.began = changes_.ended = began;
}

std::optional<ReadCall> ChangesJob::next() {
  if (over_) return std::nullopt;
  return ReadCall{Action::list_functions, changes_.account, changes_.region,
                  requests::list_functions(changes_.ns, requests::Order::newest_first, offset_)};
}

void ChangesJob::take(ReadAnswer answer, WallTime at) {
  ++changes_.calls;
  changes_.ended = at;
  changes_.clock_error = answer.clock_error.value_or(changes_.clock_error);
  if (!answer.error.code.empty()) {
    fail(std::move(answer.error));
  } else if (auto* page = std::get_if<FunctionPage>(&answer.content)) {
    take_page(std::move(*page));
  } else {
    fail({"Client.BadAnswer", "the answer is to another call", ""});
  }
}

void ChangesJob::take_page(FunctionPage page) {
  const std::size_t entries = page.functions.size() + page.unreadable.size();
  bool joined = offset_ == 0, fresh = false;
  std::optional<WallTime> oldest;
  const auto see = [&](const std::string& key) {
    const bool is_new = seen_.insert(key).second;
    (is_new ? fresh : joined) = true;
    return is_new;
  };
  for (const std::string& text : page.unreadable) see("text " + text);
  for (FoundFunction& function : page.functions) {
    if (function.ns != changes_.ns) {
      fail({"Client.BadAnswer",
            fmt::format("{} is listed there and says that its namespace is {}", function.name, function.ns), ""});
      return;
    }
    if (function.modified_at) {
      if (oldest && *function.modified_at > *oldest) {
        fail({"Client.BadAnswer", "functions are not in the order of their ModTime, as it was asked for", ""});
        return;
      }
      oldest = function.modified_at;
    }
    const bool is_new = see("id " + function.function_id + " " + function.name);
    const bool recent = !since_ || !function.modified_at || *function.modified_at >= *since_;
    if (is_new && recent) changes_.functions.push_back(std::move(function));
  }
  const std::size_t end = offset_ + entries;
  if (!joined) {
    fail({std::string(kMovedCode), "functions changed while they were read: a page does not join the last one", ""});
  } else if (!since_ || (oldest && *oldest < *since_) || page.total <= 0 || std::cmp_greater_equal(end, page.total)) {
    over_ = true;
  } else if (!fresh) {
    fail({std::string(kMovedCode), fmt::format("{} functions are announced, and not shown", page.total), ""});
  } else if (changes_.calls >= kMostChangePages) {
    fail({std::string(kTooManyCode),
          fmt::format("{} changes and more: the next listing has them", changes_.functions.size()), ""});
  } else {
    offset_ = end - std::min(kAskedTwice, entries / 2);
  }
}

void ChangesJob::fail(PollError why) {
  over_ = true;
  changes_.trouble = std::move(why);
}

NewestChanges ChangesJob::take_changes() {
  if (!over_) fail({std::string(kUnfinishedCode), "the look was given up before its end", ""});
  changes_.complete = changes_.trouble.code.empty();
  return std::move(changes_);
}

}  // namespace codedriftd
