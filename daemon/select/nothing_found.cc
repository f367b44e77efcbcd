/// Why a selection found nothing, in words.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <set>

#include "base/text.h"
#include "select/selection.h"
#include "store/record/inventory.h"

namespace codedriftd {
namespace {

constexpr std::size_t kExamples = 3;

/// What was asked for, as the options that say so.
std::string words_of(const Selection& s, bool with_times = true) {
  std::vector<std::string> words;
  const auto add = [&](std::string_view option, const std::vector<std::string>& values) {
    for (const std::string& value : values)
      words.push_back(fmt::format("{}{} '{}'", s.dashes, option, harmless(clean_utf8(value, 200))));
  };
  add("target", s.targets);
  add("account", s.accounts);
  add("region", s.regions);
  add("namespace", s.namespaces);
  add("function", s.functions);
  add("qualifier", s.qualifiers);
  add("status", s.statuses);
  add("kind", s.kinds);
  add("state", s.states);
  if (s.since && with_times) words.push_back(fmt::format("{}since {}", s.dashes, rfc3339(*s.since)));
  if (s.until && with_times) words.push_back(fmt::format("{}until {}", s.dashes, rfc3339(*s.until)));
  if (s.at) words.push_back(fmt::format("{}at {}", s.dashes, rfc3339(*s.at)));
  return fmt::format("{}", fmt::join(words, " "));
}

std::string examples(const std::set<std::string>& values) {
  const auto end = std::next(values.begin(), static_cast<std::ptrdiff_t>(std::min(values.size(), kExamples)));
  return fmt::format("{}{}", fmt::join(values.begin(), end, ", "), values.size() > kExamples ? ", …" : "");
}

/// Addresses as they may be typed.
std::string typed_examples(const std::set<std::string>& addresses, const std::set<std::string>& all) {
  std::set<std::string> typed_ones;
  for (const std::string& address : addresses) typed_ones.insert(typed(address, all));
  return examples(typed_ones);
}

/// The values nearest to what one option asked for; empty if the option is not to blame.
std::string hint(std::string_view what, const std::vector<std::string>& globs, const std::set<std::string>& values) {
  const bool any =
      std::any_of(values.begin(), values.end(), [&](const auto& value) { return any_matches(globs, value); });
  if (any || values.empty()) return {};
  for (const std::string& glob : globs) {
    if (const std::string near = nearest(glob, values); !near.empty())
      return fmt::format("; the nearest {} is {}", what, near);
  }
  return fmt::format("; there is {} {}", what, examples(values));
}

/// The addresses of `targets` that are nearest to the first glob.
std::string nearest_targets(const std::string& glob, const std::vector<Target>& targets) {
  std::set<std::string> addresses, functions, near;
  for (const Target& target : targets) {
    addresses.insert(target.address());
    functions.insert(target.function);
  }
  const std::string function = glob.substr(0, glob.find(':'));
  if (const std::string address = nearest(glob, addresses); !address.empty()) {
    near.insert(address);
  } else if (const std::string name = nearest(function, functions); !name.empty() && glob.find('/') == glob.npos) {
    for (const Target& target : targets) {
      if (target.function == name) near.insert(target.address());
    }
  }
  if (!near.empty()) return fmt::format("; did you mean {}?", typed_examples(near, addresses));
  return fmt::format("; {} {} watched: {}", addresses.size(), addresses.size() == 1 ? "function is" : "functions are",
                     typed_examples(addresses, addresses));
}

/// That nothing is there of what was asked for, in the words it was asked in.
std::string no_such(const Selection& s, const std::string& asked) {
  Selection rest = s;
  rest.targets.clear();
  const bool one_name = s.targets.size() == 1 && !rest.narrows_targets();
  if (!one_name || s.targets.front().find_first_of("*?") != std::string::npos)
    return fmt::format("no function matches {}", asked);
  const std::string name = harmless(clean_utf8(s.targets.front(), 400));
  return name.find('/') == std::string::npos ? fmt::format("no function is called \"{}\"", name)
                                             : fmt::format("there is no function {}", name);
}

/// Of functions that listings found and nothing watches: that they are there. Empty: `selection` selects none.
std::string found_and_not_watched(Database& db, const Selection& selection) {
  std::vector<std::string> found;
  std::string name;
  for (const InventoryEntry& entry : inventory::all(db)) {
    if (entry.state != InventoryState::unmanaged && entry.state != InventoryState::excluded) continue;
    const Target code{entry.account, entry.region, entry.function.ns, entry.function.name, "$LATEST"};
    if (code.function.empty() || !selects(selection, code)) continue;
    if (found.empty()) name = code.function;
    const std::string by = entry.rule.empty() ? "" : " by " + harmless(entry.rule);
    found.push_back(fmt::format("{}/{}/{}/{} ({}{})", code.account, code.region, code.ns, code.function,
                                to_string(entry.state), by));
  }
  if (found.empty()) return {};
  const std::size_t more = found.size() - std::min(found.size(), kExamples);
  found.resize(found.size() - more);
  const std::string_view inventory = selection.dashes.empty() ? "inventory with" : "codedriftd query inventory";
  return fmt::format("{}{} {} found and not watched; see: {} {}function '{}'", fmt::join(found, ", "),
                     more > 0 ? fmt::format(" and {} more", more) : "", found.size() == 1 ? "is" : "are", inventory,
                     selection.dashes, name);
}

std::size_t count_named(const KnownTargets& known, const Selection& selection, bool outlived) {
  const auto is_selected = [&](const Target& target) {
    return known.under_any_name(target, [&](const Target& called) { return selects(selection, called); });
  };
  auto count = std::count_if(known.watched.begin(), known.watched.end(), is_selected);
  if (outlived || selection.all || selection.at)
    count += std::count_if(known.unwatched.begin(), known.unwatched.end(), is_selected);
  return static_cast<std::size_t>(count);
}

}  // namespace

bool names_something(Database& db, const Selection& selection, bool outlived) {
  return count_named(known_targets(db), selection, outlived) > 0;
}

std::string nothing_there(Database& db, const Selection& selection, std::string_view rows, bool outlived) {
  std::string text = fmt::format("no {}", rows);
  const auto list = [](const std::vector<std::string>& globs) {
    return harmless(clean_utf8(fmt::format("{}", fmt::join(globs, " or ")), 400));
  };
  if (!selection.kinds.empty()) text += fmt::format(" of kind {}", list(selection.kinds));
  if (!selection.statuses.empty()) text += fmt::format(" with status {}", list(selection.statuses));
  if (selection.since) text += fmt::format(" since {}", rfc3339(*selection.since));
  if (selection.until) text += fmt::format(" until {}", rfc3339(*selection.until));
  if (selection.at) text += fmt::format(" at {}", rfc3339(*selection.at));
  const std::size_t named = count_named(known_targets(db), selection, outlived);
  if (named == 1) return text + " for the one selected function";
  return text + fmt::format(" for the {} selected functions", named);
}

std::string typed(const std::string& address, const std::set<std::string>& all) {
  constexpr std::string_view kUsual = ":$LATEST";
  std::string text = address;
  if (address.ends_with(kUsual)) {
    const std::string start = address.substr(0, address.size() - kUsual.size() + 1);
    bool alone = true;
    for (auto each = all.lower_bound(start); each != all.end() && each->starts_with(start); ++each)
      alone &= *each == address || kind_of_qualifier(std::string_view(*each).substr(start.size())) != TargetKind::code;
    if (alone) text.resize(start.size() - 1);
  }
  return "'" + text + "'";
}

std::string selection_words(const Selection& selection) { return words_of(selection, false); }

std::string explain_nothing(Database& db, const Selection& selection, WallTime now) {
  const KnownTargets known = known_targets(db);
  if (selection.narrows_targets() && count_named(known, selection, true) == 0) {
    if (std::string found = found_and_not_watched(db, selection); !found.empty()) return found;
  }
  return explain_nothing(known, selection, [&] {
    Selection any = selection;
    any.statuses.clear();
    std::set<std::string> there;
    for (const SelectedTarget& target : selected_targets(db, any, now))
      there.insert(std::string(to_string(target.status.status)));
    return there;
  });
}

std::string explain_nothing(const KnownTargets& known, const Selection& selection,
                            const std::function<std::set<std::string>()>& statuses) {
  std::vector<Target> watched = known.watched, unwatched = known.unwatched;
  if (selection.all) {
    watched.insert(watched.end(), unwatched.begin(), unwatched.end());
    std::sort(watched.begin(), watched.end());
    unwatched.clear();
  }
  if (watched.empty() && unwatched.empty()) {
    if (known.rules)
      return "nothing is watched so far: what [[watch]] matches is known after the first listing, and none on record "
             "found anything that it matches; run \"codedriftd discover\" to list now, or start the daemon";
    return "nothing was ever watched; add [[function]] or [[watch]] to the configuration and start the daemon, which "
           "lists at once what [[watch]] matches";
  }
  const auto is_selected = [&](const Target& target) {
    return known.under_any_name(target, [&](const Target& called) { return selects(selection, called); });
  };
  const std::string asked = words_of(selection);
  const auto matching = std::count_if(watched.begin(), watched.end(), is_selected);
  if (matching > 0) {
    // Reading finds what is asked for under an earlier label; what acts on it has to be told its name.
    const auto first = std::find_if(watched.begin(), watched.end(), is_selected);
    if (selection.statuses.empty() && !selection.at && !selects(selection, *first))
      return fmt::format("{}: its account got another label, and it is called {} now", no_such(selection, asked),
                         first->address());
    if (selection.statuses.empty() || selection.at)
      return fmt::format("nothing matches {} ({} {} selected)", asked, matching,
                         matching == 1 ? "function is" : "functions are");
    return fmt::format("nothing matches {}; the {} that match apart from the status are {}", asked, matching,
                       examples(statuses()));
  }
  if (const auto old = std::find_if(unwatched.begin(), unwatched.end(), is_selected); old != unwatched.end())
    return fmt::format("nothing that is watched matches {}; {} is no longer watched: add {}all to see it", asked,
                       old->address(), selection.dashes);
  if (asked.empty()) return fmt::format("nothing is watched any more; add {}all to see what was", selection.dashes);

  const std::vector<Target>& pool = watched.empty() ? unwatched : watched;
  std::string why = no_such(selection, asked);
  const auto part = [&](std::string_view what, const std::vector<std::string>& globs, std::string Target::*member) {
    if (globs.empty()) return;
    std::set<std::string> values;
    for (const Target& target : pool) values.insert(target.*member);
    why += hint(what, globs, values);
  };
  part("account", selection.accounts, &Target::account);
  part("region", selection.regions, &Target::region);
  part("namespace", selection.namespaces, &Target::ns);
  part("function", selection.functions, &Target::function);
  part("qualifier", selection.qualifiers, &Target::qualifier);
  if (!selection.targets.empty()) why += nearest_targets(selection.targets.front(), pool);
  if (known.rules)
    why += "; what [[watch]] matches is known from the listings on record; run \"codedriftd discover\" to list now";
  return why;
}

}  // namespace codedriftd
