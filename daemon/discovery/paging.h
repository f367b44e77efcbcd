#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "model/observation.h"

namespace codedriftd {

/// Codes of PollError for readings that did not come off though every call was answered, beside those of scf/api.h.
inline constexpr std::string_view kMovedCode = "Client.Moved",  ///< it changed while it was read, each time
    kTooManyCode = "Client.TooMany",                            ///< more than this program reads
    kDiffersCode = "Client.Differs",                            ///< two calls say different things
    kUnfinishedCode = "Client.Unfinished";                      ///< it was given up before its end

/// So often something is read that changes while it is read.
inline constexpr unsigned kMostReadings = 3;

/// One reading of a list that comes in pages by offset, and whether all of it was seen. Pure.
///
/// Offsets are not atomic: if an entry is deleted between two pages, those behind it move up, and one of them is on
/// neither page; a new entry at the end then makes the totals agree. So each page begins a few entries before the end
/// of the last one, and has to show at least one entry that is known already. In a list that is sorted by something
/// that does not change, all entries that were there the whole time have then been seen.
class Paging {
 public:
  /// `what`: of trouble's message, "functions"; `most`: entries.
  Paging(std::string what, std::size_t most) : what_(std::move(what)), most_(most) {}

  /// Where the next page begins.
  std::size_t offset() const { return offset_; }
  /// A page: the identities of its entries, how many entries it had beside these, and the total that it told. REQUIRES:
  /// it is not over().
  void take(const std::vector<std::string>& keys, std::size_t unnamed, int64_t total);
  bool over() const { return over_; }
  /// Entries seen, none twice.
  std::size_t known() const { return seen_.size() + unnamed_; }
  /// When over: an empty code if everything agreed; kMovedCode or kTooManyCode.
  const PollError& trouble() const { return trouble_; }
  /// Something else speaks against this reading. The first trouble counts.
  void blame(std::string_view code, std::string message);

 private:
  std::string what_;
  std::size_t most_;
  std::size_t offset_ = 0;
  unsigned pages_ = 0;
  std::unordered_map<std::string, unsigned> seen_;  ///< and the first page that showed it
  std::size_t unnamed_ = 0;
  int64_t total_ = 0;
  bool over_ = false;
  PollError trouble_;
};

}  // namespace codedriftd
