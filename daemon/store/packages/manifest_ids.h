#pragma once
/// How package.manifest tells which rows of package_file a package has. Pure.
///
/// The rows of a new package's files are made in the order of its names, so their ids follow each other; those of the
/// next deployment are the same but for what changed. So a manifest is a few runs of ids: for each a signed varint
/// (zigzag), how far it begins from where the run before it ended, and a varint, how many ids follow its first one.
/// Three hundred files of which three changed are some 20 bytes, where the ids one by one would be 300, and the files
/// themselves 30,000. (Deltas against an earlier manifest would be as short, but then one could not go without the
/// other.)
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace codedriftd::packages {

/// `count` ids from `first` on. REQUIRES: first > 0, count > 0.
struct IdRun {
  int64_t first = 0;
  int64_t count = 0;

  friend bool operator==(const IdRun&, const IdRun&) = default;
};

/// `ids` in their order as the longest runs.
std::vector<IdRun> runs_of(const std::vector<int64_t>& ids);
std::string encode_runs(const std::vector<IdRun>& runs);
/// Nullopt for what encode_runs() does not write, and for more than `most` ids.
std::optional<std::vector<IdRun>> decode_runs(std::string_view blob, int64_t most);

}  // namespace codedriftd::packages
