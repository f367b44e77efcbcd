#include "package/zip_names.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <numeric>
#include <string_view>

#include "base/text.h"
#include "package/zip_reader.h"

namespace codedriftd {
namespace {

struct Found {
  std::size_t entry;
  std::string_view kind;  ///< one of finding::kAll
};

std::string_view without_dot_slash(std::string_view name) {
  while (name.starts_with("./")) name.remove_prefix(2);
  return name;
}

/// Without the '/' that says it is a folder.
std::string_view path_of(std::string_view name) {
  if (name.ends_with('/')) name.remove_suffix(1);
  return name;
}

/// Numbers 0, 1, … of the entries in the order of `less`.
template <typename Less>
std::vector<std::size_t> ordered(std::size_t count, const Less& less) {
  std::vector<std::size_t> order(count);
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(), less);
  return order;
}

char folded(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

/// -1, 0 or 1: by the bytes, as `rank` sees each.
template <typename Rank>
int compare(std::string_view a, std::string_view b, const Rank& rank) {
  const std::size_t common = std::min(a.size(), b.size());
  for (std::size_t i = 0; i < common; ++i) {
    const int left = rank(a[i]), right = rank(b[i]);
    if (left != right) return left < right ? -1 : 1;
  }
  return a.size() == b.size() ? 0 : a.size() < b.size() ? -1 : 1;
}

void look_at_parts(std::string_view name, std::size_t entry, std::vector<Found>& found) {
  bool dot = false, dots = false, empty = false;
  for (std::string_view rest = path_of(name);;) {
    const std::size_t slash = rest.find('/');
    const std::string_view part = rest.substr(0, slash);
    dot = dot || part == ".";
    dots = dots || part == "..";
    // In front it is an absolute path.
    empty = empty || (part.empty() && rest.data() != name.data());
    if (slash == std::string_view::npos) break;
    rest.remove_prefix(slash + 1);
  }
  if (dot) found.push_back({entry, finding::kDotPart});
  if (dots) found.push_back({entry, finding::kTraversal});
  if (empty) found.push_back({entry, finding::kEmptyPart});
}

void look_at_name(std::string_view name, bool says_utf8, std::size_t entry, std::vector<Found>& found) {
  look_at_parts(name, entry, found);
  const bool drive = name.size() >= 2 && name[1] == ':' && folded(name[0]) >= 'a' && folded(name[0]) <= 'z';
  if (name.starts_with('/') || name.starts_with('\\') || drive) found.push_back({entry, finding::kAbsolutePath});
  if (name.find('\\') != std::string_view::npos) found.push_back({entry, finding::kBackslash});
  if (name.find('\0') != std::string_view::npos) found.push_back({entry, finding::kNul});
  if (!valid_utf8(name)) {
    found.push_back({entry, finding::kNotUtf8});
    return;
  }
  const bool ascii = std::all_of(name.begin(), name.end(), [](char c) { return static_cast<uint8_t>(c) < 0x80; });
  if (!ascii && !says_utf8) found.push_back({entry, finding::kNoUtf8Flag});
  std::string without_nul(name);
  std::erase(without_nul, '\0');
  if (harmless(without_nul) != without_nul) found.push_back({entry, finding::kControl});
}

void look_at_mode(uint32_t st_mode, std::size_t entry, std::vector<Found>& found) {
  const uint32_t type = st_mode & S_IFMT;
  if (type == S_IFLNK) found.push_back({entry, finding::kSymlink});
  if (type != 0 && type != S_IFREG && type != S_IFDIR && type != S_IFLNK)
    found.push_back({entry, finding::kSpecialFile});
}

void look_for_case(const std::vector<std::string>& names, std::vector<Found>& found) {
  const auto rank = [](char c) { return static_cast<int>(static_cast<uint8_t>(folded(c))); };
  const auto order = ordered(names.size(), [&](std::size_t a, std::size_t b) {
    return compare(path_of(names[a]), path_of(names[b]), rank) < 0;
  });
  for (std::size_t begin = 0, end = 0; begin < order.size(); begin = end) {
    const std::string_view first = path_of(names[order[begin]]);
    bool differ = false;
    for (end = begin + 1; end < order.size() && compare(first, path_of(names[order[end]]), rank) == 0; ++end)
      differ = differ || path_of(names[order[end]]) != first;
    if (!differ) continue;
    for (std::size_t i = begin; i < end; ++i) found.push_back({order[i], finding::kCase});
  }
}

/// With '/' below all other bytes, what is in a folder follows right behind a file of the folder's name.
void look_for_files_as_folders(const std::vector<std::string>& names, std::vector<Found>& found) {
  const auto rank = [](char c) { return c == '/' ? -1 : static_cast<int>(static_cast<uint8_t>(c)); };
  const auto order =
      ordered(names.size(), [&](std::size_t a, std::size_t b) { return compare(names[a], names[b], rank) < 0; });
  for (std::size_t i = 0; i + 1 < order.size(); ++i) {
    const std::string& file = names[order[i]];
    const std::string& next = names[order[i + 1]];
    if (!file.ends_with('/') && next.size() > file.size() && next[file.size()] == '/' && next.starts_with(file))
      found.push_back({order[i], finding::kFileAndFolder});
  }
}

}  // namespace

std::vector<std::string> manifest_names(const std::vector<ZipEntryHeader>& entries) {
  std::vector<std::string> names;
  names.reserve(entries.size());
  for (const ZipEntryHeader& entry : entries) names.emplace_back(without_dot_slash(entry.name));
  // By the name in the manifest, and those of one name by what stands in the package.
  const auto order = ordered(entries.size(), [&](std::size_t a, std::size_t b) {
    const int by_name = names[a].compare(names[b]);
    return by_name != 0 ? by_name < 0 : entries[a].name < entries[b].name;
  });
  for (std::size_t begin = 0, end = 0; begin < order.size(); begin = end) {
    for (end = begin + 1; end < order.size() && names[order[end]] == names[order[begin]]; ++end) {
      if (entries[order[end]].name == entries[order[end - 1]].name)
        throw Ambiguous{fmt::format("{} is in it twice", quoted_name(entries[order[end]].name))};
    }
    if (end - begin == 1) continue;
    for (std::size_t i = begin; i < end; ++i) names[order[i]] = entries[order[i]].name;
  }
  return names;
}

std::vector<Finding> findings_of(const std::vector<ZipEntryHeader>& entries, const std::vector<std::string>& names) {
  std::vector<Found> found;
  for (std::size_t i = 0; i < entries.size(); ++i) {
    look_at_name(names[i], (entries[i].flags & kUtf8Flag) != 0, i, found);
    look_at_mode(entries[i].st_mode, i, found);
  }
  look_for_case(names, found);
  look_for_files_as_folders(names, found);
  std::sort(found.begin(), found.end(), [&](const Found& a, const Found& b) {
    const int by_name = entries[a.entry].name.compare(entries[b.entry].name);
    return by_name != 0 ? by_name < 0 : a.kind < b.kind;
  });
  if (found.size() > kMostFindings) found.resize(kMostFindings);
  std::vector<Finding> findings;
  for (const Found& one : found) findings.push_back({std::string(one.kind), entries[one.entry].name});
  return findings;
}

}  // namespace codedriftd
