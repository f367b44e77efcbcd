#include "package/lock_files.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "base/json.h"
#include "base/text.h"

namespace codedriftd {
namespace {

constexpr std::size_t kLargestLockFile = std::size_t{4} << 20;
constexpr std::size_t kMostLocked = 100'000;

/// The versions of each package, each with what tells its origin and its checksums.
using Locked = std::map<std::string, std::map<std::string, std::set<std::string>, std::less<>>, std::less<>>;
using LockReader = bool (*)(std::string_view text, Locked& locked);

std::string_view next_line(std::string_view& text) {
  const std::size_t end = text.find('\n');
  std::string_view line = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

/// The word before the first space or tab; `rest` is what stands behind it.
std::string_view first_word(std::string_view line, std::string_view& rest) {
  const std::size_t end = std::min(line.find_first_of(" \t"), line.size());
  rest = trimmed(line.substr(end));
  return line.substr(0, end);
}

std::string_view unquoted(std::string_view text) {
  return text.size() >= 2 && text.front() == '"' && text.back() == '"' ? text.substr(1, text.size() - 2) : text;
}

void add_package(const std::string& name, const Json& entry, Locked& locked) {
  // A link into the package itself has no version; where it leads is one.
  const std::string version = text_at(entry, "version");
  std::set<std::string>& origin = locked[name][version.empty() ? text_at(entry, "resolved") : version];
  for (const char* member : {"resolved", "integrity", "from"}) {
    if (const std::string value = text_at(entry, member); !value.empty()) origin.insert(value);
  }
}

/// `dependencies` of lockfileVersion 1: each may have some of its own.
bool read_dependencies(const Json& dependencies, Locked& locked) {  // NOLINT(misc-no-recursion): kDeepestJson
  if (!dependencies.is_object()) return false;
  for (const auto& [name, entry] : dependencies.items()) {
    if (!entry.is_object()) return false;
    add_package(name, entry, locked);
    const auto own = entry.find("dependencies");
    if (own != entry.end() && !read_dependencies(*own, locked)) return false;
  }
  return true;
}

bool read_package_lock(std::string_view text, Locked& locked) {
  constexpr std::string_view kFolder = "node_modules/";
  const Json lock = parse_json(text);
  if (!lock.is_object() || !lock.contains("lockfileVersion")) return false;
  const auto packages = lock.find("packages");
  if (packages == lock.end()) {
    const auto dependencies = lock.find("dependencies");
    return dependencies == lock.end() || read_dependencies(*dependencies, locked);
  }
  if (!packages->is_object()) return false;
  for (const auto& [place, entry] : packages->items()) {
    if (!entry.is_object()) return false;
    const std::size_t last = place.rfind(kFolder);
    // "" is the project itself; what lies in no node_modules is a part of it.
    if (last != std::string::npos) add_package(place.substr(last + kFolder.size()), entry, locked);
  }
  return true;
}

/// "name==1.0 ; marker --hash=…", options such as "--index-url …", and anything else, with lines that are continued.
bool read_requirements(std::string_view text, Locked& locked) {
  while (!text.empty()) {
    std::string line(trimmed(next_line(text)));
    while (line.ends_with('\\') && !text.empty()) {
      line.pop_back();
      line += ' ';
      line += trimmed(next_line(text));
    }
    if (const std::size_t comment = line.find(" #"); comment != std::string::npos) line.resize(comment);
    std::string_view rest = trimmed(line);
    if (rest.empty() || rest.front() == '#') continue;
    if (rest.front() == '-') {
      std::string_view value;
      const std::string_view option = first_word(rest, value);
      locked[std::string(option)][std::string(value)];
      continue;
    }
    std::set<std::string> hashes;
    std::size_t hash = rest.find("--hash");
    const std::string_view required = trimmed(rest.substr(0, hash));
    for (std::string_view more = hash == std::string_view::npos ? "" : rest.substr(hash); !more.empty();)
      hashes.emplace(first_word(more, more));
    const std::size_t end = std::min(required.find_first_of("=<>!~@; \t"), required.size());
    if (end == 0) return false;
    std::string_view version = trimmed(required.substr(end));
    if (version.starts_with("==")) version = trimmed(version.substr(2));
    locked[std::string(required.substr(0, end))][std::string(version)].merge(hashes);
  }
  return true;
}

/// "module v1.2.3 h1:…" and "module v1.2.3/go.mod h1:…".
bool read_go_sum(std::string_view text, Locked& locked) {
  while (!text.empty()) {
    const std::string_view line = trimmed(next_line(text));
    if (line.empty()) continue;
    std::string_view rest, sum, behind;
    const std::string_view module = first_word(line, rest);
    const std::string_view version = first_word(rest, sum);
    const std::string_view digest = first_word(sum, behind);
    if (!digest.starts_with("h1:") || !behind.empty()) return false;
    // One line is of the module, one of its go.mod alone, which is all there is of versions that were only looked at.
    locked[std::string(module)][std::string(version.substr(0, version.find("/go.mod")))].insert(std::string(version) +
                                                                                                std::string(digest));
  }
  return true;
}

/// Yarn 1 and later: `"name@range", name@other:`, then indented `version "1.0"` or `version: 1.0` and more.
bool read_yarn(std::string_view text, Locked& locked) {
  std::string name, version;
  std::set<std::string> origin;
  const auto finish = [&] {
    if (!name.empty()) locked[name][version].merge(origin);
    name.clear();
    version.clear();
    origin.clear();
  };
  while (!text.empty()) {
    const std::string_view line = next_line(text);
    if (trimmed(line).empty() || line.front() == '#') continue;
    if (line.front() != ' ') {
      finish();
      if (!line.ends_with(':')) return false;
      std::string_view head = line.substr(0, line.size() - 1);
      if (head == "__metadata") continue;
      head = head.substr(head.starts_with('"') ? 1 : 0);
      const std::size_t range = head.find('@', 1);  // "@scope/name@range"
      if (range == std::string_view::npos) return false;
      name = head.substr(0, range);
      continue;
    }
    if (line.starts_with("   ")) continue;  // of a list inside
    std::string_view value;
    std::string_view key = first_word(trimmed(line), value);
    if (key.ends_with(':')) key.remove_suffix(1);
    if (key == "version") version = unquoted(value);
    if (key == "resolved" || key == "integrity" || key == "checksum" || key == "resolution")
      origin.insert(fmt::format("{} {}", key, value));
  }
  finish();
  return true;
}

/// poetry.lock, uv.lock, Cargo.lock: [[package]] with name, version, where it comes from and checksums.
bool read_package_tables(std::string_view text, Locked& locked) {
  std::string name, version;
  std::set<std::string> origin;
  bool inside = false, any = false, blank = true;
  const auto finish = [&] {
    if (inside && !name.empty()) locked[name][version].merge(origin);
    name.clear();
    version.clear();
    origin.clear();
  };
  while (!text.empty()) {
    const std::string_view line = trimmed(next_line(text));
    blank = blank && (line.empty() || line.front() == '#');
    if (line == "[[package]]") {
      finish();
      inside = any = true;
    } else if (line.starts_with('[') && line.ends_with(']') && !line.starts_with("[package.")) {
      finish();
      inside = false;
    } else if (inside && line.starts_with("name = ") && name.empty()) {
      name = unquoted(line.substr(7));
    } else if (inside && line.starts_with("version = ") && version.empty()) {
      version = unquoted(line.substr(10));
    } else if (inside && (line.find("hash = ") != std::string_view::npos || line.starts_with("source = ") ||
                          line.starts_with("checksum = ") || line.starts_with("url = ") ||
                          line.starts_with("reference = ") || line.starts_with("resolved_reference = "))) {
      origin.emplace(line);
    }
  }
  finish();
  return any || blank;
}

LockReader reader_of(std::string_view name) {
  const std::string_view last = name.substr(name.rfind('/') + 1);
  if (last == "package-lock.json" || last == "npm-shrinkwrap.json") return read_package_lock;
  if (last == "requirements.txt" || (last.starts_with("requirements-") && last.ends_with(".txt")))
    return read_requirements;
  if (last == "go.sum") return read_go_sum;
  if (last == "yarn.lock") return read_yarn;
  if (last == "poetry.lock" || last == "uv.lock" || last == "Cargo.lock") return read_package_tables;
  return nullptr;
}

std::optional<Locked> read_lock(LockReader reader, std::string_view text) {
  Locked locked;
  if (text.size() > kLargestLockFile || !valid_utf8(text) || !reader(text, locked) || locked.size() > kMostLocked)
    return std::nullopt;
  return locked;
}

using Versions = Locked::mapped_type;

/// Those of `these` that are not among `others`, ", " between them.
std::string only_in(const Versions& these, const Versions& others) {
  std::string list;
  for (const auto& [version, origin] : these) {
    if (!others.contains(version))
      list += fmt::format("{}{}", list.empty() ? "" : ", ", version.empty() ? "(no version)" : version);
  }
  return list;
}

void compare_versions(const std::string& name, const Versions& before, const Versions& after,
                      std::vector<VersionChange>& changes) {
  VersionChange change{name, only_in(before, after), only_in(after, before), false};
  if (!change.before.empty() || !change.after.empty()) changes.push_back(std::move(change));
  for (const auto& [version, origin] : before) {
    const auto now = after.find(version);
    if (now != after.end() && now->second != origin) changes.push_back({name, version, version, true});
  }
}

}  // namespace

bool is_lock_file(std::string_view name) { return reader_of(name) != nullptr; }

std::optional<std::vector<VersionChange>> lock_changes(std::string_view name, std::string_view before,
                                                       std::string_view after) {
  const LockReader reader = reader_of(name);
  if (reader == nullptr) return std::nullopt;
  const auto old_lock = read_lock(reader, before);
  const auto new_lock = read_lock(reader, after);
  if (!old_lock || !new_lock) return std::nullopt;
  static const Versions kNone;
  std::vector<VersionChange> changes;
  for (const auto& [package, versions] : *old_lock) {
    const auto now = new_lock->find(package);
    compare_versions(package, versions, now == new_lock->end() ? kNone : now->second, changes);
  }
  for (const auto& [package, versions] : *new_lock) {
    if (!old_lock->contains(package)) compare_versions(package, kNone, versions, changes);
  }
  if (changes.empty()) return std::nullopt;
  std::stable_sort(changes.begin(), changes.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
  return changes;
}

std::string to_string(const VersionChange& change) {
  const auto shown = [](std::string_view foreign) { return harmless(clean_utf8(foreign, 200)); };
  const std::string name = shown(change.name);
  if (change.other_origin)
    return fmt::format("{} {}: the same version from another origin, or with another checksum", name,
                       shown(change.before));
  if (change.before.empty()) return fmt::format("{} {} added", name, shown(change.after));
  if (change.after.empty()) return fmt::format("{} {} removed", name, shown(change.before));
  return fmt::format("{} {} -> {}", name, shown(change.before), shown(change.after));
}

}  // namespace codedriftd
