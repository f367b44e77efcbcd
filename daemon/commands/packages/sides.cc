#include "commands/packages/sides.h"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "base/text.h"
#include "commands/options/selection_options.h"
#include "store/record/attributions.h"
#include "store/record/values.h"

namespace codedriftd {
namespace {

using Kind = SideName::Kind;

/// "the live code of prod/…/charge:$LATEST, 0123…"
std::string code_words(const SideName& name, const TargetRow& target, const Sha256& code) {
  const std::string_view which = name.kind == Kind::accepted   ? "the accepted code"
                                 : name.kind == Kind::previous ? "the previous code"
                                 : name.kind == Kind::live     ? "the live code"
                                                               : "the code";
  return fmt::format("{} of {}, {},", which, harmless(target.target.address()), code.hex());
}

/// Why nothing is known of what is inside, and what would help.
std::string unknown_inside(const Settings& settings, const SideName& name, const TargetRow& target, const Sha256& code,
                           const std::optional<PackageRow>& package) {
  const std::string what = code_words(name, target, code);
  const bool live = target.state.live == code && target.state.watched && !target.state.missing;
  const std::string_view option = "name its package or folder in place of it: --from FILE, --to FILE";
  const std::string fetch =
      fmt::format("\"codedriftd packages fetch '{}'\" has the daemon try again", target.target.address());
  if (package && package->state == PackageState::ambiguous)
    return fmt::format("{} is ambiguous, readers could see different things in it: {}; {}", what, package->why, option);
  if (!live) {
    return fmt::format("{} {} while it was live, and is not live any more; {}", what,
                       package ? "could not be examined (" + package->why + ")" : "was not looked into", option);
  }
  if (settings.packages.keep == PackageSettings::Keep::off)
    return fmt::format(
        "{} was not looked into: [packages] keep is \"off\"; \"manifest\" or \"files\" has every new "
        "package looked into",
        what);
  if (!package) return fmt::format("{} was not looked into so far; {}", what, fetch);
  return fmt::format("{} {}: {}; {}", what,
                     package->state == PackageState::mismatch ? "could not be had, other bytes came than its hash's"
                                                              : "could not be examined",
                     package->why, fetch);
}

Result<std::optional<Sha256>, NothingDone> code_of_side(Database& db, const TargetRow& target, const SideName& name) {
  if (name.kind == Kind::path) return std::optional<Sha256>();
  const auto code = hash_named(db, target, name);
  if (!code) return code.error();
  return std::optional(*code);
}

}  // namespace

std::string words_of(const Side& side) {
  constexpr std::size_t kShort = 12;
  if (!side.package && !side.value) return shown_argument(side.name.text);
  const std::string code = (side.package ? side.package->code : side.value->sha256).hex().substr(0, kShort);
  return side.name.kind == Kind::hash ? code : fmt::format("{} {}", side.name.text, code);
}

Result<RecordedSides, NothingDone> read_sides(Database& db, const Settings& settings, const SideNames& names,
                                              WallTime now) {
  const auto target = target_named(db, names.target, now);
  if (!target) return target.error();
  const auto from = code_of_side(db, *target, names.from);
  if (!from) return from.error();
  const auto to = code_of_side(db, *target, names.to);
  if (!to) return to.error();
  RecordedSides sides;
  sides.address = target->target.address();
  sides.same_hash = *from && *from == *to;
  if (kind_of_qualifier(target->target.qualifier) != TargetKind::code) {
    if (!*from || !*to)
      return NothingDone{"usage", fmt::format("{} is no code: it is not to be compared with a package or a folder",
                                              harmless(sides.address))};
    sides.from_value = {**from, values::text_of(db, target->target, *from)};
    sides.to_value = {**to, values::text_of(db, target->target, *to)};
    if (!sides.same_hash) sides.who = attributions::words_about(db, target->id, *to);
    return sides;
  }
  const auto fill = [&](const SideName& name, const std::optional<Sha256>& code, std::optional<PackageRow>& package,
                        Manifest& files) -> std::optional<NothingDone> {
    if (!code) return std::nullopt;
    package = packages::find(db, *code);
    if (sides.same_hash) {
      if (!package) package.emplace().code = *code;
      return std::nullopt;
    }
    if (!package || package->state != PackageState::examined)
      return NothingDone{"nothing", unknown_inside(settings, name, *target, *code, package)};
    files = packages::manifest(db, *code);
    return std::nullopt;
  };
  if (auto nothing = fill(names.from, *from, sides.from, sides.from_files)) return *nothing;
  if (auto nothing = fill(names.to, *to, sides.to, sides.to_files)) return *nothing;
  if (*to && !sides.same_hash) sides.who = attributions::words_about(db, target->id, *to);
  return sides;
}

Result<Side> side_at_path(const SideName& name, const PackageLimits& limits, const Examine& examine) {
  auto examined = examine_path(name.text, limits, examine);
  if (!examined) {
    // Seven digits of a hash, or "acepted", are no file: what was meant is not far.
    return Error{
        fmt::format("{}\nA side is accepted, previous, live, a hash (64 digits, or the first {} or more), a "
                    "zip file or a folder",
                    examined.error().message, kLeastHashDigits)};
  }
  if (!examined->found.ambiguous.empty())
    return Error{fmt::format("{}: is ambiguous, readers could see different things in it: {}", name.text,
                             examined->found.ambiguous)};
  Side side;
  side.name = name;
  side.files = std::move(examined->found.files);
  side.zip = std::move(examined->zip);
  return side;
}

}  // namespace codedriftd
