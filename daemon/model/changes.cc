#include "model/changes.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <tuple>
#include <utility>

#include "base/json.h"
#include "base/text.h"

namespace codedriftd {
namespace {

constexpr std::size_t kMostListed = 20;
constexpr std::size_t kLongestShownName = 200;

/// Folders whose files somebody else wrote: who reads what changed looks at own files first, and a lock file tells of
/// these in fewer words. Any part of a name but the last may be one of them.
constexpr std::array<std::string_view, 11> kDependencyFolders = {
    "node_modules",      // npm, yarn, pnpm
    "bower_components",  //
    "vendor",            // Go, Composer, Bundler
    "site-packages",     // pip, also in a virtual environment
    "dist-packages",     // pip of Debian
    ".venv",             // virtual environments that were packed as a whole
    "venv",              //
    "__pypackages__",    // PEP 582
    "__pycache__",       // compiled from the .py beside it
    ".yarn",             // Yarn's cache, packages as zip files
    ".pnpm",             // pnpm's store
};
/// The form of a layer: its files are unpacked over /opt, and are packages. Only at the beginning: lib/ alone is
/// nearly always own code.
constexpr std::array<std::string_view, 2> kDependencyPrefixes = {"python/lib/", "nodejs/node_modules/"};
/// What pip writes about a package beside it: NAME-1.0.dist-info/RECORD.
constexpr std::array<std::string_view, 2> kDependencyEndings = {".dist-info", ".egg-info"};

bool is_dependency_folder(std::string_view part) {
  return std::find(kDependencyFolders.begin(), kDependencyFolders.end(), part) != kDependencyFolders.end() ||
         std::any_of(kDependencyEndings.begin(), kDependencyEndings.end(),
                     [&](std::string_view ending) { return part.ends_with(ending); });
}

std::size_t count_of(const std::vector<ChangedFile>& files, FileChange change) {
  return static_cast<std::size_t>(
      std::count_if(files.begin(), files.end(), [&](const ChangedFile& file) { return file.change == change; }));
}

/// A name inside a sentence whose other words are ", " and " and 3 more".
std::string quoted_name(std::string_view name) {
  std::string safe = shown_name(name);
  if (safe.find_first_of(" ,\"") == std::string::npos) return safe;
  std::string quoted = "\"";
  for (const char c : safe) {
    if (c == '"' || c == '\\') quoted += '\\';
    quoted += c;
  }
  return quoted + '"';
}

}  // namespace

std::string_view to_string(FileChange change) {
  switch (change) {
    case FileChange::added:
      return "added";
    case FileChange::removed:
      return "removed";
    case FileChange::changed:
      return "changed";
    case FileChange::mode:
      return "mode";
  }
  return "changed";
}

bool is_dependency(std::string_view name) {
  for (const std::string_view prefix : kDependencyPrefixes) {
    if (name.starts_with(prefix)) return true;
  }
  for (std::size_t slash = name.find('/'); slash != std::string_view::npos; slash = name.find('/')) {
    if (is_dependency_folder(name.substr(0, slash))) return true;
    name.remove_prefix(slash + 1);
  }
  return false;
}

Changes compare(const Manifest& before, const Manifest& after) {
  Changes changes;
  auto old_file = before.begin();
  auto new_file = after.begin();
  while (old_file != before.end() || new_file != after.end()) {
    if (new_file == after.end() || (old_file != before.end() && old_file->name < new_file->name)) {
      changes.files.push_back({old_file->name, FileChange::removed, old_file->mode, 0});
      ++old_file;
    } else if (old_file == before.end() || new_file->name < old_file->name) {
      changes.files.push_back({new_file->name, FileChange::added, 0, new_file->mode});
      ++new_file;
    } else {
      ChangedFile file{new_file->name, FileChange::changed, old_file->mode, new_file->mode};
      const bool same = old_file->sha256 == new_file->sha256 && old_file->size == new_file->size;
      if (same) file.change = FileChange::mode;
      if (file.other_mode()) changes.same_modes = false;
      if (!same || file.other_mode()) changes.files.push_back(std::move(file));
      ++old_file;
      ++new_file;
    }
  }
  std::stable_partition(changes.files.begin(), changes.files.end(),
                        [](const ChangedFile& file) { return !is_dependency(file.name); });
  changes.added = count_of(changes.files, FileChange::added);
  changes.removed = count_of(changes.files, FileChange::removed);
  changes.changed = count_of(changes.files, FileChange::changed);
  changes.modes = count_of(changes.files, FileChange::mode);
  changes.same_content = changes.added + changes.removed + changes.changed == 0;
  return changes;
}

std::string shown_name(std::string_view name) {
  std::string clean = clean_utf8(name, kLongestShownName + 1);
  const std::string cut = clean_utf8(clean, kLongestShownName);
  if (cut.size() < clean.size()) clean = cut + "…";
  return harmless(clean);
}

Json changes_json(const Changes& changes) {
  Json files = Json::array();
  for (std::size_t i = 0; i < std::min(changes.files.size(), kMostListed); ++i)
    files.push_back({{"name", shown_name(changes.files[i].name)}, {"change", to_string(changes.files[i].change)}});
  return {{"added", changes.added}, {"removed", changes.removed}, {"changed", changes.changed},
          {"modes", changes.modes}, {"files", std::move(files)},  {"same_content", changes.same_content},
          {"examined", true}};
}

std::string changes_sentence(const Changes& changes, std::size_t most_names) {
  if (changes.files.empty()) return "the same content";
  std::string sentence;
  for (const auto& [number, what] :
       {std::pair(changes.changed, "changed"), std::pair(changes.added, "added"), std::pair(changes.removed, "removed"),
        std::pair(changes.modes, "with another mode")}) {
    if (number == 0) continue;
    const char* const noun = !sentence.empty() ? "" : number == 1 ? "file " : "files ";
    sentence += fmt::format("{}{} {}{}", sentence.empty() ? "" : ", ", number, noun, what);
  }
  for (std::size_t i = 0; i < std::min(changes.files.size(), most_names); ++i)
    sentence += fmt::format("{}{}", i == 0 ? ": " : ", ", quoted_name(changes.files[i].name));
  if (changes.files.size() > most_names && most_names > 0)
    sentence += fmt::format(" and {} more", changes.files.size() - most_names);
  return sentence;
}

std::string as_sentence(std::string words) {
  if (!words.empty() && words[0] >= 'a' && words[0] <= 'z') words[0] = static_cast<char>(words[0] - 'a' + 'A');
  return words + ".";
}

}  // namespace codedriftd
