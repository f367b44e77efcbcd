#include "package/render_diff.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "base/text.h"
#include "package/lock_files.h"
#include "package/text_diff.h"

namespace codedriftd {
namespace {

/// For all files together: a diff of thousands of large ones ends in time too, the last ones longer than they had to
/// be.
constexpr uint64_t kWholeEffort = 400'000'000;

const PackageFile* file_named(const Manifest& files, const std::string& name) {
  const auto found =
      std::lower_bound(files.begin(), files.end(), name,
                       [](const PackageFile& file, const std::string& wanted) { return file.name < wanted; });
  return found != files.end() && found->name == name ? &*found : nullptr;
}

/// What is known of one changed file. A side where it is not there has no file, and "" as its text.
struct FileDiff {
  const ChangedFile& change;
  const PackageFile* old_file;
  const PackageFile* new_file;
  bool at_hand = false;  ///< both contents are
  bool is_text = false;  ///< and both are text
  TextDiff diff{};       ///< then
  std::optional<std::vector<VersionChange>> versions{};
};

std::string sizes(const FileDiff& file) {
  if (file.old_file == nullptr) return fmt::format("{} bytes", file.new_file->size);
  if (file.new_file == nullptr) return fmt::format("{} bytes", file.old_file->size);
  return fmt::format("{} -> {} bytes", file.old_file->size, file.new_file->size);
}

std::string hashes(const FileDiff& file) {
  if (file.old_file == nullptr) return file.new_file->sha256.hex();
  if (file.new_file == nullptr) return file.old_file->sha256.hex();
  return fmt::format("{} -> {}", file.old_file->sha256.hex(), file.new_file->sha256.hex());
}

class DiffRenderer {
 public:
  DiffRenderer(const DiffSide& before, const DiffSide& after, const DiffOptions& options,
               const std::function<void(std::string_view)>& write)
      : before_(before), after_(after), options_(options), sink_(write) {}

  void run() {
    const Changes changes = compare(before_.files, after_.files);
    std::size_t done = 0;
    for (const ChangedFile& change : changes.files) {
      if (written_ > options_.most_output) break;
      ++done;
      if (options_.form == DiffForm::name_status) {
        write_name(change);
      } else if (options_.form == DiffForm::patch) {
        write_patch(look(change));
      } else {
        add_row(look(change));
      }
    }
    if (options_.form == DiffForm::stat) write_stat(changes);
    if (done < changes.files.size()) write(fmt::format("# and {} files more\n", changes.files.size() - done));
  }

 private:
  void write(std::string_view text) {
    written_ += text.size();
    sink_(text);
  }

  std::string name_of(const std::string& name) const { return options_.safe ? harmless(name) : name; }

  // ---- what a file holds

  std::optional<std::string> content(const DiffSide& side, const PackageFile* file) const {
    if (file == nullptr) return std::string();
    if (!side.content || file->size > options_.most_bytes) return std::nullopt;
    auto content = side.content(*file);
    if (content && sha256(*content) != file->sha256) return std::nullopt;
    return content;
  }

  FileDiff look(const ChangedFile& change) {
    FileDiff file{change, file_named(before_.files, change.name), file_named(after_.files, change.name)};
    if (change.change == FileChange::mode) return file;
    const auto old_text = content(before_, file.old_file);
    const auto new_text = old_text ? content(after_, file.new_file) : std::nullopt;
    file.at_hand = old_text && new_text;
    file.is_text = file.at_hand && is_text(*old_text) && is_text(*new_text);
    if (!file.is_text) return file;
    file.versions = lock_changes(change.name, *old_text, *new_text);
    TextDiffOptions diff;
    diff.effort = std::min(diff.effort, effort_);
    file.diff = text_diff(*old_text, *new_text, diff);
    effort_ -= file.diff.effort;
    return file;
  }

  // ---- name_status

  void write_name(const ChangedFile& change) {
    char letter = 'M';
    if (change.change == FileChange::added) letter = 'A';
    if (change.change == FileChange::removed) letter = 'D';
    if (change.change == FileChange::mode) letter = 'm';
    write(fmt::format("{}\t{}\n", letter, name_of(change.name)));
  }

  // ---- patch

  /// The header lines that git writes and both git and patch read.
  std::string header(const FileDiff& file) const {
    const std::string& name = file.change.name;
    const auto git_name = [&](std::string_view prefix) {
      std::string quoted = diff_name(prefix, name);
      // Here it is quotes that tell patch(1) where a name with a space ends.
      return quoted.ends_with('\t') ? fmt::format("\"{}\"", quoted.substr(0, quoted.size() - 1)) : quoted;
    };
    std::string lines = fmt::format("diff --git {} {}\n", git_name("a/"), git_name("b/"));
    if (file.old_file == nullptr) {
      lines += fmt::format("new file mode 100{:03o}\n", file.new_file->mode == 0 ? 0644U : file.new_file->mode);
    } else if (file.new_file == nullptr) {
      lines += fmt::format("deleted file mode 100{:03o}\n", file.old_file->mode == 0 ? 0644U : file.old_file->mode);
    } else if (file.change.other_mode()) {
      lines += fmt::format("old mode 100{:03o}\nnew mode 100{:03o}\n", file.change.mode_before, file.change.mode_after);
    }
    return lines;
  }

  void write_patch(const FileDiff& file) {
    const std::string& name = file.change.name;
    if (file.change.change == FileChange::mode) return write(header(file));
    if (!file.is_text) {
      if (file.change.other_mode()) write(header(file));
      const char* const why = file.at_hand ? "no text" : "content not at hand";
      return write(fmt::format("# {} {}: {}, {}, sha256 {}\n", to_string(file.change.change), harmless(name), why,
                               sizes(file), hashes(file)));
    }
    if (file.versions) {
      write(fmt::format("# {} {}, by its versions:\n", to_string(file.change.change), harmless(name)));
      for (const VersionChange& version : *file.versions) write(fmt::format("#   {}\n", to_string(version)));
      if (options_.safe) {
        if (file.change.other_mode()) write(header(file));
        return;
      }
    }
    write(header(file));
    if (file.diff.hunks.empty()) {
      // An empty file that came or went: without git's number for no content patch(1) thinks that it is done already.
      const bool came = file.old_file == nullptr;
      return write(came ? "index 0000000..e69de29\n" : "index e69de29..0000000\n");
    }
    write(fmt::format("--- {}\n+++ {}\n", file.old_file == nullptr ? "/dev/null" : diff_name("a/", name),
                      file.new_file == nullptr ? "/dev/null" : diff_name("b/", name)));
    write(options_.safe ? harmless_diff(file.diff.hunks) : file.diff.hunks);
  }

  // ---- stat

  struct StatRow {
    std::string name, what;  ///< `what`: instead of a count of lines
    std::size_t name_width = 0;
    LineCounts lines;
    std::vector<std::string> versions;
  };

  /// Code points: what a column of a terminal is to most names.
  static std::size_t width_of(std::string_view text) {
    return static_cast<std::size_t>(std::count_if(
        text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xc0U) != 0x80U; }));
  }

  void add_row(const FileDiff& file) {
    StatRow row;
    row.name = name_of(file.change.name);
    const std::size_t most = std::max<std::size_t>(options_.width / 2, 20);
    if (width_of(row.name) > most) {
      // The end of a name says more than its beginning.
      std::size_t cut = 0;
      for (std::size_t left = width_of(row.name); left > most - 1; --left) {
        do ++cut;
        while (cut < row.name.size() && (static_cast<unsigned char>(row.name[cut]) & 0xc0U) == 0x80U);
      }
      row.name = "…" + row.name.substr(cut);
    }
    row.name_width = width_of(row.name);
    if (file.change.change == FileChange::mode) {
      row.what = fmt::format("mode {:03o} -> {:03o}", file.change.mode_before, file.change.mode_after);
    } else if (!file.is_text) {
      row.what = (file.at_hand ? "Bin " : "") + sizes(file);
    }
    row.lines = file.diff.lines;
    if (file.versions) {
      for (const VersionChange& version : *file.versions) row.versions.push_back(to_string(version));
    }
    written_ += row.name.size() + row.what.size();
    for (const std::string& version : row.versions) written_ += version.size();
    rows_.push_back(std::move(row));
  }

  void write_stat(const Changes& changes) {
    std::size_t name_width = 0, most_lines = 0;
    LineCounts all;
    for (const StatRow& row : rows_) {
      name_width = std::max(name_width, row.name_width);
      most_lines = std::max(most_lines, row.lines.added + row.lines.removed);
      all.added += row.lines.added;
      all.removed += row.lines.removed;
    }
    const std::size_t digits = fmt::formatted_size("{}", most_lines);
    const std::size_t taken = name_width + digits + 5;
    const std::size_t graph = std::max<std::size_t>(options_.width > taken ? options_.width - taken : 0, 10);
    for (const StatRow& row : rows_) {
      const std::size_t lines = row.lines.added + row.lines.removed;
      std::string what = row.what;
      if (what.empty()) {
        // Longer bars than there is room for become shorter alike; none disappears.
        const auto bar = [&](std::size_t count) {
          return most_lines <= graph || count == 0 ? count : std::max<std::size_t>(count * graph / most_lines, 1);
        };
        what = fmt::format("{:>{}}{}{}{}", lines, digits, lines == 0 ? "" : " ", std::string(bar(row.lines.added), '+'),
                           std::string(bar(row.lines.removed), '-'));
      }
      write(fmt::format(" {}{} | {}\n", row.name, std::string(name_width - row.name_width, ' '), what));
      for (const std::string& version : row.versions) write(fmt::format("     {}\n", version));
    }
    if (rows_.empty()) return;
    const auto counted = [](std::size_t count, const char* one, const char* many) {
      return count == 0 ? std::string() : fmt::format(", {} {}", count, count == 1 ? one : many);
    };
    write(fmt::format(" {} {} changed{}{}\n", changes.files.size(), changes.files.size() == 1 ? "file" : "files",
                      counted(all.added, "insertion(+)", "insertions(+)"),
                      counted(all.removed, "deletion(-)", "deletions(-)")));
  }

  const DiffSide& before_;
  const DiffSide& after_;
  const DiffOptions& options_;
  const std::function<void(std::string_view)>& sink_;
  uint64_t effort_ = kWholeEffort;
  uint64_t written_ = 0;
  std::vector<StatRow> rows_;
};

}  // namespace

void render_diff(const DiffSide& before, const DiffSide& after, const DiffOptions& options,
                 const std::function<void(std::string_view)>& write) {
  DiffRenderer(before, after, options, write).run();
}

}  // namespace codedriftd
