#include "model/watch_rules.h"

#include <algorithm>

namespace codedriftd {
namespace {

bool any_glob_matches(const std::vector<std::string>& globs, std::string_view text) {
  return std::any_of(globs.begin(), globs.end(), [&](const std::string& glob) { return glob_match(glob, text); });
}

/// All that a rule asks for but `except`.
bool covers(const WatchRule& rule, std::string_view account, std::string_view region, const FoundFunction& function) {
  if (rule.account != account || std::find(rule.regions.begin(), rule.regions.end(), region) == rule.regions.end() ||
      !any_glob_matches(rule.namespaces, function.ns) || !any_glob_matches(rule.names, function.name))
    return false;
  if (rule.tags.empty()) return true;
  if (!function.tags) return false;
  return std::all_of(rule.tags.begin(), rule.tags.end(), [&](const auto& wanted) {
    const auto tag = function.tags->find(wanted.first);
    return tag != function.tags->end() && glob_match(wanted.second, tag->second);
  });
}

}  // namespace

Judgement judge(std::string_view account, std::string_view region, const FoundFunction& function,
                const WatchPlan& plan) {
  const WatchRule *watching = nullptr, *excluding = nullptr;
  for (const WatchRule& rule : plan.rules) {
    if (!covers(rule, account, region, function)) continue;
    if (!any_glob_matches(rule.except, function.name)) {
      watching = &rule;
      break;
    }
    if (excluding == nullptr) excluding = &rule;
  }
  const auto named = plan.named.find({std::string(account), std::string(region), function.ns, function.name});
  if (named != plan.named.end()) return {InventoryState::watched, watching, named->second};
  if (watching != nullptr) return {InventoryState::watched, watching, watching->where};
  if (excluding != nullptr) return {InventoryState::excluded, excluding, excluding->where};
  return {};
}

}  // namespace codedriftd
