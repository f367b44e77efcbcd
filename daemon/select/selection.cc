#include "select/selection.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <iterator>
#include <map>
#include <set>
#include <tuple>

#include "base/text.h"
#include "store/record/earlier_addresses.h"
#include "store/record/facts.h"

namespace codedriftd {
namespace {

bool is_glob(std::string_view text) { return text.find_first_of("*?") != std::string_view::npos; }

bool is_address(std::string_view text) {
  return !is_glob(text) && text.find('/') != std::string_view::npos && text.find(':') != std::string_view::npos;
}

/// Of the targets that a name without a qualifier matches, those that it means: of each function its code, which is
/// `$LATEST`, else what else of its code is watched, else its image. The values that are watched beside the code never
/// make a name ambiguous: whoever means one says so.
std::vector<const Target*> meant_by_name(const std::vector<const Target*>& found) {
  const auto rank = [](const Target& target) {
    switch (kind_of_qualifier(target.qualifier)) {
      case TargetKind::code:
        return target.qualifier == kLatestQualifier ? 0 : 1;
      case TargetKind::image:
        return 2;
      case TargetKind::layers:
      case TargetKind::alias:
        break;
    }
    return 3;
  };
  const auto of = [](const Target& target) {
    return std::tie(target.account, target.region, target.ns, target.function);
  };
  std::map<decltype(of(*found.front())), int> best;
  for (const Target* target : found) {
    const auto [known, added] = best.emplace(of(*target), rank(*target));
    if (!added) known->second = std::min(known->second, rank(*target));
  }
  std::vector<const Target*> meant;
  std::ranges::copy_if(found, std::back_inserter(meant),
                       [&](const Target* target) { return rank(*target) == best.at(of(*target)); });
  return meant;
}

/// True if whole addresses are asked for: then nothing else need be read.
bool only_addresses(const Selection& selection) {
  return !selection.targets.empty() &&
         std::all_of(selection.targets.begin(), selection.targets.end(), [](const auto& t) { return is_address(t); });
}

}  // namespace

Checked check_no_pattern(std::string_view name, std::string_view instead) {
  if (!is_glob(name)) return Done{};
  return Error{fmt::format("'{}': patterns match where a command reads, never where it writes; {}",
                           harmless(clean_utf8(name, 400)), instead)};
}

bool Selection::narrows_targets() const {
  return !(names.empty() && targets.empty() && accounts.empty() && regions.empty() && namespaces.empty() &&
           functions.empty() && qualifiers.empty() && statuses.empty());
}

bool target_matches(std::string_view glob, const Target& target) {
  if (glob.find('/') != std::string_view::npos) {
    const std::string address = target.address();
    if (glob_match(glob, address)) return true;
    return glob.find(':') == std::string_view::npos &&
           glob_match(glob, std::string_view(address).substr(0, address.size() - target.qualifier.size() - 1));
  }
  if (glob.find(':') != std::string_view::npos) return glob_match(glob, target.function + ":" + target.qualifier);
  return glob_match(glob, target.function);
}

bool any_matches(const std::vector<std::string>& globs, std::string_view text) {
  return globs.empty() || std::any_of(globs.begin(), globs.end(), [&](const auto& g) { return glob_match(g, text); });
}

bool selects(const Selection& s, const Target& target) {
  const bool named = s.targets.empty() || std::any_of(s.targets.begin(), s.targets.end(),
                                                      [&](const auto& g) { return target_matches(g, target); });
  return named && any_matches(s.accounts, target.account) && any_matches(s.regions, target.region) &&
         any_matches(s.namespaces, target.ns) && any_matches(s.functions, target.function) &&
         any_matches(s.qualifiers, target.qualifier);
}

KnownTargets present_targets(Database& db) {
  KnownTargets known = known_targets(db);
  known.earlier.clear();
  return known;
}

KnownTargets known_targets(Database& db) {
  KnownTargets known;
  std::multimap<TargetId, Target> earlier;
  for (const auto& [id, address] : targets::earlier_addresses(db)) {
    if (const auto target = Target::parse(address)) earlier.emplace(id, *target);
  }
  enum Column : int { kWatched, kAccount, kRegion, kNamespace, kFunction, kQualifier, kId };
  auto q = db.query("SELECT watched, account, region, namespace, function, qualifier, id FROM target ORDER BY address");
  while (q.step()) {
    auto& list = q.boolean(kWatched) ? known.watched : known.unwatched;
    list.push_back(
        {q.string(kAccount), q.string(kRegion), q.string(kNamespace), q.string(kFunction), q.string(kQualifier)});
    const auto [from, to] = earlier.equal_range(q.integer(kId));
    for (auto each = from; each != to; ++each) known.earlier[list.back()].push_back(each->second);
  }
  return known;
}

bool KnownTargets::under_any_name(const Target& target, const std::function<bool(const Target&)>& fits) const {
  if (fits(target)) return true;
  const auto renamed = earlier.find(target);
  return renamed != earlier.end() && std::any_of(renamed->second.begin(), renamed->second.end(), fits);
}

Checked resolve_names(Database& db, Selection& selection) {
  if (selection.names.empty()) return Done{};
  return resolve_names(known_targets(db), selection);
}

Checked resolve_names(const KnownTargets& known, Selection& selection) {
  for (const std::string& name : selection.names) {
    if (is_glob(name) || is_address(name)) {
      selection.targets.push_back(name);
      continue;
    }
    const auto matching = [&](const std::vector<Target>& among) {
      std::vector<const Target*> found;
      for (const Target& target : among) {
        if (known.under_any_name(target, [&](const Target& called) { return target_matches(name, called); }))
          found.push_back(&target);
      }
      if (name.find(':') == std::string::npos) found = meant_by_name(found);
      std::vector<std::string> addresses;
      for (const Target* target : found) addresses.push_back(target->address());
      return addresses;
    };
    // What is watched comes first: a function that moved is still found by its name.
    std::vector<std::string> candidates = matching(known.watched);
    if (candidates.empty() && (selection.all || selection.at)) candidates = matching(known.unwatched);
    if (candidates.size() > 1) {
      const std::size_t shown = std::min<std::size_t>(candidates.size(), 10);
      const std::set<std::string> all(candidates.begin(), candidates.end());
      for (std::string& each : candidates) each = typed(each, all);
      return Error{
          fmt::format("\"{}\" names {} targets; say which; where a command reads, --target '{}' means all:\n  {}{}",
                      name, candidates.size(), name,
                      fmt::join(candidates.begin(), candidates.begin() + static_cast<std::ptrdiff_t>(shown), "\n  "),
                      candidates.size() > shown ? "\n  …" : "")};
    }
    selection.targets.push_back(candidates.empty() ? name : candidates.front());
  }
  selection.names.clear();
  return Done{};
}

TargetNames::TargetNames(Database& db) {
  for (auto& [id, address] : targets::earlier_addresses(db)) {
    auto target = Target::parse(address);
    if (!target) continue;
    earlier_[id].push_back(std::move(*target));
    by_address_.emplace(std::move(address), id);
  }
}

bool TargetNames::selects(const Selection& selection, TargetId id, const Target& present) const {
  if (codedriftd::selects(selection, present)) return true;
  const auto renamed = earlier_.find(id);
  return renamed != earlier_.end() &&
         std::any_of(renamed->second.begin(), renamed->second.end(),
                     [&](const Target& earlier) { return codedriftd::selects(selection, earlier); });
}

std::optional<TargetId> TargetNames::once(std::string_view address) const {
  const auto found = by_address_.find(address);
  return found == by_address_.end() ? std::nullopt : std::optional(found->second);
}

void each_selected(Database& db, const Selection& selection, bool also_unwatched,
                   const std::function<void(TargetRow&&)>& take) {
  const TargetNames names(db);
  const auto take_selected = [&](TargetRow&& row) {
    if (names.selects(selection, row.id, row.target)) take(std::move(row));
  };
  if (!only_addresses(selection)) {
    targets::each(db, also_unwatched, take_selected);
    return;
  }
  for (const std::string& address : std::set<std::string>(selection.targets.begin(), selection.targets.end())) {
    auto row = targets::find(db, address);
    if (const auto renamed = names.once(address); !row && renamed) row = targets::load(db, *renamed);
    if (row && (also_unwatched || row->state.watched)) take_selected(std::move(*row));
  }
}

std::vector<SelectedTarget> selected_targets(Database& db, const Selection& selection, WallTime now) {
  const daemon_runs::Stays stays(db);
  std::vector<SelectedTarget> selected;
  if (!selection.narrows_targets()) selected.reserve(targets::count(db));  // moving them is what would take longest
  each_selected(db, selection, selection.all, [&](TargetRow&& row) {
    StatusView status = status_of(row.state, now, stays.of(row.target.account));
    if (any_matches(selection.statuses, to_string(status.status)))
      selected.push_back({std::move(row), std::move(status)});
  });
  return selected;
}

TargetFilter::TargetFilter(Database& db, const Selection& selection, WallTime now)
    : everything_(!selection.narrows_targets()) {
  if (everything_) return;
  Selection everyone = selection;
  everyone.all = true;
  for (const SelectedTarget& target : selected_targets(db, everyone, now)) selected_.insert(target.row.id);
}

std::optional<TargetId> TargetFilter::only() const {
  return selected_.size() == 1 ? std::optional(*selected_.begin()) : std::nullopt;
}

bool TargetFilter::matches(const std::optional<TargetId>& target) const {
  return everything_ || (target && selected_.contains(*target));
}

}  // namespace codedriftd
