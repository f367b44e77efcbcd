#include "commands/packages/find.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "base/text.h"
#include "commands/options/selection_options.h"
#include "select/selection.h"
#include "store/record/hashes.h"

namespace codedriftd {
namespace {

bool is_hex_digit(char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }

Result<Sha256, NothingDone> hash_beginning(Database& db, const TargetRow& target, const std::string& text) {
  if (const auto whole = Sha256::from_hex(text)) return *whole;
  const std::vector<Sha256> found = hashes::beginning_with(db, target, text);
  if (found.size() == 1) return found.front();
  const std::string address = harmless(target.target.address());
  if (found.empty())
    return NothingDone{"nothing",
                       fmt::format("{}: no hash that was live, accepted or announced at {} begins so; \"codedriftd "
                                   "query history\" lists them. A file of that name is ./{}",
                                   text, address, text)};
  std::string all;
  for (const Sha256& each : found) all += fmt::format("\n  {}", each.hex());
  return NothingDone{
      "usage", fmt::format("{}: {} hashes of {} begin so; write more digits:{}", text, found.size(), address, all)};
}

}  // namespace

bool looks_like_hash(std::string_view word) {
  constexpr std::size_t kMostDigits = 64;
  return word.size() >= kLeastHashDigits && word.size() <= kMostDigits &&
         std::all_of(word.begin(), word.end(), is_hex_digit);
}

SideName side_name(std::string_view word) {
  using Kind = SideName::Kind;
  const Kind kind = word == "accepted"      ? Kind::accepted
                    : word == "previous"    ? Kind::previous
                    : word == "live"        ? Kind::live
                    : looks_like_hash(word) ? Kind::hash
                                            : Kind::path;
  return {kind, std::string(word)};
}

Result<TargetRow, NothingDone> target_named(Database& db, const std::string& name, WallTime now) {
  if (auto good = check_no_pattern(name, "name one target"); !good) return NothingDone{"usage", good.error().message};
  Selection one;
  one.names = {name};
  if (auto resolved = resolve_names(db, one); !resolved) return NothingDone{"usage", resolved.error().message};
  std::vector<SelectedTarget> found = selected_targets(db, one, now);
  if (found.empty()) {  // what is no longer watched has its history all the same
    one.all = true;
    found = selected_targets(db, one, now);
  }
  if (found.empty()) {
    one.all = false;
    return NothingDone{"nothing", explain_nothing(db, one, now)};
  }
  if (found.size() > 1)
    return NothingDone{"usage", fmt::format("{}: {} targets have that name; write the whole address of one",
                                            shown_argument(name), found.size())};
  return std::move(found.front().row);
}

Result<Sha256, NothingDone> hash_named(Database& db, const TargetRow& target, const SideName& side) {
  const TargetState& state = target.state;
  const std::string address = harmless(target.target.address());
  if (side.kind == SideName::Kind::hash) return hash_beginning(db, target, side.text);
  if (side.kind == SideName::Kind::accepted) {
    if (state.accepted) return *state.accepted;
    return NothingDone{"nothing",
                       fmt::format("{}: nothing is accepted so far; codedriftd approve accepts what is live, "
                                   "and --from previous compares with what was live before",
                                   address)};
  }
  if (!state.live) return NothingDone{"nothing", fmt::format("{}: no code of it was ever seen", address)};
  if (side.kind == SideName::Kind::live) return *state.live;
  if (const auto before = hashes::live_before(db, target.id, *state.live)) return *before;
  return NothingDone{"nothing", fmt::format("{}: only one hash was ever seen live, {}", address, state.live->hex())};
}

}  // namespace codedriftd
