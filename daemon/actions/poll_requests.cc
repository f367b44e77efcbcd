#include "actions/poll_requests.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/json.h"

namespace codedriftd {
namespace {

using Found = Result<std::vector<SelectedTarget>, NothingDone>;

/// The globs of a selection, by their names on the wire.
constexpr std::pair<const char*, std::vector<std::string> Selection::*> kGlobs[] = {
    {"targets", &Selection::targets},     {"accounts", &Selection::accounts},
    {"regions", &Selection::regions},     {"namespaces", &Selection::namespaces},
    {"functions", &Selection::functions}, {"qualifiers", &Selection::qualifiers},
    {"statuses", &Selection::statuses}};

Found selected(Database& db, const JsonBox& arguments, WallTime now) {
  Arguments read(*arguments);
  Selection selection;
  for (const auto& [name, globs] : kGlobs) selection.*globs = read.texts(name);
  selection.since = read.time("since");
  selection.until = read.time("until");
  if (const std::string trouble = read.trouble(); !trouble.empty()) return NothingDone{"usage", trouble};
  std::vector<SelectedTarget> found = selected_targets(db, selection, now);
  std::erase_if(found, [&](const SelectedTarget& target) { return !selection.in_window(target.status.since); });
  if (found.empty()) return NothingDone{"nothing", explain_nothing(db, selection, now)};
  return found;
}

Found named(Database& db, const JsonBox& arguments, WallTime now) {
  Arguments read(*arguments);
  const std::vector<std::string> names = read.texts("targets");
  if (const std::string trouble = read.trouble(); !trouble.empty()) return NothingDone{"usage", trouble};
  if (auto good = check_poll_names(names); !good) return NothingDone{"usage", good.error().message};
  const KnownTargets known = present_targets(db);
  Selection all;
  for (const std::string& name : names) {
    Selection one;
    one.names = {name};
    if (auto resolved = resolve_names(known, one); !resolved) return NothingDone{"usage", resolved.error().message};
    const auto is_it = [&](const Target& target) { return target.address() == one.targets.front(); };
    if (std::none_of(known.watched.begin(), known.watched.end(), is_it))
      return NothingDone{"nothing", explain_nothing(db, one, now)};
    all.targets.push_back(one.targets.front());
  }
  return selected_targets(db, all, now);
}

}  // namespace

JsonBox plan_arguments(const Selection& selection) {
  Json arguments = Json::object();
  for (const auto& [name, globs] : kGlobs) {
    if (!(selection.*globs).empty()) arguments[name] = selection.*globs;
  }
  if (selection.since) arguments["since"] = rfc3339(*selection.since);
  if (selection.until) arguments["until"] = rfc3339(*selection.until);
  return arguments;
}

Checked check_poll_names(const std::vector<std::string>& names) {
  if (names.empty()) return Error{"poll needs the names of targets: codedriftd poll TARGET…"};
  if (names.size() > kMostPolledByName)
    return Error{
        fmt::format("{} targets at a time are the most; plan polls everything that is selected", kMostPolledByName)};
  for (const std::string& name : names) {
    if (auto good = check_no_pattern(name, "name the targets, or see plan --target"); !good) return good;
  }
  return Done{};
}

Found targets_to_poll(Database& db, std::string_view verb, const JsonBox& arguments, WallTime now) {
  return verb == "plan" ? selected(db, arguments, now) : named(db, arguments, now);
}

}  // namespace codedriftd
