#include "discovery/paging.h"

#include <fmt/format.h>

#include <algorithm>

namespace codedriftd {
namespace {

/// So many entries of a page are asked for once more with the next one: that many deletions between two pages do no
/// harm, less one.
constexpr std::size_t kOverlap = 4;

}  // namespace

void Paging::blame(std::string_view code, std::string message) {
  if (trouble_.code.empty()) trouble_ = {std::string(code), std::move(message), ""};
}

void Paging::take(const std::vector<std::string>& keys, std::size_t unnamed, int64_t total) {
  if (++pages_ > 1 && total != total_)
    blame(kMovedCode, fmt::format("the number of {} went from {} to {} while they were read", what_, total_, total));
  total_ = total;
  bool joined = offset_ == 0;
  std::size_t fresh = unnamed;
  for (const std::string& key : keys) {
    const auto [entry, is_new] = seen_.emplace(key, pages_);
    if (is_new) {
      ++fresh;
    } else if (entry->second == pages_) {
      blame(kMovedCode, fmt::format("one page of {} showed an entry twice", what_));
    } else {
      joined = true;
    }
  }
  unnamed_ += unnamed;
  const std::size_t entries = keys.size() + unnamed;
  // A list that moved is read to its end all the same: what it shows is there, though it may not be all.
  if (!joined)
    blame(kMovedCode,
          fmt::format("{} were deleted while they were read: a page does not go on where the last one ended", what_));
  if (known() > most_ || (total > 0 && static_cast<uint64_t>(total) > most_)) {
    // It counts before everything else: to read again would not help.
    trouble_ = {std::string(kTooManyCode),
                fmt::format("{} {} are more than the {} that are read", std::max<int64_t>(total, int64_t(known())),
                            what_, most_),
                ""};
    over_ = true;
    return;
  }
  const std::size_t end = offset_ + entries;
  const bool at_end = total <= 0 || end >= static_cast<std::size_t>(total);
  if (!at_end && fresh > 0) {
    offset_ = end - std::min(kOverlap, entries / 2);
    return;
  }
  over_ = true;
  // What has no name may have been counted twice where two pages overlap.
  const auto most = static_cast<int64_t>(known()), least = static_cast<int64_t>(seen_.size());
  if (pages_ == 1 ? most != total : (total > most || total < least))
    blame(kMovedCode, fmt::format("of {} {} {} were shown", total, what_, known()));
}

}  // namespace codedriftd
