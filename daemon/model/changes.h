#pragma once
/// What differs between two manifests. Pure.
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/json_box.h"
#include "model/content.h"

namespace codedriftd {

enum class FileChange {
  added,
  removed,
  changed,  ///< other content, whatever its mode
  mode,     ///< the same content, other permissions; both sides know them
};
/// "added", "removed", "changed", "mode".
std::string_view to_string(FileChange change);

struct ChangedFile {
  std::string name;  ///< as the manifests have it: foreign bytes
  FileChange change = FileChange::changed;
  uint32_t mode_before = 0, mode_after = 0;  ///< 0: not there, or not known

  /// True if both modes are known and differ, also beside a changed content.
  bool other_mode() const { return mode_before != 0 && mode_after != 0 && mode_before != mode_after; }
  friend bool operator==(const ChangedFile&, const ChangedFile&) = default;
};

struct Changes {
  std::size_t added = 0, removed = 0, changed = 0, modes = 0;  ///< how many of `files` are which
  std::vector<ChangedFile> files;  ///< own files before dependencies (is_dependency), then by the bytes of the name
  bool same_content = true;        ///< names and contents are equal: the content digests over all files are
  bool same_modes = true;          ///< no file that stands in both has another mode; one that is not known is no other
};

/// From `before` to `after`. A renamed file is one removed and one added.
Changes compare(const Manifest& before, const Manifest& after);

/// True for a file that an installer put there, to tell by its name: changes.cc has the table. A package installed
/// beside one's own files (`pip install -t .`) cannot be told by its name, and counts as own.
bool is_dependency(std::string_view name);

/// A file's name for people: valid UTF-8, harmless, cut to 200 characters with "…".
std::string shown_name(std::string_view name);

/// {added,removed,changed,modes,files:[{name,change}],same_content,examined}: at most 20 files, their names as
/// shown_name() has them. `examined` is true.
Json changes_json(const Changes& changes);
/// "2 files changed, 1 added: index.py, lib/pay.py and 1 more", for an alert's text or a plan: one line, at most
/// `most_names` names, quoted where they could be taken for more than one. "the same content" if nothing differs.
std::string changes_sentence(const Changes& changes, std::size_t most_names = 5);
/// The same behind another sentence: with a capital letter and a full stop.
std::string as_sentence(std::string words);

}  // namespace codedriftd
